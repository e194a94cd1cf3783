import { columnMeans, covarianceOf } from '../latent/pca.ts';
import { symmetricEigen } from '../tensor/eigen.ts';
import { innerProducts } from '../tensor/products.ts';
import type { Floats } from '../tensor/tensor.ts';

/** Mean and covariance of points. */
export interface Moments {
  readonly mean: Float64Array;
  /** Row-major. */
  readonly covariance: Float64Array;
}

/**
 * The Frechet distance of two sets of points, each taken as a Gaussian with its mean and covariance:
 * |m1 - m2|^2 + tr(C1 + C2 - 2 (C1^1/2 C2 C1^1/2)^1/2) (Dowson and Landau 1982; Heusel et al. 2017 take it of a network's
 * features). 0 for equal moments; it falls as sets grow, so compare at one n.
 */
export function frechetDistance(one: Moments, other: Moments): number {
  const dims = one.mean.length;
  const root = squareRoot(one.covariance, dims);
  // Symmetric as they are, rows are columns, so that products of rows are products of matrices.
  const inner = innerProducts(innerProducts(root, other.covariance, dims), root, dims);
  const shared = symmetricEigen(inner, dims).values.reduce((sum, v) => sum + Math.sqrt(Math.max(0, v)), 0);
  const apart = one.mean.reduce((sum, m, i) => sum + (m - other.mean[i]!) ** 2, 0);
  const distance = apart + trace(one.covariance, dims) + trace(other.covariance, dims) - 2 * shared;
  return Math.max(0, distance);
}

/** The moments of points [n, D]. */
export function momentsOf(points: Floats): Moments {
  const [count = 0, dims = 0] = points.shape;
  const mean = columnMeans(points.data, count, dims);
  const centred = Float64Array.from(points.data, (value, i) => value - mean[i % dims]!);
  return { mean, covariance: covarianceOf(centred, count) };
}

/** The symmetric square root of a positive matrix. */
function squareRoot(matrix: Float64Array, dims: number): Float64Array {
  const { values, vectors } = symmetricEigen(matrix, dims);
  const result = new Float64Array(dims * dims);
  for (let k = 0; k < dims; k++) {
    const weight = Math.sqrt(Math.max(0, values[k]!));
    for (let i = 0; i < dims; i++) {
      const left = weight * vectors[k * dims + i]!;
      for (let j = 0; j < dims; j++) result[i * dims + j]! += left * vectors[k * dims + j]!;
    }
  }
  return result;
}

function trace(matrix: Float64Array, dims: number): number {
  let sum = 0;
  for (let i = 0; i < dims; i++) sum += matrix[i * dims + i]!;
  return sum;
}
