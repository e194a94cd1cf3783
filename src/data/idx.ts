import { SeedbedError } from '../errors.ts';
import { fromBigEndian, transposedEach } from '../tensor/stored.ts';
import { bytesPerElement, type DType, sizeOf, type Tensor, tensorFromBytes } from '../tensor/tensor.ts';
import type { Dataset } from './dataset.ts';
import { imagesInMemory } from './dataset.ts';

/** The format's numbers for types. */
const TYPES = new Map<number, DType>([
  [0x08, 'uint8'],
  [0x09, 'int8'],
  [0x0b, 'int16'],
  [0x0c, 'int32'],
  [0x0d, 'float32'],
  [0x0e, 'float64'],
]);

/**
 * Reads an IDX file, the format of MNIST: two zero bytes, the element type, the number of dimensions, each
 * dimension as a big-endian 32-bit number, then the elements in row-major order, big-endian too.
 * @returns [N] for labels, [N, H, W] for pictures; of single bytes, a view of `bytes`.
 * @throws {SeedbedError} BadFile unless it holds a type of the format and is exactly as long as its header says.
 */
export function parseIdx(bytes: Uint8Array, name: string): Tensor {
  const bad = (fault: string) => new SeedbedError('BadFile', `${name} ${fault}`);
  const [zero0, zero1, type, rank = 0] = bytes;
  const start = 4 + 4 * rank;
  if (zero0 !== 0 || zero1 !== 0 || rank === 0)
    throw bad('is not an IDX file; it should begin with two zero bytes');
  const dtype = TYPES.get(type!);
  if (!dtype) throw bad(`holds elements of IDX type ${type}; known are ${[...TYPES.keys()].join(', ')}`);
  if (bytes.length < start)
    throw bad(`is cut short in its header, at ${bytes.length} of ${start} bytes; fetch it again`);

  const header = new DataView(bytes.buffer, bytes.byteOffset, start);
  const shape = Array.from({ length: rank }, (_, i) => header.getUint32(4 + 4 * i));
  const width = bytesPerElement(dtype);
  const [size, there] = [sizeOf(shape) * width, bytes.length - start];
  if (there !== size)
    throw bad(
      `is cut short or damaged: elements [${shape}] take ${size} bytes, ${there} are there; fetch it again`,
    );
  const data = bytes.subarray(start);
  return tensorFromBytes(dtype, shape, width === 1 ? data : fromBigEndian(data, width));
}

/**
 * The classes of an IDX file of labels.
 * @param count how many there have to be.
 * @throws {SeedbedError} BadFile when the file holds something else.
 */
export function idxLabels(bytes: Uint8Array, file: string, count: number): Uint8Array {
  const { dtype, shape, data } = parseIdx(bytes, file);
  if (dtype === 'uint8' && shape.length === 1 && data.length === count) return data as Uint8Array;
  throw new SeedbedError('BadFile', `holds ${dtype} [${shape}], not the classes of ${count} pictures`, {
    at: file,
  });
}

/**
 * The pictures of an IDX file as a set of shape [1, H, W].
 * @param columnsFirst they are stored column by column, as EMNIST's are, and are turned upright.
 * @throws {SeedbedError} BadFile when the file holds something else, such as labels.
 */
export function idxImages(
  bytes: Uint8Array,
  file: string,
  name: string,
  { columnsFirst = false } = {},
): Dataset {
  const { dtype, shape, data } = parseIdx(bytes, file);
  if (shape.length !== 3 || data.length === 0 || dtype !== 'uint8')
    throw new SeedbedError(
      'BadFile',
      `${file} holds ${dtype} [${shape}], not pictures [N, H, W] of bytes; give the file of images`,
    );
  const [, rows = 0, columns = 0] = shape;
  if (!columnsFirst) return imagesInMemory(name, [1, rows, columns], data as Uint8Array);
  const upright = transposedEach(data as Uint8Array, rows, columns);
  const changes = ['turned upright: EMNIST stores its pictures column by column'];
  return { ...imagesInMemory(name, [1, columns, rows], upright), changes };
}
