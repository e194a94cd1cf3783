import { z } from 'zod';
import { MOST_NUMBERS } from '../data/dataset.ts';
import type { Graph } from '../graph/ir.ts';
import { sizeOf } from '../tensor/tensor.ts';
import type { ConditionRecord } from './condition-record.ts';
import { PREDICTIONS } from './prediction.ts';
import { falling, MOST_TIMESTEPS, type SamplerInfo, samplerSchema } from './sampler-info.ts';

const timesteps = z.int().gt(0).lte(MOST_TIMESTEPS);
const betas = { timesteps, betaStart: z.number().gt(0).lt(1), betaEnd: z.number().gt(0).lt(1) };
const isDistinct = (names: readonly string[]) => new Set(names).size === names.length;

/** A schedule, checked. */
export const scheduleSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('continuousCosine'),
    maxSignalRate: z.number().gt(0).lte(1),
    minSignalRate: z.number().gt(0).lt(1),
  }),
  z.strictObject({ kind: z.literal('linearBeta'), ...betas }),
  z.strictObject({ kind: z.literal('scaledLinearBeta'), ...betas }),
  z.strictObject({
    kind: z.literal('cosineBeta'),
    timesteps,
    betaMin: z.number().gte(0).lt(1).optional(),
    betaMax: z.number().gt(0).lt(1).optional(),
  }),
  z.strictObject({
    kind: z.literal('alphaBar'),
    values: z
      .array(z.number().gte(0).lt(1))
      .min(2)
      .max(MOST_TIMESTEPS)
      .refine(falling, 'must not rise from one timestep to the next')
      .refine(values => values.at(-2)! > 0, 'only the last timestep may be without signal'),
  }),
  z.strictObject({
    kind: z.literal('sigmas'),
    values: z
      .array(z.number().gt(0).lt(1e6))
      .min(2)
      .max(MOST_TIMESTEPS)
      .refine(values => falling(values.toReversed()), 'must not fall from one timestep to the next'),
  }),
  z.strictObject({
    kind: z.literal('flow'),
    timesteps: timesteps.optional(),
    shift: z.number().gt(0).lt(1e6).optional(),
  }),
]);

const sizes = z
  .array(z.int().gt(0))
  .refine(shape => sizeOf(shape) <= MOST_NUMBERS, `holds more than ${MOST_NUMBERS} numbers`);

const common = {
  /** Version of the description. */
  seedbed: z.literal(1),
  /** The model's name, for people. */
  name: z.string(),
  /** Of what the network sees: [C, H, W] with the padding, or [D] for points. */
  shape: sizes,
  /** How pixels are standardised: the network sees (pixel - mean) / std. */
  range: z.object({
    /** The least and the greatest pixel value before that; null for an autoencoder's latents, which have neither. */
    from: z.tuple([z.number(), z.number()]).nullable(),
    /** Mean of each channel. */
    mean: z.array(z.number()),
    /** Standard deviation of each channel. */
    std: z.array(z.number().gt(0)),
  }),
  /** Pixels added on each side of the data, such as 2 for 28 + 2 * 2 = 32. */
  padding: z.int().gte(0),
  /** The sampler used where a call names none. */
  sampler: samplerSchema,
  /** How the model was trained: data, steps, random number seed, configuration. */
  training: z.record(z.string(), z.unknown()).optional(),
};

/** What the level input can be fed. */
export const LEVEL_KINDS = [
  'noiseVariance',
  'noiseRate',
  'diffusionTime',
  'timestep',
  'sigma',
  'logSnr',
] as const;
/** A denoiser's description, checked. */
export const denoiserSchema = z.object({
  ...common,
  /** The kind of network. */
  kind: z.literal('denoiser'),
  /** Names of the graph's inputs. */
  inputs: z.object({
    /** The noisy picture [N, ...shape], standardised. */
    image: z.string(),
    /** The noise level: [N], or one for all. */
    level: z.string(),
  }),
  /** Name of the graph's output [N, ...shape]. */
  output: z.string(),
  /**
   * What the output is: the noise epsilon, the clean picture x0, v = s epsilon - n x0 (Salimans and Ho 2022), or
   * flow = epsilon - x0 (Liu et al. 2022).
   */
  predicts: z.enum(PREDICTIONS),
  /**
   * What the level input is fed: the noise variance n^2 = 1 - alpha_bar, the noise rate n, the diffusion time, the
   * timestep from 0 (of a flow schedule N n), sigma = n / s, or the logarithm of s^2 / n^2.
   */
  level: z.enum(LEVEL_KINDS),
  /** The noisy picture that the network sees: s x0 + n epsilon ('preserving', unless given), or x0 + sigma epsilon. */
  sees: z.enum(['preserving', 'exploding']).optional(),
  /** How much noise there is at each diffusion time. */
  schedule: scheduleSchema,
  /** Further inputs of the graph that wait for a value (`withConditions`): a class, an encoded text; none unless given. */
  conditions: z.array(z.string()).min(1).refine(isDistinct, 'names an input twice').optional(),
});

/** An embedding network's description, checked. */
export const embedderSchema = z.object({
  ...common,
  /** The kind of network. */
  kind: z.literal('embedder'),
  /** Name of the graph's input. */
  inputs: z.object({
    /** The picture [N, ...shape], standardised. */
    image: z.string(),
  }),
  /** Name of the graph's output, the seeds [N, ...shape]. */
  output: z.literal('latent'),
  /** Hash of the denoiser that it finds seeds for. */
  denoiser: z.string().length(64),
});

/** An autoencoder's description, checked: its graph has two halves that do not meet. */
export const autoencoderSchema = z.object({
  ...{ seedbed: common.seedbed, name: common.name, range: common.range },
  /** The kind of network. */
  kind: z.literal('autoencoder'),
  /** Names of the graph's inputs. */
  inputs: z.object({
    /** The picture [N, ...shape], standardised: what is encoded. */
    image: z.string(),
    /** The latents [N, ...latentShape], as the denoiser sees them: what is decoded. */
    latent: z.string(),
  }),
  /** Names of the graph's outputs. */
  outputs: z.object({
    /** The latents of the picture, as the denoiser sees them. */
    latent: z.string(),
    /** The picture of the latents, standardised. */
    image: z.string(),
  }),
  /** Of the picture, [C, H, W]. */
  shape: sizes.length(3),
  /** Of the latents, [c, h, w]. */
  latentShape: sizes.length(3),
  /** Hash of the denoiser whose latents these are. */
  denoiser: z.string().length(64),
});

/**
 * What a denoiser's file says of itself (docs/formats.md describes the file).
 * @group Models
 * @useDeclaredType
 */
export type DenoiserInfo = z.infer<typeof denoiserSchema>;
/**
 * What an embedding network's file says of itself (docs/formats.md describes the file).
 * @group Models
 * @useDeclaredType
 */
export type EmbedderInfo = z.infer<typeof embedderSchema>;
/**
 * What an autoencoder's file says of itself (docs/formats.md describes the file).
 * @group Models
 * @useDeclaredType
 */
export type AutoencoderInfo = z.infer<typeof autoencoderSchema>;
/**
 * What a model's file says of itself; `kind` tells which.
 * @group Models
 */
export type ModelInfo = DenoiserInfo | EmbedderInfo | AutoencoderInfo;

/**
 * A network with all that is needed to use it: one ONNX file.
 * @group Models
 */
export interface Model<Info extends ModelInfo = ModelInfo> {
  /** The network, its weights in float32. */
  readonly graph: Graph;
  /** What the file says of it: shapes, schedule, sampler, how pixels are standardised. */
  readonly info: Info;
  /** sha256 over weights, nodes and numeric conventions, 64 hex digits: which model a seed belongs to. */
  readonly hash: string;
  /** What a conditional model was bound to; undefined for one that has no conditions, or waits for their values. */
  readonly conditioned?: ConditionRecord | undefined;
}
/**
 * A network that predicts the noise, the clean picture, v or the flow in a noisy picture, given how much of it there is.
 * @group Models
 */
export interface Denoiser extends Model<DenoiserInfo> {
  /** What makes pictures of its latents and latents of pictures, of a denoiser of latents that was given one. */
  readonly autoencoder?: Autoencoder | undefined;
}
/**
 * A network that finds the seed of a picture in one pass, for one denoiser (Asperti et al. 2023, section 5.2).
 * @group Models
 */
export type Embedder = Model<EmbedderInfo>;

/**
 * An autoencoder, which makes latents of pictures and pictures of latents (Rombach et al. 2022), for one denoiser.
 * @group Models
 */
export type Autoencoder = Model<AutoencoderInfo>;

/** Whether a network works on an autoencoder's latents, which have no range and are no pixels. */
export function isOfLatents({ range }: Pick<ModelInfo, 'range'>): boolean {
  return range.from === null;
}

/** Whether latents are what a denoiser takes and gives: those of one that has its autoencoder become pictures. */
export function givesLatents({ info, autoencoder }: Pick<Denoiser, 'info' | 'autoencoder'>): boolean {
  return isOfLatents(info) && !autoencoder;
}

/** The model with another sampler as its own, whose range its predictions are then clipped to. */
export function withSampler(model: Denoiser, sampler: SamplerInfo): Denoiser {
  return { ...model, info: { ...model.info, sampler } };
}

/**
 * The pictures that a trained model has seen, again or anew: `steps` batches, and those that the model whose weights it began with
 * had seen `before`; undefined where its file does not say.
 */
export function picturesSeen({ training = {} }: Pick<DenoiserInfo, 'training'>): number | undefined {
  const { training: settings } = (training.config ?? {}) as { training?: { batch?: number } };
  const seen = Number(training.steps) * (settings?.batch ?? Number.NaN) + Number(training.before ?? 0);
  return Number.isFinite(seen) ? seen : undefined;
}
