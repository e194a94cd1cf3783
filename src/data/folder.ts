import { SeedbedError } from '../errors.ts';
import { naturalOrder } from '../runtime/files.ts';
import { decodeImage, readImageHeader } from '../runtime/images.ts';
import type { ImageOptions } from '../runtime/picture.ts';
import { imageShape } from '../runtime/picture.ts';
import { sizeOf, zeros } from '../tensor/tensor.ts';
import { isSplit } from './catalogue.ts';
import type { Dataset } from './dataset.ts';
import { checkedIndex, MOST_NUMBERS } from './dataset.ts';
import type { FileSource } from './sources.ts';

/** Decoded pictures are kept up to this many bytes, 1 GiB; the rest are decoded anew each time. */
const MOST_KEPT = 2 ** 30;

/** Headers that are read at once, and pictures that are decoded at once: each is held at its own size until it fits. */
const HEADERS_AT_ONCE = 64;
const PICTURES_AT_ONCE = 4;

/** Whether a file is named as a picture. */
export function isImageName(name: string): boolean {
  return /\.(png|jpe?g|webp|gif|tiff?|avif)$/i.test(name);
}

/**
 * Pictures in files of their own, decoded when they are first read and then kept, 8 bits a pixel. Those that lie in folders
 * of their classes (CLASS/NAME.png) have labels, and go by turns through the classes: the last of them, which training holds
 * out, are of every class.
 *
 * Unless `size` and `channels` are given, all headers are read first: the pictures must then be alike.
 * @throws {SeedbedError} BadArgument when they are not, naming the option that makes them so; BadFile when a
 * picture cannot be read.
 */
export async function imageFiles(
  name: string,
  given: readonly FileSource[],
  options: ImageOptions,
): Promise<Dataset> {
  const classes = classesOf(given);
  const files = classes ? byTurns(classes) : given;
  const shape = await commonShape(files, options);
  const stride = sizeOf(shape);
  const within = checkedIndex(name, files.length);
  const kept = new Map<number, Uint8Array>();

  async function pixelsOf(index: number): Promise<Uint8Array> {
    const known = kept.get(index);
    if (known) return known;
    const file = files[index]!;
    const { pixels } = await decodeImage(await file.read(), file.name, options);
    if (pixels.shape.join() !== shape.join()) throw unlike(file.name, pixels.shape, shape);
    const bytes = new Uint8Array(stride);
    for (let i = 0; i < stride; i++) bytes[i] = Math.round(pixels.data[i]! * 255);
    if ((kept.size + 1) * stride <= MOST_KEPT) kept.set(index, bytes);
    return bytes;
  }

  return {
    name,
    kind: 'images',
    shape,
    length: files.length,
    itemName: index => files[within(index)]!.name,
    ...(classes && classes.length <= MOST_LABELS && { labels: async () => labelsOf(classes, files) }),
    read: async indices => {
      const batch = zeros('float32', [indices.length, ...shape]);
      const wanted = Array.from(indices, within);
      for (let from = 0; from < wanted.length; from += PICTURES_AT_ONCE) {
        const pictures = await Promise.all(wanted.slice(from, from + PICTURES_AT_ONCE).map(pixelsOf));
        for (const [row, bytes] of pictures.entries()) {
          for (let i = 0; i < stride; i++) batch.data[(from + row) * stride + i] = bytes[i]! / 255;
        }
      }
      return batch;
    },
  };
}

/** The most classes that a label, a byte, tells apart. */
const MOST_LABELS = 256;

/** Files by the folders that they lie in, in order of the folders' names, where these are classes: all in one place, two or more, and not the parts of a set that is split. */
function classesOf(files: readonly FileSource[]): FileSource[][] | undefined {
  const folders = new Map<string, FileSource[]>();
  for (const file of files) {
    const folder = file.name.split('/').slice(0, -1).join('/');
    const inside = folders.get(folder) ?? [];
    inside.push(file);
    folders.set(folder, inside);
  }
  const places = new Set([...folders.keys()].map(folder => folder.split('/').slice(0, -1).join('/')));
  const split = [...folders.keys()].every(folder => isSplit(folder.split('/').at(-1)!));
  if (folders.has('') || places.size !== 1 || folders.size < 2 || split) return undefined;
  return [...folders.entries()].sort(([a], [b]) => naturalOrder(a, b)).map(([, inside]) => inside);
}

/** The files of all classes by turns, those of a large class oftener, so that any part has about the whole's share of each. */
function byTurns(classes: readonly (readonly FileSource[])[]): FileSource[] {
  return classes
    .flatMap(inside => inside.map((file, i) => ({ file, at: (i + 0.5) / inside.length })))
    .sort((a, b) => a.at - b.at)
    .map(({ file }) => file);
}

function labelsOf(classes: readonly (readonly FileSource[])[], files: readonly FileSource[]): Uint8Array {
  const labels = new Map(classes.flatMap((inside, label) => inside.map(file => [file, label] as const)));
  return Uint8Array.from(files, file => labels.get(file)!);
}

async function commonShape(files: readonly FileSource[], options: ImageOptions): Promise<readonly number[]> {
  const { size, channels } = options;
  if (size !== undefined && channels) return imageShape({ width: 0, height: 0, channels }, options);
  let common: readonly number[] | undefined;
  for (let from = 0; from < files.length; from += HEADERS_AT_ONCE) {
    const some = files.slice(from, from + HEADERS_AT_ONCE);
    const shapes = await Promise.all(
      some.map(async file => imageShape(await readImageHeader(await file.read(), file.name), options)),
    );
    for (const [i, shape] of shapes.entries()) {
      if (sizeOf(shape) > MOST_NUMBERS) throw tooLarge(some[i]!.name, shape);
      common ??= shape;
      if (shape.join() !== common.join()) throw unlike(some[i]!.name, shape, common);
    }
  }
  if (!common) throw new SeedbedError('BadArgument', 'there are no pictures to read');
  return common;
}

function tooLarge(name: string, [, height, width]: readonly number[]): SeedbedError {
  return new SeedbedError(
    'BadArgument',
    `${name} is ${width}x${height}, too large to learn from as it is. Say which size pictures shall have: image.size in a configuration`,
  );
}

function unlike(name: string, shape: readonly number[], common: readonly number[]): SeedbedError {
  const [channels, height, width] = shape;
  const [commonChannels, commonHeight, commonWidth] = common;
  if (height !== commonHeight || width !== commonWidth) {
    const sizes = `${name} is ${width}x${height}, the first is ${commonWidth}x${commonHeight}`;
    return new SeedbedError(
      'BadArgument',
      `the pictures differ in size: ${sizes}. Say which size they shall have: image.size in a configuration`,
    );
  }
  const words = `${name} has ${channels} channels, the first has ${commonChannels}`;
  return new SeedbedError(
    'BadArgument',
    `some pictures are grey, some in colour: ${words}. Say which they shall be: image.channels in a configuration`,
  );
}
