import { z } from 'zod';
import { SeedbedError } from '../errors.ts';
import type { Graph } from '../graph/ir.ts';
import type { SamplerInfo } from './info.ts';
import type { Schedule } from './schedule.ts';

/** What of a diffusers scheduler_config.json says how much noise there is; the defaults are diffusers' own. */
const scheduleSchema = z.object({
  _class_name: z.string().default('DDPMScheduler'),
  num_train_timesteps: z.int().gt(0).default(1000),
  beta_schedule: z.string().optional(),
  beta_start: z.number().default(1e-4),
  beta_end: z.number().default(0.02),
  trained_betas: z.array(z.number().gt(0).lt(1)).nullish(),
  rescale_betas_zero_snr: z.boolean().default(false),
});

/** What of it says what the network predicts; `predict_epsilon` is of diffusers 0.7 to 0.9, which later ones ignore. */
const predictionSchema = z.object({
  prediction_type: z.enum(['epsilon', 'sample', 'v_prediction']).default('epsilon'),
  predict_epsilon: z.unknown().optional(),
});

/** What of it says how noise is removed. */
const samplerSchema = z.object({
  _class_name: z.string().default('DDPMScheduler'),
  num_train_timesteps: z.int().gt(0).default(1000),
  clip_sample: z.boolean().optional(),
  clip_sample_range: z.number().default(1),
  thresholding: z.boolean().default(false),
  steps_offset: z.int().gte(0).default(0),
  timestep_spacing: z.enum(['leading', 'trailing', 'linspace']).optional(),
});

/** What of a diffusers unet/config.json says which pictures it works on. */
const unetSchema = z.object({
  in_channels: z.int().gt(0),
  out_channels: z.int().gt(0).nullish(),
  sample_size: z.union([z.int().gt(0), z.array(z.int().gt(0)).length(2)]).nullish(),
});

type Sampler = z.infer<typeof samplerSchema>;

const PREDICTS = { epsilon: 'epsilon', sample: 'x0', v_prediction: 'v' } as const;

/** Steps of the sampler where nobody says how many; diffusers' pipelines take 50. */
const STEPS = 50;

interface Options {
  /** The model's name. */
  readonly name: string;
  /** The name that messages give it. */
  readonly file: string;
  /** Fields of the description that somebody gives: they count instead of what the folder says, which is then not read. */
  readonly given?: Readonly<Record<string, unknown>> | undefined;
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
 * @throws {SeedbedError} Unsupported for a schedule that has no counterpart here, BadFile for a damaged file; neither for
 * what is given.
 */
export function fromDiffusers(
  graph: Graph,
  scheduler: unknown,
  unet: unknown,
  { name, file, given = {}, steps = STEPS, clip = false, note = () => {} }: Options,
): Record<string, unknown> {
  const where = `${file}: scheduler_config.json`;
  const { shape, own, outputChannels } = shapeOf(graph, unet, given.shape, file);
  const unit = own.map(() => 0.5);
  const said: Record<string, () => unknown> = {
    name: () => name,
    inputs: () => inputsOf(graph, file),
    output: () => graph.outputs[0]?.name,
    predicts: () => predictsOf(checked(predictionSchema, scheduler, where), note),
    level: () => 'timestep',
    shape: () => shape,
    range: () => ({ from: [0, 1], mean: unit, std: unit }),
    schedule: () => scheduleOf(checked(scheduleSchema, scheduler, where), file),
    ...(outputChannels && { outputChannels: () => outputChannels }),
  };
  const rest = Object.entries(said).filter(([field]) => !(field in given));
  const described = { ...Object.fromEntries(rest.map(([field, say]) => [field, say()])), ...given };
  if ('sampler' in given) return described;
  const config = checked(samplerSchema, scheduler, where);
  return { ...described, sampler: samplerOf(config, described.schedule, { steps, clip, note }) };
}

function inputsOf(graph: Graph, file: string): { image: string; level: string } {
  const image = graph.inputs.find(input => input.shape.length === 4);
  const level = graph.inputs.find(input => /time|t$/i.test(input.name) && input.shape.length < 2);
  if (image && level) return { image: image.name, level: level.name };
  throw new SeedbedError(
    'BadFile',
    `${file}: does not look like a diffusers network: no input of pictures and one of timesteps among ${graph.inputs.map(i => i.name).join(', ')}. Describe it with --config`,
  );
}

function predictsOf(
  { prediction_type, predict_epsilon }: z.infer<typeof predictionSchema>,
  note: (text: string) => void,
): string {
  if (predict_epsilon === false && prediction_type === 'epsilon')
    note(
      'its predict_epsilon, false, is a key of old that diffusers ignores too: taken as predicting epsilon. If it predicts the clean picture, say {"predicts": "x0"} by --config',
    );
  return PREDICTS[prediction_type];
}

/** The sampler that visits the timesteps that diffusers itself would, within the schedule. */
function samplerOf(
  config: Sampler,
  schedule: unknown,
  { steps, clip, note }: Required<Pick<Options, 'steps' | 'clip' | 'note'>>,
): SamplerInfo {
  const clips = config.clip_sample ?? /^DD[PI]M(Parallel)?Scheduler$/.test(config._class_name);
  if (clips && !clip)
    note('its scheduler clips x0; left out, since a clipped step has no inverse (--clip keeps it)');
  if (config.thresholding) note("its scheduler's thresholding of x0 is left out");
  const spaced = timestepsOf(config, Math.min(steps, config.num_train_timesteps));
  const last = lastTimestep(schedule) ?? spaced[0]!;
  const within = [...new Set(spaced.map(timestep => Math.min(timestep, last)))];
  if (spaced[0]! > last)
    note(`its sampler begins at timestep ${last}, the last of the schedule, not at ${spaced[0]}`);
  return {
    kind: 'ddim',
    steps: within.length,
    grid: within,
    start: { timestep: within[0]! },
    final: 'x0',
    clipX0: clip && clips ? [-config.clip_sample_range, config.clip_sample_range] : null,
  };
}

/** The last timestep of a schedule; undefined where it has none, or is not valid. */
function lastTimestep(schedule: unknown): number | undefined {
  const { values, timesteps } = Object(schedule);
  const count = Array.isArray(values) ? values.length : timesteps;
  return Number.isSafeInteger(count) && count > 0 ? count - 1 : undefined;
}

function checked<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const said = parsed.error.issues.map(({ path, message }) => [path.join('.'), message].join(': '));
  throw new SeedbedError('BadFile', `${what} is not valid: ${said.join('; ')}`);
}

/** The most channels of a picture; more are refused, by the graph that has fewer, or as a description. */
const MOST_CHANNELS = 4096;

/** The shape of a picture, its channels, and which of the output's are the prediction, where it has more. */
function shapeOf(
  graph: Graph,
  unet: unknown,
  given: unknown,
  file: string,
): { shape: readonly number[]; own: number[]; outputChannels: number[] | undefined } {
  // Beside a shape that is given, a damaged or incomplete file does not matter.
  const config =
    given === undefined && unet !== undefined
      ? checked(unetSchema, unet, `${file}: the network's config.json`)
      : (unetSchema.partial().safeParse(unet).data ?? {});
  const { in_channels, out_channels, sample_size } = config;
  const dims = graph.inputs.find(input => input.shape.length === 4)?.shape.slice(1) ?? [];
  const size = typeof sample_size === 'number' ? [sample_size, sample_size] : (sample_size ?? dims.slice(1));
  const shape = Array.isArray(given) ? given : [in_channels ?? dims[0], ...size];
  if (given === undefined && !(shape.length === 3 && shape.every(dim => typeof dim === 'number')))
    throw new SeedbedError(
      'BadFile',
      `${file}: the size of its pictures is open ([${dims}]) and no config.json beside it says it. Describe it with --config`,
    );
  const channels = out_channels ?? graph.outputs[0]?.shape[1];
  const own = Array.from({ length: Math.min(Number(shape[0]) || 0, MOST_CHANNELS) }, (_, i) => i);
  return { shape, own, outputChannels: channels === 2 * own.length ? own : undefined };
}

function scheduleOf(config: z.infer<typeof scheduleSchema>, file: string): Schedule {
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
function timestepsOf(config: Sampler, steps: number): number[] {
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
