import { SeedbedError } from '../errors.ts';
import { float32 } from '../tensor/tensor.ts';
import type { GraphBuilder, Value } from './builder.ts';

/** A matrix by rows, [out x in]. */
export type Matrix = readonly (readonly number[])[];

/** Axes are at most thousands long; a damaged file may say anything. */
const MOST_ENTRIES = 2 ** 22;

/** A matrix from a function that gives its rows. @throws {SeedbedError} Unsupported when it is too large. */
export function matrixOf(rows: number, columns: number, row: (index: number) => readonly number[]): Matrix {
  if (rows * columns > MOST_ENTRIES)
    throw new SeedbedError('Unsupported', `an axis of ${columns} elements is mapped to one of ${rows}`);
  return Array.from({ length: rows }, (_, index) => row(index));
}

/** Multiplies along one axis by `m`: from m's columns to its rows. */
export function applyAlong(b: GraphBuilder, x: Value, axis: number, m: Matrix): Value {
  return applyTransposed(
    b,
    x,
    axis,
    m[0]!.map((_, j) => m.map(row => row[j]!)),
  );
}

/** Multiplies along one axis by the transpose of `m`: from m's rows back to its columns. */
export function applyTransposed(b: GraphBuilder, x: Value, axis: number, m: Matrix): Value {
  const rank = b.shape(x).length;
  const columns = m[0]!.length;
  const matrix = b.constant(float32([m.length, columns], m.flat()));
  if (axis === rank - 1) return b.matmul(x, matrix);
  const transposed = b.constant(
    float32(
      [columns, m.length],
      m[0]!.flatMap((_, j) => m.map(row => row[j]!)),
    ),
  );
  if (axis === rank - 2) return b.matmul(transposed, x);
  const swap = Array.from({ length: rank }, (_, i) => (i === axis ? rank - 1 : i === rank - 1 ? axis : i));
  return b.transpose(b.matmul(b.transpose(x, swap), matrix), swap);
}
