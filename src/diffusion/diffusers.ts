import { z } from 'zod';
import { SeedbedError } from '../errors.ts';
import type { Graph } from '../graph/ir.ts';
import type { SamplerInfo } from './info.ts';
import type { Schedule } from './schedule.ts';

/** What of a diffusers scheduler_config.json says how noise is added and removed; the defaults are DDPMScheduler's. */
const schedulerSchema = z.object({
  _class_name: z.string().optional(),
  num_train_timesteps: z.int().gt(0).default(1000),
  beta_schedule: z.string().default('linear'),
  beta_start: z.number().default(1e-4),
  beta_end: z.number().default(0.02),
  trained_betas: z.array(z.number().gt(0).lt(1)).nullish(),
  prediction_type: z.enum(['epsilon', 'sample', 'v_prediction']).default('epsilon'),
  clip_sample: z.boolean().default(true),
  clip_sample_range: z.number().default(1),
  steps_offset: z.int().default(0),
  timestep_spacing: z.enum(['leading', 'trailing', 'linspace']).default('leading'),
  rescale_betas_zero_snr: z.boolean().default(false),
});

/** What of a diffusers unet/config.json says which pictures it works on. */
const unetSchema = z.object({
  in_channels: z.int().gt(0),
  sample_size: z.union([z.int().gt(0), z.array(z.int().gt(0)).length(2)]),
});

const PREDICTS = { epsilon: 'epsilon', sample: 'x0', v_prediction: 'v' } as const;

/** Steps of the sampler where nobody says how many; diffusers' pipelines take 50. */
const STEPS = 50;

/**
 * The description of a diffusers model exported to ONNX, from its scheduler_config.json and, where there is one, the
 * network's config.json: the schedule, what is predicted, and the timesteps that diffusers itself would visit.
 * @param clip keeps the scheduler's clipping of x0, which has no inverse; left out unless asked for.
 * @throws {SeedbedError} Unsupported for a schedule that has no counterpart here, BadFile for a damaged file.
 */
export function fromDiffusers(
  graph: Graph,
  scheduler: unknown,
  unet: unknown,
  { name, file, steps = STEPS, clip = false }: { name: string; file: string; steps?: number; clip?: boolean },
): Record<string, unknown> {
  const config = checked(schedulerSchema, scheduler, `${file}: scheduler_config.json`);
  const shape = shapeOf(graph, unet, file);
  const [image, level] = [
    graph.inputs.find(input => input.shape.length === 4),
    graph.inputs.find(input => /time|t$/i.test(input.name) && input.shape.length < 2),
  ];
  if (!image || !level)
    throw new SeedbedError(
      'BadFile',
      `${file}: does not look like a diffusers network: no input of pictures and one of timesteps among ${graph.inputs.map(i => i.name).join(', ')}. Describe it with --config`,
    );
  const unit = new Array<number>(shape[0]!).fill(0.5);
  const spaced = timestepsOf(config, Math.min(steps, config.num_train_timesteps));
  return {
    name,
    inputs: { image: image.name, level: level.name },
    output: graph.outputs[0]?.name,
    predicts: PREDICTS[config.prediction_type],
    level: 'timestep',
    shape,
    range: { from: [0, 1], mean: unit, std: unit },
    schedule: scheduleOf(config, file),
    sampler: {
      kind: 'ddim',
      steps: spaced.length,
      grid: spaced,
      start: { timestep: spaced[0]! },
      final: 'x0',
      clipX0: clip && config.clip_sample ? [-config.clip_sample_range, config.clip_sample_range] : null,
    } satisfies SamplerInfo,
  };
}

function checked<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new SeedbedError('BadFile', `${what} is not valid:\n${z.prettifyError(parsed.error)}`);
}

function shapeOf(graph: Graph, unet: unknown, file: string): number[] {
  if (unet !== undefined) {
    const { in_channels, sample_size } = checked(unetSchema, unet, `${file}: the network's config.json`);
    const [height, width] = typeof sample_size === 'number' ? [sample_size, sample_size] : sample_size;
    return [in_channels, height!, width!];
  }
  const dims = graph.inputs.find(input => input.shape.length === 4)?.shape.slice(1) ?? [];
  if (dims.length === 3 && dims.every(dim => typeof dim === 'number')) return dims as number[];
  throw new SeedbedError(
    'BadFile',
    `${file}: the size of its pictures is open ([${dims}]) and there is no config.json beside it that says it. Describe it with --config`,
  );
}

function scheduleOf(config: z.infer<typeof schedulerSchema>, file: string): Schedule {
  const { num_train_timesteps: timesteps, beta_start: betaStart, beta_end: betaEnd } = config;
  if (config.rescale_betas_zero_snr)
    throw new SeedbedError(
      'Unsupported',
      `${file}: its schedule ends without any signal (rescale_betas_zero_snr), from which a DDIM step cannot be undone`,
    );
  if (config.trained_betas) {
    let alphaBar = 1;
    return { kind: 'alphaBar', values: config.trained_betas.map(beta => (alphaBar *= 1 - beta)) };
  }
  switch (config.beta_schedule) {
    case 'linear':
      return { kind: 'linearBeta', timesteps, betaStart, betaEnd };
    case 'scaled_linear':
      return { kind: 'scaledLinearBeta', timesteps, betaStart, betaEnd };
    case 'squaredcos_cap_v2':
      return { kind: 'cosineBeta', timesteps };
    default:
      throw new SeedbedError(
        'Unsupported',
        `${file}: beta_schedule '${config.beta_schedule}' is not one of linear, scaled_linear, squaredcos_cap_v2. Describe it with --config, as a list: {"kind": "alphaBar", "values": [...]}`,
      );
  }
}

/** The timesteps that diffusers visits, falling (its `set_timesteps`). */
function timestepsOf(
  { num_train_timesteps: count, timestep_spacing, steps_offset }: z.infer<typeof schedulerSchema>,
  steps: number,
): number[] {
  const each = (value: (i: number) => number) => Array.from({ length: steps }, (_, i) => value(i));
  if (timestep_spacing === 'linspace')
    return each(i => Math.round(((count - 1) * (steps - 1 - i)) / Math.max(1, steps - 1)));
  if (timestep_spacing === 'trailing') return each(i => Math.round(count - (i * count) / steps) - 1);
  const stride = Math.floor(count / steps);
  return each(i => Math.min((steps - 1 - i) * stride + steps_offset, count - 1));
}
