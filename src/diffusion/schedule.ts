import { SeedbedError } from '../errors.ts';

/**
 * A diffusion schedule as data: how much signal and noise a picture holds at diffusion time t.
 *
 * alpha_bar here is DDPM's (Ho et al. 2020), the product of 1 - beta over the timesteps so far; the DDIM paper and
 * Asperti et al. write alpha for it. Rates and betas lie in (0,1). By `kind`:
 *
 * - `continuousCosine`: the angle goes linearly from acos(maxSignalRate) at t = 0 to acos(minSignalRate) at t = 1.
 * - `linearBeta`: beta linear from betaStart to betaEnd over the timesteps.
 * - `scaledLinearBeta`: sqrt(beta) linear between the roots: the paper's "quadratic", elsewhere "scaled linear".
 * - `cosineBeta`: alpha_bar = f(t)/f(0), f = cos^2((t + .008)/1.008 pi/2) (Nichol and Dhariwal 2021), beta at least
 *   betaMin (0) and at most betaMax (.999).
 * - `alphaBar`: alpha_bar after 1, 2, ..., N timesteps as a list.
 * - `sigmas`: noise over signal, n / s, after 1, 2, ..., N timesteps as a list (Karras et al. 2022).
 * - `flow`: x = (1 - sigma) x0 + sigma epsilon, sigma = shift t / (1 + (shift - 1) t) at diffusion time t, shift 1 unless
 *   given (rectified flow: Liu et al. 2022; the shift: Esser et al. 2024, eq. 23). Its timestep is N sigma, N 1000 unless given.
 * @group Sampling
 */
export type Schedule =
  | { readonly kind: 'continuousCosine'; readonly maxSignalRate: number; readonly minSignalRate: number }
  | {
      readonly kind: 'linearBeta';
      readonly timesteps: number;
      readonly betaStart: number;
      readonly betaEnd: number;
    }
  | {
      readonly kind: 'scaledLinearBeta';
      readonly timesteps: number;
      readonly betaStart: number;
      readonly betaEnd: number;
    }
  | {
      readonly kind: 'cosineBeta';
      readonly timesteps: number;
      readonly betaMin?: number | undefined;
      readonly betaMax?: number | undefined;
    }
  | { readonly kind: 'alphaBar'; readonly values: readonly number[] }
  | { readonly kind: 'sigmas'; readonly values: readonly number[] }
  | { readonly kind: 'flow'; readonly timesteps?: number | undefined; readonly shift?: number | undefined };

/** N of a flow schedule that does not say it. */
export const FLOW_TIMESTEPS = 1000;

/**
 * The four schedules of Asperti et al. 2023, Fig. 6, with its constants.
 * @group Sampling
 * @example
 * import { ratesAt, SCHEDULES } from 'seedbed';
 * for (const schedule of Object.values(SCHEDULES)) console.log(ratesAt(schedule, 0.5).signalRate.toFixed(2));
 */
export const SCHEDULES = {
  linear: { kind: 'linearBeta', timesteps: 1000, betaStart: 1e-4, betaEnd: 0.02 },
  quadratic: { kind: 'scaledLinearBeta', timesteps: 1000, betaStart: 1e-4, betaEnd: 0.02 },
  cosine: { kind: 'cosineBeta', timesteps: 1000 },
  continuousCosine: { kind: 'continuousCosine', maxSignalRate: 0.95, minSignalRate: 0.02 },
} as const satisfies Record<string, Schedule>;

/**
 * A noise level: x_t = signalRate x_0 + noiseRate epsilon. The squares add up to 1, of a flow schedule the rates themselves.
 * @group Sampling
 */
export interface Rates {
  /** sqrt(alpha_bar), or 1 - sigma */
  readonly signalRate: number;
  /** sqrt(1 - alpha_bar), or sigma */
  readonly noiseRate: number;
}

/** A number that is linear in both parts of a noisy picture: clean x0 + noise epsilon. */
export interface Target {
  readonly clean: number;
  readonly noise: number;
}

/** A noise level that a sampler visits. */
export interface Level extends Rates {
  /** Diffusion time, in (0,1]; 1 is noise. */
  readonly time: number;
  /** What the network's level input is fed there; not a number where it cannot be asked, as mostly of the clean picture. */
  readonly fed: number;
  /** What samplers ask of the network there. */
  readonly target: Target;
}

/** One step of a sampler: from the noise level `from`, at which the network is asked, to `to`. */
export interface GridStep {
  readonly from: Level;
  /** The next level; the last step's is {@link CLEAN}. */
  readonly to: Level;
  /** The level halfway, at which solvers of second order ask. */
  readonly between: Level;
}

/** The rates of the clean picture, alpha_bar = 1. */
export const CLEAN: Rates = { signalRate: 1, noiseRate: 0 };

/**
 * How much signal and noise there is at a diffusion time; between the timesteps of a discrete schedule log alpha_bar
 * is linear.
 * @param diffusionTime in [0,1], 0 clean and 1 noise.
 * @throws {SeedbedError} BadArgument outside [0,1].
 * @group Sampling
 * @example
 * import { ratesAt, SCHEDULES } from 'seedbed';
 * const { signalRate, noiseRate } = ratesAt(SCHEDULES.continuousCosine, 1);
 * console.log(signalRate.toFixed(2), (signalRate ** 2 + noiseRate ** 2).toFixed(2)); // prints 0.02 1.00
 */
export function ratesAt(schedule: Schedule, diffusionTime: number): Rates {
  if (!(diffusionTime >= 0 && diffusionTime <= 1)) {
    throw new SeedbedError('BadArgument', `diffusion time is a number from 0 to 1, got ${diffusionTime}`);
  }
  if (schedule.kind === 'continuousCosine') {
    const from = Math.acos(schedule.maxSignalRate);
    const to = Math.acos(schedule.minSignalRate);
    const angle = from + diffusionTime * (to - from);
    return { signalRate: Math.cos(angle), noiseRate: Math.sin(angle) };
  }
  if (schedule.kind === 'flow') {
    const { shift = 1 } = schedule;
    // That is shift t / (1 + (shift - 1) t), and 1 exactly at t = 1.
    const sigma = diffusionTime / (diffusionTime + (1 - diffusionTime) / shift);
    return { signalRate: 1 - sigma, noiseRate: sigma };
  }
  const table = logAlphaBars(schedule);
  const at = diffusionTime * (table.length - 1);
  const low = Math.min(Math.floor(at), table.length - 2);
  // A schedule that ends without signal falls to 0 on its last timestep.
  const logAlphaBar = at === low ? table[low]! : table[low]! + (at - low) * (table[low + 1]! - table[low]!);
  return { signalRate: Math.exp(logAlphaBar / 2), noiseRate: Math.sqrt(-Math.expm1(logAlphaBar)) };
}

/** The diffusion time at which a schedule holds this much noise over signal, by bisection: what {@link ratesAt} inverts. */
export function timeOf(schedule: Schedule, { signalRate, noiseRate }: Rates): number {
  let [low, high] = [0, 1];
  for (let i = 0; i < 50; i++) {
    const middle = (low + high) / 2;
    const there = ratesAt(schedule, middle);
    if (there.signalRate * noiseRate > signalRate * there.noiseRate) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** Schedules that know all diffusion times, and not timesteps alone. */
type Continuous = Extract<Schedule, { kind: 'continuousCosine' | 'flow' }>;
const isContinuous = (schedule: Schedule): schedule is Continuous =>
  schedule.kind === 'continuousCosine' || schedule.kind === 'flow';

/** N, the timesteps of a discrete schedule; undefined for a continuous one. Timestep n = 0, ..., N - 1 is time (n + 1) / N. */
export function timestepsOf(schedule: Schedule): number | undefined {
  if (isContinuous(schedule)) return undefined;
  return 'values' in schedule ? schedule.values.length : schedule.timesteps;
}

type Discrete = Exclude<Schedule, Continuous>;
const tables = new WeakMap<Discrete, Float64Array>();

/** log alpha_bar at timesteps 0 (where it is 0) to N. */
function logAlphaBars(schedule: Discrete): Float64Array {
  const known = tables.get(schedule);
  if (known) return known;
  const table =
    'values' in schedule
      ? Float64Array.from([0, ...schedule.values.map(logAlphaBarOf[schedule.kind])])
      : accumulate(betas(schedule));
  tables.set(schedule, table);
  return table;
}

const logAlphaBarOf = { alphaBar: Math.log, sigmas: (sigma: number) => -Math.log1p(sigma ** 2) };

function accumulate(steps: readonly number[]): Float64Array {
  const table = new Float64Array(steps.length + 1);
  steps.forEach((beta, i) => {
    table[i + 1] = table[i]! + Math.log1p(-beta);
  });
  return table;
}

function betas(schedule: Exclude<Discrete, { values: readonly number[] }>): number[] {
  const count = schedule.timesteps;
  const between = (from: number, to: number, i: number) => from + ((to - from) * i) / Math.max(1, count - 1);
  switch (schedule.kind) {
    case 'linearBeta':
      return Array.from({ length: count }, (_, i) => between(schedule.betaStart, schedule.betaEnd, i));
    case 'scaledLinearBeta':
      return Array.from(
        { length: count },
        (_, i) => between(Math.sqrt(schedule.betaStart), Math.sqrt(schedule.betaEnd), i) ** 2,
      );
    case 'cosineBeta': {
      const f = (t: number) => Math.cos(((t + 0.008) / 1.008) * (Math.PI / 2)) ** 2;
      const { betaMin = 0, betaMax = 0.999 } = schedule;
      return Array.from({ length: count }, (_, i) =>
        Math.min(betaMax, Math.max(betaMin, 1 - f((i + 1) / count) / f(i / count))),
      );
    }
  }
}
