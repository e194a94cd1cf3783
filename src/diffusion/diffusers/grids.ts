import type { Preconditioned } from './preconditioned.ts';
import type { Spacing } from './schedulers.ts';

/** What says which timesteps are visited. */
export interface Spaced {
  /** N. */
  readonly count: number;
  /** T. */
  readonly steps: number;
  readonly spacing: string;
  /** steps_offset. */
  readonly offset: number;
  /** Timesteps at the noisy end that are left out (lambda_min_clipped). */
  readonly clipped: number;
  /** original_inference_steps. */
  readonly original: number;
}

/** Ways that visit timesteps of betas. */
export type Timestepped = Exclude<Spacing, 'flow' | Preconditioned>;

type Grid = (spaced: Spaced) => number[];

const each = (count: number, value: (i: number) => number) =>
  Array.from({ length: count }, (_, i) => value(i));

/** Evenly from the last timestep down to 0, by `steps - 1` equal parts, rounded as NumPy's linspace rounds. */
const linspace = (last: number, steps: number) => {
  const part = last / Math.max(1, steps - 1);
  return each(steps, i => (i === 0 && steps > 1 ? last : roundEven((steps - 1 - i) * part)));
};

/**
 * Down from `last` + 1 by N / T, less one, rounded as NumPy's arange rounds, which adds multiples of a rounded step. It may give
 * one more, -1, which is no timestep.
 */
const trailing = (last: number, { count, steps }: Spaced) => {
  const step = last + 1 - count / steps - (last + 1);
  return each(steps, i => roundEven(last + 1 + i * step) - 1).filter(timestep => timestep >= 0);
};

/** 0, N // T, ... and the offset, falling; the offset lower where it would leave the schedule. */
const own: Grid = spaced => {
  const { count, steps, spacing, offset } = spaced;
  if (spacing === 'linspace') return linspace(count - 1, steps);
  if (spacing === 'trailing') return trailing(count - 1, spaced);
  const stride = Math.floor(count / steps);
  const within = Math.min(offset, count - 1 - (steps - 1) * stride);
  return each(steps, i => (steps - 1 - i) * stride + within);
};

/** As diffusers' set_timesteps gives them, falling, for each way to space them. */
const GRIDS: Readonly<Record<Timestepped, Grid>> = {
  own,
  /** T + 1 points, of which the last is not visited. */
  'one more': spaced => {
    const { count, steps, spacing, offset, clipped } = spaced;
    const last = count - 1 - clipped;
    if (spacing === 'trailing') return trailing(last, spaced);
    if (spacing === 'linspace') return linspace(last, steps + 1).slice(0, -1);
    const stride = Math.floor((last + 1) / (steps + 1));
    return each(steps, i => Math.min((steps - i) * stride + offset, count - 1));
  },
  even: ({ count, steps }) => linspace(count - 1, steps),
  /** T of the timesteps that were distilled, N / original apart. */
  distilled: ({ count, steps, original }) => {
    const stride = Math.floor(count / original);
    return each(steps, i => (original - Math.floor((i * original) / steps)) * stride - 1);
  },
};

export const isTimestepped = (spacing: Spacing): spacing is Timestepped => Object.hasOwn(GRIDS, spacing);

export function timestepsOf(kind: Timestepped, spaced: Spaced): number[] {
  return GRIDS[kind](spaced);
}

/** Rounded as NumPy does, halves to the even number. */
function roundEven(value: number): number {
  const low = Math.floor(value);
  if (value - low === 0.5) return low % 2 === 0 ? low : low + 1;
  return Math.round(value);
}

/** Of flow matching: sigma, T of them, falling from `first` to `last`, shifted by sigma' = shift sigma / (1 + (shift - 1) sigma). */
export function flowSigmas(
  { steps, first, last, parts }: { steps: number; first: number; last: number; parts: number },
  shift: number,
  terminal: number | undefined,
): number[] {
  const sigmas = each(steps, i => shifted(first + ((last - first) * i) / Math.max(1, parts), shift));
  if (!terminal) return sigmas;
  const scale = (1 - sigmas.at(-1)!) / (1 - terminal);
  return sigmas.map(sigma => 1 - (1 - sigma) / scale);
}

/** sigma / (sigma + (1 - sigma) / shift): the same, and 1 exactly at 1. */
export function shifted(sigma: number, shift: number): number {
  return sigma / (sigma + (1 - sigma) / shift);
}
