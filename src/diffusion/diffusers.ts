import { z } from 'zod';
import { SeedbedError } from '../errors.ts';
import type { Graph } from '../graph/ir.ts';
import type { SamplerInfo } from './info.ts';
import type { Schedule } from './schedule.ts';

/** What of a diffusers scheduler_config.json says how noise is added and removed; the defaults are diffusers' own. */
const schedulerSchema = z.object({
  _class_name: z.string().default('DDPMScheduler'),
  num_train_timesteps: z.int().gt(0).default(1000),
  beta_schedule: z.string().optional(),
  beta_start: z.number().default(1e-4),
  beta_end: z.number().default(0.02),
  trained_betas: z.array(z.number().gt(0).lt(1)).nullish(),
  prediction_type: z.enum(['epsilon', 'sample', 'v_prediction']).default('epsilon'),
  clip_sample: z.boolean().optional(),
  clip_sample_range: z.number().default(1),
  thresholding: z.boolean().default(false),
  steps_offset: z.int().gte(0).default(0),
  timestep_spacing: z.enum(['leading', 'trailing', 'linspace']).optional(),
  rescale_betas_zero_snr: z.boolean().default(false),
});
type Scheduler = z.infer<typeof schedulerSchema>;

/** What of a diffusers unet/config.json says which pictures it works on. */
const unetSchema = z.object({
  in_channels: z.int().gt(0),
  out_channels: z.int().gt(0).nullish(),
  sample_size: z.union([z.int().gt(0), z.array(z.int().gt(0)).length(2)]),
});

const PREDICTS = { epsilon: 'epsilon', sample: 'x0', v_prediction: 'v' } as const;

/** Steps of the sampler where nobody says how many; diffusers' pipelines take 50. */
const STEPS = 50;

interface Options {
  /** The model's name. */
  readonly name: string;
  /** The name that messages give it. */
  readonly file: string;
  /** T. */
  readonly steps?: number | undefined;
  /** Keeps the scheduler's clipping of x0, which has no inverse; left out unless asked for. */
  readonly clip?: boolean | undefined;
  /** Told what is left out. */
  readonly note?: (text: string) => void;
}

/**
 * The description of a diffusers model exported to ONNX, from its scheduler_config.json and, where there is one, the
 * network's config.json: the schedule, what is predicted, and the timesteps that diffusers itself would visit.
 * @throws {SeedbedError} Unsupported for a schedule that has no counterpart here, BadFile for a damaged file.
 */
export function fromDiffusers(
  graph: Graph,
  scheduler: unknown,
  unet: unknown,
  { name, file, steps = STEPS, clip = false, note = () => {} }: Options,
): Record<string, unknown> {
  const config = checked(schedulerSchema, scheduler, `${file}: scheduler_config.json`);
  const { shape, given } = shapeOf(graph, unet, file);
  const [image, level] = [
    graph.inputs.find(input => input.shape.length === 4),
    graph.inputs.find(input => /time|t$/i.test(input.name) && input.shape.length < 2),
  ];
  if (!image || !level)
    throw new SeedbedError(
      'BadFile',
      `${file}: does not look like a diffusers network: no input of pictures and one of timesteps among ${graph.inputs.map(i => i.name).join(', ')}. Describe it with --config`,
    );
  const clips = config.clip_sample ?? /^DD[PI]M(Parallel)?Scheduler$/.test(config._class_name);
  if (clips && !clip)
    note('its scheduler clips x0; left out, since a clipped step has no inverse (--clip keeps it)');
  if (config.thresholding) note("its scheduler's thresholding of x0 is left out");
  const unit = new Array<number>(shape[0]!).fill(0.5);
  const spaced = timestepsOf(config, Math.min(steps, config.num_train_timesteps));
  return {
    name,
    inputs: { image: image.name, level: level.name },
    output: graph.outputs[0]?.name,
    predicts: PREDICTS[config.prediction_type],
    level: 'timestep',
    shape,
    ...(given === 2 * shape[0]! && { outputChannels: unit.map((_, i) => i) }),
    range: { from: [0, 1], mean: unit, std: unit },
    schedule: scheduleOf(config, file),
    sampler: {
      kind: 'ddim',
      steps: spaced.length,
      grid: spaced,
      start: { timestep: spaced[0]! },
      final: 'x0',
      clipX0: clip && clips ? [-config.clip_sample_range, config.clip_sample_range] : null,
    } satisfies SamplerInfo,
  };
}

function checked<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const said = parsed.error.issues.map(({ path, message }) => [path.join('.'), message].join(': '));
  throw new SeedbedError('BadFile', `${what} is not valid: ${said.join('; ')}`);
}

/** The shape of a picture, and the channels of what the network gives for it, where that is known. */
function shapeOf(graph: Graph, unet: unknown, file: string): { shape: number[]; given: unknown } {
  const declared = graph.outputs[0]?.shape[1];
  if (unet !== undefined) {
    const config = checked(unetSchema, unet, `${file}: the network's config.json`);
    const { in_channels, out_channels, sample_size } = config;
    const [height, width] = typeof sample_size === 'number' ? [sample_size, sample_size] : sample_size;
    return { shape: [in_channels, height!, width!], given: out_channels ?? declared };
  }
  const dims = graph.inputs.find(input => input.shape.length === 4)?.shape.slice(1) ?? [];
  if (dims.length === 3 && dims.every(dim => typeof dim === 'number'))
    return { shape: dims, given: declared };
  throw new SeedbedError(
    'BadFile',
    `${file}: the size of its pictures is open ([${dims}]) and there is no config.json beside it that says it. Describe it with --config`,
  );
}

function scheduleOf(config: Scheduler, file: string): Schedule {
  const { num_train_timesteps: timesteps, beta_start: betaStart, beta_end: betaEnd } = config;
  if (config.rescale_betas_zero_snr)
    throw new SeedbedError(
      'Unsupported',
      `${file}: its schedule ends without any signal (rescale_betas_zero_snr), from which a DDIM step cannot be undone. Describe it with --config, as a list that ends before: {"kind": "alphaBar", "values": [...]}`,
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
    case undefined:
      throw new SeedbedError(
        'Unsupported',
        `${file}: its ${config._class_name} has no beta_schedule, so it is no DDPM whose noise Seedbed knows. Describe it with --config`,
      );
    default:
      throw new SeedbedError(
        'Unsupported',
        `${file}: beta_schedule '${config.beta_schedule}' is not one of linear, scaled_linear, squaredcos_cap_v2. Describe it with --config, as a list: {"kind": "alphaBar", "values": [...]}`,
      );
  }
}

/** The timesteps that diffusers visits, falling (its `set_timesteps`). */
function timestepsOf(config: Scheduler, steps: number): number[] {
  const { num_train_timesteps: count, steps_offset } = config;
  // Those that add no noise space them by stride unless told otherwise, the solvers of higher order evenly.
  const usual = /^(DD[PI]M|PNDM|LCM)/.test(config._class_name) ? 'leading' : 'linspace';
  const each = (value: (i: number) => number) => Array.from({ length: steps }, (_, i) => value(i));
  switch (config.timestep_spacing ?? usual) {
    case 'linspace':
      return each(i => roundEven(((count - 1) * (steps - 1 - i)) / Math.max(1, steps - 1)));
    case 'trailing':
      return each(i => roundEven(count - (i * count) / steps) - 1);
    case 'leading': {
      const stride = Math.floor(count / steps);
      const offset = Math.min(steps_offset, count - 1 - (steps - 1) * stride);
      return each(i => (steps - 1 - i) * stride + offset);
    }
  }
}

/** Rounded as NumPy does, halves to the even number. */
function roundEven(value: number): number {
  const low = Math.floor(value);
  if (value - low === 0.5) return low % 2 === 0 ? low : low + 1;
  return Math.round(value);
}
