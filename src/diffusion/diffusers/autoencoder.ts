import { z } from 'zod';
import { SeedbedError } from '../../errors.ts';
import type { ForeignAutoencoder } from '../foreign-autoencoder.ts';
import { checked } from './checked.ts';

/** Where diffusers and optimum keep the description of a pipeline's autoencoder. */
export const AUTOENCODER_FOLDERS = ['vae', 'vqvae', 'movq', 'vae_decoder', 'vae_encoder'];

/** The folder of Kandinsky's, whose pipelines take its latents as they are, whatever its scaling_factor. */
export const UNSCALED_FOLDER = 'movq';

/** The classes of autoencoder whose pictures go from -1 to 1, with the scaling_factor that each has unless told. */
const SCALES: Readonly<Record<string, number>> = {
  AutoencoderKL: 0.18215,
  AsymmetricAutoencoderKL: 0.18215,
  VQModel: 0.18215,
  AutoencoderTiny: 1,
  AutoencoderDC: 1,
};

const schema = z.object({
  _class_name: z.string().default('AutoencoderKL'),
  in_channels: z.int().gt(0).lte(4).default(3),
  scaling_factor: z.number().gt(0).nullish(),
  shift_factor: z.number().nullish(),
  latents_mean: z.array(z.number()).nullish(),
  latents_std: z.array(z.number().gt(0)).nullish(),
});

/**
 * What an autoencoder's config.json says of its numbers. A denoiser of diffusers sees (latent - shift_factor) scaling_factor, or
 * (latent - latents_mean) scaling_factor / latents_std where it has both of these.
 * @param channels of the latents.
 * @param isScaled whether its pipeline goes by the scaling_factor.
 * @throws {SeedbedError} Unsupported for a class that is not known, BadFile for a damaged file.
 */
export function autoencoderOf(
  config: unknown,
  channels: number,
  where: string,
  isScaled = true,
): ForeignAutoencoder {
  const said = checked(schema, config, where);
  const { _class_name: name, latents_mean: means, latents_std: deviations } = said;
  if (!Object.hasOwn(SCALES, name))
    throw new SeedbedError(
      'Unsupported',
      `its class, ${name}, is not read; known are ${Object.keys(SCALES).join(', ')}`,
      { at: where },
    );
  const scale = isScaled ? (said.scaling_factor ?? SCALES[name]!) : 1;
  const each = (value: number) => new Array<number>(channels).fill(value);
  const own = means && deviations ? { means, deviations } : undefined;
  if (own && (own.means.length !== channels || own.deviations.length !== channels))
    throw new SeedbedError(
      'BadFile',
      `${own.means.length} latents_mean and ${own.deviations.length} latents_std for ${channels} channels`,
      { at: where },
    );
  const pixels = (value: number) => new Array<number>(said.in_channels).fill(value);
  return {
    range: { from: [-1, 1], mean: pixels(0), std: pixels(1) },
    latents: {
      mean: own?.means ?? each(said.shift_factor ?? 0),
      std: (own?.deviations ?? each(1)).map(std => std / scale),
    },
  };
}
