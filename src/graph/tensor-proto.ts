import { create } from '@bufbuild/protobuf';
import { type TensorProto, TensorProto_DataLocation, TensorProtoSchema } from 'onnx-buf';
import { messageOf, SeedbedError } from '../errors.ts';
import { fromBfloat16, unpacked } from '../tensor/stored.ts';
import { bytesOf, type DType, sizeOf, type Tensor, tensorFromBytes, zeros } from '../tensor/tensor.ts';
import { BFLOAT16, dtypeFromOnnx, ONNX_DTYPES, SMALL_INTEGERS } from './dtypes.ts';
import { type ExternalFiles, externalBytes } from './external.ts';

/** An ONNX tensor's elements, whichever of the format's fields, or which other file, they lie in. */
export function readTensor(t: TensorProto, where: string, files: ExternalFiles): Tensor {
  const shape = t.dims.map(Number);
  if (shape.some(dim => !Number.isSafeInteger(dim) || dim < 0)) {
    throw new SeedbedError('BadFile', `impossible shape [${shape}]`, { at: where });
  }
  const small = SMALL_INTEGERS[t.dataType];
  if (small) {
    const bytes = readAs('uint8', t, [Math.ceil((sizeOf(shape) * small.bits) / 8)], where, files);
    return unpacked(bytes.data as Uint8Array, small.bits, small.as, shape);
  }
  if (t.dataType !== BFLOAT16) return readAs(dtypeFromOnnx(t.dataType, where), t, shape, where, files);
  return fromBfloat16(readAs('uint16', t, shape, where, files) as Tensor<'uint16'>);
}

function readAs(
  dtype: DType,
  t: TensorProto,
  shape: readonly number[],
  where: string,
  files: ExternalFiles,
): Tensor {
  if (t.dataLocation === TensorProto_DataLocation.EXTERNAL)
    return tensorFromBytes(dtype, shape, externalBytes(t.externalData, dtype, shape, where, files));
  try {
    if (t.rawData.length > 0 || sizeOf(shape) === 0) return tensorFromBytes(dtype, shape, t.rawData);
    return fromFields(t, dtype, shape);
  } catch (cause) {
    throw new SeedbedError('BadFile', `${messageOf(cause)}`, { at: where, cause });
  }
}

/** The elements as the format's lists of numbers hold them; float16, bfloat16 and packed bytes lie among the integers, as their bits. */
function fromFields(t: TensorProto, dtype: DType, shape: readonly number[]): Tensor {
  const fields: ArrayLike<number | bigint>[] = [
    t.floatData,
    t.int32Data,
    t.int64Data,
    t.doubleData,
    t.uint64Data,
  ];
  const values = fields.find(field => field.length > 0) ?? [];
  if (values.length !== sizeOf(shape)) {
    throw new SeedbedError(
      'BadShape',
      `shape [${shape}] holds ${sizeOf(shape)} elements, the data has ${values.length}`,
    );
  }
  const result = zeros(dtype, shape);
  const wide = dtype === 'int64' || dtype === 'uint64';
  for (let i = 0; i < values.length; i++)
    (result.data as unknown as number[])[i] = (wide ? BigInt(values[i]!) : Number(values[i])) as number;
  return result;
}

export function writeTensor(t: Tensor, name = ''): TensorProto {
  return create(TensorProtoSchema, {
    name,
    dataType: ONNX_DTYPES[t.dtype],
    dims: t.shape.map(BigInt),
    rawData: bytesOf(t),
  });
}
