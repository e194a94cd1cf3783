import { SeedbedError } from '../errors.ts';
import { innerProducts } from '../tensor/products.ts';
import { type Interval, timesDrawn } from '../tensor/statistics.ts';
import { sizeOf, type Tensor } from '../tensor/tensor.ts';

/**
 * How similar two models' pictures of the same seeds are: see {@link compareGrown}.
 * @group Statistics
 */
export interface GrownComparison {
  /** Mean squared difference of a pixel between the two pictures of one seed. */
  readonly same: number;
  /** The same between pictures of different seeds, over all pairs of one picture of each model. */
  readonly different: number;
  /** `same` over `different`, with its 95 % bootstrap interval: 0 for equal models, 1 for unrelated ones. */
  readonly ratio: Interval;
}

/** Times that the seeds are drawn anew for the interval. */
const RESAMPLES = 1000;

/**
 * Compares what two models, or two samplers of one, grow from the same seeds (Asperti et al. 2023, fig. 10: different
 * networks map a seed to nearly the same picture). The ratio is the mean of |a_i - b_i|^2 over that of |a_i - b_j|^2, i
 * other than j; its interval is from percentiles 2.5 and 97.5 of 1,000 resamples of the seeds, in which pairs of a seed
 * with itself are left out.
 * @param a [N, ...], N from 2: the pictures of one model.
 * @param b of the same shape: the pictures of the other from the same seeds, in the same order.
 * @param rng random number seed of the resamples; 0.
 * @throws {SeedbedError} BadShape for fewer than two pictures or different shapes, BadArgument when all pictures are one.
 * @group Statistics
 * @example
 * import { compareGrown, float32 } from 'seedbed';
 * const { same, different, ratio } = compareGrown(float32([2, 1], [0, 1]), float32([2, 1], [0.1, 0.9]));
 * console.log(same.toFixed(3), different.toFixed(3), ratio.mean.toFixed(4)); // prints 0.010 0.810 0.0123
 */
export function compareGrown(a: Tensor<'float32'>, b: Tensor<'float32'>, rng = 0): GrownComparison {
  const [count = 0, ...shape] = a.shape;
  if (count < 2 || a.shape.length < 2 || a.shape.join() !== b.shape.join())
    throw new SeedbedError(
      'BadShape',
      `compareGrown: takes two pictures or more of each, of one shape, got [${a.shape}] and [${b.shape}]`,
    );
  const squares = squaredDistances(a, b, count, sizeOf(shape));
  const once = new Float64Array(count).fill(1);
  const { same, different } = means(squares, once);
  if (!(different > 0))
    throw new SeedbedError('BadArgument', 'compareGrown: all pictures are one; there is nothing to compare');
  const ratios: number[] = [];
  for (let round = 0; round < RESAMPLES; round++) {
    const drawn = means(squares, timesDrawn({ seed: rng, purpose: 'bootstrap' }, count, round));
    if (drawn.different > 0) ratios.push(drawn.same / drawn.different);
  }
  ratios.sort((x, y) => x - y);
  const at = (part: number) => ratios[Math.floor(part * ratios.length)]!;
  return { same, different, ratio: { mean: same / different, low: at(0.025), high: at(0.975) } };
}

/** Mean over the coordinates of (a_i - b_j)^2, row-major by i. */
function squaredDistances(a: Tensor<'float32'>, b: Tensor<'float32'>, count: number, dims: number) {
  const [x, y] = [Float64Array.from(a.data), Float64Array.from(b.data)];
  const lengths = (values: Float64Array) => {
    const sums = new Float64Array(count);
    for (let i = 0; i < values.length; i++) sums[Math.floor(i / dims)]! += values[i]! ** 2;
    return sums;
  };
  const [xx, yy] = [lengths(x), lengths(y)];
  return innerProducts(x, y, dims).map((product, at) => {
    const [i, j] = [Math.floor(at / count), at % count];
    if (i === j) return exact(x, y, i, j, dims);
    const apart = xx[i]! + yy[j]! - 2 * product;
    // What is left of equal pictures is rounding.
    return apart > CANCELLED * (xx[i]! + yy[j]!) ? apart / dims : exact(x, y, i, j, dims);
  });
}

/** Below this part of both squares their difference has cancelled. */
const CANCELLED = 1e-9;

/** Of one pair, without the cancellation that equal pictures suffer otherwise. */
function exact(x: Float64Array, y: Float64Array, i: number, j: number, dims: number): number {
  let sum = 0;
  for (let at = 0; at < dims; at++) sum += (x[i * dims + at]! - y[j * dims + at]!) ** 2;
  return sum / dims;
}

/** Means over pairs of one seed and over pairs of different ones, each seed counted so many times. */
function means(squares: Float64Array, times: Float64Array): { same: number; different: number } {
  const count = times.length;
  let [same, different, seeds, pairs] = [0, 0, 0, 0];
  for (let i = 0; i < count; i++) {
    if (times[i] === 0) continue;
    same += times[i]! * squares[i * count + i]!;
    seeds += times[i]!;
    let [sum, others] = [0, 0];
    for (let j = 0; j < count; j++) {
      if (j === i) continue;
      sum += times[j]! * squares[i * count + j]!;
      others += times[j]!;
    }
    different += times[i]! * sum;
    pairs += times[i]! * others;
  }
  return { same: same / seeds, different: pairs > 0 ? different / pairs : 0 };
}
