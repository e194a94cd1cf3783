import type { Denoiser, SamplerInfo } from '../diffusion/info.ts';
import { requireWhole, SeedbedError } from '../errors.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { Floats, Tensor } from '../tensor/tensor.ts';
import { checkImages, checkSeeds } from './checks.ts';
import { createDecoder } from './decoder.ts';
import type { Embedding, EmbedOptions } from './embedding.ts';
import { unlikelySeeds } from './likely.ts';
import { createSeeker } from './seeker.ts';

/**
 * Finds seeds from which a denoiser grows the given pictures.
 * @param images [n, C, H, W], pixels in [0,1], of the model's size without its padding.
 * @throws {SeedbedError} BadShape for pictures of another size, BadArgument for contradictory options, Diverged.
 */
export async function embed(
  runtime: Runtime,
  model: Denoiser,
  images: Floats,
  options: EmbedOptions = {},
): Promise<Embedding> {
  checkImages(images, model);
  const { starts = 1 } = options;
  requireWhole('starts', starts, 1);
  const seeker = await createSeeker(runtime, model, options, images.shape[0]! * starts);
  return seeker.seek(images, options).finally(seeker.dispose);
}

/** Grows pictures from seeds: pixels in [0,1] inside the padding. */
export async function decode(
  runtime: Runtime,
  model: Denoiser,
  latent: Tensor,
  options: {
    sampler?: SamplerInfo | undefined;
    batch?: number | undefined;
    /** The second states, of samplers that keep two. */
    latent2?: Tensor | undefined;
    onProgress?: ((done: number, total: number) => void) | undefined;
    onNote?: ((note: string) => void) | undefined;
  } = {},
): Promise<Floats> {
  const { sampler: way = model.info.sampler, batch = 16 } = options;
  requireWhole('batch', batch, 1);
  const count = checkSeeds(model, latent).shape[0]!;
  if (options.latent2 && options.latent2.shape.join() !== latent.shape.join()) {
    const message = `second states [${options.latent2.shape}] do not fit seeds [${latent.shape}]`;
    throw new SeedbedError('BadShape', message);
  }
  const note = unlikelySeeds(latent);
  if (note) options.onNote?.(note);
  const decoder = await createDecoder(runtime, model, way, Math.min(batch, count));
  try {
    return await decoder.grow(latent, options.onProgress, options.latent2);
  } finally {
    await decoder.dispose();
  }
}
