import { SeedbedError } from '../errors.ts';
import { innerProducts } from '../tensor/products.ts';
import { average } from '../tensor/statistics.ts';
import { type Floats, float32, rows, sizeOf } from '../tensor/tensor.ts';

/** @inline */
/**
 * How the seeds of one picture lie to each other: see {@link cloudStatistics}.
 * @group Statistics
 */
export interface CloudStatistics {
  /** K, the seeds. */
  readonly count: number;
  /** Mean square of a coordinate about zero: 1 for noise. */
  readonly variance: number;
  /** Mean square of a coordinate about the cloud's mean, with K - 1 as divisor: (1 - correlation) variance. */
  readonly varianceWithin: number;
  /** Mean correlation of two seeds' coordinates: 0 for independent noise, 1 where all seeds are one. */
  readonly correlation: number;
  /** Between two seeds, over all pairs. */
  readonly distance: {
    /** Mean Euclidean distance; about sqrt(2 D) for independent noise of D coordinates. */
    readonly mean: number;
    /** The nearest pair's. */
    readonly least: number;
    /** The farthest pair's. */
    readonly greatest: number;
    /** Root mean square of the difference of a coordinate: sqrt(2 (1 - correlation) variance), 1.41 for noise. */
    readonly rms: number;
  };
  /** Of means of `of` seeds, for `of` = 1, 2, 4, ... and K. */
  readonly means: readonly CloudMean[];
}

/**
 * How long the mean of some seeds of one picture is.
 * @group Statistics
 */
export interface CloudMean {
  /** The seeds that are averaged. */
  readonly of: number;
  /** Mean square of the mean's coordinates, itself averaged over all groups of so many successive seeds, none in two. */
  readonly variance: number;
  /** What it should be for seeds that are all alike: variance (correlation + (1 - correlation) / of). */
  readonly expected: number;
}

/**
 * Measures a cloud: seeds of one picture, which are correlated because they grow the same. With G_ij = z_i' z_j / D the
 * variance is the mean of G_ii, the correlation rho the mean of G_ij, i other than j, over it; so the mean of K seeds
 * has variance rho + (1 - rho) / K of one seed's, which falls to rho and not to 0.
 * @param seeds [K, ...], K from 2.
 * @throws {SeedbedError} BadShape for fewer than two seeds; BadArgument when a coordinate is not finite or all are 0.
 * @group Statistics
 * @example
 * import { cloudStatistics, float32 } from 'seedbed';
 * const { correlation, distance } = cloudStatistics(float32([2, 2], [1, 1, 1, 0]));
 * console.log(correlation, distance.mean); // prints 0.6666666666666666 1
 */
export function cloudStatistics(seeds: Floats): CloudStatistics {
  const [count = 0, ...shape] = seeds.shape;
  const dims = sizeOf(shape);
  if (count < 2 || seeds.shape.length < 2 || dims < 1)
    throw new SeedbedError('BadShape', `cloudStatistics: takes two seeds or more, got [${seeds.shape}]`);
  if (!seeds.data.every(Number.isFinite))
    throw new SeedbedError('BadArgument', 'cloudStatistics: a seed has a coordinate that is not finite');
  const squares = meanSquare(seeds.data) * count;
  if (squares === 0) throw new SeedbedError('BadArgument', 'cloudStatistics: all seeds are 0');
  const variance = squares / count;
  const ofSum = meanSquare(meanOf(seeds)) * count ** 2;
  const correlation = (ofSum - squares) / (count - 1) / squares;
  const varianceWithin = Math.max(0, (1 - correlation) * variance);
  return {
    count,
    variance,
    varianceWithin,
    correlation,
    distance: { ...distances(seeds, dims), rms: Math.sqrt(2 * varianceWithin) },
    means: doublings(count).map(of => ({
      of,
      variance: meanOfMeans(seeds, of),
      expected: variance * (correlation + (1 - correlation) / of),
    })),
  };
}

/** 1, 2, 4, ... below the count, and the count. */
export function doublings(count: number): number[] {
  const result: number[] = [];
  for (let of = 1; of < count; of *= 2) result.push(of);
  return [...result, count];
}

/** The mean of seeds [K, ...], as [1, ...]. */
export function meanSeed(seeds: Floats): Floats {
  return float32([1, ...seeds.shape.slice(1)], Float32Array.from(meanOf(seeds)));
}

/** The mean of seeds in double precision. */
function meanOf({ shape: [count = 0, ...shape], data }: Floats): Float64Array {
  const sums = new Float64Array(sizeOf(shape));
  for (let i = 0; i < data.length; i++) sums[i % sums.length]! += data[i]!;
  return sums.map(sum => sum / count);
}

/** Mean square of the coordinates of the means of groups of `of` seeds, over the groups. */
function meanOfMeans(seeds: Floats, of: number): number {
  const groups = Math.floor(seeds.shape[0]! / of);
  let sum = 0;
  for (let g = 0; g < groups; g++) sum += meanSquare(meanOf(rows(seeds, g * of, (g + 1) * of)));
  return sum / groups;
}

function meanSquare(data: Float32Array | Float64Array): number {
  let sum = 0;
  for (const value of data) sum += value * value;
  return sum / data.length;
}

/** Seeds whose inner products with others are in memory at once. */
const BLOCK = 512;

/** Seeds whose difference has so small a part of their squares are one seed, in single precision. */
const CANCELLED = 1e-12;

/** Mean, least and greatest Euclidean distance of all pairs. */
function distances(seeds: Floats, dims: number): { mean: number; least: number; greatest: number } {
  const count = seeds.shape[0]!;
  const blocks: Float64Array[] = [];
  for (let first = 0; first < count; first += BLOCK)
    blocks.push(Float64Array.from(rows(seeds, first, Math.min(first + BLOCK, count)).data));
  const norms = blocks.map(block => {
    const squares = new Float64Array(block.length / dims);
    for (let i = 0; i < block.length; i++) squares[Math.floor(i / dims)]! += block[i]! ** 2;
    return squares;
  });
  let [sum, least, greatest] = [0, Number.POSITIVE_INFINITY, 0];
  blocks.forEach((a, p) => {
    blocks.slice(0, p + 1).forEach((b, q) => {
      const products = innerProducts(a, b, dims);
      const [height, width] = [norms[p]!.length, norms[q]!.length];
      for (let i = 0; i < height; i++) {
        for (let j = 0; j < (p === q ? i : width); j++) {
          const square = norms[p]![i]! + norms[q]![j]! - 2 * products[i * width + j]!;
          // What is left of equal seeds is rounding.
          const distance = square > CANCELLED * (norms[p]![i]! + norms[q]![j]!) ? Math.sqrt(square) : 0;
          sum += distance;
          least = Math.min(least, distance);
          greatest = Math.max(greatest, distance);
        }
      }
    });
  });
  return { mean: sum / ((count * (count - 1)) / 2), least, greatest };
}

/** Variance of the seeds about their mean [K, ...] about their mean along unit directions [n, ...]. */
export function variancesAlong(latent: Floats, directions: Floats): number[] {
  const count = latent.shape[0]!;
  const width = sizeOf(latent.shape.slice(1));
  const [from, to] = [directions, latent].map(({ data }) => Float64Array.from(data)) as [
    Float64Array,
    Float64Array,
  ];
  const products = innerProducts(from, to, width);
  return Array.from({ length: directions.shape[0]! }, (_, d) => {
    const along = products.subarray(d * count, (d + 1) * count);
    const mean = average(along);
    return along.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (count - 1);
  });
}
