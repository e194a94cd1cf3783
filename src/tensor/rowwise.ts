import {
  concatRows,
  type DType,
  type Floats,
  float32,
  rows,
  sizeOf,
  type Tensor,
  takeRows,
  zeros,
} from './tensor.ts';

/** Numbers for each row of a batch, or one for all. */
export type PerRow = number | ArrayLike<number>;

const at = (value: PerRow, row: number) => (typeof value === 'number' ? value : value[row]!);

/** The inner product of each row of `a` with that of `b`, summed in double precision. */
export function dots(a: Floats, b: Floats): Float64Array {
  const count = a.shape[0]!;
  const width = sizeOf(a.shape.slice(1));
  const result = new Float64Array(count);
  for (let row = 0, i = 0; row < count; row++) {
    let sum = 0;
    for (const end = i + width; i < end; i++) sum += a.data[i]! * b.data[i]!;
    result[row] = sum;
  }
  return result;
}

/** The Euclidean norm of each row. */
export function norms(a: Floats): Float64Array {
  return dots(a, a).map(Math.sqrt);
}

/** The sum of tensors of one shape, each row weighted by its own number: sum over k of weights_k[row] terms_k[row]. */
export function combine(...terms: readonly (readonly [weight: PerRow, tensor: Floats])[]): Floats {
  const { shape } = terms[0]![1];
  const width = sizeOf(shape.slice(1));
  const result = new Float32Array(sizeOf(shape));
  for (let row = 0; row < shape[0]!; row++) {
    const weights = terms.map(([weight]) => at(weight, row));
    for (let i = row * width; i < (row + 1) * width; i++) {
      let sum = 0;
      for (let k = 0; k < terms.length; k++) sum += weights[k]! * terms[k]![1].data[i]!;
      result[i] = sum;
    }
  }
  return float32(shape, result);
}

/** The rows of `a` where `chosen`, else those of `b`. */
export function choose(chosen: readonly boolean[], a: Floats, b: Floats): Floats {
  if (chosen.every(Boolean)) return a;
  const width = sizeOf(a.shape.slice(1));
  const result = Float32Array.from(b.data);
  chosen.forEach((yes, row) => {
    if (yes) result.set(a.data.subarray(row * width, (row + 1) * width), row * width);
  });
  return float32(a.shape, result);
}

/** Rows put back to their places among `count`, those of none at zero: the inverse of taking rows. */
export function spreadRows(few: Floats, places: readonly number[], count: number): Floats {
  const shape = few.shape.slice(1);
  const width = sizeOf(shape);
  const result = zeros('float32', [count, ...shape]);
  places.forEach((place, row) => {
    result.data.set(few.data.subarray(row * width, (row + 1) * width), place * width);
  });
  return result;
}

/** Runs a function of a fixed batch size over rows, one or more; the last batch is filled up with its first row. */
export async function inBatches(
  rowsIn: Floats,
  batch: number,
  run: (part: Floats, first: number) => Promise<Floats>,
): Promise<Floats> {
  const count = rowsIn.shape[0]!;
  const parts: Floats[] = [];
  for (let first = 0; first < count; first += batch)
    parts.push(rows(await run(filledRows(rowsIn, first, batch), first), 0, Math.min(batch, count - first)));
  return concatRows(parts);
}

/**
 * Runs a function of tensors of a fixed batch size on some of their rows; what comes back has those rows in their places,
 * and zero in the others.
 */
export async function onRows(
  tensors: Readonly<Record<string, Floats>>,
  some: readonly number[],
  batch: number,
  run: (parts: Record<string, Floats>) => Promise<Record<string, Floats>>,
): Promise<Record<string, Floats>> {
  const [count = 0] = Object.values(tensors)[0]!.shape;
  const taken = Object.entries(tensors).map(([name, t]) => [name, takeRows(t, some)] as const);
  const found: Record<string, Floats[]> = {};
  for (let first = 0; first < some.length; first += batch) {
    const parts = Object.fromEntries(taken.map(([name, t]) => [name, filledRows(t, first, batch)]));
    for (const [name, t] of Object.entries(await run(parts))) {
      found[name] ??= [];
      found[name].push(rows(t, 0, Math.min(batch, some.length - first)));
    }
  }
  const inPlace = (parts: readonly Floats[]) => spreadRows(concatRows(parts), some, count);
  return Object.fromEntries(Object.entries(found).map(([name, parts]) => [name, inPlace(parts)]));
}

/** `batch` rows from `first` on; where there are too few, row `first` again. */
export function filledRows<D extends DType>(t: Tensor<D>, first: number, batch: number): Tensor<D> {
  const [count = 0, ...shape] = t.shape;
  const width = sizeOf(shape);
  const result = zeros(t.dtype, [batch, ...shape]);
  for (let row = 0; row < batch; row++) {
    const from = (first + row < count ? first + row : first) * width;
    (result.data as Float32Array).set((t.data as Float32Array).subarray(from, from + width), row * width);
  }
  return result;
}
