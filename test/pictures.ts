import { crc32, deflateSync } from 'node:zlib';
import sharp from 'sharp';

/** Pictures of every kind that decoders disagree about, made anew: nothing here is a file that somebody chose. */

type Channels = 1 | 3 | 4;

/** A blob, a slope and fine stripes, each channel its own: 0 to 1 at a place in [0,1]. */
function scene(channels: Channels, width: number, height: number): number[] {
  return Array.from({ length: channels * width * height }, (_, i) => {
    const [c, x, y] = [
      i % channels,
      (Math.floor(i / channels) % width) / width,
      Math.floor(i / channels / width) / height,
    ];
    const blob = Math.exp(-((x - 0.4 - 0.1 * c) ** 2 + (y - 0.6) ** 2) / 0.02);
    const stripes = x < 0.3 && Math.sin(120 * y + 60 * c * x) > 0 ? 0.35 : 0;
    return Math.min(1, 0.6 * blob + stripes + 0.3 * (c === 1 ? 1 - x : y));
  });
}

/** The scene as samples of 8 bits. */
export function bytesOfScene(channels: Channels, width: number, height: number): Uint8Array {
  return Uint8Array.from(scene(channels, width, height), value => Math.round(255 * value));
}

/** The scene as samples of 16 bits. */
export function wordsOfScene(channels: Channels, width: number, height: number): Uint16Array {
  return Uint16Array.from(scene(channels, width, height), value => Math.round(65535 * value));
}

const raw = (channels: Channels, width: number, height: number) =>
  sharp(bytesOfScene(channels, width, height), { raw: { width, height, channels } });

/** A photograph's size, without the time that a scene of it would take. */
export function largeJpeg(width: number, height: number): Promise<Buffer> {
  return raw(3, 120, 80).resize(width, height, { fit: 'fill' }).jpeg({ quality: 90 }).toBuffer();
}

/** A PNG of the scene, of 8 bits. */
export function pngOf(channels: Channels, width: number, height: number): Promise<Buffer> {
  return raw(channels, width, height)
    .toColourspace(channels === 1 ? 'b-w' : 'srgb')
    .png()
    .toBuffer();
}

/** A PNG of the scene in the colours of a palette, some of them transparent where it has four channels. */
export function palettePng(channels: 3 | 4, width: number, height: number): Promise<Buffer> {
  return raw(channels, width, height).png({ palette: true }).toBuffer();
}

/** Every grey of 8 bits in a row. */
export function rampPng(): Promise<Buffer> {
  const greys = Uint8Array.from({ length: 256 }, (_, value) => value);
  return sharp(greys, { raw: { width: 256, height: 1, channels: 1 } })
    .toColourspace('b-w')
    .png()
    .toBuffer();
}

/** A PNG of the scene, of 16 bits, none of them empty. */
export function deepPng(channels: 1 | 3, width: number, height: number): Promise<Buffer> {
  return sharp(wordsOfScene(channels, width, height), { raw: { width, height, channels } })
    .toColourspace(channels === 1 ? 'grey16' : 'rgb16')
    .png()
    .toBuffer();
}

/** A JPEG in the colours of Display P3. */
export function p3Jpeg(width: number, height: number): Promise<Buffer> {
  return raw(3, width, height)
    .withIccProfile('p3')
    .jpeg({ quality: 95, chromaSubsampling: '4:4:4' })
    .toBuffer();
}

/** A WebP in the colours of Display P3. */
export function p3WebP(width: number, height: number): Promise<Buffer> {
  return raw(3, width, height).withIccProfile('p3').webp({ quality: 90 }).toBuffer();
}

/** A JPEG with the profile of sRGB, as most programs write it. */
export function taggedJpeg(width: number, height: number): Promise<Buffer> {
  return raw(3, width, height).withIccProfile('srgb').jpeg({ quality: 90 }).toBuffer();
}

/** A JPEG of four inks. */
export function cmykJpeg(width: number, height: number): Promise<Buffer> {
  return raw(3, width, height).toColourspace('cmyk').jpeg({ quality: 95 }).toBuffer();
}

/** A JPEG that lies on its side, and says so. */
export function lyingJpeg(width: number, height: number): Promise<Buffer> {
  return raw(3, width, height).withMetadata({ orientation: 6 }).jpeg({ quality: 90 }).toBuffer();
}

/** A PNG with a further chunk, after its header. */
export function withChunk(png: Uint8Array, type: string, body: Uint8Array): Buffer {
  const named = Buffer.concat([Buffer.from(type, 'latin1'), body]);
  const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(body.length);
  check.writeUInt32BE(crc32(named));
  return Buffer.concat([png.subarray(0, 33), length, named, check, png.subarray(33)]);
}

/** A PNG that says in gAMA that its numbers go by a power of the light. */
export function withGamma(png: Uint8Array, gamma: number): Buffer {
  const body = Buffer.alloc(4);
  body.writeUInt32BE(Math.round(gamma * 1e5));
  return withChunk(png, 'gAMA', body);
}

/** A PNG with a colour profile. */
export function withProfile(png: Uint8Array, profile: Uint8Array): Buffer {
  return withChunk(png, 'iCCP', Buffer.concat([Buffer.from('test\0\0', 'latin1'), deflateSync(profile)]));
}

/** A JPEG with a colour profile in several segments, which stand in the order given. @param order from 1 on. */
export function withSegments(
  jpeg: Uint8Array,
  parts: readonly Uint8Array[],
  order: readonly number[] = parts.map((_, i) => i + 1),
): Buffer {
  const segments = order.map(number => {
    const body = parts[number - 1]!;
    const head = Buffer.from('\xff\xe2..ICC_PROFILE\0..', 'latin1');
    head.writeUInt16BE(16 + body.length, 2);
    head.set([number, parts.length], 16);
    return Buffer.concat([head, body]);
  });
  return Buffer.concat([jpeg.subarray(0, 2), ...segments, jpeg.subarray(2)]);
}

/** Primaries about the white of ICC profiles, D50: the columns of Adobe RGB (1998). */
export const ADOBE = {
  rXYZ: [0.60974, 0.31111, 0.01947],
  gXYZ: [0.20528, 0.62567, 0.06087],
  bXYZ: [0.14919, 0.06322, 0.74457],
};

/** The profile of Adobe RGB (1998): gamma 563/256. */
export const adobeRgb = () => colourProfile(ADOBE, power(563 / 256));

/** A profile of red, green and blue with one curve. */
export function colourProfile(primaries: Readonly<Record<string, readonly number[]>>, curve: Buffer): Buffer {
  const columns = Object.entries(primaries).map(([name, xyz]): [string, Buffer] => [name, xyzTag(xyz)]);
  return profile('RGB ', [
    ...columns,
    ...['rTRC', 'gTRC', 'bTRC'].map((name): [string, Buffer] => [name, curve]),
  ]);
}

/** A profile of grey. */
export function greyProfile(curve: Buffer): Buffer {
  return profile('GRAY', [['kTRC', curve]]);
}

/**
 * Adobe RGB as a profile with a table of colours (lut16Type of ICC.1:2010): curves to light, the eight corners of the
 * colours that light can be, with linear steps between them, as XYZ of which 1 is 32768, and no further curves.
 */
export function tableProfile(): Buffer {
  const head = Buffer.alloc(52);
  head.write('mft2', 'latin1');
  head.set([3, 3, 2], 8);
  for (const at of [12, 28, 44]) head.writeInt32BE(fixed(1), at);
  head.writeUInt16BE(256, 48);
  head.writeUInt16BE(2, 50);
  const light = Array.from({ length: 256 }, (_, i) => 65535 * (i / 255) ** (563 / 256));
  const { rXYZ, gXYZ, bXYZ } = ADOBE;
  const corners = Array.from({ length: 8 }, (_, i) =>
    [0, 1, 2].map(c => (i >> 2) * rXYZ[c]! + ((i >> 1) & 1) * gXYZ[c]! + (i & 1) * bXYZ[c]!),
  );
  const xyz = corners.flat().map(value => 32768 * value);
  const words = [light, light, light, xyz, [0, 65535, 0, 65535, 0, 65535]].flat().map(Math.round);
  const body = Buffer.alloc(2 * words.length);
  for (const [i, word] of words.entries()) body.writeUInt16BE(word, 2 * i);
  return profile('RGB ', [['A2B0', Buffer.concat([head, body])]]);
}

const fixed = (value: number) => Math.round(value * 65536);

function xyzTag(xyz: readonly number[]): Buffer {
  const tag = Buffer.from('XYZ \0\0\0\0............', 'latin1');
  for (const [i, value] of xyz.entries()) tag.writeInt32BE(fixed(value), 8 + 4 * i);
  return tag;
}

/** A curve that is a power. */
export function power(gamma: number): Buffer {
  const tag = Buffer.from('curv\0\0\0\0\0\0\0\x01..\0\0', 'latin1');
  tag.writeUInt16BE(Math.round(gamma * 256), 12);
  return tag;
}

/** A curve that is a table of numbers in [0,1]. */
export function table(values: readonly number[]): Buffer {
  const tag = Buffer.alloc(12 + 4 * Math.ceil(values.length / 2));
  tag.write('curv', 'latin1');
  tag.writeUInt32BE(values.length, 8);
  for (const [i, value] of values.entries()) tag.writeUInt16BE(Math.round(value * 65535), 12 + 2 * i);
  return tag;
}

/** A curve by one of the five formulas of version 4, with its numbers g a b c d e f. */
export function formula(kind: number, numbers: readonly number[]): Buffer {
  const tag = Buffer.alloc(12 + 4 * numbers.length);
  tag.write('para', 'latin1');
  tag.writeUInt16BE(kind, 8);
  for (const [i, value] of numbers.entries()) tag.writeInt32BE(fixed(value), 12 + 4 * i);
  return tag;
}

/** A display's profile by version 2 of the ICC's specification: header, table of tags, tags. */
function profile(space: string, own: readonly [string, Buffer][]): Buffer {
  const text = Buffer.alloc(104);
  text.write('desc', 'latin1');
  text.writeUInt32BE(5, 8);
  text.write('test', 12, 'latin1');
  const white = xyzTag([0.9642, 1, 0.8249]);
  const tags: [string, Buffer][] = [
    ['desc', text],
    ['cprt', Buffer.from('text\0\0\0\0none')],
    ['wtpt', white],
    ...own,
  ];
  const table = Buffer.alloc(4 + 12 * tags.length);
  table.writeUInt32BE(tags.length);
  let at = 128 + table.length;
  for (const [i, [name, body]] of tags.entries()) {
    table.write(name, 4 + 12 * i, 'latin1');
    table.writeUInt32BE(at, 8 + 12 * i);
    table.writeUInt32BE(body.length, 12 + 12 * i);
    at += body.length;
  }
  const header = Buffer.alloc(128);
  header.writeUInt32BE(at);
  header.writeUInt32BE(0x02400000, 8);
  header.write(`mntr${space}XYZ `, 12, 'latin1');
  header.writeUInt16BE(2026, 24);
  header.writeUInt16BE(1, 26);
  header.writeUInt16BE(1, 28);
  header.write('acsp', 36, 'latin1');
  white.copy(header, 68, 8);
  return Buffer.concat([header, table, ...tags.map(([, body]) => body)]);
}
