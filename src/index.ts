/**
 * Seedbed's public API, the same on Node and in the browser: models, sampling, seeds, and the gradients of ONNX graphs.
 * Paths in examples begin in the package's folder. What functions throw is a {@link SeedbedError} of the kinds named.
 * @module
 */
import { createRuntime, decodeImage, readOnnx, readSource } from '#platform';
import { syntheticPoints } from './data/synthetic.ts';
import type { DenoiserRecipe } from './diffusion/config.ts';
import { openConversion } from './diffusion/conversion.ts';
import { type Autoencoder, chooseSampler, type Denoiser, type Embedder } from './diffusion/info.ts';
import { asAutoencoder, asDenoiser, asEmbedder, readModel } from './diffusion/model.ts';
import { createSampler } from './diffusion/sampler.ts';
import type { SamplerKind } from './diffusion/samplers.ts';
import { type TrainOptions, trainInMemory } from './diffusion/train-in-memory.ts';
import { checkSeeds, pictureShape } from './embedding/checks.ts';
import { type Diagnosis, diagnose as diagnoseWith } from './embedding/doctor.ts';
import { decode as decodeWith, embed as embedWith } from './embedding/embed.ts';
import type { Embedding, EmbedOptions } from './embedding/embedding.ts';
import { requireWhole } from './errors.ts';
import type { Fit } from './runtime/picture.ts';
import type { Runtime } from './runtime/runtime.ts';
import type { Source } from './runtime/source.ts';
import { normals } from './tensor/random.ts';
import { float32, type Tensor } from './tensor/tensor.ts';

export { createRuntime, encodePng } from '#platform';
export { type DifferentiateOptions, differentiate, pushForward } from './autodiff/differentiate.ts';
export { withAutoencoder } from './diffusion/autoencoder.ts';
export type { ConditionRecord } from './diffusion/condition-record.ts';
export { type Conditions, withConditions } from './diffusion/conditions.ts';
export type { DenoiserRecipe } from './diffusion/config.ts';
export { type ForeignInfo, importDenoiser, parseForeignInfo } from './diffusion/foreign.ts';
export {
  type ForeignAutoencoder,
  type ForeignHalf,
  importAutoencoder,
} from './diffusion/foreign-autoencoder.ts';
export type {
  Autoencoder,
  AutoencoderInfo,
  Denoiser,
  DenoiserInfo,
  Embedder,
  EmbedderInfo,
  Model,
  ModelInfo,
  SamplerInfo,
} from './diffusion/info.ts';
export { readModel, saveModel } from './diffusion/model.ts';
export {
  classDenoiser,
  gaussianDenoiser,
  type Mixture,
  mixtureDenoiser,
  samplerGain,
} from './diffusion/oracle.ts';
export type { OracleForm } from './diffusion/oracle-form.ts';
export { SAMPLERS, type SamplerKind } from './diffusion/samplers.ts';
export { type Rates, ratesAt, SCHEDULES, type Schedule } from './diffusion/schedule.ts';
export type { TrainOptions, TrainProgress } from './diffusion/train-in-memory.ts';
export type { Certificate } from './embedding/certificate.ts';
export { pictureShape } from './embedding/checks.ts';
export type { DescentState } from './embedding/descent.ts';
export type { Diagnosis, Finding } from './embedding/doctor.ts';
export type { Embedding, EmbedOptions, EmbedProgress } from './embedding/embedding.ts';
export { UNDOERS, type Undoer, type UndoOptions } from './embedding/inversion/climb.ts';
export type { AccelerationOptions } from './embedding/inversion/fixed-point.ts';
export type { LbfgsOptions } from './embedding/inversion/lbfgs.ts';
export type { LeastSquaresOptions } from './embedding/inversion/least-squares.ts';
export { SPLIT, type SplitOptions } from './embedding/inversion/split.ts';
export type { FinishedBatch, Journal } from './embedding/journal.ts';
export { METHODS, type Method, methodNeeds } from './embedding/methods.ts';
export { type DescentRecipe, type Memory, RECIPES } from './embedding/recipes.ts';
export type { SeedResult } from './embedding/result.ts';
export { type Provenance, readSeeds, type SeedPair, type Seeds, writeSeeds } from './embedding/seeds.ts';
export type { InversionOptions } from './embedding/settings.ts';
export { type ErrorKind, isSeedbedError, SeedbedError } from './errors.ts';
export { GraphBuilder, type NodeOptions, type Value } from './graph/builder.ts';
export { type ExternalFiles, externalFiles } from './graph/external.ts';
export type { Op } from './graph/infer.ts';
export type { Attribute, Attributes, Dim, Graph, Node, ValueInfo, ValueType } from './graph/ir.ts';
export { parseModel, serializeModel } from './graph/protobuf.ts';
export { bind } from './graph/replay.ts';
export { exportWeights, importWeights } from './graph/weights.ts';
export { widen } from './graph/widen.ts';
export { type CloudMean, type CloudStatistics, cloudStatistics } from './latent/cloud.ts';
export { compareGrown, type GrownComparison } from './latent/comparison.ts';
export {
  createPanel,
  type Panel,
  type PanelOptions,
  type SeedStatisticResult,
  type SeedVerdict,
} from './latent/gaussianity.ts';
export { combineSeeds, interpolateSeeds, SEED_PATHS, type SeedPath } from './latent/interpolation.ts';
export { marchenkoPastur, type NoiseSpectrum } from './latent/marchenko-pastur.ts';
export { naturalness } from './latent/naturalness.ts';
export { type PrincipalComponents, principalComponents } from './latent/pca.ts';
export { patchCorrelation } from './latent/spatial.ts';
export { type StatisticSummary, summarise } from './latent/summary.ts';
export type { Fit } from './runtime/picture.ts';
export type { Device, Feeds, Runtime, RuntimeOptions, Session } from './runtime/runtime.ts';
export type { Source } from './runtime/source.ts';
export { type Eigensystem, symmetricEigen } from './tensor/eigen.ts';
export { writeNpy } from './tensor/npy.ts';
export { bootstrapMean, type Interval, meanSquaredErrors, psnr } from './tensor/statistics.ts';
export { type ArrayOf, type DType, type Floats, float32, type Tensor } from './tensor/tensor.ts';

/**
 * Where the denoiser lies that ships with Seedbed: a U-Net of 1,960,737 weights for Fashion-MNIST, which grows
 * pictures [1, 28, 28] from seeds [1, 32, 32] in ten steps.
 * @group Models
 * @example
 * import { loadModel, SHIPPED_DENOISER } from 'seedbed';
 * const model = await loadModel(SHIPPED_DENOISER);
 * console.log(model.info.shape, model.info.sampler.steps); // prints [ 1, 32, 32 ] 10
 */
export const SHIPPED_DENOISER = new URL('../models/fashion-mnist.onnx', import.meta.url);

/**
 * Where the embedding network lies that was trained for the shipped denoiser.
 * @group Models
 * @example
 * import { loadEmbedder, loadModel, SHIPPED_DENOISER, SHIPPED_EMBEDDER } from 'seedbed';
 * const model = await loadModel(SHIPPED_DENOISER);
 * const embedder = await loadEmbedder(SHIPPED_EMBEDDER);
 * console.log(embedder.info.denoiser === model.hash); // prints true
 */
export const SHIPPED_EMBEDDER = new URL('../models/fashion-mnist-embedder.onnx', import.meta.url);

let shared: Promise<Runtime> | undefined;

/** The runtime that calls share when they are not given one: the platform's own choice of device. */
function defaultRuntime(): Promise<Runtime> {
  shared ??= createRuntime();
  return shared;
}

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

/**
 * How {@link readPicture} makes a picture fit.
 * @group Files
 */
export interface PictureOptions {
  /** Of a picture of another shape than the model's, its centre (`crop`, unless given) or all of it (`squeeze`). */
  readonly fit?: Fit | undefined;
  /** Told what was done to the picture, in words; nothing where it is of the model's size and colours. */
  readonly onChanges?: ((changes: readonly string[]) => void) | undefined;
}

/**
 * Reads a picture at the size and in the colours that a model takes, the same pixels on Node and in the browser: its
 * centre, resized by Lanczos' filter; grey is the luma .299 R + .587 G + .114 B (ITU-R BT.601). Colours are taken from the
 * picture's profile to sRGB, and transparency is laid on black. A picture that fits exactly keeps its pixels.
 * @param source where the picture is, as for {@link loadModel}: PNG, JPEG or WebP, at most 2^27 pixels.
 * @returns [1, C, H, W], pixels in [0,1].
 * @throws {SeedbedError} BadArgument when there is no such file, BadFile when it is damaged or not a picture.
 * @group Files
 * @example
 * import { loadModel, readPicture, SHIPPED_DENOISER } from 'seedbed';
 * const model = await loadModel(SHIPPED_DENOISER);
 * const picture = await readPicture('examples/fashion-mnist/9-ankle-boot.png', model);
 * console.log(picture.shape); // prints [ 1, 1, 28, 28 ]
 */
export async function readPicture(
  source: Source,
  model: Denoiser,
  { fit, onChanges }: PictureOptions = {},
): Promise<Tensor<'float32'>> {
  const [channels, ...size] = pictureShape(model) as [1 | 3, number, number];
  const { bytes, name } = await readSource(source);
  const { pixels, changes } = await decodeImage(bytes, name, { size, channels, fit });
  if (changes.length > 0) onChanges?.(changes);
  return float32([1, ...pixels.shape], pixels.data);
}

/**
 * Finds seeds z from which a denoiser's sampler F grows the given pictures x: by a trained network (Asperti et al.
 * 2023, section 5.2), by descent on |F(z) - x| (section 5.1), or by descent from the network's seed.
 * @param images [n, C, H, W], pixels in [0,1], of the model's size without its padding ({@link pictureShape}); latents, where the
 * model is of latents and has no autoencoder ({@link withAutoencoder}).
 * @param options how to look; `runtime` says where to compute, the default of {@link createRuntime} unless given.
 * @throws {SeedbedError} BadShape for pictures of another size, BadArgument for contradictory options, Mismatch for
 * an embedder of another denoiser, Diverged when a loss is no longer a number, Interrupted by `signal`, Machine.
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
  return embedWith(options.runtime ?? (await defaultRuntime()), model, images, options);
}

/**
 * Looks for what is wrong with a model's description: removes noise from pictures as it says, and as it would be with each
 * likely mistake corrected (another prediction, level, step, schedule or range); grows pictures; embeds them again.
 * @param options `pictures` of the model's kind, [n, C, H, W] with pixels in [0,1], make the answer firmer: the model's own
 * samples are used for want of them.
 * @throws {SeedbedError} Machine when the device fails.
 * @group Models
 * @example
 * import { diagnose, loadModel, SHIPPED_DENOISER } from 'seedbed';
 * const model = await loadModel(SHIPPED_DENOISER);
 * const { findings } = await diagnose(model);
 * console.log(findings.length); // prints 0
 */
export async function diagnose(
  model: Denoiser,
  options: { pictures?: Tensor<'float32'> | undefined; runtime?: Runtime | undefined } = {},
): Promise<Diagnosis> {
  return diagnoseWith(options.runtime ?? (await defaultRuntime()), model, options.pictures);
}

/**
 * How {@link decode} works.
 * @group Sampling
 */
export interface DecodeOptions {
  /** Where to compute; one that calls share, the default of {@link createRuntime}, unless given. */
  readonly runtime?: Runtime | undefined;
  /** What grows the pictures; the model's own unless given. */
  readonly sampler?: SamplerKind | undefined;
  /** T, the sampler's steps; the model's own unless given. */
  readonly samplerSteps?: number | undefined;
  /** The second states of the seeds, of samplers that keep two; made from the first unless given. */
  readonly latent2?: Tensor<'float64'> | undefined;
  /** Seeds in work at once; 16. */
  readonly batch?: number | undefined;
  /** Told, in a sentence that names the worst, where seeds are no likely noise; they are grown all the same. */
  readonly onNote?: ((note: string) => void) | undefined;
}

/**
 * Grows pictures from seeds by DDIM with no noise added on the way (Song et al. 2021, eq. 12 with sigma = 0), so that
 * the same seed always gives the same picture.
 * @param latent [n, ...model.info.shape], as standard normal noise is.
 * @returns [n, C, H, W], pixels in [0,1], clipped, without the model's padding; latents as the description gives them, where
 * the model is of latents and has no autoencoder ({@link withAutoencoder}).
 * @throws {SeedbedError} BadShape for seeds of another shape, Diverged when a pixel is not a number, Machine when the
 * device fails.
 * @group Sampling
 * @example
 * import { decode, loadModel, sample, SHIPPED_DENOISER } from 'seedbed';
 * const model = await loadModel(SHIPPED_DENOISER);
 * const { latent } = await sample(model, { count: 1 });
 * const inFiveSteps = await decode(model, latent, { samplerSteps: 5 });
 * console.log(inFiveSteps.shape); // prints [ 1, 1, 28, 28 ]
 */
export async function decode(
  model: Denoiser,
  latent: Tensor<'float32' | 'float64'>,
  options: DecodeOptions = {},
): Promise<Tensor<'float32'>> {
  requireWhole('samplerSteps', options.samplerSteps ?? 1, 1);
  const sampler = chooseSampler(model.info.sampler, options);
  return decodeWith(options.runtime ?? (await defaultRuntime()), model, latent, { ...options, sampler });
}

/**
 * How {@link sample} works.
 * @group Sampling
 */
export interface SampleOptions {
  /** How many pictures. */
  readonly count: number;
  /** Random number seed, a whole number from 0; 0. Picture i is the same for any `count`. */
  readonly rng?: number | undefined;
  /** Where to compute; one that calls share, the default of {@link createRuntime}, unless given. */
  readonly runtime?: Runtime | undefined;
  /** What grows the pictures; the model's own unless given. */
  readonly sampler?: SamplerKind | undefined;
  /** T, the sampler's steps; the model's own unless given. */
  readonly samplerSteps?: number | undefined;
}

/**
 * Grows pictures from random seeds: standard normal noise (Philox4x32-10, Salmon et al. 2011; Box and Muller), the
 * same numbers for the same `rng`.
 * @returns the seeds [n, ...model.info.shape], and what {@link decode} grows from them, [n, C, H, W] in [0,1].
 * @throws {SeedbedError} Diverged when a pixel is not a number, Machine when the device fails.
 * @group Sampling
 * @example
 * import { loadModel, sample, SHIPPED_DENOISER } from 'seedbed';
 * const model = await loadModel(SHIPPED_DENOISER);
 * const { latent, pictures } = await sample(model, { count: 4, rng: 7 });
 * console.log(latent.shape, pictures.shape); // prints [ 4, 1, 32, 32 ] [ 4, 1, 28, 28 ]
 */
export async function sample(
  model: Denoiser,
  options: SampleOptions,
): Promise<{ latent: Tensor<'float32'>; pictures: Tensor<'float32'> }> {
  const { count, rng = 0 } = options;
  requireWhole('count', count, 1);
  requireWhole('rng', rng, 0);
  const latent = normals({ seed: rng, purpose: 'sample' }, [count, ...model.info.shape]);
  return { latent, pictures: await decode(model, latent, options) };
}

/**
 * A model's sampler that is ready to run: see {@link openSampler}.
 * @group Sampling
 */
export interface SamplerSession {
  /** The pictures [n, C, H, W] in [0,1] that seeds [n, ...model.info.shape] grow, as {@link decode} gives them. */
  grow(latent: Tensor<'float32'>): Promise<Tensor<'float32'>>;
  /**
   * The states that seeds are led through: T + 1 tensors [n, ...model.info.shape], standardised, the seeds first.
   * @throws {SeedbedError} BadArgument for samplers other than 'ddim'.
   */
  trajectories(latent: Tensor<'float32'>): Promise<Tensor<'float32'>[]>;
  /**
   * The same, with what the network believes of them: `states` as {@link SamplerSession.trajectories} gives them, and the
   * clean picture that it predicts in each of the first T, x0 of x = s x0 + n epsilon, T tensors [n, C, H, W] in [0,1].
   * @throws {SeedbedError} BadArgument for samplers other than 'ddim'.
   */
  growth(latent: Tensor<'float32'>): Promise<{ states: Tensor<'float32'>[]; clean: Tensor<'float32'>[] }>;
  /** Gives back the memory that it holds. */
  dispose(): Promise<void>;
}

/**
 * Makes a model's sampler ready, for programs that grow pictures again and again: {@link decode} does so for every call.
 * @param options as for {@link decode}; `batch` is how many seeds are in work at once, 16.
 * @throws {SeedbedError} BadArgument for contradictory options, Machine when the device fails.
 * @group Sampling
 * @example
 * import { loadModel, openSampler, sample, SHIPPED_DENOISER } from 'seedbed';
 * const model = await loadModel(SHIPPED_DENOISER);
 * const { latent } = await sample(model, { count: 1 });
 * const sampler = await openSampler(model);
 * const states = await sampler.trajectories(latent);
 * await sampler.dispose();
 * console.log(states.length); // prints 11
 */
export async function openSampler(
  model: Denoiser,
  options: Omit<DecodeOptions, 'latent2' | 'onNote'> = {},
): Promise<SamplerSession> {
  const { batch = 16, runtime = await defaultRuntime() } = options;
  requireWhole('samplerSteps', options.samplerSteps ?? 1, 1);
  requireWhole('batch', batch, 1);
  const sampler = await createSampler(runtime, model, chooseSampler(model.info.sampler, options), batch);
  const conversion = openConversion(runtime, model, batch);
  const checked = (latent: Tensor<'float32'>) => checkSeeds(model, latent);
  return {
    grow: async latent => conversion.toPictures(await sampler.sample(checked(latent))),
    trajectories: async latent => (await sampler.growth(checked(latent))).states,
    async growth(latent) {
      const { states, clean } = await sampler.growth(checked(latent));
      const pictures: Tensor<'float32'>[] = [];
      for (const x0 of clean) pictures.push(await conversion.toPictures(x0));
      return { states, clean: pictures };
    },
    async dispose() {
      await Promise.all([sampler.dispose(), conversion.dispose()]);
    },
  };
}

/**
 * Trains a denoiser on points or pictures in memory (Algorithm 1 of Asperti et al. 2023), in a page as on Node: for small
 * sets and networks. `seedbed train` trains from files, measures on held-out items, and resumes.
 * @param items points [n, D], or pictures [n, C, H, W] with pixels in [0,1]; all are learned from.
 * @param recipe network, schedule and training, as in the files of `configs/`.
 * @returns the denoiser, with averaged weights and a sampler of ten DDIM steps.
 * @throws {SeedbedError} BadShape for other shapes, BadArgument for a recipe that is not valid, Diverged when the loss is
 * no longer a number, Machine.
 * @group Models
 * @example
 * import { float32, trainDenoiser } from 'seedbed';
 * const cross = float32([4, 2], [1, 1, 1, -1, -1, 1, -1, -1]);
 * const model = await trainDenoiser(cross, {
 *   network: { kind: 'mlp', channels: [32, 32] },
 *   schedule: 'continuousCosine',
 *   training: { loss: 'mse', learningRate: 0.003, batch: 64, steps: 20 },
 * });
 * console.log(model.info.shape, model.info.training?.steps); // prints [ 2 ] 20
 */
export async function trainDenoiser(
  items: Tensor<'float32'>,
  recipe: DenoiserRecipe,
  options: TrainOptions & { runtime?: Runtime | undefined } = {},
): Promise<Denoiser> {
  return trainInMemory(options.runtime ?? (await defaultRuntime()), items, recipe, options);
}

/**
 * Points in the plane about a curve, to train small denoisers on: two circles, or two moons (Asperti et al. 2023, fig. 9),
 * with noise of a twentieth of the greater radius, scaled so that a coordinate's variance is 1. The same points everywhere.
 * @param count n, from 1.
 * @returns [n, 2]
 * @throws {SeedbedError} BadArgument for a count that is no whole number from 1.
 * @group Models
 * @example
 * import { curvePoints } from 'seedbed';
 * const points = await curvePoints('moons', 512);
 * console.log(points.shape); // prints [ 512, 2 ]
 */
export async function curvePoints(curve: 'circles' | 'moons', count: number): Promise<Tensor<'float32'>> {
  requireWhole('count', count, 1);
  return syntheticPoints(curve, 'train', count).read(Array.from({ length: count }, (_, i) => i));
}
