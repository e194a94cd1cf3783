import type { Metadata } from 'sharp';
import sharp from 'sharp';
import { messageOf, SeedbedError } from '../errors.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { fileKind } from './kind.ts';
import {
  type DecodedImage,
  type ImageHeader,
  type ImageOptions,
  imageShape,
  MOST_PIXELS,
  MOST_SIDE,
  toInterleaved,
  toPlanes,
} from './picture.ts';

// One picture at a time on one thread: the same work each time, and no memory held between pictures.
sharp.concurrency(1);
sharp.cache(false);

const FORMATS = new Set(['png', 'jpeg', 'webp', 'gif', 'tiff', 'heif']);

/**
 * Reads the size and channels of a picture without decoding it.
 * @throws {SeedbedError} BadFile when it is no picture, or one of more than 134 million pixels.
 */
export async function readImageHeader(bytes: Uint8Array, name: string): Promise<ImageHeader> {
  return headerOf(await readMetadata(bytes, name));
}

/**
 * Decodes a PNG, JPEG, WebP, GIF (first frame), TIFF or AVIF file, upright and with 8 bits a channel.
 *
 * Transparency is laid on black; grey is the luma 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601).
 * @param name the file's name, for messages.
 * @throws {SeedbedError} BadFile when it is damaged, cut short, too large, or no picture.
 * @example const { pixels } = await decodeImage(await readBytes('cat.jpg'), 'cat.jpg', { size: 64, crop: true })
 */
export async function decodeImage(
  bytes: Uint8Array,
  name: string,
  options: ImageOptions = {},
): Promise<DecodedImage> {
  const metadata = await readMetadata(bytes, name);
  const original = headerOf(metadata);
  const { width, height } = original;
  const [channels, rows, columns] = imageShape(original, options);
  const changes: string[] = [];
  const image = open(bytes).toColourspace('srgb');

  if ((metadata.orientation ?? 1) > 1) changes.push('turned upright');
  if (metadata.depth === 'ushort') changes.push('16 bits a channel reduced to 8');
  if (metadata.hasAlpha) {
    image.flatten({ background: '#000' });
    const { isOpaque } = await open(bytes).stats().catch(refuse(name));
    if (!isOpaque) changes.push('transparency laid on black');
  }
  const side = Math.min(width, height);
  const cropped = options.crop === true && width !== height;
  if (cropped) {
    image.extract({ left: (width - side) >> 1, top: (height - side) >> 1, width: side, height: side });
    changes.push('centre-cropped');
  }
  const [fromWidth, fromHeight] = cropped ? [side, side] : [width, height];
  if (fromWidth !== columns || fromHeight !== rows) {
    image.resize(columns, rows, { fit: 'fill' });
    changes.push(`resized ${fromWidth}x${fromHeight} to ${columns}x${rows}`);
  }
  if (channels === 1 && original.channels >= 3) changes.push('turned to grey');
  if (channels === 3 && original.channels < 3) changes.push('grey repeated in three channels');

  const { data, info } = await image
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true })
    .catch(refuse(name));
  return { pixels: toPlanes(data, info.channels, [channels, rows, columns]), original, changes };
}

/**
 * The PNG file of a picture, 8 bits a channel, the same bytes for the same pixels.
 * @param pixels [C, H, W] or [1, C, H, W] with C 1 or 3, in [0,1]; what lies outside is clipped.
 * @throws {SeedbedError} BadShape for any other shape, Diverged when a pixel is not a number.
 * @group Files
 * @example
 * import { writeFile } from 'node:fs/promises';
 * import { encodePng, loadModel, sample, SHIPPED_DENOISER } from 'seedbed';
 * const model = await loadModel(SHIPPED_DENOISER);
 * const { pictures } = await sample(model, { count: 1, rng: 7 });
 * await writeFile('sample.png', await encodePng(pictures));
 */
export async function encodePng(pixels: Tensor<'float32'>): Promise<Uint8Array> {
  const { bytes, channels, height, width } = toInterleaved(pixels);
  return sharp(bytes, { raw: { width, height, channels } })
    .toColourspace(channels === 1 ? 'b-w' : 'srgb')
    .png({ compressionLevel: 9 })
    .toBuffer();
}

function open(bytes: Uint8Array) {
  return sharp(bytes, { autoOrient: true, failOn: 'error', limitInputPixels: MOST_PIXELS });
}

async function readMetadata(bytes: Uint8Array, name: string): Promise<Metadata> {
  if (bytes.length === 0) throw new SeedbedError('BadFile', `cannot read the picture ${name}: it is empty`);
  const metadata = await open(bytes).metadata().catch(refuse(name, bytes));
  const { width, height } = metadata;
  if (Math.max(width, height) > MOST_SIDE) {
    const message = `it is ${width}x${height} pixels; sides are at most ${MOST_SIDE}`;
    throw new SeedbedError('BadFile', `cannot read the picture ${name}: ${message}`);
  }
  if (FORMATS.has(metadata.format)) return metadata;
  const message = `${name} is ${metadata.format}, not a picture that Seedbed reads; convert it to PNG`;
  throw new SeedbedError('BadFile', message);
}

function headerOf({ autoOrient, channels }: Metadata): ImageHeader {
  return { width: autoOrient.width, height: autoOrient.height, channels };
}

/** Puts what the decoder says about a file in plain words. */
function refuse(name: string, bytes?: Uint8Array): (cause: unknown) => never {
  return cause => {
    const message = messageOf(cause);
    const kind = bytes && fileKind(bytes);
    const reason = /unsupported image format/i.test(message)
      ? `it is ${kind?.words ?? 'not a picture'}; PNG, JPEG and WebP are read`
      : /exceeds pixel limit|too large|dimensions exceed/i.test(message)
        ? `it has more than ${MOST_PIXELS} pixels; make it smaller first`
        : `it is damaged or cut short (${message.trim().replace(/\s+/g, ' ')})`;
    throw new SeedbedError('BadFile', `cannot read the picture ${name}: ${reason}`, { cause });
  };
}
