import { SeedbedError } from '../errors.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { sizeOf, tensor } from '../tensor/tensor.ts';
import type { Dataset } from './dataset.ts';
import { imagesInMemory } from './dataset.ts';

/**
 * Reads an IDX file, the format of MNIST: two zero bytes, the element type, the number of dimensions, each
 * dimension as a big-endian 32-bit number, then the elements in row-major order.
 * @returns a view of `bytes`: [N] for labels, [N, H, W] for pictures.
 * @throws {SeedbedError} BadFile unless it holds unsigned bytes and is exactly as long as its header says.
 */
export function parseIdx(bytes: Uint8Array, name: string): Tensor<'uint8'> {
  const bad = (fault: string) => new SeedbedError('BadFile', `${name} ${fault}`);
  const [zero0, zero1, type, rank = 0] = bytes;
  const start = 4 + 4 * rank;
  if (zero0 !== 0 || zero1 !== 0 || rank === 0)
    throw bad('is not an IDX file; it should begin with two zero bytes');
  if (type !== 8) throw bad(`holds elements of IDX type ${type}; only 8, unsigned bytes, is read`);
  if (bytes.length < start)
    throw bad(`is cut short in its header, at ${bytes.length} of ${start} bytes; fetch it again`);

  const header = new DataView(bytes.buffer, bytes.byteOffset, start);
  const shape = Array.from({ length: rank }, (_, i) => header.getUint32(4 + 4 * i));
  if (bytes.length - start !== sizeOf(shape)) {
    const expected = `[${shape}] take ${sizeOf(shape)} bytes, ${bytes.length - start} are there`;
    throw bad(`is cut short or damaged: elements ${expected}; fetch it again`);
  }
  return tensor('uint8', shape, bytes.subarray(start) as Uint8Array<ArrayBuffer>);
}

/**
 * The pictures of an IDX file as a set of shape [1, H, W].
 * @throws {SeedbedError} BadFile when the file holds something else, such as labels.
 */
export function idxImages(bytes: Uint8Array, file: string, name: string): Dataset {
  const { shape, data } = parseIdx(bytes, file);
  if (shape.length !== 3 || data.length === 0) {
    throw new SeedbedError(
      'BadFile',
      `${file} holds [${shape}], not pictures [N, H, W]; give the file of images`,
    );
  }
  return imagesInMemory(name, [1, shape[1]!, shape[2]!], data);
}
