/**
 * Seedbed's public API on Node: models, sampling, seeds, and the gradients of ONNX graphs.
 * @module
 */
import { asDenoiser, asEmbedder, type Denoiser, type Embedder, readModel } from './diffusion/model.ts';
import {
  decode as decodeWith,
  type Embedding,
  type EmbedOptions,
  embed as embedWith,
  pictureShape,
} from './embedding/embed.ts';
import { readBytes } from './runtime/files.ts';
import { decodeImage } from './runtime/images.ts';
import { createRuntime } from './runtime/node.ts';
import type { Runtime } from './runtime/runtime.ts';
import { normals } from './tensor/random.ts';
import { float32, type Tensor } from './tensor/tensor.ts';

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
export { encodePng } from './runtime/images.ts';
export { createRuntime, type RuntimeOptions } from './runtime/node.ts';
export { SHIPPED_DENOISER, SHIPPED_EMBEDDER } from './runtime/package.ts';
export type { Runtime, Session } from './runtime/runtime.ts';
export { type DType, float32, type Tensor } from './tensor/tensor.ts';

let shared: Runtime | undefined;

/** The runtime that calls use when they are not given one: this machine's processor. */
function defaultRuntime(): Runtime {
  shared ??= createRuntime();
  return shared;
}

/**
 * Reads a denoiser from an ONNX file that Seedbed wrote.
 * @throws {SeedbedError} BadFile when the file is damaged or describes itself wrongly, BadArgument for another kind.
 * @example const model = await loadModel(SHIPPED_DENOISER)
 */
export async function loadModel(path: string): Promise<Denoiser> {
  return asDenoiser(readModel(await readBytes(path), path), path);
}

/** Reads an embedding network. @throws {SeedbedError} as `loadModel`. */
export async function loadEmbedder(path: string): Promise<Embedder> {
  return asEmbedder(readModel(await readBytes(path), path), path);
}

/**
 * Reads a picture at the size and colour that a model takes.
 * @returns [1, C, H, W], pixels in [0,1].
 * @throws {SeedbedError} BadFile when the file is not a picture.
 */
export async function readPicture(path: string, model: Denoiser): Promise<Tensor<'float32'>> {
  const [channels, size] = pictureShape(model) as [1 | 3, number];
  const { pixels } = await decodeImage(await readBytes(path), path, { size, channels, crop: true });
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
export function embed(
  model: Denoiser,
  images: Tensor<'float32'>,
  options: EmbedOptions & { runtime?: Runtime } = {},
): Promise<Embedding> {
  return embedWith(options.runtime ?? defaultRuntime(), model, images, options);
}

/**
 * Grows pictures from seeds.
 * @param latent [n, ...model.info.shape].
 * @returns [n, C, H, W], pixels in [0,1], without the model's padding.
 */
export function decode(
  model: Denoiser,
  latent: Tensor<'float32'>,
  options: { runtime?: Runtime; samplerSteps?: number; batch?: number } = {},
): Promise<Tensor<'float32'>> {
  return decodeWith(options.runtime ?? defaultRuntime(), model, latent, options);
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
