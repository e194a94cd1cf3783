import { SeedbedError } from '../errors.ts';
import { float32, type Tensor } from '../tensor/tensor.ts';
import { resize, type Size } from './resize.ts';

/**
 * What is done to a picture of another shape than the model's: its centre is cut out, or the whole is squeezed.
 * @group Files
 */
export type Fit = 'crop' | 'squeeze';

export const FITS: readonly Fit[] = ['crop', 'squeeze'];

/** How a picture is brought to the shape that is needed. */
export interface ImageOptions {
  /** [height, width], or the side of a square, in pixels; the picture's own size where it is left out. */
  readonly size?: number | readonly [height: number, width: number] | undefined;
  /** What is done to a picture of another shape than `size`: 'crop' unless given. */
  readonly fit?: Fit | undefined;
  /** 1 grey, 3 colour; as the picture is where it is left out. */
  readonly channels?: 1 | 3 | undefined;
}

/** What a picture's header says: its size when upright, its channels as stored (2 and 4 with transparency). */
export interface ImageHeader extends Size {
  readonly channels: number;
}

/** A picture as a decoder gives it: at its own size, upright; in sRGB once its colour profile was followed. */
export interface Raster {
  readonly header: ImageHeader;
  /** What the decoder has done to it, in words. */
  readonly changes: readonly string[];
  /** Of the samples: 1 grey, 3 colour, 2 and 4 with opacity; the header's may be fewer. */
  readonly channels: number;
  /** What stands for white and for opaque: 255, or 65535. */
  readonly most: number;
  /** The samples of row y, interleaved; good until the next is asked for. */
  row(y: number): ArrayLike<number>;
}

export interface DecodedImage {
  /** [C, H, W], multiples of 1/255 in [0,1]. */
  readonly pixels: Tensor<'float32'>;
  readonly original: ImageHeader;
  /** What was done to it, in words, in order: 'centre-cropped', 'resized 640x480 to 28x28', 'turned to grey'. */
  readonly changes: readonly string[];
}

/** The most pixels of a picture that is read, and the longest side: decoders hold whole rows and columns. */
export const MOST_PIXELS = 2 ** 27;
export const MOST_SIDE = 2 ** 16;

/**
 * The shape [C, H, W] that decoding gives a picture with this header.
 * @throws {SeedbedError} BadArgument when `size` is not in whole numbers of pixels.
 */
export function imageShape(
  header: ImageHeader,
  { size, channels }: ImageOptions,
): [channels: 1 | 3, height: number, width: number] {
  const [height, width] = typeof size === 'number' ? [size, size] : (size ?? [header.height, header.width]);
  if (![height, width].every(side => Number.isInteger(side) && side > 0)) {
    throw new SeedbedError('BadArgument', `pictures cannot have size ${size}; give whole numbers of pixels`);
  }
  return [channels ?? (header.channels < 3 ? 1 : 3), height, width];
}

interface Box extends Size {
  readonly left: number;
  readonly top: number;
}

/** The largest part about the centre that has the shape of `wanted`. */
function centreOf({ width, height }: Size, wanted: Size): Box {
  const part = {
    width: Math.min(width, Math.max(1, Math.round((height * wanted.width) / wanted.height))),
    height: Math.min(height, Math.max(1, Math.round((width * wanted.height) / wanted.width))),
  };
  return { ...part, left: (width - part.width) >> 1, top: (height - part.height) >> 1 };
}

/**
 * Brings a picture to the shape that is needed: transparency on black, the centre, the size, 8 bits, grey. Grey is the
 * luma 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601). What is of the shape already keeps its pixels.
 * @throws {SeedbedError} as {@link imageShape}.
 */
export function fitRaster(raster: Raster, options: ImageOptions): DecodedImage {
  const { header } = raster;
  const [channels, height, width] = imageShape(header, options);
  const whole = { left: 0, top: 0, width: header.width, height: header.height };
  const box = options.fit === 'squeeze' ? whole : centreOf(header, { width, height });
  const seen = { transparent: false, coloured: false };
  const values = resize(y => planesOf(raster, box, y, channels, seen), channels, box, { width, height });

  const changes = [...raster.changes];
  if (seen.transparent) changes.push('transparency laid on black');
  if (box.width !== header.width || box.height !== header.height) changes.push('centre-cropped');
  if (box.width !== width || box.height !== height) {
    changes.push(`resized ${box.width}x${box.height} to ${width}x${height}`);
  }
  if (channels === 1 && header.channels >= 3 && seen.coloured) changes.push('turned to grey');
  if (channels === 3 && header.channels < 3) changes.push('grey repeated in three channels');
  const pixels = Float32Array.from(values, value => Math.min(255, Math.max(0, Math.round(value))) / 255);
  return { pixels: float32([channels, height, width], pixels), original: header, changes };
}

/** One row of a part of the picture, from 0 to 255, channel after channel; notes what it sees. */
function planesOf(
  raster: Raster,
  { left, top, width }: Box,
  y: number,
  channels: 1 | 3,
  seen: { transparent: boolean; coloured: boolean },
): Float64Array {
  const { channels: stored, most } = raster;
  const samples = raster.row(top + y);
  const planes = new Float64Array(channels * width);
  const [green, blue] = stored >= 3 ? [1, 2] : [0, 0];
  const opacity = stored % 2 === 0 ? stored - 1 : undefined;
  for (let x = 0; x < width; x++) {
    const at = (left + x) * stored;
    const opaque = opacity === undefined ? most : samples[at + opacity]!;
    if (opaque !== most) seen.transparent = true;
    const r = toByte(samples[at]!, opaque, most);
    const g = toByte(samples[at + green]!, opaque, most);
    const b = toByte(samples[at + blue]!, opaque, most);
    if (r !== g || r !== b) seen.coloured = true;
    if (channels === 1) planes[x] = 0.299 * r + 0.587 * g + 0.114 * b;
    else {
      planes[x] = r;
      planes[width + x] = g;
      planes[2 * width + x] = b;
    }
  }
  return planes;
}

/** A sample on black in 8 bits; of 16 bits v / 257, rounded. */
export function toByte(sample: number, opaque: number, most: number): number {
  if (opaque === 255 && most === 255) return sample;
  return Math.round((sample * opaque * 255) / (most * most));
}

/** One picture's 8-bit pixels, interleaved. */
export interface Interleaved {
  readonly bytes: Uint8ClampedArray;
  readonly channels: 1 | 3;
  readonly height: number;
  readonly width: number;
}

/**
 * From planes in [0,1] to the interleaved bytes that encoders take.
 * @param pixels [C, H, W] or [1, C, H, W] with C 1 or 3; what lies outside [0,1] is clipped.
 * @throws {SeedbedError} BadShape for any other shape, Diverged when a pixel is not a number.
 */
export function toInterleaved(pixels: Tensor<'float32'>): Interleaved {
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
  const bytes = new Uint8ClampedArray(channels * plane);
  for (let c = 0; c < channels; c++) {
    for (let i = 0; i < plane; i++) bytes[i * channels + c] = pixels.data[c * plane + i]! * 255;
  }
  return { bytes, channels, height, width };
}
