/**
 * Seedbed's public API, the same on Node and in the browser: models, sampling, seeds, and the gradients of ONNX graphs.
 * Paths in examples begin in the package's folder. What functions throw is a {@link SeedbedError} of the kinds named.
 * @module
 */

export { type DifferentiateOptions, differentiate, pushForward } from './autodiff/differentiate.ts';
export { curvePoints } from './data/synthetic.ts';
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
} from './diffusion/info.ts';
export {
  loadAutoencoder,
  loadEmbedder,
  loadModel,
  SHIPPED_DENOISER,
  SHIPPED_EMBEDDER,
} from './diffusion/load.ts';
export { readModel, saveModel } from './diffusion/model.ts';
export {
  classDenoiser,
  gaussianDenoiser,
  type Mixture,
  mixtureDenoiser,
  samplerGain,
} from './diffusion/oracle.ts';
export type { OracleForm } from './diffusion/oracle-form.ts';
export { pictureShape } from './diffusion/pictures.ts';
export { type PictureOptions, readPicture } from './diffusion/read-picture.ts';
export { GRIDS, type Grid, type SamplerInfo } from './diffusion/sampler-info.ts';
export { SAMPLERS, type SamplerKind } from './diffusion/samplers.ts';
export { type Rates, ratesAt, SCHEDULES, type Schedule } from './diffusion/schedule.ts';
export { type TrainOptions, type TrainProgress, trainDenoiser } from './diffusion/train-in-memory.ts';
export type { Certificate } from './embedding/certificate.ts';
export type { DescentState } from './embedding/descent.ts';
export { type DiagnoseOptions, type Diagnosis, diagnose } from './embedding/doctor.ts';
export { embed } from './embedding/embed.ts';
export type { Embedding, EmbedOptions, EmbedProgress } from './embedding/embedding.ts';
export type { Finding } from './embedding/growth.ts';
export { UNDOERS, type Undoer, type UndoOptions } from './embedding/inversion/climb.ts';
export type { AccelerationOptions } from './embedding/inversion/fixed-point.ts';
export type { LbfgsOptions } from './embedding/inversion/lbfgs.ts';
export type { LeastSquaresOptions } from './embedding/inversion/least-squares.ts';
export { SPLIT, type SplitOptions } from './embedding/inversion/split.ts';
export type { FinishedBatch, Journal } from './embedding/journal.ts';
export { METHODS, type Method, methodNeeds } from './embedding/methods.ts';
export { type DescentRecipe, type Memory, RECIPES } from './embedding/recipes.ts';
export type { SeedResult } from './embedding/result.ts';
export {
  type DecodeOptions,
  decode,
  openSampler,
  type SampleOptions,
  type SamplerSession,
  sample,
} from './embedding/sampling.ts';
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
export { type StrangenessOptions, strangeness } from './quality/strangeness.ts';
export type { Fit } from './runtime/picture.ts';
export { createRuntime, encodePng } from './runtime/platform.ts';
export type { Device, Feeds, Runtime, RuntimeOptions, Session } from './runtime/runtime.ts';
export type { Source } from './runtime/source.ts';
export { type Eigensystem, symmetricEigen } from './tensor/eigen.ts';
export { readNpy, writeNpy } from './tensor/npy.ts';
export { bootstrapMean, type Interval, meanSquaredErrors, psnr } from './tensor/statistics.ts';
export { type ArrayOf, type DType, type Floats, float32, type Tensor } from './tensor/tensor.ts';
