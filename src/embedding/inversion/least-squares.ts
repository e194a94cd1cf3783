import { choose, combine, dots } from '../../tensor/rowwise.ts';
import { type Floats, sizeOf, zeros } from '../../tensor/tensor.ts';
import type { DifferentiableMap } from './maps.ts';

/**
 * How least squares weighs a faithful picture against a likely state, and how long it tries.
 * @group Embedding
 */
export interface LeastSquaresOptions {
  /** How far off, root mean square, the picture may be (standardised), over 0: small is faithful, large Gaussian. */
  readonly tau: number;
  /** Levenberg-Marquardt steps, from 1. */
  readonly outer: number;
  /** Conjugate-gradient steps in each, from 1; three network evaluations each through one sampler step, 4 T through T. */
  readonly inner: number;
  /** Further steps, at most, of pictures that are still missed by more than 0.75 tau, and by more than tau where steps stall; default 0. */
  readonly extra?: number | undefined;
}

export interface LeastSquaresResult {
  readonly x: Floats;
  /** F(x). */
  readonly value: Floats;
  /** Mean square of F(x) - target in each row, standardised. */
  readonly errors: Float64Array;
}

/** The damping's factors on success and on failure. */
const EASE = 0.3;
const TIGHTEN = 4;
/** Where it starts, as a share of 1 / tau^2 + 1 / spread^2. */
export const FIRST_DAMPING = 1e-3;
/** The share of tau within which a picture has no need of further steps. */
const NEAR = 0.75;
/** A picture within tau is left as it is once a step takes less than a tenth off what it is missed by. */
const STALLED = 0.9;
/** How often a step that made things worse is halved before it is given up: that costs an evaluation, a new step many. */
const HALVINGS = 2;

/**
 * Finds x with F(x) = target near an anchor: minimises |F(x) - target|^2 / tau^2 + |x - anchor|^2 / spread^2 in every row
 * by Levenberg and Marquardt's method, with the step from conjugate gradients (products with J only, never J itself). A
 * step, or half or a quarter of it, is taken only where it lowers the objective.
 * @param anchor the prior's mean of x, off by about `spread`.
 */
export async function leastSquares(
  map: DifferentiableMap,
  target: Floats,
  anchor: Floats,
  spread: number,
  { tau, outer, inner, extra = 0 }: LeastSquaresOptions,
): Promise<LeastSquaresResult> {
  const count = target.shape[0]!;
  const width = sizeOf(target.shape.slice(1));
  const fit = 1 / tau ** 2;
  const hold = 1 / spread ** 2;
  const objective = (difference: Floats, offset: Floats) => {
    const [off, away] = [dots(difference, difference), dots(offset, offset)];
    return off.map((value, row) => fit * value + hold * away[row]!);
  };

  let x = anchor;
  let damping: Float64Array = new Float64Array(count).fill(FIRST_DAMPING * (fit + hold));
  let difference = combine([1, await map.value(x)], [-1, target]);
  let values = objective(difference, zeros('float32', target.shape));
  let before: Float64Array = new Float64Array(count).fill(Number.POSITIVE_INFINITY);
  for (let i = 0; i < outer + extra; i++) {
    const missed = dots(difference, difference).map(sum => Math.sqrt(sum / width));
    const going = Array.from(missed, (miss, row) => {
      const creeps = miss < tau && miss > STALLED * before[row]!;
      return i < outer || (miss > NEAR * tau && !creeps);
    });
    if (!going.includes(true)) break;
    before = missed;
    const at = x;
    const downhill = combine([-fit, await map.pull(at, difference, going)], [-hold, at], [hold, anchor]);
    const curvature = async (v: Floats) => combine([fit, await map.normal(at, v, going)], [hold, v]);
    const move = await conjugateGradients(curvature, downhill, damping, inner);
    let pending: readonly boolean[] = going;
    for (let halving = 0; halving <= HALVINGS && pending.includes(true); halving++) {
      const tried = combine([1, at], [0.5 ** halving, move]);
      const triedDifference = combine([1, await map.value(tried, pending)], [-1, target]);
      const triedValues = objective(triedDifference, combine([1, tried], [-1, anchor]));
      const better = pending.map((yes, row) => yes && triedValues[row]! < values[row]!);
      x = choose(better, tried, x);
      difference = choose(better, triedDifference, difference);
      values = values.map((value, row) => (better[row] ? triedValues[row]! : value));
      pending = pending.map((yes, row) => yes && !better[row]);
      if (halving === 0) damping = damping.map((value, row) => value * (pending[row] ? TIGHTEN : EASE));
    }
  }
  const errors = dots(difference, difference).map(value => value / width);
  return { x, value: combine([1, target], [1, difference]), errors };
}

/**
 * Solves (A + damping) x = right in every row by conjugate gradients (Hestenes and Stiefel 1952), from zero.
 * @param product x to A x, A symmetric and positive in every row.
 */
export async function conjugateGradients(
  product: (v: Floats) => Promise<Floats>,
  right: Floats,
  damping: Float64Array,
  iterations: number,
): Promise<Floats> {
  let x = zeros('float32', right.shape);
  let residual = right;
  let direction = right;
  let squares = dots(residual, residual);
  for (let i = 0; i < iterations; i++) {
    const image = combine([1, await product(direction)], [damping, direction]);
    const bend = dots(direction, image);
    const length = squares.map((value, row) => (bend[row]! > 0 ? value / bend[row]! : 0));
    x = combine([1, x], [length, direction]);
    residual = combine([1, residual], [length.map(value => -value), image]);
    const next = dots(residual, residual);
    const keep = next.map((value, row) => (squares[row]! > 0 ? value / squares[row]! : 0));
    direction = combine([1, residual], [keep, direction]);
    squares = next;
  }
  return x;
}
