import { readOnnx } from '../runtime/platform.ts';
import type { Source } from '../runtime/source.ts';
import type { Autoencoder, Denoiser, Embedder } from './info.ts';
import { asAutoencoder, asDenoiser, asEmbedder, readModel } from './model.ts';

/**
 * Where the denoiser lies that ships with Seedbed: a U-Net of 1,960,737 weights for Fashion-MNIST, which grows
 * pictures [1, 28, 28] from seeds [1, 32, 32] in ten steps.
 * @group Models
 * @example
 * import { loadModel, SHIPPED_DENOISER } from 'seedbed';
 * const model = await loadModel(SHIPPED_DENOISER);
 * console.log(model.info.shape, model.info.sampler.steps); // prints [ 1, 32, 32 ] 10
 */
export const SHIPPED_DENOISER = new URL('../../models/fashion-mnist.onnx', import.meta.url);

/**
 * Where the embedding network lies that was trained for the shipped denoiser.
 * @group Models
 * @example
 * import { loadEmbedder, loadModel, SHIPPED_DENOISER, SHIPPED_EMBEDDER } from 'seedbed';
 * const model = await loadModel(SHIPPED_DENOISER);
 * const embedder = await loadEmbedder(SHIPPED_EMBEDDER);
 * console.log(embedder.info.denoiser === model.hash); // prints true
 */
export const SHIPPED_EMBEDDER = new URL('../../models/fashion-mnist-embedder.onnx', import.meta.url);

/**
 * Reads a denoiser, the network that a diffusion model samples with, from an ONNX file that Seedbed wrote.
 * @param source where the file is: a path or `file:` URL on Node, an address in a browser, or its bytes.
 * @throws {SeedbedError} BadArgument when there is no such file or it holds an embedder, BadFile when it is damaged
 * or describes itself wrongly, Unsupported when its graph is beyond Seedbed, Machine when it cannot be read.
 * @group Models
 * @example
 * import { loadModel, SHIPPED_DENOISER } from 'seedbed';
 * const model = await loadModel(SHIPPED_DENOISER);
 * console.log(model.info.name, model.info.schedule.kind); // prints fashion-mnist-32 continuousCosine
 */
export async function loadModel(source: Source): Promise<Denoiser> {
  const { bytes, name, files } = await readOnnx(source);
  return asDenoiser(readModel(bytes, name, files), name);
}

/**
 * Reads an embedding network, which finds the seed of a picture in one pass, from an ONNX file that Seedbed wrote.
 * @param source where the file is, as for {@link loadModel}.
 * @throws {SeedbedError} BadArgument when there is no such file or it holds a denoiser, else as {@link loadModel}.
 * @group Models
 * @example
 * import { loadEmbedder, SHIPPED_EMBEDDER } from 'seedbed';
 * const embedder = await loadEmbedder(SHIPPED_EMBEDDER);
 * console.log(embedder.info.kind, embedder.info.shape); // prints embedder [ 1, 32, 32 ]
 */
export async function loadEmbedder(source: Source): Promise<Embedder> {
  const { bytes, name, files } = await readOnnx(source);
  return asEmbedder(readModel(bytes, name, files), name);
}

/**
 * Reads an autoencoder, which makes pictures of the latents of a denoiser, from an ONNX file that Seedbed wrote.
 * @param source where the file is, as for {@link loadModel}.
 * @throws {SeedbedError} BadArgument when there is no such file or it holds another kind, else as {@link loadModel}.
 * @group Models
 * @example
 * import { isSeedbedError, loadAutoencoder, SHIPPED_DENOISER } from 'seedbed';
 * const error = await loadAutoencoder(SHIPPED_DENOISER).catch(error => error);
 * console.log(isSeedbedError(error, 'BadArgument'), error.message.split('; ')[1]); // prints true an autoencoder is needed here
 */
export async function loadAutoencoder(source: Source): Promise<Autoencoder> {
  const { bytes, name, files } = await readOnnx(source);
  return asAutoencoder(readModel(bytes, name, files), name);
}
