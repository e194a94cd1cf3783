import { SeedbedError } from '../errors.ts';
import { symmetricEigen } from '../tensor/eigen.ts';
import { innerProducts, transposed } from '../tensor/products.ts';
import { type Floats, float32, sizeOf, type Tensor } from '../tensor/tensor.ts';

/**
 * The directions in which points vary, the one in which they vary most first: see {@link principalComponents}.
 * @group Statistics
 */
export interface PrincipalComponents {
  /** The points' mean, of a point's shape. */
  readonly mean: Tensor<'float32'>;
  /** K variances along the components, greatest first, with N - 1 as divisor. */
  readonly variances: Float64Array;
  /** [K, ...a point's shape], unit vectors at right angles to each other. */
  readonly components: Tensor<'float32'>;
}

/** Variances below this part of the greatest are taken for none: points in float32 do not tell them from rounding. */
const NEGLIGIBLE = 1e-10;

/**
 * Principal component analysis of N points in D dimensions: the eigenvectors of their covariance
 * sum_n (x_n - mean)(x_n - mean)' / (N - 1). Where there are fewer points than dimensions they come from the N x N inner
 * products of the points, which have the same eigenvalues (Turk and Pentland 1991, "Eigenfaces for recognition").
 * @param points [N, ...], N at least 2; pictures and seeds are taken as points of D = C H W coordinates.
 * @returns K components, at most min(N - 1, D): directions in which the points do not vary, to 1e-10 of the greatest
 * variance, are left out.
 * @throws {SeedbedError} BadShape for fewer than two points, BadArgument when a coordinate is not finite.
 * @group Statistics
 * @example
 * import { float32, principalComponents } from 'seedbed';
 * const onALine = float32([3, 2], [-1, 0, 0, 0, 1, 0]);
 * const { variances, components } = principalComponents(onALine);
 * console.log(variances, components.shape); // prints Float64Array(1) [ 1 ] [ 1, 2 ]
 */
export function principalComponents(points: Tensor<'float32'>): PrincipalComponents {
  const [count = 0, ...shape] = points.shape;
  const dims = sizeOf(shape);
  if (points.shape.length < 2 || count < 2 || dims < 1) {
    throw new SeedbedError(
      'BadShape',
      `principalComponents: takes two points or more, got [${points.shape}]`,
    );
  }
  if (!points.data.every(Number.isFinite)) {
    throw new SeedbedError('BadArgument', 'principalComponents: a point has a coordinate that is not finite');
  }
  const mean = columnMeans(points.data, count, dims);
  const centred = Float64Array.from(points.data, (value, i) => value - mean[i % dims]!);
  const { values, directions } =
    count < dims ? fromPoints(centred, count, dims) : fromCovariance(centred, count, dims);
  const most = Math.min(count - 1, dims);
  const kept = values.subarray(0, most).filter(value => value > NEGLIGIBLE * values[0]!).length;
  return {
    mean: float32(shape, mean),
    variances: values.slice(0, kept),
    components: float32([kept, ...shape], directions(kept)),
  };
}

/** Variances, greatest first, and on demand the directions of the first few. */
interface Directions {
  readonly values: Float64Array;
  directions(kept: number): Float64Array;
}

function fromCovariance(centred: Float64Array, count: number, dims: number): Directions {
  const { values, vectors } = symmetricEigen(covarianceOf(centred, count), dims);
  return { values, directions: kept => vectors.subarray(0, kept * dims) };
}

/** If X X' a = (N - 1) v a for the points X, then X' a is an eigenvector of X' X / (N - 1) with variance v. */
function fromPoints(centred: Float64Array, count: number, dims: number): Directions {
  const gram = innerProducts(centred, centred, dims).map(v => v / (count - 1));
  const { values, vectors } = symmetricEigen(gram, count);
  const directions = (kept: number) => {
    const weights = vectors.subarray(0, kept * count).map((weight, i) => {
      return weight / Math.sqrt(values[Math.floor(i / count)]! * (count - 1));
    });
    return innerProducts(weights, transposed(centred, count), count);
  };
  return { values, directions };
}

/** The covariance of so many centred points, row-major, with N - 1 as divisor. */
export function covarianceOf(centred: Float64Array, count: number): Float64Array {
  const columns = transposed(centred, count);
  return innerProducts(columns, columns, count).map(v => v / (count - 1));
}

/** The mean of each column of a row-major matrix. */
export function columnMeans(matrix: Float32Array, rows: number, columns: number): Float64Array {
  const mean = new Float64Array(columns);
  for (let r = 0, at = 0; r < rows; r++) {
    for (let c = 0; c < columns; c++, at++) mean[c]! += matrix[at]!;
  }
  return mean.map(sum => sum / rows);
}

/** Coordinates of points [n, ...shape] along components `first` to `last`, from the mean or another point: [n, last - first]. */
export function coordinates(
  points: Floats,
  { mean, components }: PrincipalComponents,
  first: number,
  last: number,
  from: Tensor<'float32'> = mean,
): Floats {
  const width = mean.data.length;
  const centred = Float64Array.from(points.data, (value, i) => value - from.data[i % width]!);
  const basis = Float64Array.from(components.data.subarray(first * width, last * width));
  return float32([points.shape[0]!, last - first], innerProducts(centred, basis, width));
}
