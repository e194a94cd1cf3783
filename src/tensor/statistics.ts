import { fillUniform } from './random.ts';
import { rows, type Tensor } from './tensor.ts';

/**
 * Mean squared error of each picture: the mean of (a - b)^2 over its pixels and channels.
 * @param a [n, ...], pixels in [0,1] as a rule.
 * @param b of the same shape.
 * @returns n numbers.
 * @throws {SeedbedError} BadShape when `b` has fewer pictures than `a`.
 * @group Statistics
 * @example
 * import { float32, meanSquaredErrors } from 'seedbed';
 * const black = float32([2, 1, 1, 2], [0, 0, 0, 0]);
 * const grey = float32([2, 1, 1, 2], [0, 0.5, 0.5, 0.5]);
 * console.log(meanSquaredErrors(black, grey)); // prints [ 0.125, 0.25 ]
 */
export function meanSquaredErrors(a: Tensor<'float32'>, b: Tensor<'float32'>): number[] {
  const count = a.shape[0]!;
  return Array.from({ length: count }, (_, i) => {
    const [x, y] = [rows(a, i, i + 1).data, rows(b, i, i + 1).data];
    let sum = 0;
    for (let j = 0; j < x.length; j++) sum += (x[j]! - y[j]!) ** 2;
    return sum / x.length;
  });
}

/**
 * Peak signal-to-noise ratio: -10 log10 of the mean squared error over the square of the peak.
 * @param peak the span of the values; 1, for pixels in [0,1], unless given.
 * @returns decibels; Infinity for an error of 0.
 * @group Statistics
 * @example
 * import { psnr } from 'seedbed';
 * console.log(psnr(0.001)); // prints 30
 */
export function psnr(mse: number, peak = 1): number {
  return -10 * Math.log10(mse / peak ** 2);
}

/** Mean of the squares of each row: a seed's variance about zero, 1 for a Gaussian one. */
export function meanSquares(latent: Tensor<'float32'>): number[] {
  return Array.from({ length: latent.shape[0]! }, (_, i) => {
    const z = rows(latent, i, i + 1).data;
    let sum = 0;
    for (const value of z) sum += value * value;
    return sum / z.length;
  });
}

/**
 * A mean and the interval in which it lies with a confidence of 95 %.
 * @group Statistics
 */
export interface Interval {
  /** The mean. */
  readonly mean: number;
  /** The interval's lower end. */
  readonly low: number;
  /** The interval's upper end. */
  readonly high: number;
}

/**
 * A mean with its 95 % bootstrap interval: percentiles 2.5 and 97.5 of the means of 2,000 resamples (Efron 1979).
 * @param values at least one.
 * @param rng random number seed, a whole number from 0; the same one gives the same interval.
 * @group Statistics
 * @example
 * import { bootstrapMean } from 'seedbed';
 * const { mean, low, high } = bootstrapMean([0.001, 0.002, 0.003], 0);
 * console.log(mean, low <= mean && mean <= high); // prints 0.002 true
 */
export function bootstrapMean(values: readonly number[], rng: number): Interval {
  const resamples = 2000;
  const uniform = new Float64Array(values.length);
  const means = Array.from({ length: resamples }, (_, round) => {
    fillUniform({ seed: rng, purpose: 'bootstrap' }, round, 0, uniform);
    return average(Array.from(uniform, u => values[Math.floor(u * values.length)]!));
  }).sort((a, b) => a - b);
  return {
    mean: average(values),
    low: means[Math.floor(resamples * 0.025)]!,
    high: means[Math.floor(resamples * 0.975)]!,
  };
}

export function average(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  return sum / values.length;
}

/** Pearson's correlation of two vectors. */
export function correlation(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const mean = (values: ArrayLike<number>) => {
    let sum = 0;
    for (let i = 0; i < values.length; i++) sum += values[i]!;
    return sum / values.length;
  };
  const [ma, mb] = [mean(a), mean(b)];
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [a[i]! - ma, b[i]! - mb];
    ab += x * y;
    aa += x * x;
    bb += y * y;
  }
  return aa > 0 && bb > 0 ? ab / Math.sqrt(aa * bb) : 0;
}

/** Root of the mean square of a vector. */
export function rms(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]! ** 2;
  return Math.sqrt(sum / values.length);
}

/** The middle of the values in order. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1]! + sorted[sorted.length >> 1]!) / 2;
}
