import { SeedbedError } from '../errors.ts';
import { float32, type Tensor } from '../tensor/tensor.ts';

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

/** The most pixels of a picture that is read, and the longest side: decoders hold whole rows and columns. */
export const MOST_PIXELS = 2 ** 27;
export const MOST_SIDE = 2 ** 16;

/**
 * The shape [C, H, W] that decoding gives a picture with this header.
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
 * From interleaved bytes, as decoders give them, to planes in [0,1].
 *
 * Grey from colour is the luma 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601).
 * @param stored channels of the bytes: 1 grey, 3 colour, 4 colour and an opacity that is passed over.
 * @param shape [C, H, W] with C 1 or 3.
 */
export function toPlanes(
  bytes: ArrayLike<number>,
  stored: number,
  shape: [number, number, number],
): Tensor<'float32'> {
  const [channels, height, width] = shape;
  const plane = height * width;
  const values = new Float32Array(channels * plane);
  for (let i = 0; i < plane; i++) {
    const red = bytes[i * stored]!;
    const green = stored >= 3 ? bytes[i * stored + 1]! : red;
    const blue = stored >= 3 ? bytes[i * stored + 2]! : red;
    if (channels === 1) values[i] = Math.round(0.299 * red + 0.587 * green + 0.114 * blue) / 255;
    else for (const [c, value] of [red, green, blue].entries()) values[c * plane + i] = value / 255;
  }
  return float32(shape, values);
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
