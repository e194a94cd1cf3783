import { z } from 'zod';
import { SeedbedError } from '../errors.ts';
import { scheduleSchema } from './model.ts';
import { SCHEDULES } from './schedule.ts';

const network = z.strictObject({
  kind: z.enum(['unet', 'conv', 'mlp']),
  channels: z.array(z.int().gt(0)),
  blocks: z.int().gt(0).default(2),
  embedding: z.int().multipleOf(2).gt(0).default(64),
  attention: z.enum(['spatial', 'se', 'naf']).nullable().default(null),
  kernels: z.array(z.int().gt(0)).optional(),
});

const training = z.strictObject({
  loss: z.enum(['mae', 'mse']),
  optimiser: z.enum(['adam', 'adamw']).default('adam'),
  learningRate: z.number().gt(0),
  decay: z.enum(['constant', 'cosine']).default('constant'),
  warmup: z.int().gte(0).default(0),
  weightDecay: z.number().gte(0).default(0),
  batch: z.int().gt(0),
  ema: z.number().gte(0).lt(1).default(0.999),
  steps: z.int().gt(0),
  checkpointEvery: z.int().gt(0).default(200),
  evaluateEvery: z.int().gt(0).default(200),
});

const config = z.strictObject({
  data: z.string(),
  heldOut: z.int().gte(16),
  image: z.strictObject({
    size: z.int().gt(0).optional(),
    channels: z.union([z.literal(1), z.literal(3)]).optional(),
    crop: z.boolean().default(false),
    padding: z.int().gte(0).default(0),
  }).default({ crop: false, padding: 0 }),
  network,
  schedule: z.union([z.enum(['linear', 'quadratic', 'cosine', 'continuousCosine']).transform(name => SCHEDULES[name]), scheduleSchema]),
  training,
});

/** A training run as data: what is learned from what, by which network, how. */
export type TrainingConfig = z.infer<typeof config>;
export type LossKind = TrainingConfig['training']['loss'];

/**
 * Checks a configuration and fills in its defaults.
 * @throws {SeedbedError} BadArgument that lists every fault with its place.
 */
export function parseConfig(value: unknown, file: string): TrainingConfig {
  const parsed = config.safeParse(value);
  if (!parsed.success) throw new SeedbedError('BadArgument', `${file}: not a valid configuration:\n${z.prettifyError(parsed.error)}`);
  return parsed.data;
}
