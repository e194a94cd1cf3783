/** The row-major matrix of so many rows with rows and columns exchanged. */
export function transposed(matrix: Float64Array, rows: number): Float64Array {
  const columns = matrix.length / rows;
  const result = new Float64Array(matrix.length);
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < columns; c++) result[c * rows + r] = matrix[r * columns + c]!;
  }
  return result;
}

/** Numbers of a row that are taken at a time, so that many rows' stay in the processor's cache. */
const STRETCH = 512;

/**
 * The inner products of all rows of `a` with all rows of `b`, A B': a matrix with the rows of `a` and a column for each
 * row of `b`, all row-major. Where `b` is `a` itself only one half is computed.
 * @param length numbers in a row, of `a` and of `b`.
 */
export function innerProducts(a: Float64Array, b: Float64Array, length: number): Float64Array {
  const [rows, columns] = [a.length / length, b.length / length];
  const result = new Float64Array(rows * columns);
  for (let from = 0; from < length; from += STRETCH) {
    const to = Math.min(from + STRETCH, length);
    for (let i = 0; i < rows; i += 2) {
      const end = a === b ? i + 1 : columns;
      for (let j = 0; j < end; j += 2) addFourProducts(a, b, length, i, j, from, to, result);
    }
  }
  if (a === b) mirror(result, rows);
  return result;
}

/**
 * Adds the products of rows i and i + 1 of `a` with rows j and j + 1 of `b` over columns `from` to `to`: four sums for the
 * reading of two. Past the last row, the last one is taken twice and counted once.
 */
function addFourProducts(
  a: Float64Array,
  b: Float64Array,
  length: number,
  i: number,
  j: number,
  from: number,
  to: number,
  result: Float64Array,
): void {
  const columns = b.length / length;
  const nextA = (i + 1) * length < a.length ? length : 0;
  const nextB = j + 1 < columns ? length : 0;
  let sum00 = 0;
  let sum01 = 0;
  let sum10 = 0;
  let sum11 = 0;
  for (let p = i * length + from, q = j * length + from, end = i * length + to; p < end; p++, q++) {
    const a0 = a[p]!;
    const a1 = a[p + nextA]!;
    const b0 = b[q]!;
    const b1 = b[q + nextB]!;
    sum00 += a0 * b0;
    sum01 += a0 * b1;
    sum10 += a1 * b0;
    sum11 += a1 * b1;
  }
  const at = i * columns + j;
  result[at]! += sum00;
  if (nextB) result[at + 1]! += sum01;
  if (nextA) result[at + columns]! += sum10;
  if (nextA && nextB) result[at + columns + 1]! += sum11;
}

/** Copies the half left of the diagonal to the other. */
function mirror(square: Float64Array, size: number): void {
  for (let r = 0; r < size; r++) for (let c = 0; c < r; c++) square[c * size + r] = square[r * size + c]!;
}
