import type { Denoiser } from '../diffusion/info.ts';
import { requireWhole } from '../errors.ts';
import { sharedRuntime } from '../runtime/platform.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { copyOf, type Tensor } from '../tensor/tensor.ts';
import { checkImages } from './checks.ts';
import type { Embedding, EmbedOptions } from './embedding.ts';
import { createSeeker } from './seeker.ts';

/**
 * Finds seeds z from which a denoiser's sampler F grows the given pictures x, F(z) = x, by one of {@link METHODS}: `auto` unless
 * another is named or an embedder given, which undoes the sampler's steps and repairs seeds that miss their picture; among the others a trained
 * network (Asperti et al. 2023, section 5.2) and descent on |F(z) - x| (section 5.1).
 * @param images [n, C, H, W], pixels in [0,1], of the model's size without its padding ({@link pictureShape}); latents, where the
 * model is of latents and has no autoencoder ({@link withAutoencoder}).
 * @param options how to look; `runtime` says where to compute, the default of {@link createRuntime} unless given.
 * @throws {SeedbedError} BadShape for pictures of another size, BadArgument for pixels out of [0,1] and for options that there are
 * not, are out of range or contradict each other, Mismatch for an embedder of another denoiser, Diverged when a loss is no longer a number, Interrupted by `signal`, Machine.
 * @group Embedding
 * @example
 * import { embed, loadEmbedder, loadModel, readPicture, SHIPPED_DENOISER, SHIPPED_EMBEDDER } from 'seedbed';
 * const model = await loadModel(SHIPPED_DENOISER);
 * const embedder = await loadEmbedder(SHIPPED_EMBEDDER);
 * const bag = await readPicture('examples/fashion-mnist/8-bag.png', model);
 * const { latent, results } = await embed(model, bag, { method: 'embedder', embedder });
 * console.log(latent.shape, results[0].evaluations); // prints [ 1, 1, 32, 32 ] 11
 */
export async function embed(
  model: Denoiser,
  images: Tensor<'float32'>,
  options: EmbedOptions & { runtime?: Runtime } = {},
): Promise<Embedding> {
  checkImages(images, model);
  // What the caller does to its array while seeds are sought is its own affair.
  const own = copyOf(images);
  const { runtime = await sharedRuntime(), ...how } = options;
  const { starts = 1 } = how;
  requireWhole('starts', starts, 1);
  const seeker = await createSeeker(runtime, model, how, own.shape[0]! * starts);
  return seeker.seek(own, how).finally(seeker.dispose);
}
