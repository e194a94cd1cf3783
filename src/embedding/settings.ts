import type { LbfgsOptions } from './inversion/lbfgs.ts';
import type { LeastSquaresOptions } from './inversion/least-squares.ts';
import { SPLIT, type SplitOptions } from './inversion/split.ts';

/**
 * Ways to find a seed: a trained network (`embedder`), descent through the sampler from noise or from the network's
 * seed; undoing the sampler's steps (`naive`, `fixed-point`, `newton`); least squares through the whole sampler
 * (`lbfgs`, `gauss-newton`); `split` inversion, the last step as least squares and the others undone; `auto`, split
 * inversion whose flagged seeds are mended by least squares through the whole sampler; and `exact`, for samplers that keep two states.
 * @group Embedding
 * @example
 * import { METHODS } from 'seedbed';
 * console.log(METHODS.includes('split'), METHODS.includes('embedder+split')); // prints true true
 */
export const METHODS = [
  'embedder',
  'descent',
  'embedder+descent',
  'naive',
  'fixed-point',
  'newton',
  'lbfgs',
  'embedder+lbfgs',
  'gauss-newton',
  'embedder+gauss-newton',
  'split',
  'embedder+split',
  'auto',
  'exact',
] as const;
/**
 * A way to find a seed, one of {@link METHODS}.
 * @group Embedding
 * @useDeclaredType
 */
export type Method = (typeof METHODS)[number];

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

const DEFAULTS: InversionOptions = {
  ...SPLIT,
  diffused: 0,
  whole: { tau: 0.1, outer: 3, inner: 8 },
  lbfgs: { tau: 0.1, iterations: 60, memory: 10 },
};

/** The settings of methods that differ from split inversion's. */
const OF_METHOD: Partial<Record<Method, Partial<InversionOptions>>> = {
  naive: { interior: { ...SPLIT.interior, solver: 'naive' } },
  'fixed-point': { interior: { ...SPLIT.interior, iterations: 20 } },
  newton: { interior: { ...SPLIT.interior, solver: 'newton' } },
};

/** How `auto` mends a seed that split inversion flagged: least squares through the whole sampler, near that seed. */
export const POLISH = { outer: 2, inner: 6 };

/** A method's settings, with those given in place of its own. */
export function inversionFor(method: Method, given: Partial<InversionOptions> = {}): InversionOptions {
  return { ...DEFAULTS, ...OF_METHOD[method], ...given };
}

/** Which of the settings a method uses: what seed files and unfinished work record. */
export function usedSettings(method: Method, options: InversionOptions): Partial<InversionOptions> {
  const { lastStep, interior, diffused, whole, lbfgs } = options;
  const own = method.replace('embedder+', '');
  if (own === 'split' || own === 'auto') return { lastStep, interior };
  if (own === 'exact') return { lastStep };
  if (own === 'gauss-newton') return { whole };
  if (own === 'lbfgs') return { lbfgs };
  if (own === 'naive' || own === 'fixed-point' || own === 'newton') return { interior, diffused };
  return {};
}
