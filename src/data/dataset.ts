import { SeedbedError } from '../errors.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { sizeOf, takeRows, zeros } from '../tensor/tensor.ts';

/** A set of pictures or points that are read by number, in any order and as often as one likes. */
export interface Dataset {
  readonly name: string;
  readonly kind: 'images' | 'points';
  /** Of one item: [C, H, W] for pictures, [D] for points. */
  readonly shape: readonly number[];
  readonly length: number;
  /** What was done to all its items, in words. */
  readonly changes?: readonly string[];
  /** Where the item is from, for records: a file's name, or `fashion-mnist:test/17`. */
  itemName(index: number): string;
  /** Items as [n, ...shape]; pixels in [0,1]. @throws {SeedbedError} BadArgument for a number outside the set. */
  read(indices: ArrayLike<number>): Promise<Tensor<'float32'>>;
  /** Reads the classes of all its items, whole numbers from 0, of sets that are published with them and of folders of classes. */
  labels?(): Promise<Uint8Array>;
}

/** The most numbers in one item, 2^24: a picture of 2364 x 2364 pixels in colour. */
export const MOST_NUMBERS = 2 ** 24;

/**
 * Items `from` (included) to `to` (excluded) of a set, without a copy; items keep their names.
 * @throws {SeedbedError} BadArgument when the range is empty or leaves the set.
 * @example const heldOut = slice(train, train.length - 5000, train.length)
 */
export function slice(dataset: Dataset, from: number, to: number): Dataset {
  if (!(from >= 0 && from < to && to <= dataset.length)) {
    const range = `items ${from} to ${to}`;
    throw new SeedbedError(
      'BadArgument',
      `${dataset.name} has ${dataset.length} items; ${range} are not a part of it`,
    );
  }
  const within = checkedIndex(`${dataset.name}[${from}:${to}]`, to - from);
  return {
    ...dataset,
    name: `${dataset.name}[${from}:${to}]`,
    length: to - from,
    itemName: index => dataset.itemName(from + within(index)),
    read: async indices => dataset.read(Array.from(indices, index => from + within(index))),
    ...(dataset.labels && { labels: async () => (await dataset.labels!()).subarray(from, to) }),
  };
}

/** A set of pictures held in memory, 8 bits a pixel: `pixels` is [N, ...shape]. */
export function imagesInMemory(name: string, shape: readonly number[], pixels: Uint8Array): Dataset {
  const stride = sizeOf(shape);
  const length = pixels.length / stride;
  const within = checkedIndex(name, length);
  return {
    name,
    kind: 'images',
    shape,
    length,
    itemName: index => `${name}/${within(index)}`,
    read: async indices => {
      const batch = zeros('float32', [indices.length, ...shape]);
      for (let row = 0; row < indices.length; row++) {
        const from = within(indices[row]!) * stride;
        for (let i = 0; i < stride; i++) batch.data[row * stride + i] = pixels[from + i]! / 255;
      }
      return batch;
    },
  };
}

/** Items held in memory as they are, [N, ...shape]: points of one dimension, or pictures of three. */
export function itemsInMemory(name: string, items: Tensor<'float32'>): Dataset {
  const [length = 0, ...shape] = items.shape;
  const within = checkedIndex(name, length);
  return {
    name,
    kind: shape.length === 1 ? 'points' : 'images',
    shape,
    length,
    itemName: index => `${name}/${within(index)}`,
    read: async indices => takeRows(items, Array.from(indices, within)),
  };
}

/** A function that passes on a number within 0 ... length-1 and refuses any other. */
export function checkedIndex(name: string, length: number): (index: number) => number {
  return index => {
    if (Number.isInteger(index) && index >= 0 && index < length) return index;
    throw new SeedbedError(
      'BadArgument',
      `${name} has items 0 to ${length - 1}; item ${index} was asked for`,
    );
  };
}
