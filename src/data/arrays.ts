import { SeedbedError } from '../errors.ts';
import { arraysInWords, type Npz } from '../tensor/npz.ts';
import { transposedEach } from '../tensor/stored.ts';
import { float32, type Tensor, tensor, toFloat32 } from '../tensor/tensor.ts';
import type { Split } from './catalogue.ts';
import { type Dataset, imagesInMemory, itemsInMemory } from './dataset.ts';

/** Pictures from an array, and what was done to them. */
export interface ArrayPictures {
  /** [N, C, H, W]: bytes from 0 to 255, or float32 in [0,1]. */
  readonly pixels: Tensor<'uint8'> | Tensor<'float32'>;
  /** In words, in order. */
  readonly changes: readonly string[];
}

/**
 * The pictures in an array [N, C, H, W] or [N, H, W], or [N, H, W, C] where that is plain, with C 1 or 3: whole bytes
 * from 0 to 255, or other numbers in [0,1].
 * @param file the name that messages give it.
 * @throws {SeedbedError} BadShape for another shape, BadFile when a number lies outside [0,1].
 */
export function arrayPictures(array: Tensor, file: string): ArrayPictures {
  const { dtype, shape } = array;
  const isColour = (channels: number | undefined) => channels === 1 || channels === 3;
  const isLast = shape.length === 4 && !isColour(shape[1]) && isColour(shape[3]);
  const isFirst = shape.length === 4 && isColour(shape[1]);
  if (array.data.length === 0 || !(shape.length === 3 || isFirst || isLast))
    throw new SeedbedError(
      'BadShape',
      `expected pictures [N, C, H, W] with C 1 or 3, or [N, H, W], got ${dtype} [${shape}]`,
      { at: file },
    );
  const [count = 0, height = 0, width = 0, last = 0] = shape;
  const planes =
    shape.length === 3 ? [count, 1, height, width] : isLast ? [count, last, height, width] : shape;
  const ordered = <T extends Uint8Array | Float32Array>(data: T) =>
    isLast ? transposedEach(data, height * width, last) : data;
  const changes = isLast ? ['channels put first'] : [];
  if (dtype === 'uint8') {
    changes.push('bytes from 0 to 255 divided by 255');
    return { pixels: tensor(dtype, planes, ordered((array as Tensor<'uint8'>).data)), changes };
  }
  const pixels = float32(planes, ordered(toFloat32(array).data));
  const bad = pixels.data.findIndex(value => !(value >= 0 && value <= 1));
  if (bad < 0) return { pixels, changes };
  throw new SeedbedError(
    'BadFile',
    `pixels lie in [0,1], or are bytes (uint8) from 0 to 255; element ${bad} of this ${dtype} array is ${pixels.data[bad]}`,
    { at: file },
  );
}

/** An array of pictures as a set. @throws {SeedbedError} as {@link arrayPictures}. */
export function arrayDataset(name: string, array: Tensor, file: string): Dataset {
  const { pixels, changes } = arrayPictures(array, file);
  const { dtype, shape, data } = pixels;
  const dataset =
    dtype === 'uint8'
      ? imagesInMemory(name, shape.slice(1), data)
      : itemsInMemory(name, pixels as Tensor<'float32'>);
  return { ...dataset, changes };
}

/** The names by which archives of arrays give their splits: Keras' mnist.npz, and MedMNIST. */
const SPLITS: Record<Split, readonly string[]> = {
  train: ['x_train', 'train_images'],
  test: ['x_test', 'test_images'],
};

/**
 * The array of pictures of a split of an archive (the training set unless given), or of an archive without splits the
 * one that can be pictures.
 * @throws {SeedbedError} BadArgument, with the arrays that there are, when there is none, or several.
 */
export function picturesOfSplit(npz: Npz, file: string, split: Split | undefined): Tensor {
  const ofSplit = (which: Split) => npz.arrays.get(SPLITS[which].find(key => npz.arrays.has(key)) ?? '');
  if (!split && !ofSplit('train') && !ofSplit('test')) return onlyPictures(npz, file);
  const found = ofSplit(split ?? 'train');
  if (found) return found;
  throw new SeedbedError(
    'BadArgument',
    `${file} has no array ${SPLITS[split ?? 'train'].join(' or ')}; it holds ${arraysInWords(npz)}`,
  );
}

/**
 * The one array of an archive that has three or four axes.
 * @throws {SeedbedError} BadArgument, with the arrays that there are, when there is none, or several.
 */
export function onlyPictures(npz: Npz, file: string): Tensor {
  const [found, ...more] = [...npz.arrays.values()].filter(({ shape }) => [3, 4].includes(shape.length));
  if (found && more.length === 0) return found;
  throw new SeedbedError(
    'BadArgument',
    `${file} holds ${arraysInWords(npz)}; which of these are the pictures is not plain. Wanted is one array [N, H, W] or [N, C, H, W], or x_train and x_test, which --data ${file}:test reads; save one alone: numpy.save('pictures.npy', numpy.load('${file}')['NAME'])`,
  );
}
