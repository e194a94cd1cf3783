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

/** The element type behind ONNX's number for it. @throws {SeedbedError} Unsupported for strings, bfloat16 and the like. */
export function dtypeFromOnnx(code: number, where: string): DType {
  const found = Object.entries(ONNX_DTYPES).find(([, number]) => number === code);
  if (!found) throw new SeedbedError('Unsupported', `${where}: element type number ${code} is not supported`);
  return found[0] as DType;
}
