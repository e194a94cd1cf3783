import { SeedbedError } from '../errors.ts';

/**
 * Eigenvalues and eigenvectors of a symmetric matrix.
 * @group Statistics
 */
export interface Eigensystem {
  /** The eigenvalues, greatest first. */
  readonly values: Float64Array;
  /** size x size, row-major: row k is the unit eigenvector of `values[k]`. */
  readonly vectors: Float64Array;
}

/**
 * All eigenvalues and eigenvectors of a symmetric matrix, A = V' diag(values) V, to an absolute error of a few roundings of
 * its norm: Householder's reduction to tridiagonal form, then QL with Wilkinson's implicit shifts (Golub and Van Loan 2013,
 * "Matrix Computations", algorithms 8.3.1 and 8.3.2). It works on whole rows, and takes a few seconds for 1024 dimensions.
 * @param matrix size x size, row-major, symmetric.
 * @param size number of rows, from 1.
 * @throws {SeedbedError} BadShape when the matrix does not have size x size numbers, BadArgument when one is not finite.
 * @group Statistics
 * @example
 * import { symmetricEigen } from 'seedbed';
 * const { values } = symmetricEigen(Float64Array.of(2, 0, 0, 3), 2);
 * console.log(values); // prints Float64Array(2) [ 3, 2 ]
 */
export function symmetricEigen(matrix: Float64Array, size: number): Eigensystem {
  if (!Number.isSafeInteger(size) || size < 1 || matrix.length !== size * size) {
    throw new SeedbedError(
      'BadShape',
      `symmetricEigen: ${size} rows and columns hold ${size * size} numbers, the matrix has ${matrix.length}`,
    );
  }
  const scale = powerOfTwoAbove(matrix);
  const tridiagonal = tridiagonalise(
    matrix.map(value => value / scale),
    size,
  );
  diagonalise(tridiagonal);
  return sorted(tridiagonal.diagonal, tridiagonal.basis, scale);
}

/** A power of two, by which one divides without rounding, of about the greatest magnitude; 1 for zeros. */
function powerOfTwoAbove(matrix: Float64Array): number {
  let greatest = 0;
  for (const value of matrix) {
    if (!Number.isFinite(value)) {
      throw new SeedbedError('BadArgument', `symmetricEigen: the matrix holds ${value}, not a finite number`);
    }
    greatest = Math.max(greatest, Math.abs(value));
  }
  return greatest === 0 ? 1 : 2 ** Math.floor(Math.log2(greatest));
}

/** A symmetric matrix A as basis' T basis, T tridiagonal and the basis orthogonal. */
interface Tridiagonal {
  /** T's diagonal. */
  readonly diagonal: Float64Array;
  /** Beside it: element i couples rows i and i + 1; the last is 0. */
  readonly coupling: Float64Array;
  /** size x size, its rows being the coordinates in which A is tridiagonal. */
  readonly basis: Float64Array;
}

/**
 * Reflects A into tridiagonal form, last row first: the reflection of row i takes its first i numbers to the last of
 * them, and its vector stays there. Overwrites `a`.
 */
function tridiagonalise(a: Float64Array, size: number): Tridiagonal {
  const diagonal = new Float64Array(size);
  const coupling = new Float64Array(size);
  const factors = new Float64Array(size);
  for (let i = size - 1; i > 0; i--) {
    diagonal[i] = a[i * size + i]!;
    const v = a.subarray(i * size, i * size + i);
    [coupling[i - 1], factors[i]] = reflect(v);
    if (factors[i] !== 0) reflectBothSides(a, size, v, factors[i]!);
  }
  diagonal[0] = a[0]!;
  return { diagonal, coupling, basis: productOfReflections(a, size, factors) };
}

/** Sums of squares so small that they lose digits at the end of the range of doubles; the matrix's numbers are about 1. */
const NO_SQUARES = 1e-280;

/**
 * Makes of x the vector v of the reflection H = 1 - factor v v' for which H x = (0, ..., 0, target).
 * @returns target and factor; the factor is 0, and H the identity, where x has that form already.
 */
function reflect(x: Float64Array): [target: number, factor: number] {
  const last = x.length - 1;
  const pivot = x[last]!;
  let rest = 0;
  for (let j = 0; j < last; j++) rest += x[j]! ** 2;
  if (rest < NO_SQUARES) return [pivot, 0];
  const norm = Math.sqrt(rest + pivot ** 2);
  const target = pivot > 0 ? -norm : norm;
  x[last] = pivot - target; // a sum of equal signs, so that nothing cancels
  return [target, 1 / (norm * (norm + Math.abs(pivot)))];
}

/** Replaces the leading block A, lower triangle only, by H A H = A - v w' - w v' for w = p - (factor v'p / 2) v, p = factor A v. */
function reflectBothSides(a: Float64Array, size: number, v: Float64Array, factor: number): void {
  const order = v.length;
  const w = new Float64Array(order);
  for (let r = 0; r < order; r++) {
    const at = r * size;
    const vr = v[r]!;
    let sum = 0;
    for (let c = 0; c < r; c++) {
      const value = a[at + c]!;
      sum += value * v[c]!;
      w[c]! += value * vr;
    }
    w[r]! += sum + a[at + r]! * vr;
  }
  let inner = 0;
  for (let r = 0; r < order; r++) inner += v[r]! * w[r]!;
  const share = (factor * inner) / 2;
  for (let r = 0; r < order; r++) w[r] = factor * (w[r]! - share * v[r]!);
  for (let r = 0; r < order; r++) {
    const at = r * size;
    const vr = v[r]!;
    const wr = w[r]!;
    for (let c = 0; c <= r; c++) a[at + c]! -= vr * w[c]! + wr * v[c]!;
  }
}

/** H_1 H_2 ... H_(size-1), the reflection H_i of the first i coordinates having its vector in row i of `a`. */
function productOfReflections(a: Float64Array, size: number, factors: Float64Array): Float64Array {
  const product = new Float64Array(size * size);
  for (let i = 0; i < size; i++) {
    product[i * size + i] = 1;
    if (factors[i] === 0) continue;
    const v = a.subarray(i * size, i * size + i);
    for (let r = 0; r < i; r++) {
      const at = r * size;
      let inner = 0;
      for (let c = 0; c < i; c++) inner += product[at + c]! * v[c]!;
      const share = factors[i]! * inner;
      for (let c = 0; c < i; c++) product[at + c]! -= share * v[c]!;
    }
  }
  return product;
}

/** Turns T into its diagonal of eigenvalues, in place, and the basis into its eigenvectors: QL sweeps until each coupling is gone. */
function diagonalise({ diagonal: d, coupling: e, basis }: Tridiagonal): void {
  const size = d.length;
  const cosines = new Float64Array(size);
  const sines = new Float64Array(size);
  let norm = 0;
  for (let i = 0; i < size; i++) norm = Math.max(norm, Math.abs(d[i]!) + Math.abs(e[i]!));
  const negligible = Number.EPSILON * norm;
  for (let first = 0; first < size; first++) {
    for (;;) {
      let last = first;
      while (Math.abs(e[last]!) > negligible) last++; // ends at the latest with the last coupling, which is 0
      e[last] = 0;
      if (last === first) break;
      sweep(d, e, first, last, cosines, sines);
      rotateRows(basis, size, first, last, cosines, sines);
    }
  }
}

/**
 * One implicit QL step on rows `first` to `last` of T: a rotation of the last two rows by the shift, and one after the
 * other upwards to push out what each leaves beside the tridiagonal form.
 */
function sweep(
  d: Float64Array,
  e: Float64Array,
  first: number,
  last: number,
  cosines: Float64Array,
  sines: Float64Array,
): void {
  let x = d[last]! - wilkinsonShift(d[first]!, e[first]!, d[first + 1]!);
  let bulge = e[last - 1]!;
  for (let i = last - 1; i >= first; i--) {
    const r = Math.hypot(x, bulge);
    const c = r === 0 ? 1 : x / r;
    const s = r === 0 ? 0 : bulge / r;
    if (i + 1 < last) e[i + 1] = r;
    const upper = d[i]!;
    const lower = d[i + 1]!;
    const beside = e[i]!;
    const moved = s * (s * (upper - lower) + 2 * c * beside);
    d[i] = upper - moved;
    d[i + 1] = lower + moved;
    x = c * s * (upper - lower) + (c * c - s * s) * beside;
    e[i] = x;
    if (i > first) {
      bulge = s * e[i - 1]!;
      e[i - 1]! *= c;
    }
    cosines[i] = c;
    sines[i] = s;
  }
}

/** The eigenvalue of [[a, b], [b, c]] that is nearer to a, for b other than 0. */
function wilkinsonShift(a: number, b: number, c: number): number {
  const half = (c - a) / 2;
  const root = Math.hypot(half, b);
  return a - (b / (half + (half < 0 ? -root : root))) * b;
}

/** Applies the rotations of a sweep, from the last to the first, to the rows of the basis. */
function rotateRows(
  basis: Float64Array,
  size: number,
  first: number,
  last: number,
  cosines: Float64Array,
  sines: Float64Array,
): void {
  for (let i = last - 1; i >= first; i--) {
    const c = cosines[i]!;
    const s = sines[i]!;
    const upper = basis.subarray(i * size, (i + 1) * size);
    const lower = basis.subarray((i + 1) * size, (i + 2) * size);
    for (let k = 0; k < size; k++) {
      const u = upper[k]!;
      const l = lower[k]!;
      upper[k] = c * u - s * l;
      lower[k] = s * u + c * l;
    }
  }
}

/** Greatest value first, the rows of vectors in the same order. */
function sorted(values: Float64Array, rows: Float64Array, scale: number): Eigensystem {
  const size = values.length;
  const order = Array.from(values.keys()).sort((i, j) => values[j]! - values[i]!);
  const vectors = new Float64Array(size * size);
  order.forEach((from, to) => {
    vectors.set(rows.subarray(from * size, (from + 1) * size), to * size);
  });
  return { values: Float64Array.from(order, i => values[i]! * scale), vectors };
}
