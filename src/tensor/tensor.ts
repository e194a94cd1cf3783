import { SeedbedError } from '../errors.ts';

const ARRAYS = {
  float32: Float32Array,
  float64: Float64Array,
  /** IEEE half precision, kept as its 16 bits. */
  float16: Uint16Array,
  int64: BigInt64Array,
  int32: Int32Array,
  int16: Int16Array,
  int8: Int8Array,
  uint64: BigUint64Array,
  uint32: Uint32Array,
  uint16: Uint16Array,
  uint8: Uint8Array,
  /** One byte an element, 0 or 1. */
  bool: Uint8Array,
} as const;

/**
 * The element types that Seedbed reads and writes; {@link ArrayOf} holds them.
 * @group Tensors and errors
 * @useDeclaredType
 */
export type DType = keyof typeof ARRAYS;
/**
 * The array that holds elements of type `D`: Float32Array for float32, Uint16Array of the bits for float16, BigInt64Array
 * for int64, Uint8Array of 0 and 1 for bool, and so on.
 * @group Tensors and errors
 */
export type ArrayOf<D extends DType> = InstanceType<(typeof ARRAYS)[D]>;

/**
 * An n-dimensional array in row-major order: `data.length` is the product of `shape`.
 * @group Tensors and errors
 */
export interface Tensor<D extends DType = DType> {
  /** Type of the elements. */
  readonly dtype: D;
  /** Its dimensions; [] for a scalar. */
  readonly shape: readonly number[];
  /** The elements, the last axis running fastest. */
  readonly data: ArrayOf<D>;
}

/**
 * What networks are fed and give: single precision.
 * @group Tensors and errors
 */
export type Floats = Tensor<'float32'>;

/** The most axes of a tensor that is read, as in NumPy. */
export const MOST_AXES = 64;

/** The number of elements that a shape holds; 1 for the shape of a scalar, []. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, dim) => product * dim, 1);
}

/** Bytes an element of the type takes. */
export function bytesPerElement(dtype: DType): number {
  return ARRAYS[dtype].BYTES_PER_ELEMENT;
}

/**
 * A tensor over existing data.
 * @throws {SeedbedError} BadShape when the data does not fill the shape exactly.
 * @example tensor('float32', [2, 2], new Float32Array([1, 2, 3, 4]))
 */
export function tensor<D extends DType>(dtype: D, shape: readonly number[], data: ArrayOf<D>): Tensor<D> {
  if (data.length !== sizeOf(shape)) {
    throw new SeedbedError(
      'BadShape',
      `tensor: shape [${shape}] holds ${sizeOf(shape)} elements, the data has ${data.length}`,
    );
  }
  return { dtype, shape, data };
}

/** A tensor of zeros. @throws {SeedbedError} Machine when there is no memory for so many elements. */
export function zeros<D extends DType>(dtype: D, shape: readonly number[]): Tensor<D> {
  try {
    return { dtype, shape, data: new ARRAYS[dtype](sizeOf(shape)) as ArrayOf<D> };
  } catch (cause) {
    throw new SeedbedError('Machine', `there is no memory for a tensor ${dtype} [${shape}]`, { cause });
  }
}

/**
 * A float32 tensor; a Float32Array is taken as it is, other numbers are copied.
 * @throws {SeedbedError} BadShape when the numbers do not fill the shape exactly.
 * @group Tensors and errors
 * @example
 * import { float32 } from 'seedbed';
 * console.log(float32([2, 2], [1, 2, 3, 4]).data); // prints Float32Array(4) [ 1, 2, 3, 4 ]
 */
export function float32(shape: readonly number[], values: ArrayLike<number>): Tensor<'float32'> {
  const data =
    values instanceof Float32Array ? (values as Float32Array<ArrayBuffer>) : Float32Array.from(values);
  return tensor('float32', shape, data);
}

/** A float64 tensor of the numbers given. @throws {SeedbedError} BadShape when they do not fill the shape exactly. */
export function float64(shape: readonly number[], values: ArrayLike<number>): Tensor<'float64'> {
  return tensor('float64', shape, Float64Array.from(values));
}

/** An int64 tensor from integers, the type ONNX uses for shapes and axes; a vector unless a shape is given. */
export function int64(
  values: readonly number[],
  shape: readonly number[] = [values.length],
): Tensor<'int64'> {
  return tensor('int64', shape, BigInt64Array.from(values, int64Of));
}

/** A number as an integer of 64 bits: the largest, which exporters use for "to the end", is rounded up to 2^63 among numbers. */
export function int64Of(value: number): bigint {
  const whole = BigInt(value);
  return whole < 2n ** 63n ? whole : 2n ** 63n - 1n;
}

/** Views little-endian bytes as a tensor; the bytes are copied only when they are not aligned. */
export function tensorFromBytes<D extends DType>(
  dtype: D,
  shape: readonly number[],
  bytes: Uint8Array,
): Tensor<D> {
  const width = bytesPerElement(dtype);
  if (bytes.byteLength !== sizeOf(shape) * width) {
    throw new SeedbedError(
      'BadShape',
      `tensor: ${dtype} [${shape}] takes ${sizeOf(shape) * width} bytes, the data has ${bytes.byteLength}`,
    );
  }
  // Not `slice`: that of Node's Buffer makes another view of the same, unaligned bytes.
  const aligned = bytes.byteOffset % width === 0 ? bytes : new Uint8Array(bytes);
  const data = new ARRAYS[dtype](aligned.buffer as ArrayBuffer, aligned.byteOffset, sizeOf(shape));
  return { dtype, shape, data: data as ArrayOf<D> };
}

/** The tensor's elements as bytes, without a copy. All platforms that run Seedbed are little-endian. */
export function bytesOf(t: Tensor): Uint8Array<ArrayBuffer> {
  return new Uint8Array(t.data.buffer as ArrayBuffer, t.data.byteOffset, t.data.byteLength);
}

/** The elements as ordinary numbers, float16 and 64-bit integers converted. */
export function toNumbers(t: Tensor): number[] {
  if (t.dtype === 'float16') return Array.from(toFloat32(t).data);
  return Array.from(t.data as ArrayLike<number | bigint>, Number);
}

/** The tensor in float32; itself when it is already. */
export function toFloat32(t: Tensor): Tensor<'float32'> {
  if (t.dtype === 'float32') return t as Tensor<'float32'>;
  if (t.dtype === 'float16') return float32(t.shape, Float32Array.from(t.data as Uint16Array, fromHalf));
  return float32(t.shape, Float32Array.from(t.data as ArrayLike<number | bigint>, Number));
}

/** The tensor in float64; itself when it is already. */
export function toFloat64(t: Tensor): Tensor<'float64'> {
  if (t.dtype === 'float64') return t as Tensor<'float64'>;
  return float64(t.shape, t.dtype === 'float16' ? toFloat32(t).data : toNumbers(t));
}

/** The tensor in IEEE half precision, rounded to nearest even. */
export function toFloat16(t: Tensor): Tensor<'float16'> {
  if (t.dtype === 'float16') return t as Tensor<'float16'>;
  return tensor(
    'float16',
    t.shape,
    Uint16Array.from(t.data as ArrayLike<number | bigint>, v => toHalf(Number(v))),
  );
}

/** Refuses what is not a finite number. @throws {SeedbedError} Diverged with the message given. */
export function requireFinite(t: Tensor<'float32'>, message: string): void {
  if (!t.data.every(Number.isFinite)) throw new SeedbedError('Diverged', message);
}

/** Rows `from` (included) to `to` (excluded) along the first axis, without a copy. */
export function rows<D extends DType>(t: Tensor<D>, from: number, to: number): Tensor<D> {
  const [first = 1, ...rest] = t.shape;
  if (from < 0 || to > first || from > to) {
    throw new SeedbedError('BadShape', `rows: ${from} to ${to} is outside a tensor of ${first} rows`);
  }
  const stride = sizeOf(rest);
  return {
    dtype: t.dtype,
    shape: [to - from, ...rest],
    data: t.data.subarray(from * stride, to * stride) as ArrayOf<D>,
  };
}

/** The given rows along the first axis, copied; a row may be taken several times. */
export function takeRows(t: Tensor<'float32'>, indices: ArrayLike<number>): Tensor<'float32'> {
  const stride = sizeOf(t.shape.slice(1));
  const data = new Float32Array(indices.length * stride);
  for (let to = 0; to < indices.length; to++)
    data.set(rows(t, indices[to]!, indices[to]! + 1).data, to * stride);
  return float32([indices.length, ...t.shape.slice(1)], data);
}

/** Each row along the first axis as a tensor of its own, without a copy. */
export function unstack(t: Tensor<'float32'>): Tensor<'float32'>[] {
  return Array.from({ length: t.shape[0] ?? 0 }, (_, i) => float32(t.shape.slice(1), rows(t, i, i + 1).data));
}

/** A tensor of its own: what its maker writes into theirs afterwards does not reach it. */
export function copyOf<D extends DType>({ dtype, shape, data }: Tensor<D>): Tensor<D> {
  return tensor(dtype, shape, data.slice() as ArrayOf<D>);
}

/** Tensors of one type and equal row shape, one after the other along the first axis. */
export function concatRows<D extends 'float32' | 'float64'>(parts: readonly Tensor<D>[]): Tensor<D> {
  const first = parts[0];
  if (!first) throw new SeedbedError('BadShape', 'concatRows: nothing to join');
  const rest = first.shape.slice(1);
  for (const { shape } of parts) {
    if (shape.length === 0) throw new SeedbedError('BadShape', 'concatRows: a scalar has no rows');
    if (shape.slice(1).join() !== rest.join()) {
      throw new SeedbedError(
        'BadShape',
        `concatRows: rows of [${shape.slice(1)}] do not fit rows of [${rest}]`,
      );
    }
  }
  const count = parts.reduce((sum, part) => sum + part.shape[0]!, 0);
  const result = zeros(first.dtype, [count, ...rest]);
  let offset = 0;
  for (const part of parts) {
    (result.data as Float64Array).set(part.data as Float64Array, offset);
    offset += part.data.length;
  }
  return result;
}

const scratch = new DataView(new ArrayBuffer(8));

function fromHalf(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

function toHalf(value: number): number {
  scratch.setFloat64(0, value);
  const upper = scratch.getUint32(0);
  const sign = (upper >>> 16) & 0x8000;
  const magnitude = Math.abs(value);
  if (Number.isNaN(value)) return sign | 0x7e00;
  if (magnitude >= 65520) return sign | 0x7c00;
  if (magnitude < 2 ** -14) return sign | roundToEven(magnitude * 2 ** 24);
  const exponent = ((upper >>> 20) & 0x7ff) - 1023;
  // A fraction that rounds up to 1024 carries into the exponent by plain addition.
  return sign | (((exponent + 15) << 10) + roundToEven((magnitude / 2 ** exponent - 1) * 1024));
}

function roundToEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}
