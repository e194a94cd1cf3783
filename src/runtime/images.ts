import type { Metadata } from 'sharp';
import sharp from 'sharp';
import { messageOf, SeedbedError } from '../errors.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { float32 } from '../tensor/tensor.ts';

// One picture at a time on one thread: the same work each time, and no memory held between pictures.
sharp.concurrency(1);
sharp.cache(false);

/** How a picture is brought to the shape that is needed. */
export interface ImageOptions {
  /** Side of the square to resize to, in pixels; the picture's own size where it is left out. */
  readonly size?: number | undefined;
  /** Take the square in the centre first, instead of stretching what is not square. */
  readonly crop?: boolean | undefined;
  /** 1 grey, 3 colour; as the picture is where it is left out. */
  readonly channels?: 1 | 3 | undefined;
}

/** What a picture's header says: its size when upright, its channels as stored (2 and 4 with transparency). */
export interface ImageHeader {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
}

export interface DecodedImage {
  /** [C, H, W], multiples of 1/255 in [0,1]. */
  readonly pixels: Tensor<'float32'>;
  readonly original: ImageHeader;
  /** What was done to it, in words, in order: 'centre-cropped', 'resized 640x480 to 28x28', 'turned to grey'. */
  readonly changes: readonly string[];
}

const FORMATS = new Set(['png', 'jpeg', 'webp', 'gif', 'tiff', 'heif']);
const MOST_PIXELS = 2 ** 27;

/**
 * Reads the size and channels of a picture without decoding it.
 * @throws {SeedbedError} BadFile when it is no picture, or one of more than 134 million pixels.
 */
export async function readImageHeader(bytes: Uint8Array, name: string): Promise<ImageHeader> {
  return headerOf(await readMetadata(bytes, name));
}

/**
 * The shape [C, H, W] that {@link decodeImage} gives a picture with this header.
 * @throws {SeedbedError} BadArgument when `size` is not a whole number of pixels.
 */
export function imageShape(
  header: ImageHeader,
  { size, crop, channels }: ImageOptions,
): [number, number, number] {
  if (size !== undefined && !(Number.isInteger(size) && size > 0)) {
    throw new SeedbedError('BadArgument', `pictures cannot have size ${size}; give a whole number of pixels`);
  }
  const square = size ?? (crop ? Math.min(header.width, header.height) : undefined);
  return [channels ?? (header.channels < 3 ? 1 : 3), square ?? header.height, square ?? header.width];
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
  return { pixels: planes(data, info.channels, [channels, rows, columns]), original, changes };
}

/**
 * The PNG file of a picture, 8 bits a channel, the same bytes for the same pixels.
 * @param pixels [C, H, W] or [1, C, H, W] with C 1 or 3, in [0,1]; what lies outside is clipped.
 * @throws {SeedbedError} BadShape for any other shape, Diverged when a pixel is not a number.
 */
export async function encodePng(pixels: Tensor<'float32'>): Promise<Uint8Array> {
  const [channels = 0, height = 0, width = 0] = pixels.shape.slice(-3);
  const single = pixels.shape.length === 3 || (pixels.shape.length === 4 && pixels.shape[0] === 1);
  if (!single || (channels !== 1 && channels !== 3) || width * height === 0) {
    throw new SeedbedError(
      'BadShape',
      `encodePng: expected one picture [1 or 3, H, W], got [${pixels.shape}]`,
    );
  }
  if (pixels.data.some(Number.isNaN)) {
    throw new SeedbedError(
      'Diverged',
      'encodePng: the picture holds values that are not numbers; it is not saved',
    );
  }
  const plane = width * height;
  const interleaved = new Uint8ClampedArray(channels * plane);
  for (let c = 0; c < channels; c++) {
    for (let i = 0; i < plane; i++) interleaved[i * channels + c] = pixels.data[c * plane + i]! * 255;
  }
  return sharp(interleaved, { raw: { width, height, channels } })
    .toColourspace(channels === 1 ? 'b-w' : 'srgb')
    .png({ compressionLevel: 9 })
    .toBuffer();
}

function open(bytes: Uint8Array) {
  return sharp(bytes, { autoOrient: true, failOn: 'error', limitInputPixels: MOST_PIXELS });
}

async function readMetadata(bytes: Uint8Array, name: string): Promise<Metadata> {
  if (bytes.length === 0) throw new SeedbedError('BadFile', `cannot read the picture ${name}: it is empty`);
  const metadata = await open(bytes).metadata().catch(refuse(name));
  if (FORMATS.has(metadata.format)) return metadata;
  const message = `${name} is ${metadata.format}, not a picture that Seedbed reads; convert it to PNG`;
  throw new SeedbedError('BadFile', message);
}

function headerOf({ autoOrient, channels }: Metadata): ImageHeader {
  return { width: autoOrient.width, height: autoOrient.height, channels };
}

/** From interleaved bytes of 1 or 3 channels to planes of 1 or 3 channels, in [0,1]. */
function planes(data: Uint8Array, stored: number, shape: [number, number, number]): Tensor<'float32'> {
  const [channels, height, width] = shape;
  const plane = height * width;
  const values = new Float32Array(channels * plane);
  for (let i = 0; i < plane; i++) {
    const red = data[i * stored]!;
    const green = stored === 3 ? data[i * 3 + 1]! : red;
    const blue = stored === 3 ? data[i * 3 + 2]! : red;
    if (channels === 1) values[i] = Math.round(0.299 * red + 0.587 * green + 0.114 * blue) / 255;
    else for (const [c, value] of [red, green, blue].entries()) values[c * plane + i] = value / 255;
  }
  return float32(shape, values);
}

/** Puts what the decoder says about a file in plain words. */
function refuse(name: string): (cause: unknown) => never {
  return cause => {
    const message = messageOf(cause);
    const reason = /unsupported image format/i.test(message)
      ? 'it is not a picture; PNG, JPEG and WebP are read'
      : /exceeds pixel limit|too large|dimensions exceed/i.test(message)
        ? `it has more than ${MOST_PIXELS} pixels; make it smaller first`
        : `it is damaged or cut short (${message.trim().replace(/\s+/g, ' ')})`;
    throw new SeedbedError('BadFile', `cannot read the picture ${name}: ${reason}`, { cause });
  };
}
