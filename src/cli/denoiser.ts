import { withAutoencoder } from '../diffusion/autoencoder.ts';
import { originOf } from '../diffusion/conditions.ts';
import type { Denoiser } from '../diffusion/info.ts';
import { loadAutoencoder } from '../diffusion/load.ts';
import { exists } from '../runtime/files.ts';
import { type ConditionFlags, openBound } from './conditions.ts';
import { besideModel } from './files.ts';

/**
 * A denoiser, bound to the values of its conditions, with the autoencoder that belongs to it: the one named, or the one
 * beside it where there is one.
 * @throws {SeedbedError} as {@link openBound}.
 */
export async function openModel(
  path: string,
  flags: ConditionFlags & { autoencoder?: string },
): Promise<Denoiser> {
  const model = await openBound(path, flags);
  const beside = besideModel(path, 'autoencoder');
  const file = flags.autoencoder ?? ((await exists(beside)) ? beside : undefined);
  return file === undefined ? model : withAutoencoder(model, await loadAutoencoder(file));
}

/** By what work with a denoiser is known again: its hash, what it is bound to, and its autoencoder's hash. */
export const hashesOf = (model: Denoiser) => ({
  ...originOf(model),
  ...(model.autoencoder && { autoencoder: model.autoencoder.hash }),
});
