import { float32, type Tensor, zeros } from './tensor.ts';

/** Big-endian elements of `width` bytes put in little-endian order, copied. */
export function fromBigEndian(bytes: Uint8Array, width: number): Uint8Array {
  const copy = new Uint8Array(bytes);
  for (let i = 0; i < copy.length; i += width) copy.subarray(i, i + width).reverse();
  return copy;
}

/** bfloat16, the upper half of a float32, given as its 16 bits and widened, which is exact. */
export function fromBfloat16({ shape, data }: Tensor<'uint16'>): Tensor<'float32'> {
  const bits = Uint32Array.from(data, upper => upper << 16);
  return float32(shape, new Float32Array(bits.buffer));
}

/**
 * Integers of 4 or 2 bits, packed into bytes from the lowest bits up, each widened to a byte of its own.
 * @param packed what is left of its last byte is padding.
 */
export function unpacked(
  packed: Uint8Array,
  bits: 2 | 4,
  dtype: 'uint8' | 'int8',
  shape: readonly number[],
): Tensor {
  const each = 8 / bits;
  const result = zeros(dtype, shape);
  const lost = 32 - bits;
  for (let i = 0; i < result.data.length; i++) {
    const raised = (packed[Math.floor(i / each)]! >> (bits * (i % each))) << lost;
    result.data[i] = dtype === 'int8' ? raised >> lost : raised >>> lost;
  }
  return result;
}

/** Matrices of `rows` x `columns`, one after the other, each transposed into a copy. */
export function transposedEach<T extends Uint8Array | Float32Array>(
  data: T,
  rows: number,
  columns: number,
): T {
  const turned = data.slice() as T;
  for (let i = 0; i < data.length; i++) {
    const at = i % (rows * columns);
    turned[i - at + (at % columns) * rows + Math.floor(at / columns)] = data[i]!;
  }
  return turned;
}
