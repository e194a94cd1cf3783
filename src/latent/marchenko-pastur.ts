import { requireWhole, SeedbedError } from '../errors.ts';

/**
 * How the variances along the principal components of isotropic noise spread: see {@link marchenkoPastur}.
 * @group Statistics
 */
export interface NoiseSpectrum {
  /** The least variance other than 0. */
  readonly low: number;
  /** The greatest. */
  readonly high: number;
  /** What the variances are like, greatest first: min(N - 1, D) quantiles of the law. */
  readonly expected: Float64Array;
}

/** Points at which the law is summed up. */
const POINTS = 8192;

/**
 * The variances that principal components find in N points of noise that varies equally in all D directions (Marchenko
 * and Pastur 1967). By chance alone they spread between variance (1 - sqrt(g))^2 and variance (1 + sqrt(g))^2, g =
 * D / (N - 1), with density sqrt((high - x)(x - low)) / (2 pi g variance x); a cloud has a shape where its own lie outside.
 * @param count N, points, from 2.
 * @param dims D, coordinates of a point, from 1.
 * @param variance of a coordinate, about the points' mean.
 * @throws {SeedbedError} BadArgument for numbers out of range.
 * @group Statistics
 * @example
 * import { marchenkoPastur } from 'seedbed';
 * const { low, high, expected } = marchenkoPastur(101, 25, 1);
 * console.log(low, high, expected.length); // prints 0.25 2.25 25
 */
export function marchenkoPastur(count: number, dims: number, variance: number): NoiseSpectrum {
  requireWhole('count', count, 2);
  requireWhole('dims', dims, 1);
  if (!(variance >= 0 && Number.isFinite(variance)))
    throw new SeedbedError('BadArgument', `marchenkoPastur: a variance is a number from 0, got ${variance}`);
  const ratio = dims / (count - 1);
  const [low, high] = [variance * (1 - Math.sqrt(ratio)) ** 2, variance * (1 + Math.sqrt(ratio)) ** 2];
  const [middle, radius] = [(low + high) / 2, (high - low) / 2];
  // x = middle + radius cos(angle), from the greatest down: density dx = radius^2 sin^2(angle) / x, up to a factor.
  const at = (i: number) => middle + radius * Math.cos((Math.PI * i) / POINTS);
  const below = new Float64Array(POINTS + 1);
  for (let i = 1; i <= POINTS; i++) {
    const between = (Math.PI * (i - 0.5)) / POINTS;
    const x = middle + radius * Math.cos(between);
    below[i] = below[i - 1]! + (x > 0 ? Math.sin(between) ** 2 / x : 0);
  }
  const number = Math.min(count - 1, dims);
  const expected = new Float64Array(number);
  for (let k = 0, i = 0; k < number; k++) {
    const wanted = ((k + 0.5) / number) * below[POINTS]!;
    while (i < POINTS && below[i + 1]! < wanted) i++;
    const part = (wanted - below[i]!) / (below[i + 1]! - below[i]! || 1);
    expected[k] = at(i) + part * (at(i + 1) - at(i));
  }
  return { low, high, expected };
}
