import { standardise } from '../data/pixels.ts';
import { type Level, levelAt } from '../diffusion/grid.ts';
import { type DenoiserInfo, LEVEL_KINDS, PREDICTIONS } from '../diffusion/info.ts';
import { ratesAt, SCHEDULES, type Schedule, timestepsOf } from '../diffusion/schedule.ts';
import { combine } from '../tensor/rowwise.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { average } from './metrics.ts';

type Floats = Tensor<'float32'>;

/** One way in which a model's description may be mistaken, and the description as it would then be right. */
export interface Hypothesis {
  /** What is changed, in words; empty for the description as it stands. */
  readonly change: string;
  readonly info: DenoiserInfo;
  /** Added to what the level input is fed. */
  readonly shift: number;
}

/** A description's likely mistakes, one change each, after the description itself. */
export function hypotheses(info: DenoiserInfo, levelIsWhole: boolean): Hypothesis[] {
  const count = timestepsOf(info.schedule);
  const plain = { info, shift: 0 };
  const levels = levelIsWhole ? (['timestep'] as const) : LEVEL_KINDS;
  return [
    { ...plain, change: '' },
    ...PREDICTIONS.filter(predicts => predicts !== info.predicts).map(predicts => ({
      ...plain,
      change: `"predicts": "${predicts}"`,
      info: { ...info, predicts },
    })),
    ...levels
      .filter(level => level !== info.level && (level !== 'timestep' || count !== undefined))
      .map(level => ({ ...plain, change: `"level": "${level}"`, info: { ...info, level } })),
    ...(info.level === 'timestep'
      ? [1, -1].map(shift => ({
          ...plain,
          change: `timesteps counted from ${shift}: the schedule is off by one step`,
          shift,
        }))
      : []),
    ...otherSchedules(info.schedule).map(schedule => ({
      ...plain,
      change: `"schedule": ${JSON.stringify(schedule)}`,
      info: { ...info, schedule },
    })),
    ...(info.sees === 'exploding' ? (['preserving'] as const) : (['exploding'] as const)).map(sees => ({
      ...plain,
      change: `"sees": "${sees}"`,
      info: { ...info, sees },
    })),
  ];
}

/** The common schedules with as many timesteps, for networks that are told the timestep. */
function otherSchedules(own: Schedule): DenoiserInfo['schedule'][] {
  const timesteps = timestepsOf(own);
  if (timesteps === undefined) return [];
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

/** The usual ranges of pixels, and the pictures' own mean and deviation, but for the model's range. */
function otherRanges({ range, shape }: DenoiserInfo, pictures: Floats) {
  if (shape.length !== 3) return [];
  const { mean, deviation } = moments(pictures);
  const all = [
    { mean: 0, std: 1 },
    { mean: 0.5, std: 0.5 },
    { mean: 0, std: 1 / 255 },
    {
      mean: Number(mean.toFixed(2)),
      std: Number(deviation.toFixed(2)),
      why: ', about their own mean and deviation',
    },
  ];
  return all
    .filter(({ mean, std }) => mean !== range.mean[0] || std !== range.std[0])
    .map(({ mean, std, why = '' }) => {
      const other = { from: range.from, mean: range.mean.map(() => mean), std: range.std.map(() => std) };
      return { change: `"range": ${JSON.stringify(other)}${why}`, range: other };
    });
}

/**
 * The range of pixels under which pictures have about the mean and deviation of what the model itself grows, where the
 * description's own does not; undefined where it does, or none does.
 * @param grown what the network grew, in its own units; @param pictures [n, ...shape], pixels in [0,1].
 */
export function likelierRange(info: DenoiserInfo, grown: Floats, pictures: Floats): string | undefined {
  const wanted = moments(grown);
  const distance = (range: DenoiserInfo['range']) => {
    const { mean, deviation } = moments(standardise(pictures, range));
    return Math.abs(mean - wanted.mean) / wanted.deviation + Math.abs(Math.log(deviation / wanted.deviation));
  };
  const own = distance(info.range);
  const [best] = otherRanges(info, pictures)
    .map(({ change, range }) => ({ change, far: distance(range) }))
    .sort((a, b) => a.far - b.far);
  return best && own > 0.5 && best.far < own / 2 ? best.change : undefined;
}

function moments({ data }: Floats): { mean: number; deviation: number } {
  const mean = data.reduce((sum, value) => sum + value, 0) / data.length;
  const square = data.reduce((sum, value) => sum + (value - mean) ** 2, 0) / data.length;
  return { mean, deviation: Math.sqrt(square) };
}

/** A network's output for what it is shown and told, whatever that means. */
export type Ask = (seen: Floats, fed: number) => Promise<Floats>;

/**
 * How well a network removes noise under each hypothesis: the geometric mean over noise levels of its squared error on
 * epsilon, at the same levels for all, so that the numbers compare.
 * @param pictures [n, ...shape], pixels in [0,1], padded; @param noise of the same shape.
 */
export async function denoisingErrors(
  ask: Ask,
  info: DenoiserInfo,
  all: readonly Hypothesis[],
  pictures: Floats,
  noise: Floats,
  times: readonly number[],
): Promise<{ errors: number[]; baseline: number }> {
  const logs = all.map(() => [] as number[]);
  const known = new Map<string, Floats>();
  const baselines: number[] = [];
  for (const time of times) {
    const level = levelAt(info, time);
    const { signalRate: s, noiseRate: n } = level;
    const clean = standardise(pictures, info.range);
    baselines.push(Math.log(varianceOnly(clean, noise, level)));
    const x = combine([s, clean], [n, noise]);
    for (const [i, { info: other, shift }] of all.entries()) {
      const seen = other.sees === 'exploding' ? combine([1 / s, x]) : x;
      const fed = fedUnder(other, level, info) + shift;
      if (
        !Number.isFinite(fed) ||
        (other.level === 'timestep' && (fed < 0 || fed >= timestepsOf(other.schedule)!))
      ) {
        logs[i]!.push(Number.NaN);
        continue;
      }
      const key = `${time} ${fed} ${other.sees}`;
      const output = known.get(key) ?? (await ask(seen, fed));
      known.set(key, output);
      const epsilon =
        other.predicts === 'epsilon'
          ? output
          : other.predicts === 'x0'
            ? combine([1 / n, x], [-s / n, output])
            : combine([n, x], [s, output]);
      logs[i]!.push(Math.log(meanSquare(combine([1, epsilon], [-1, noise]))));
    }
  }
  const mean = (values: readonly number[]) => {
    const kept = values.filter(value => !Number.isNaN(value));
    return kept.length < values.length / 2 ? Number.POSITIVE_INFINITY : Math.exp(average(kept));
  };
  return { errors: logs.map(mean), baseline: mean(baselines) };
}

/** The error on epsilon of the best denoiser that knows nothing but the variance v of x0: epsilon = n x / (s^2 v + n^2). */
function varianceOnly(x0: Floats, noise: Floats, { signalRate: s, noiseRate: n }: Level): number {
  const factor = n / (s * s * meanSquare(x0) + n * n);
  return meanSquare(combine([factor * s, x0], [factor * n - 1, noise]));
}

/** What the level input is fed under a hypothesis, at the same amount of noise. */
function fedUnder(info: DenoiserInfo, level: Level, own: DenoiserInfo): number {
  const time = info.schedule === own.schedule ? level.time : timeOf(info.schedule, level.signalRate);
  if (info.level === 'timestep') return Math.round(time * timestepsOf(info.schedule)!) - 1;
  const there = levelAt({ schedule: info.schedule, level: info.level }, time);
  return there.fed;
}

/** The diffusion time at which a schedule holds this much signal, by bisection. */
export function timeOf(schedule: Schedule, signalRate: number): number {
  let [low, high] = [0, 1];
  for (let i = 0; i < 50; i++) {
    const middle = (low + high) / 2;
    if (ratesAt(schedule, middle).signalRate > signalRate) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

function meanSquare({ data }: Floats): number {
  let sum = 0;
  for (const value of data) sum += value * value;
  return sum / data.length;
}
