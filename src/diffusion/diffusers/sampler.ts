import { z } from 'zod';
import { SeedbedError } from '../../errors.ts';
import { ddim, type SamplerInfo } from '../sampler-info.ts';
import { FLOW_TIMESTEPS, ratesAt, type Schedule, timestepsOf as timestepsIn } from '../schedule.ts';
import { checked } from './checked.ts';
import type { Config } from './fields.ts';
import { flowSigmas, isTimestepped, shifted, timestepsOf } from './grids.ts';
import { namesSigmas, type Pipeline } from './pipeline.ts';
import { flowTime } from './schedule.ts';
import type { Read } from './schedulers.ts';

const samplerSchema = z.object({
  num_train_timesteps: z.int().gt(0).lte(100_000),
  clip_sample: z.boolean().default(false),
  clip_denoised: z.boolean().default(false),
  clip_sample_range: z.number().default(1),
  steps_offset: z.int().gte(0).default(0),
  timestep_spacing: z.enum(['leading', 'trailing', 'linspace']).default('linspace'),
  set_alpha_to_one: z.boolean().default(true),
  final_sigmas_type: z.enum(['zero', 'sigma_min']).default('zero'),
  lambda_min_clipped: z
    .union([z.number(), z.literal(Number.NEGATIVE_INFINITY)])
    .default(Number.NEGATIVE_INFINITY),
  original_inference_steps: z.int().gt(0).nullish(),
  shift_terminal: z.number().gt(0).lt(1).nullish(),
  use_dynamic_shifting: z.boolean().default(false),
});

type Sampler = z.infer<typeof samplerSchema>;

/** How it is sampled from. */
export interface Asked {
  /** T. */
  readonly steps: number;
  /** Keeps the clipping of x0. */
  readonly clip: boolean;
  /** The pipeline that it is of, where that is known. */
  readonly pipeline: Pipeline | undefined;
  /** Steps as diffusers does where it steps beside its own timesteps. */
  readonly like: 'diffusers' | undefined;
  /** The name that messages give the file. */
  readonly where: string;
  readonly note: (text: string) => void;
}

/** The sampler that visits the levels that a scheduler would, within the schedule. */
export function samplerOf(config: Config, row: Read, schedule: unknown, asked: Asked): SamplerInfo {
  const sampler = checked(samplerSchema, config, asked.where);
  const { clip_sample_range: most } = sampler;
  const clips = clipsIn(row, sampler);
  const clipX0: SamplerInfo['clipX0'] = asked.clip && clips ? [-most, most] : null;
  if (row.spacing === 'edm') {
    // Its schedule has the sigmas that are visited.
    const final = sampler.final_sigmas_type === 'zero' ? 'x0' : { timestep: 0 };
    return { ...ddim(asked.steps), final, clipX0 };
  }
  if (row.spacing === 'consistency') {
    if (asked.steps > 1)
      asked.note(
        'its sampler has one step: those that a consistency model takes after it begin with new noise',
      );
    return { ...ddim(1), clipX0 };
  }
  if (isFlow(schedule)) {
    const grid = flowTimes(sampler, row, schedule, asked);
    if (row.spacing !== 'flow' && endsAtFirst(sampler, row))
      asked.note('its steps end at the clean picture, where its scheduler leaves the noise of a last sigma');
    return {
      kind: 'ddim',
      steps: grid.length,
      grid,
      start: { diffusionTime: grid[0]! },
      final: 'x0',
      clipX0,
    };
  }
  return { ...betaSampler(sampler, row, schedule, asked), clipX0 };
}

const isFlow = (schedule: unknown): schedule is Extract<Schedule, { kind: 'flow' }> =>
  Object(schedule).kind === 'flow';

/** Whether a scheduler clips predicted pictures. */
export const clipsIn = ({ neverClips }: Read, config: Config) =>
  !neverClips && (config.clip_sample === true || config.clip_denoised === true);

/** Whether the last step leads to the noise of timestep 0, not to the clean picture. */
function endsAtFirst({ set_alpha_to_one, final_sigmas_type }: Sampler, { ends }: Read): boolean {
  return ends ? ends === 'first' : !set_alpha_to_one || final_sigmas_type === 'sigma_min';
}

/** The diffusion times at which a flow schedule has the sigmas that diffusers visits. */
function flowTimes(
  { shift_terminal, use_dynamic_shifting }: Sampler,
  { spacing }: Read,
  { shift = 1, timesteps: count = FLOW_TIMESTEPS }: Extract<Schedule, { kind: 'flow' }>,
  { steps, pipeline }: Asked,
): number[] {
  if (pipeline?.sigmas) return pipeline.sigmas.map(sigma => flowTime(shifted(sigma, shift), shift));
  const ofFlow = spacing === 'flow';
  const names = namesSigmas(pipeline, { ofFlow, isDynamic: use_dynamic_shifting });
  const least = names ? 1 / steps : 1 / count;
  const spaced =
    ofFlow || names
      ? { first: 1, last: names || use_dynamic_shifting ? least : shifted(least, shift), parts: steps - 1 }
      : shift_terminal !== undefined
        ? { first: 1, last: least, parts: steps }
        : { first: 1 - least, last: 0, parts: steps };
  const sigmas = flowSigmas({ steps, ...spaced }, shift, shift_terminal ?? undefined);
  return sigmas.map(sigma => flowTime(sigma, shift));
}

function betaSampler(
  sampler: Sampler,
  row: Read,
  schedule: unknown,
  { steps: wanted, like, where, note }: Asked,
): SamplerInfo {
  const count = sampler.num_train_timesteps;
  const original = Math.min(sampler.original_inference_steps ?? count, count);
  const steps = Math.min(wanted, row.spacing === 'distilled' ? original : count);
  if (steps < wanted) note(`its sampler has ${steps} steps at most, not ${wanted}`);
  const spacing = sampler.timestep_spacing;
  const clipped = clippedBelow(sampler.lambda_min_clipped, schedule);
  const spaced = { count, steps, spacing, offset: sampler.steps_offset, clipped, original };
  const visited = timestepsOf(isTimestepped(row.spacing) ? row.spacing : 'even', spaced);
  const last = lastTimestep(schedule) ?? visited[0]!;
  const within = [...new Set(visited.map(timestep => Math.min(timestep, last)))];
  if (visited[0]! > last)
    note(`its sampler begins at timestep ${last}, the last of the schedule, not at ${visited[0]}`);
  const stride = like && row.strides ? strideOf(within, count, steps, spacing, where) : undefined;
  return {
    kind: 'ddim',
    steps: within.length,
    grid: within,
    start: { timestep: within[0]! },
    final: endsAtFirst(sampler, row) ? { timestep: 0 } : 'x0',
    ...(stride && { stride }),
  };
}

/** N // T, by which diffusers' DDIM steps, where that does not lead to the next timestep. */
function strideOf(
  visited: readonly number[],
  count: number,
  steps: number,
  spacing: string,
  where: string,
): number | undefined {
  // NumPy's arange(N, 0, -N / T) holds one more than T where rounding makes it so.
  if (spacing === 'trailing' && Math.ceil(count / (count / steps)) > steps)
    throw new SeedbedError(
      'Unsupported',
      `of ${steps} trailing steps diffusers makes ${steps + 1}, the last of them at timestep -1, which is none. Give another --sampler-steps, or no --like`,
      { at: where },
    );
  const stride = Math.floor(count / steps);
  const along = visited.every((timestep, i) =>
    i + 1 < visited.length ? timestep - stride === visited[i + 1] : timestep < stride,
  );
  return along ? undefined : stride;
}

/** How many timesteps at the noisy end have a log(s / n) below `least`. */
function clippedBelow(least: number, schedule: unknown): number {
  const last = lastTimestep(schedule);
  if (least === Number.NEGATIVE_INFINITY || last === undefined) return 0;
  const known = schedule as Schedule;
  let clipped = 0;
  for (; clipped < last; clipped++) {
    const { signalRate, noiseRate } = ratesAt(known, (last + 1 - clipped) / (last + 1));
    if (Math.log(signalRate / noiseRate) >= least) break;
  }
  return clipped;
}

/** The last timestep of a schedule; undefined where it has none, or is not valid. */
function lastTimestep(schedule: unknown): number | undefined {
  const { kind, values, timesteps } = Object(schedule);
  if (kind === 'flow') return undefined;
  const count = Array.isArray(values) ? timestepsIn(schedule as Schedule) : timesteps;
  return Number.isSafeInteger(count) && count > 0 ? count - 1 : undefined;
}
