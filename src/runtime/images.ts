import type { Metadata, SharpOptions } from 'sharp';
import sharp from 'sharp';
import { messageOf, SeedbedError } from '../errors.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { fileKind } from './kind.ts';
import {
  type DecodedImage,
  fitRaster,
  type ImageHeader,
  type ImageOptions,
  MOST_PIXELS,
  MOST_SIDE,
  type Raster,
  toInterleaved,
} from './picture.ts';
import { profileIn } from './picture-file.ts';
import { followProfile } from './profile.ts';

// One picture at a time on one thread: the same work each time, and no memory held between pictures.
sharp.concurrency(1);
sharp.cache(false);

const FORMATS = new Set(['png', 'jpeg', 'webp', 'gif', 'tiff', 'heif']);

/** The colours of what is stored, without opacity; other spaces the decoder takes to sRGB itself. */
const COLOURS: Partial<Record<string, number>> = { 'b-w': 1, grey16: 1, srgb: 3, rgb16: 3, cmyk: 4 };

/**
 * Reads the size and channels of a picture without decoding it.
 * @throws {SeedbedError} BadFile when it is no picture, or one of more than 134 million pixels.
 */
export async function readImageHeader(bytes: Uint8Array, name: string): Promise<ImageHeader> {
  return headerOf(await readMetadata(bytes, name));
}

/**
 * Decodes a PNG, JPEG, WebP, GIF (first frame), TIFF or AVIF file, upright, from its colour profile to sRGB, and brings it
 * to the shape asked for as {@link fitRaster} does.
 * @param name the file's name, for messages.
 * @throws {SeedbedError} BadFile when it is damaged, cut short, too large, or no picture.
 * @example const { pixels } = await decodeImage(await readBytes('cat.jpg'), 'cat.jpg', { size: 64 })
 */
export async function decodeImage(
  bytes: Uint8Array,
  name: string,
  options: ImageOptions = {},
): Promise<DecodedImage> {
  const metadata = await readMetadata(bytes, name);
  const header = headerOf(metadata);
  const colours = COLOURS[metadata.space];
  const following = colours
    ? followProfile(profileIn(bytes) ?? metadata.icc, colours)
    : { byDecoder: true, changes: [] };
  const changes = [...following.changes];
  if ((metadata.orientation ?? 1) > 1) changes.unshift('turned upright');
  if (metadata.depth === 'ushort') changes.push('16 bits a channel reduced to 8');
  const { samples, channels } = await samplesOf(bytes, metadata, following.byDecoder).catch(refuse(name));
  const stride = channels * header.width;
  const raster: Raster = {
    ...{ header, changes, channels, most: samples instanceof Uint16Array ? 65535 : 255 },
    row: y => samples.subarray(y * stride, (y + 1) * stride),
  };
  return fitRaster(following.toSrgb?.(raster) ?? raster, options);
}

interface Samples {
  readonly samples: Uint8Array | Uint16Array;
  readonly channels: number;
}

/** The samples of a picture at its own size: as stored, or after its profile where the decoder shall follow it. */
async function samplesOf(
  bytes: Uint8Array,
  { channels, depth, space }: Metadata,
  byDecoder: boolean,
): Promise<Samples> {
  if (space === 'cmyk' && !byDecoder) return fromInks(bytes);
  const deep = depth === 'ushort';
  if (deep && !byDecoder) {
    const image = open(bytes, { ignoreIcc: true }).toColourspace('rgb16').raw({ depth: 'ushort' });
    const { data, info } = await image.toBuffer({ resolveWithObject: true });
    return {
      samples: new Uint16Array(data.buffer, data.byteOffset, data.length / 2),
      channels: info.channels,
    };
  }
  const image = open(deep ? await inEightBits(bytes, channels) : bytes, { ignoreIcc: !byDecoder })
    .toColourspace('srgb')
    .raw({ depth: 'uchar' });
  const { data, info } = await image.toBuffer({ resolveWithObject: true });
  return { samples: data, channels: info.channels };
}

/**
 * A picture of 16 bits as a PNG of 8 with its profile, which sharp would take for one that goes to Display P3. It cuts the
 * low byte off; of v 256 / 257 + 128 that leaves v / 257 rounded, for every v.
 */
function inEightBits(bytes: Uint8Array, channels: number): Promise<Uint8Array> {
  const image = open(bytes, { ignoreIcc: true })
    .linear(256 / 257, 128)
    .toColourspace('srgb');
  // A profile of grey is kept with grey only.
  const profiled = channels === 1 ? image.extractChannel(0) : image;
  return profiled.keepIccProfile().png({ compressionLevel: 1 }).toBuffer();
}

/** Four inks without a profile as browsers take them: each lets a part of the light through, the last bit cut off. */
async function fromInks(bytes: Uint8Array): Promise<Samples> {
  const image = open(bytes, { ignoreIcc: true }).pipelineColourspace('cmyk').toColourspace('cmyk');
  const inks = await image.raw({ depth: 'uchar' }).toBuffer();
  const samples = new Uint8Array((inks.length / 4) * 3);
  for (let i = 0; i < samples.length; i++) {
    const pixel = 4 * Math.floor(i / 3);
    samples[i] = Math.floor(((255 - inks[pixel + (i % 3)]!) * (255 - inks[pixel + 3]!)) / 255);
  }
  return { samples, channels: 3 };
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

function open(bytes: Uint8Array, options: SharpOptions = {}) {
  return sharp(bytes, { ...options, autoOrient: true, failOn: 'error', limitInputPixels: MOST_PIXELS });
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
      ? `it is ${kind?.words ?? 'not a picture'}; PNG, JPEG, WebP, GIF, TIFF and AVIF are read`
      : /exceeds pixel limit|too large|dimensions exceed/i.test(message)
        ? `it has more than ${MOST_PIXELS} pixels; make it smaller first`
        : `it is damaged or cut short (${message.trim().replace(/\s+/g, ' ')})`;
    throw new SeedbedError('BadFile', `cannot read the picture ${name}: ${reason}`, { cause });
  };
}
