import { SeedbedError } from '../errors.ts';
import type { DType } from '../tensor/tensor.ts';

/** ONNX's numbers for element types (onnx.proto, TensorProto.DataType). */
export const ONNX_DTYPES: Readonly<Record<DType, number>> = {
  float32: 1,
  uint8: 2,
  int8: 3,
  uint16: 4,
  int16: 5,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  float64: 11,
  uint32: 12,
  uint64: 13,
};

/** Types that Seedbed does not read, for messages. */
const UNREAD: Readonly<Record<number, string>> = {
  8: 'text',
  14: 'complex64',
  15: 'complex128',
  17: 'float8',
  18: 'float8',
  19: 'float8',
  20: 'float8',
  23: 'float4',
  24: 'float8',
};

/** ONNX's number for bfloat16, which is read as float32: a float32 is a bfloat16 with more digits. */
export const BFLOAT16 = 16;

/** Integers of less than a byte, which weights in few bits are stored as, by ONNX's numbers; read as bytes. */
export const SMALL_INTEGERS: Readonly<Record<number, { bits: 2 | 4; as: 'uint8' | 'int8' }>> = {
  21: { bits: 4, as: 'uint8' },
  22: { bits: 4, as: 'int8' },
  25: { bits: 2, as: 'uint8' },
  26: { bits: 2, as: 'int8' },
};

/** The element type behind ONNX's number for it. @throws {SeedbedError} Unsupported for strings, float8 and the like. */
export function dtypeFromOnnx(code: number, where: string): DType {
  if (code === BFLOAT16) return 'float32';
  const found = Object.entries(ONNX_DTYPES).find(([, number]) => number === code);
  if (!found) {
    const name = UNREAD[code] ? ` (${UNREAD[code]})` : '';
    throw new SeedbedError(
      'Unsupported',
      `element type number ${code}${name} is not supported; export the model in float32 or float16`,
      { at: where },
    );
  }
  return found[0] as DType;
}
