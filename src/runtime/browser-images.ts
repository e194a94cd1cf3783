import { SeedbedError } from '../errors.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { fileKind } from './kind.ts';
import {
  type DecodedImage,
  fitRaster,
  type ImageOptions,
  MOST_PIXELS,
  MOST_SIDE,
  type Raster,
  toInterleaved,
} from './picture.ts';
import { isPng, profileIn, readTags, withoutProfile } from './picture-file.ts';
import { followProfile } from './profile.ts';

/** Kinds that browsers read: a file of theirs that is not read is damaged. */
const READ = ['png', 'jpeg', 'webp', 'gif', 'avif', 'bmp'];

type Samples = Uint8Array | Uint8ClampedArray | Uint16Array;

/**
 * Decodes any picture that the browser shows, upright, from its colour profile to sRGB, and brings it to the shape asked
 * for as on Node.
 * @throws {SeedbedError} BadFile when it is damaged, too large, or no picture.
 */
export async function decodeImage(
  bytes: Uint8Array,
  name: string,
  options: ImageOptions = {},
): Promise<DecodedImage> {
  const refuse = (reason: string, cause?: unknown): never => {
    throw new SeedbedError('BadFile', `cannot read the picture ${name}: ${reason}`, { cause });
  };
  const damaged = (cause: unknown) => {
    const kind = fileKind(bytes);
    return kind && !READ.includes(kind.name)
      ? refuse(`it is ${kind.words}, which this browser does not read; convert it to PNG`, cause)
      : refuse('it is damaged, or not a picture that this browser reads', cause);
  };
  const { channels, colours, depth, orientation } = readTags(bytes);
  const { byDecoder, toSrgb, changes: followed } = followProfile(profileIn(bytes), colours);
  const bitmap = await bitmapOf(bytes, byDecoder).catch(damaged);
  const { width, height } = bitmap;
  if (width * height > MOST_PIXELS || Math.max(width, height) > MOST_SIDE) {
    refuse(
      `it has more than ${MOST_PIXELS} pixels, or a side of more than ${MOST_SIDE}; make it smaller first`,
    );
  }
  const samples = (byDecoder ? undefined : await pngSamples(bytes).catch(damaged)) ?? drawn(bitmap);
  bitmap.close();

  const changes = [...followed];
  if (orientation > 1) changes.unshift('turned upright');
  if (depth === 16) changes.push('16 bits a channel reduced to 8');
  const stride = samples.length / height;
  const raster: Raster = {
    ...{ header: { width, height, channels }, changes, channels: stride / width },
    most: samples instanceof Uint16Array ? 65535 : 255,
    row: y => samples.subarray(y * stride, (y + 1) * stride),
  };
  return fitRaster(toSrgb?.(raster) ?? raster, options);
}

/** The picture as stored, whatever its file says of colour, or after its profile where the browser shall follow it. */
function bitmapOf(file: Uint8Array, byDecoder: boolean): Promise<ImageBitmap> {
  const colorSpaceConversion = byDecoder ? 'default' : 'none';
  return createImageBitmap(new Blob([file as Uint8Array<ArrayBuffer>]), { colorSpaceConversion });
}

/** Red, green, blue and opacity as the browser draws them, pixel on pixel. */
function drawn(bitmap: ImageBitmap): Uint8ClampedArray {
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  const context = canvas.getContext('2d', { willReadFrequently: true })!;
  context.drawImage(bitmap, 0, 0);
  return context.getImageData(0, 0, bitmap.width, bitmap.height).data;
}

/**
 * The samples of a PNG of which a canvas keeps less: 16 bits a channel, or opacity, by which it multiplies. Undefined for
 * what a canvas gives as well, and for what else only the browser resolves: one transparent colour, turning by EXIF.
 */
async function pngSamples(bytes: Uint8Array): Promise<Samples | undefined> {
  const { channels, depth, orientation } = readTags(bytes);
  const isLossy = depth === 16 || channels % 2 === 0;
  if (!isPng(bytes) || !isLossy || orientation > 1) return undefined;
  const { convertIndexedToRgb, decode } = await import('fast-png');
  const png = decode(withoutProfile(bytes), { checkCrc: true });
  if (png.transparency) return undefined;
  return png.palette && png.channels === 1 ? convertIndexedToRgb(png) : (png.data as Samples);
}

/**
 * The PNG file of a picture, 8 bits a channel.
 * @param pixels [C, H, W] or [1, C, H, W] with C 1 or 3, in [0,1]; what lies outside is clipped.
 * @throws {SeedbedError} BadShape for any other shape, Diverged when a pixel is not a number.
 */
export async function encodePng(pixels: Tensor<'float32'>): Promise<Uint8Array> {
  const { bytes, channels, height, width } = toInterleaved(pixels);
  const rgba = new Uint8ClampedArray(4 * height * width).fill(255);
  for (let i = 0; i < height * width; i++) {
    for (let c = 0; c < 3; c++) rgba[4 * i + c] = bytes[channels * i + (c % channels)]!;
  }
  const canvas = new OffscreenCanvas(width, height);
  canvas.getContext('2d')!.putImageData(new ImageData(rgba, width, height), 0, 0);
  return new Uint8Array(await (await canvas.convertToBlob({ type: 'image/png' })).arrayBuffer());
}
