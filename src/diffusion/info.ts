import { z } from 'zod';
import { MOST_NUMBERS } from '../data/dataset.ts';
import { requireWhole, SeedbedError } from '../errors.ts';
import type { Graph } from '../graph/ir.ts';
import { sizeOf } from '../tensor/tensor.ts';
import type { ConditionRecord } from './condition-record.ts';
import { PREDICTIONS } from './prediction.ts';
import { SAMPLERS, type SamplerKind } from './samplers.ts';

/** The most steps of a sampler, and timesteps of a schedule: what is held in memory grows with them. */
export const MOST_SAMPLER_STEPS = 10_000;
const MOST_TIMESTEPS = 100_000;

const timesteps = z.int().gt(0).lte(MOST_TIMESTEPS);
const betas = { timesteps, betaStart: z.number().gt(0).lt(1), betaEnd: z.number().gt(0).lt(1) };
const isDistinct = (names: readonly string[]) => new Set(names).size === names.length;
const falling = (values: readonly number[]) => values.every((value, i) => i === 0 || value <= values[i - 1]!);

/** A schedule, checked. */
export const scheduleSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('continuousCosine'),
    maxSignalRate: z.number().gt(0).lte(1),
    minSignalRate: z.number().gt(0).lt(1),
  }),
  z.object({ kind: z.literal('linearBeta'), ...betas }),
  z.object({ kind: z.literal('scaledLinearBeta'), ...betas }),
  z.object({
    kind: z.literal('cosineBeta'),
    timesteps,
    betaMin: z.number().gte(0).lt(1).optional(),
    betaMax: z.number().gt(0).lt(1).optional(),
  }),
  z.object({
    kind: z.literal('alphaBar'),
    values: z
      .array(z.number().gte(0).lt(1))
      .min(2)
      .max(MOST_TIMESTEPS)
      .refine(falling, 'must not rise from one timestep to the next')
      .refine(values => values.at(-2)! > 0, 'only the last timestep may be without signal'),
  }),
  z.object({
    kind: z.literal('sigmas'),
    values: z
      .array(z.number().gt(0).lt(1e6))
      .min(2)
      .max(MOST_TIMESTEPS)
      .refine(values => falling(values.toReversed()), 'must not fall from one timestep to the next'),
  }),
  z.object({
    kind: z.literal('flow'),
    timesteps: timesteps.optional(),
    shift: z.number().gt(0).lt(1e6).optional(),
  }),
]);

/**
 * Ways to space a sampler's levels: evenly in time, or in log(s / n).
 * @group Sampling
 * @example
 * import { GRIDS } from 'seedbed';
 * console.log(GRIDS.join(', ')); // prints linspace, logSnr
 */
export const GRIDS = ['linspace', 'logSnr'] as const;

/**
 * One of {@link GRIDS}.
 * @group Sampling
 */
export type Grid = (typeof GRIDS)[number];

/** A sampler's description, checked. */
export const samplerSchema = z.object({
  /** Deterministic ways from a seed to its picture; `ddim` adds no noise on the way (Song et al. 2021, sigma = 0). */
  kind: z.enum(SAMPLERS),
  /** T, the steps; of `ddim` also the network evaluations for a picture. */
  steps: z.int().gt(0).lte(MOST_SAMPLER_STEPS),
  /**
   * The levels visited: 'linspace' for evenly spaced ones from `start`, times t, t (T-1)/T, ..., t/T or timesteps
   * n, ..., 0; 'logSnr' from the first of these to the last in even steps of log(s / n), which keeps more of what varies most;
   * or the T times or timesteps themselves, falling.
   */
  grid: z.union([
    z.enum(GRIDS),
    z
      .array(z.number().gte(0))
      .min(1)
      .max(MOST_SAMPLER_STEPS)
      .refine(falling, 'must fall from one step to the next'),
  ]),
  /** The noise level of the seeds: a diffusion time, 1 for noise; or a timestep of the schedule, from 0. */
  start: z.union([
    z.strictObject({
      /** In (0,1]. */
      diffusionTime: z.number().gt(0).lte(1),
    }),
    z.strictObject({
      /** A whole number from 0. */
      timestep: z.int().gte(0),
    }),
  ]),
  /**
   * What the last step gives: 'x0', the clean picture that the network predicts there, or what it makes of the noise level of
   * a timestep, such as the first, 0.
   */
  final: z.union([z.literal('x0'), z.strictObject({ timestep: z.int().gte(0) })]),
  /** Each step leads from timestep n to n - stride, whatever the next one is, as diffusers' DDIM does; to the next unless given. */
  stride: z.int().gt(0).lte(MOST_TIMESTEPS).optional(),
  /** Range to which each predicted clean picture is clipped, standardised; none unless given. */
  clipX0: z.tuple([z.number(), z.number()]).nullable().optional(),
});

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
 * A sampler as data: its kind, its T steps, the noise levels that they visit; the last gives the clean picture.
 * @group Models
 * @useDeclaredType
 */
export type SamplerInfo = z.infer<typeof samplerSchema>;
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
 * A network that predicts the noise in a noisy picture, given how much of it there is.
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

/** The sampler of the paper: DDIM steps evenly spaced in time, ending in the last predicted x0. */
export function ddim(steps: number): SamplerInfo {
  return { kind: 'ddim', steps, grid: 'linspace', start: { diffusionTime: 1 }, final: 'x0' };
}

/** The model with another sampler as its own, whose range its predictions are then clipped to. */
export function withSampler(model: Denoiser, sampler: SamplerInfo): Denoiser {
  return { ...model, info: { ...model.info, sampler } };
}

/**
 * The model's own sampler, or another, or of another kind; with another number of steps, or spaced in another way.
 * @throws {SeedbedError} BadArgument for a number or a way that there is not.
 */
export function chooseSampler(
  own: SamplerInfo,
  {
    sampler = own,
    samplerSteps: steps,
    samplerGrid: grid,
  }: {
    sampler?: SamplerKind | SamplerInfo | undefined;
    samplerSteps?: number | undefined;
    samplerGrid?: Grid | undefined;
  },
): SamplerInfo {
  if (steps !== undefined) requireWhole('samplerSteps', steps, 1);
  if (grid !== undefined && !GRIDS.includes(grid))
    throw new SeedbedError('BadArgument', `samplerGrid is one of ${GRIDS.join(', ')}, got ${grid}`);
  const chosen = typeof sampler === 'string' ? { ...own, kind: sampler } : sampler;
  if ((steps ?? chosen.steps) === chosen.steps && (grid ?? chosen.grid) === chosen.grid) return chosen;
  const { stride: _, ...along } = chosen;
  // A list is of its own number of levels.
  const spaced = typeof chosen.grid === 'string' ? chosen.grid : 'linspace';
  return { ...along, steps: steps ?? chosen.steps, grid: grid ?? spaced };
}
