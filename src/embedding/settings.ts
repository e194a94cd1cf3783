import type { LbfgsOptions } from './inversion/lbfgs.ts';
import type { LeastSquaresOptions } from './inversion/least-squares.ts';
import { SPLIT, type SplitOptions } from './inversion/split.ts';

/**
 * How inversion works.
 * @group Embedding
 */
export interface InversionOptions extends SplitOptions {
  /** Steps next to the picture that are not undone but replaced by a draw s x + n noise, 0 to T - 1. */
  readonly diffused: number;
  /** Method 'gauss-newton': least squares through the whole sampler. */
  readonly whole: LeastSquaresOptions;
  /** Method 'lbfgs'. */
  readonly lbfgs: LbfgsOptions;
}

/** The settings of inversion where none are given, and a method has none of its own. */
export const DEFAULTS: InversionOptions = {
  ...SPLIT,
  diffused: 0,
  whole: { tau: 0.1, outer: 3, inner: 8 },
  lbfgs: { tau: 0.1, iterations: 60, memory: 10 },
};

/** How `auto` repairs a seed that does not grow its picture: least squares through the whole sampler, near that seed. */
export const POLISH = { outer: 1, inner: 4, extra: 8 };
