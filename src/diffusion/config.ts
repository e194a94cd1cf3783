import { z } from 'zod';
import { SeedbedError } from '../errors.ts';
import { scheduleSchema } from './info.ts';
import { PREDICTIONS } from './prediction.ts';
import { GRIDS, MOST_SAMPLER_STEPS } from './sampler-info.ts';
import { SCHEDULES } from './schedule.ts';

/** A number of things from 1 on; `most` is far beyond use, and keeps a slip from taking all memory. */
const count = (most: number) => z.int().gt(0).lte(most);

const network = z
  .strictObject({
    kind: z.enum(['unet', 'conv', 'mlp']),
    channels: z.array(count(4096)).max(64),
    blocks: count(64).default(2),
    embedding: count(4096).multipleOf(2).default(64),
    attention: z.enum(['spatial', 'se', 'naf']).nullable().default(null),
    levelAt: z.enum(['input', 'blocks']).optional(),
    kernels: z.array(count(255).refine(size => size % 2 === 1, 'must be odd')).optional(),
  })
  .refine(({ kind, channels }) => kind === 'conv' || channels.length > 0, {
    path: ['channels'],
    message: 'needs at least one',
  })
  .refine(({ channels, kernels }) => kernels === undefined || kernels.length === channels.length + 1, {
    path: ['kernels'],
    message: 'needs one for each of the channels and one for the output',
  })
  .refine(({ kind, kernels }) => kernels === undefined || kind === 'conv', {
    path: ['kernels'],
    message: "is of 'conv' alone",
  })
  .refine(({ kind, levelAt }) => levelAt === undefined || kind === 'unet', {
    path: ['levelAt'],
    message: "is of 'unet' alone",
  });

const training = z.strictObject({
  loss: z.enum(['mae', 'mse']),
  optimiser: z.enum(['adam', 'adamw']).default('adam'),
  learningRate: z.number().gt(0),
  decay: z.enum(['constant', 'cosine']).default('constant'),
  warmup: z.int().gte(0).default(0),
  weightDecay: z.number().gte(0).default(0),
  batch: count(65_536),
  ema: z.number().gte(0).lt(1).default(0.999),
  steps: z.int().gt(0),
  checkpointEvery: z.int().gt(0).default(200),
  evaluateEvery: z.int().gt(0).default(200),
});

/** A training whose settings all have an effect. */
const settled = <T extends z.ZodType<z.infer<typeof moving>>>(schema: T) =>
  schema.refine(({ weightDecay, optimiser }) => weightDecay === 0 || optimiser === 'adamw', {
    path: ['weightDecay'],
    message: "is AdamW's: give optimiser 'adamw'",
  });
const moving = training.pick({ weightDecay: true, optimiser: true });

/** What moves the weights. Decay of weights is AdamW's: a configuration of plain Adam has none. */
export function optimiserOf({
  weightDecay,
  learningRate,
  decay,
  warmup,
  ema,
}: Pick<z.infer<typeof training>, 'weightDecay' | 'learningRate' | 'decay' | 'warmup' | 'ema'>): Omit<
  z.infer<typeof training>,
  'optimiser' | 'loss' | 'batch' | 'steps' | 'checkpointEvery' | 'evaluateEvery'
> {
  return { learningRate, decay, warmup, weightDecay, ema };
}

const common = {
  data: z.string(),
  /** The last so many items of the training set are never learned from. */
  heldOut: z.int().gte(16),
  network,
};

/** What files of pictures are made into. */
const image = z
  .strictObject({
    size: count(2048).optional(),
    channels: z.union([z.literal(1), z.literal(3)]).optional(),
    /** Of pictures that are not square: their centre, or all of them, squeezed. */
    crop: z.boolean().default(true),
    padding: z.int().gte(0).lte(128).default(0),
  })
  .default({ crop: true, padding: 0 });

const denoiser = z.strictObject({
  ...common,
  /** Of the others, the items learned from: the first, and the one after the last; all unless given. */
  learn: z.tuple([z.int().gte(0), z.int().gt(0)]).optional(),
  network: network.refine(({ kind }) => kind !== 'conv', {
    path: ['kind'],
    message: "'conv' takes no noise level; it is for embedders",
  }),
  image,
  schedule: z.union(
    [
      z.enum(['linear', 'quadratic', 'cosine', 'continuousCosine']).transform(name => SCHEDULES[name]),
      scheduleSchema,
    ],
    {
      error: ({ input }) =>
        input === undefined
          ? "is missing, such as 'continuousCosine'; configurations of embedders and classifiers have none: train embedder, train classifier"
          : undefined,
    },
  ),
  /** What the network learns to predict: the paper's noise, or the clean picture, v, or flow. */
  predicts: z.enum(PREDICTIONS).default('epsilon'),
  /** What of the sampler that the model names as its own differs from ten DDIM steps, evenly spaced in time. */
  sampler: z
    .strictObject({ steps: count(MOST_SAMPLER_STEPS).optional(), grid: z.enum(GRIDS).optional() })
    .optional(),
  training: settled(
    training.extend({
      /** Diffusion times of a batch: each uniform on [0,1] (the paper's), or one in each of as many equal parts. */
      levels: z.enum(['uniform', 'stratified']).default('uniform'),
    }),
  ),
});

const embedder = z.strictObject({
  ...common,
  training: settled(
    training.extend({
      /** 'sampler': the picture grown from E(x) shall be x (the paper's). 'pairs': E(F(z)) shall be z, for generated pairs. */
      objective: z.enum(['sampler', 'pairs']).default('sampler'),
      /** How many pairs are generated for 'pairs'. */
      pairs: count(2 ** 20).default(8192),
    }),
  ),
});

const classifier = z.strictObject({
  ...{ data: common.data, heldOut: common.heldOut, image },
  network: z.strictObject({
    channels: z.array(count(4096)).min(1).max(16),
    features: count(4096).default(64),
  }),
  training: settled(training.omit({ loss: true })),
});

/** The training of a denoiser as data: what is learned from what, by which network, how. */
export type DenoiserConfig = z.infer<typeof denoiser>;
/** The training of an embedder as data; pictures and schedule are the denoiser's. */
export type EmbedderConfig = z.infer<typeof embedder>;
/** The training of a classifier as data. */
export type ClassifierConfig = z.infer<typeof classifier>;
/**
 * How a denoiser is trained, as in the files of `configs/`, without the data: `network`, `image`, `schedule`, `predicts`,
 * `sampler`, `training`.
 * @group Models
 * @useDeclaredType
 */
export type DenoiserRecipe = Omit<z.input<typeof denoiser>, 'data' | 'heldOut' | 'learn' | 'image'> & {
  readonly image?: { readonly padding?: number };
};
export type LossKind = DenoiserConfig['training']['loss'];

/**
 * Checks a denoiser's configuration and fills in its defaults.
 * @throws {SeedbedError} BadArgument that lists every fault with its place.
 */
export function parseDenoiserConfig(value: unknown, file: string): DenoiserConfig {
  return checked(denoiser.safeParse(value), file);
}

/** The same for an embedder's. */
export function parseEmbedderConfig(value: unknown, file: string): EmbedderConfig {
  return checked(embedder.safeParse(value), file);
}

/** The same for a classifier's. */
export function parseClassifierConfig(value: unknown, file: string): ClassifierConfig {
  return checked(classifier.safeParse(value), file);
}

/**
 * A configuration without what may change when a run is resumed: how long it is, how often it is looked at, and how the model
 * then samples.
 */
export function timeless<
  C extends {
    sampler?: unknown;
    training: { steps: number; checkpointEvery: number; evaluateEvery: number };
  },
>(config: C) {
  const { sampler: _, ...learned } = config;
  const { steps: __, checkpointEvery: ___, evaluateEvery: ____, ...training } = config.training;
  return { ...learned, training };
}

function checked<T>(parsed: z.ZodSafeParseResult<T>, file: string): T {
  if (!parsed.success)
    throw new SeedbedError('BadArgument', `not a valid configuration:\n${z.prettifyError(parsed.error)}`, {
      at: file,
    });
  return parsed.data;
}
