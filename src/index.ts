/**
 * Seedbed's public API, the same on Node and in the browser: models, sampling, seeds, and the gradients of ONNX
 * graphs.
 * @module
 */
import { createRuntime, decodeImage, readSource } from '#platform';
import { asDenoiser, asEmbedder, type Denoiser, type Embedder, readModel } from './diffusion/model.ts';
import {
  decode as decodeWith,
  type Embedding,
  type EmbedOptions,
  embed as embedWith,
  pictureShape,
} from './embedding/embed.ts';
import type { Runtime } from './runtime/runtime.ts';
import type { Source } from './runtime/source.ts';
import { normals } from './tensor/random.ts';
import { float32, type Tensor } from './tensor/tensor.ts';

export { createRuntime, encodePng } from '#platform';
export { type DifferentiateOptions, differentiate, pushForward } from './autodiff/differentiate.ts';
export { type Denoiser, type Embedder, readModel, saveModel } from './diffusion/model.ts';
export { ratesAt, SCHEDULES, type Schedule } from './diffusion/schedule.ts';
export {
  type Embedding,
  type EmbedOptions,
  METHODS,
  type Method,
  pictureShape,
  type SeedResult,
} from './embedding/embed.ts';
export { bootstrapMean, meanSquaredErrors, psnr } from './embedding/metrics.ts';
export { type DescentRecipe, RECIPES } from './embedding/recipes.ts';
export { type Provenance, readSeeds, type Seeds, writeSeeds } from './embedding/seeds.ts';
export { type ErrorKind, isSeedbedError, SeedbedError } from './errors.ts';
export { GraphBuilder } from './graph/builder.ts';
export type { Graph, Node } from './graph/ir.ts';
export { parseModel, serializeModel } from './graph/protobuf.ts';
export { bind } from './graph/replay.ts';
export type { Device, Runtime, RuntimeOptions, Session } from './runtime/runtime.ts';
export type { Source } from './runtime/source.ts';
export { type DType, float32, type Tensor } from './tensor/tensor.ts';

/** The denoiser and the embedding network that Seedbed ships with, for Fashion-MNIST. */
export const SHIPPED_DENOISER = new URL('../models/fashion-mnist.onnx', import.meta.url);
export const SHIPPED_EMBEDDER = new URL('../models/fashion-mnist-embedder.onnx', import.meta.url);

let shared: Promise<Runtime> | undefined;

/** The runtime that calls share when they are not given one: the platform's own choice of device. */
function defaultRuntime(): Promise<Runtime> {
  shared ??= createRuntime();
  return shared;
}

/**
 * Reads a denoiser from an ONNX file that Seedbed wrote.
 * @throws {SeedbedError} BadFile when the file is damaged or describes itself wrongly, BadArgument for another kind.
 * @example const model = await loadModel(SHIPPED_DENOISER)
 */
export async function loadModel(source: Source): Promise<Denoiser> {
  const { bytes, name } = await readSource(source);
  return asDenoiser(readModel(bytes, name), name);
}

/** Reads an embedding network. @throws {SeedbedError} as `loadModel`. */
export async function loadEmbedder(source: Source): Promise<Embedder> {
  const { bytes, name } = await readSource(source);
  return asEmbedder(readModel(bytes, name), name);
}

/**
 * Reads a picture at the size and colour that a model takes.
 * @returns [1, C, H, W], pixels in [0,1].
 * @throws {SeedbedError} BadFile when the file is not a picture.
 */
export async function readPicture(source: Source, model: Denoiser): Promise<Tensor<'float32'>> {
  const [channels, size] = pictureShape(model) as [1 | 3, number];
  const { bytes, name } = await readSource(source);
  const { pixels } = await decodeImage(bytes, name, { size, channels, crop: true });
  return float32([1, ...pixels.shape], pixels.data);
}

/**
 * Finds seeds from which a denoiser grows the given pictures.
 * @param images [n, C, H, W], pixels in [0,1], of the model's size without its padding (`pictureShape`).
 * @example
 * const model = await loadModel(SHIPPED_DENOISER);
 * const embedder = await loadEmbedder(SHIPPED_EMBEDDER);
 * const { latent, results } = await embed(model, images, { method: 'embedder', embedder });
 * @throws {SeedbedError} BadShape, BadArgument, Mismatch, Diverged.
 */
export async function embed(
  model: Denoiser,
  images: Tensor<'float32'>,
  options: EmbedOptions & { runtime?: Runtime } = {},
): Promise<Embedding> {
  return embedWith(options.runtime ?? (await defaultRuntime()), model, images, options);
}

/**
 * Grows pictures from seeds.
 * @param latent [n, ...model.info.shape].
 * @returns [n, C, H, W], pixels in [0,1], without the model's padding.
 */
export async function decode(
  model: Denoiser,
  latent: Tensor<'float32'>,
  options: { runtime?: Runtime; samplerSteps?: number; batch?: number } = {},
): Promise<Tensor<'float32'>> {
  return decodeWith(options.runtime ?? (await defaultRuntime()), model, latent, options);
}

/**
 * Grows pictures from random seeds.
 * @returns the seeds [n, ...model.info.shape] and what they grow, as `decode`.
 * @example const { pictures } = await sample(model, { count: 4, rng: 7 })
 */
export async function sample(
  model: Denoiser,
  options: { count: number; rng?: number; runtime?: Runtime; samplerSteps?: number },
): Promise<{ latent: Tensor<'float32'>; pictures: Tensor<'float32'> }> {
  const latent = normals({ seed: options.rng ?? 0, purpose: 'sample' }, [options.count, ...model.info.shape]);
  return { latent, pictures: await decode(model, latent, options) };
}
