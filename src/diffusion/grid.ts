import { SeedbedError } from '../errors.ts';
import type { DenoiserInfo } from './info.ts';
import { steppedTarget } from './prediction.ts';
import type { SamplerInfo } from './sampler-info.ts';
import {
  CLEAN,
  FLOW_TIMESTEPS,
  type GridStep,
  type Level,
  type Rates,
  ratesAt,
  type Schedule,
  timeOf,
  timestepsOf,
} from './schedule.ts';

/** What of a model says which noise levels there are, and what it is asked for there. */
export type Levels = Pick<DenoiserInfo, 'schedule' | 'level' | 'predicts'> &
  Partial<Pick<DenoiserInfo, 'sees'>>;

/**
 * The noise levels that T steps visit, from the seed's to the clean picture: the last step returns the predicted x0,
 * which is Algorithm 2 of Asperti et al. 2023 with alpha_0 = 1.
 * @throws {SeedbedError} BadArgument when the sampler starts beyond the schedule or repeats a level.
 */
export function samplerGrid(info: Levels, sampler: SamplerInfo): GridStep[] {
  const levels = timesOf(info, sampler).map(time => levelAt(info, time));
  const again = levels.find(({ noiseRate }, i) => noiseRate === levels[i - 1]?.noiseRate);
  if (again)
    throw new SeedbedError(
      'BadArgument',
      `the sampler visits two levels of one noise rate, ${again.noiseRate}: there the schedule does not rise`,
    );
  if (levels[0]!.signalRate === 0) requireSense(info, levels[0]!, sampler);
  const final = finalLevel(info, sampler);
  if (final.noiseRate > levels.at(-1)!.noiseRate)
    throw new SeedbedError(
      'BadArgument',
      `the sampler's "final" is a level with more noise than the last that it visits: name one below it, or "x0"`,
    );
  if (sampler.stride !== undefined && sampler.kind !== 'ddim')
    throw new SeedbedError(
      'BadArgument',
      `"stride" is of sampler 'ddim'; steps of '${sampler.kind}' lead to the next level`,
    );
  if (sampler.kind === 'obelm' && levels.at(-1)!.noiseRate === final.noiseRate)
    throw new SeedbedError(
      'BadArgument',
      "sampler 'obelm' cannot end with a step that leads nowhere: its last level is the one that it ends at",
    );
  return levels.map((from, i) => {
    const to = strided(info, sampler, from, final) ?? levels[i + 1] ?? final;
    return { from, to, between: halfway(info, from, to) };
  });
}

/** The steps of a sampler from the picture to the noise. */
export function reversedGrid(info: Levels, sampler: SamplerInfo): GridStep[] {
  return samplerGrid(info, sampler)
    .toReversed()
    .map(({ from, to, between }) => ({ from: to, to: from, between }));
}

/** Halfway of a step: of flow in sigma, else in diffusion time, where the network knows timesteps alone at the nearest of them. */
function halfway(info: Levels, from: Level, to: Level): Level {
  const { schedule } = info;
  if (schedule.kind === 'flow') {
    const sigma = (from.noiseRate + to.noiseRate) / 2;
    return levelAt(info, sigma / (sigma + (schedule.shift ?? 1) * (1 - sigma)));
  }
  return askableAt(info, (from.time + to.time) / 2);
}

/** The level at a diffusion time; of a network that knows timesteps alone, at the nearest of them. */
export function askableAt(info: Levels, time: number): Level {
  const count = info.level === 'timestep' ? timestepsOf(info.schedule) : undefined;
  return levelAt(info, count === undefined ? time : Math.max(1, Math.round(time * count)) / count);
}

/** Where the last step leads. */
function finalLevel(info: Levels, { final, clipX0 }: SamplerInfo): Level {
  if (final === 'x0')
    return {
      ...{ ...CLEAN, time: 0, target: steppedTarget(info.predicts, CLEAN) },
      // A clipped prediction is read through the noise, of which there is none.
      fed: asksClean(info) && !clipX0 ? 0 : Number.NaN,
    };
  const count = countOf(info.schedule);
  if (final.timestep >= count)
    throw new SeedbedError(
      'BadArgument',
      `the sampler's "final" is timestep ${final.timestep}; the schedule has 0 to ${count - 1}`,
    );
  return levelAt(info, (final.timestep + 1) / count);
}

/** Whether the network can be asked about a clean picture: one of flow may, unless that is divided by the noise there is none of. */
function asksClean({ schedule, predicts, level }: Levels): boolean {
  return schedule.kind === 'flow' && predicts !== 'x0' && level !== 'logSnr';
}

/** Where a step of a fixed number of timesteps leads; undefined where steps lead to the next level. */
function strided(info: Levels, { stride }: SamplerInfo, from: Level, final: Level): Level | undefined {
  if (stride === undefined) return undefined;
  const count = countOf(info.schedule);
  const timestep = Math.round(from.time * count) - 1 - stride;
  return timestep < 0 ? final : levelAt(info, (timestep + 1) / count);
}

/** The samplers that step in sigma, noise over signal. */
const IN_SIGMA: readonly SamplerInfo['kind'][] = ['heunsigma', 'obelm'];

/** What is divided by the signal rate makes no sense where there is no signal. */
function requireSense({ level, predicts, sees }: Levels, { fed, time }: Level, { kind }: SamplerInfo): void {
  const reason =
    predicts === 'epsilon'
      ? 'a network that predicts epsilon says nothing of the picture'
      : sees === 'exploding' || !Number.isFinite(fed)
        ? `a network that ${sees === 'exploding' ? 'sees x / s' : `is told the ${level}`} cannot be asked`
        : IN_SIGMA.includes(kind)
          ? `sampler '${kind}', which steps in noise over signal, cannot begin`
          : undefined;
  if (reason)
    throw new SeedbedError(
      'BadArgument',
      `the sampler begins at diffusion time ${time}, where there is no signal: there ${reason}. Let its "start" and "grid" begin at a lower level`,
    );
}

/** The noise level at a diffusion time; timestep n of N is time (n + 1) / N. */
export function levelAt({ schedule, level, predicts }: Levels, time: number): Level {
  const rates = ratesAt(schedule, time);
  return {
    ...rates,
    time,
    fed: fedAt(level, rates, time, schedule),
    target: steppedTarget(predicts, rates),
  };
}

function fedAt(
  kind: DenoiserInfo['level'],
  { signalRate, noiseRate }: Rates,
  time: number,
  schedule: Schedule,
): number {
  switch (kind) {
    case 'noiseVariance':
      return noiseRate ** 2;
    case 'noiseRate':
      return noiseRate;
    case 'diffusionTime':
      return time;
    case 'timestep':
      return schedule.kind === 'flow'
        ? noiseRate * (schedule.timesteps ?? FLOW_TIMESTEPS)
        : Math.round(time * countOf(schedule)) - 1;
    case 'sigma':
      return noiseRate / signalRate;
    case 'logSnr':
      return 2 * Math.log(signalRate / noiseRate);
  }
}

/** The diffusion times visited, falling. */
function timesOf({ schedule, level }: Levels, { start, steps, grid }: SamplerInfo): number[] {
  if (typeof grid !== 'string' && grid.length !== steps)
    throw new SeedbedError('BadArgument', `a sampler of ${steps} steps names ${grid.length} levels`);
  const times =
    'timestep' in start
      ? timestepsFrom(schedule, start.timestep, steps, grid).map(n => (n + 1) / countOf(schedule))
      : timesFrom(
          schedule,
          start.diffusionTime,
          steps,
          grid,
          level === 'timestep' && schedule.kind !== 'flow' ? countOf(schedule) : undefined,
        );
  const beyond = times.find(time => !(time > 0 && time <= 1));
  if (beyond !== undefined)
    throw new SeedbedError(
      'BadArgument',
      'timestep' in start
        ? `the sampler visits timestep ${Math.round(beyond * countOf(schedule)) - 1}; the schedule has 0 to ${countOf(schedule) - 1}`
        : `the sampler visits diffusion time ${beyond}; times lie in (0, 1]`,
    );
  if (times.some((time, i) => i > 0 && time >= times[i - 1]!))
    throw new SeedbedError(
      'BadArgument',
      `${steps} steps visit one timestep twice: the schedule has too few. Give fewer --sampler-steps`,
    );
  return times;
}

function timestepsFrom(
  schedule: Schedule,
  first: number,
  steps: number,
  grid: SamplerInfo['grid'],
): readonly number[] {
  if (typeof grid !== 'string') {
    const between = grid.find(timestep => !Number.isInteger(timestep));
    if (between !== undefined)
      throw new SeedbedError(
        'BadArgument',
        `the sampler visits timestep ${between}; timesteps are whole numbers`,
      );
    return grid;
  }
  if (steps === 1) return [first];
  if (grid === 'linspace')
    return Array.from({ length: steps }, (_, i) => Math.round((first * (steps - 1 - i)) / (steps - 1)));
  const count = countOf(schedule);
  const times = evenInLogSnr(schedule, (first + 1) / count, 1 / count, steps);
  const rounded = times.map(time => Math.round(time * count) - 1);
  // Near the picture a timestep may be longer than a step: each is at least one from the next.
  for (let i = steps - 2; i > 0; i--) rounded[i] = Math.max(rounded[i]!, rounded[i + 1]! + 1);
  return rounded;
}

/** @param count timesteps to which times are rounded, where the network knows no others. */
function timesFrom(
  schedule: Schedule,
  first: number,
  steps: number,
  grid: SamplerInfo['grid'],
  count: number | undefined,
): number[] {
  const evenly = () =>
    grid === 'logSnr'
      ? evenInLogSnr(schedule, first, first / steps, steps)
      : Array.from({ length: steps }, (_, i) => (first * (steps - i)) / steps);
  const times = typeof grid === 'string' ? evenly() : grid;
  return count === undefined ? [...times] : times.map(time => Math.max(1, Math.round(time * count)) / count);
}

/** Times from the first to the last, both ends exact, between which log(s / n) rises in even steps. */
function evenInLogSnr(schedule: Schedule, first: number, last: number, steps: number): number[] {
  const [from, to] = [first, last].map(time => ratesAt(schedule, time)) as [Rates, Rates];
  if (from.signalRate === 0)
    throw new SeedbedError(
      'BadArgument',
      `the sampler begins at diffusion time ${first}, where there is no signal: from there no grid is even in log SNR. Let its "start" be at a lower level, or its "grid" be "linspace"`,
    );
  const [low, high] = [from, to].map(({ signalRate, noiseRate }) => Math.log(signalRate / noiseRate)) as [
    number,
    number,
  ];
  return Array.from({ length: steps }, (_, i) => {
    if (i === 0) return first;
    if (i === steps - 1) return last;
    const ratio = Math.exp(low + ((high - low) * i) / (steps - 1));
    return timeOf(schedule, { signalRate: ratio, noiseRate: 1 });
  });
}

function countOf(schedule: Schedule): number {
  const count = timestepsOf(schedule);
  if (count === undefined)
    throw new SeedbedError(
      'BadArgument',
      `a ${schedule.kind} schedule has no timesteps, only diffusion times`,
    );
  return count;
}
