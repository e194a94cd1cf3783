import { standardise } from '../data/pixels.ts';
import { levelAt } from '../diffusion/grid.ts';
import { type DenoiserInfo, LEVEL_KINDS } from '../diffusion/info.ts';
import { PREDICTIONS, readings, targetOf } from '../diffusion/prediction.ts';
import {
  FLOW_TIMESTEPS,
  type Level,
  ratesAt,
  SCHEDULES,
  type Schedule,
  timeOf,
  timestepsOf,
} from '../diffusion/schedule.ts';
import { combine } from '../tensor/rowwise.ts';
import { average } from '../tensor/statistics.ts';
import type { Floats } from '../tensor/tensor.ts';

/** One way in which a model's description may be mistaken, and the description as it would then be right. */
export interface Hypothesis {
  /** What is changed, in words; empty for the description as it stands. */
  readonly change: string;
  readonly info: DenoiserInfo;
  /** Added to what the level input is fed. */
  readonly shift: number;
  readonly topic: 'prediction' | 'range';
}

/**
 * A description's likely mistakes, one change each, after the description itself.
 * @param pictures [n, ...shape], pixels in [0,1], for which other ranges are tried; own samples say nothing of theirs.
 */
export function hypotheses(
  info: DenoiserInfo,
  levelIsWhole: boolean,
  pictures: Floats | undefined,
): Hypothesis[] {
  const plain = { info, shift: 0, topic: 'prediction' as const };
  const levels = levelIsWhole ? (['timestep'] as const) : LEVEL_KINDS;
  return [
    { ...plain, change: '' },
    ...PREDICTIONS.filter(predicts => predicts !== info.predicts).map(predicts => ({
      ...plain,
      change: `"predicts": "${predicts}"`,
      info: { ...info, predicts },
    })),
    ...levels
      .filter(level => level !== info.level && (level !== 'timestep' || hasTimesteps(info.schedule)))
      .map(level => ({ ...plain, change: `"level": "${level}"`, info: { ...info, level } })),
    ...(info.level === 'timestep'
      ? [1, -1].map(shift => ({
          ...plain,
          change: `timesteps counted from ${shift}: the schedule is off by one step`,
          shift,
        }))
      : []),
    ...otherSchedules(info).map(schedule => ({
      ...plain,
      change: `"schedule": ${JSON.stringify(schedule)}`,
      info: { ...info, schedule },
    })),
    ...flowInstead(info, levelIsWhole).map(schedule => ({
      ...plain,
      change: `"predicts": "flow", "schedule": ${JSON.stringify(schedule)}`,
      info: { ...info, predicts: 'flow' as const, schedule },
    })),
    ...(info.sees === 'exploding' ? (['preserving'] as const) : (['exploding'] as const)).map(sees => ({
      ...plain,
      change: `"sees": "${sees}"`,
      info: { ...info, sees },
    })),
    ...(pictures ? otherRanges(info, pictures) : []).map(({ why, range }) => ({
      ...plain,
      topic: 'range' as const,
      change: `"range": ${JSON.stringify(range)}${why}`,
      info: { ...info, range },
    })),
  ];
}

/** Flow matching of as many timesteps, which are fractions. */
function flowInstead({ schedule, level }: DenoiserInfo, levelIsWhole: boolean): DenoiserInfo['schedule'][] {
  if (schedule.kind === 'flow' || levelIsWhole) return [];
  const timesteps = level === 'timestep' ? timestepsOf(schedule) : undefined;
  return [{ kind: 'flow', ...(timesteps !== undefined && { timesteps }) }];
}

const hasTimesteps = (schedule: Schedule) => schedule.kind === 'flow' || timestepsOf(schedule) !== undefined;

/**
 * The common schedules with as many timesteps, for networks that are told the time: of others, told how much noise there is, the
 * schedule says nothing.
 */
function otherSchedules({ schedule: own, level }: DenoiserInfo): DenoiserInfo['schedule'][] {
  const timesteps = timestepsOf(own);
  if (timesteps === undefined || !(level === 'timestep' || level === 'diffusionTime')) return [];
  const scaled = { timesteps, betaStart: 0.00085, betaEnd: 0.012 };
  const all: DenoiserInfo['schedule'][] = [
    { ...SCHEDULES.linear, timesteps },
    { ...SCHEDULES.quadratic, timesteps },
    { kind: 'scaledLinearBeta', ...scaled },
    { kind: 'cosineBeta', timesteps },
  ];
  return all.filter(other => !alike(own, other));
}

/** Whether two schedules hold nearly the same signal at every time. */
function alike(a: Schedule, b: Schedule): boolean {
  const times = [0.1, 0.3, 0.5, 0.7, 0.9];
  return times.every(t => Math.abs(ratesAt(a, t).signalRate - ratesAt(b, t).signalRate) < 0.02);
}

/** The usual ranges of pixels, and the pictures' own mean and deviation, but for those like the model's. */
function otherRanges({ range, shape }: DenoiserInfo, pictures: Floats) {
  if (shape.length !== 3) return [];
  const { mean, variance } = moments(pictures);
  const own = {
    mean: round(mean),
    std: round(Math.sqrt(variance)),
    why: ', about their own mean and deviation',
  };
  const usual = [
    { mean: 0, std: 1, why: '' },
    { mean: 0.5, std: 0.5, why: '' },
    { mean: 0, std: 1 / 255, why: '' },
  ];
  const all = [...(range.from === null ? [] : usual), own];
  const [m, s] = [average(range.mean), average(range.std)];
  return all
    .filter(({ mean, std }) => std > 0 && (Math.abs(mean - m) > 0.1 * s || Math.abs(Math.log(std / s)) > 0.2))
    .map(({ mean, std, why }) => ({
      why,
      range: { from: range.from, mean: range.mean.map(() => mean), std: range.std.map(() => std) },
    }));
}

const round = (value: number) => Number(value.toFixed(2));

/** A network's output for what it is shown and told, whatever that means. */
export type Ask = (seen: Floats, fed: number) => Promise<Floats>;

/**
 * How well a network removes noise under each hypothesis: its squared error on epsilon over that of a denoiser that knows
 * nothing but the pictures' mean and variance, geometric mean over noise levels; infinite where it cannot be asked. Where a
 * hypothesis has no such level, it is held against the description at the others.
 * @param pictures [n, ...shape], pixels in [0,1], padded; @param noise of the same shape.
 */
export async function denoisingErrors(
  ask: Ask,
  info: DenoiserInfo,
  all: readonly Hypothesis[],
  pictures: Floats,
  noise: Floats,
  times: readonly number[],
): Promise<number[]> {
  const logs = all.map((): (number | undefined)[] => times.map(() => undefined));
  const known = new Map<string, Floats>();
  for (const [t, time] of times.entries()) {
    const own = levelAt(info, time);
    for (const [i, { info: other, shift }] of all.entries()) {
      const level = levelUnder(other, own, info);
      const { signalRate: s, noiseRate: n } = level;
      const fed = level.fed + shift;
      if (!canBeFed(other, fed)) continue;
      const clean = standardise(pictures, other.range);
      const x = combine([s, clean], [n, noise]);
      const key = JSON.stringify([time, fed, s.toFixed(6), other.sees, other.range]);
      const asked = async () => ask(other.sees === 'exploding' ? combine([1 / s, x]) : x, fed);
      // A network with a table of timesteps cannot be told what lies beside it; but as it is described it can.
      const output =
        known.get(key) ?? (await asked().catch(error => (i > 0 ? undefined : Promise.reject(error))));
      if (!output) continue;
      known.set(key, output);
      const error = meanSquare(combine([1, epsilonOf(other, x, output, level)], [-1, noise]));
      logs[i]![t] = Math.log(error / varianceOnly(clean, noise, level));
    }
  }
  return logs.map(values => meanError(values, logs[0]!));
}

/** e to the mean of a hypothesis' logarithms; of those at some of the levels, to the mean of the description's and how far they lie from it there. */
function meanError(values: readonly (number | undefined)[], described: readonly (number | undefined)[]) {
  const known = values.flatMap((value, t) => (value === undefined ? [] : [{ value, beside: described[t] }]));
  if (known.length < values.length / 2) return Number.POSITIVE_INFINITY;
  const pairs = known.flatMap(({ value, beside }) => (beside === undefined ? [] : [value - beside]));
  const all = described.filter(value => value !== undefined);
  const compared = known.length < all.length && Number.isFinite(average(all));
  const mean = compared ? average(all) + average(pairs) : average(known.map(({ value }) => value));
  return Number.isNaN(mean) ? Number.POSITIVE_INFINITY : Math.exp(mean);
}

function canBeFed({ level, schedule }: DenoiserInfo, fed: number): boolean {
  const last = schedule.kind === 'flow' ? (schedule.timesteps ?? FLOW_TIMESTEPS) : timestepsOf(schedule)! - 1;
  return Number.isFinite(fed) && (level !== 'timestep' || (fed >= 0 && fed <= last));
}

function epsilonOf({ predicts }: DenoiserInfo, x: Floats, output: Floats, level: Level): Floats {
  const { epsilon } = readings({ ...level, target: targetOf(predicts, level) });
  return combine([epsilon.x, x], [epsilon.predicted, output]);
}

/** The error on epsilon of the best denoiser that knows only x0's mean m and variance v: n (x - s m) / (s^2 v + n^2). */
function varianceOnly(x0: Floats, noise: Floats, { signalRate: s, noiseRate: n }: Level): number {
  const { mean, variance } = moments(x0);
  const factor = n / (s * s * variance + n * n);
  const centred = { ...x0, data: x0.data.map(value => value - mean) };
  return meanSquare(combine([factor * s, centred], [factor * n - 1, noise]));
}

function moments({ data }: Floats): { mean: number; variance: number } {
  const mean = average(Array.from(data));
  return { mean, variance: average(Array.from(data, value => (value - mean) ** 2)) };
}

/** The level of a hypothesis at which there is as much noise over signal. */
function levelUnder(info: DenoiserInfo, level: Level, own: DenoiserInfo): Level {
  return levelAt(info, info.schedule === own.schedule ? level.time : timeOf(info.schedule, level));
}

function meanSquare({ data }: Floats): number {
  let sum = 0;
  for (const value of data) sum += value * value;
  return sum / data.length;
}
