import { Unzlib } from 'fflate';

/** What a file says of its picture, which a browser's decoder does not tell. */
export interface PictureTags {
  /** As stored: 1 grey, 3 colour, one more with transparency; 4 inks. */
  readonly channels: number;
  /** Those without transparency: 1 grey, 3 colour, 4 inks. */
  readonly colours: number;
  /** Bits of a sample. */
  readonly depth: number;
  /** By EXIF, 1 to 8: 1 is upright. */
  readonly orientation: number;
}

/** A chunk, segment or box: from `at` to `end` of the file, `body` without its name, length and check. */
interface Part {
  /** Four letters; of a JPEG 'ff' and the marker in hexadecimal. */
  readonly type: string;
  readonly at: number;
  readonly end: number;
  readonly body: Uint8Array;
}

const PNG = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
/** The most bytes of a profile: 255 segments of a JPEG hold as many. */
const MOST_OF_PROFILE = 2 ** 24;

export const isPng = (bytes: Uint8Array) => PNG.every((byte, i) => bytes[i] === byte);
const viewOf = ({ buffer, byteOffset, byteLength }: Uint8Array) =>
  new DataView(buffer, byteOffset, byteLength);
const textOf = (bytes: Uint8Array, from: number, to: number) =>
  String.fromCharCode(...bytes.subarray(from, to));

/** Reads what a PNG or JPEG file says; of other files nothing, which stands for colour, 8 bits and upright. */
export function readTags(bytes: Uint8Array): PictureTags {
  const tags = { channels: 3, colours: 3, depth: 8, orientation: 1 };
  for (const { type, body } of isPng(bytes) ? pngChunks(bytes) : jpegSegments(bytes)) {
    if (type === 'IHDR' && body.length >= 10) {
      const kind = body[9]!;
      tags.depth = body[8]!;
      tags.colours = kind & 2 ? 3 : 1;
      tags.channels = tags.colours + (kind & 4 ? 1 : 0);
    } else if (type === 'tRNS') tags.channels = tags.colours + 1;
    else if (type === 'eXIf') tags.orientation = orientationIn(body);
    else if (type === 'ffe1' && textOf(body, 0, 4) === 'Exif')
      tags.orientation = orientationIn(body.subarray(6));
    else if (/^ffc[0-35-79-bd-f]$/.test(type)) tags.channels = tags.colours = body[5] ?? 3;
  }
  return tags;
}

/**
 * The colour profile that a PNG, JPEG, WebP or AVIF file holds; undefined of one without, and empty where parts of it are
 * missing, it does not unpack, or it unpacks to more than 16 MiB.
 */
export function profileIn(bytes: Uint8Array): Uint8Array | undefined {
  if (isPng(bytes)) {
    const packed = [...pngChunks(bytes)].find(({ type }) => type === 'iCCP')?.body;
    // Behind a name and its end, and a zero for the way of packing.
    return packed && unpacked(packed.subarray(packed.indexOf(0) + 2));
  }
  if (textOf(bytes, 8, 12) === 'WEBP')
    return [...riffChunks(bytes)].find(({ type }) => type === 'ICCP')?.body;
  if (textOf(bytes, 4, 8) === 'ftyp') return profileInBoxes(bytes);
  return profileInSegments(bytes);
}

/** A PNG without its profile, which an unpacker that trusts it need not see. */
export function withoutProfile(png: Uint8Array): Uint8Array {
  const profile = [...pngChunks(png)].find(({ type }) => type === 'iCCP');
  return profile ? joined([png.subarray(0, profile.at), png.subarray(profile.end)]) : png;
}

function unpacked(packed: Uint8Array): Uint8Array {
  const parts: Uint8Array[] = [];
  let [size, isWhole] = [0, false];
  const stream = new Unzlib((part, isLast) => {
    size += part.length;
    isWhole = isLast;
    parts.push(part);
  });
  // In steps, of which each grows at most 1032 times.
  const step = 2 ** 12;
  try {
    for (let at = 0; at < packed.length && size <= MOST_OF_PROFILE; at += step)
      stream.push(packed.subarray(at, at + step), at + step >= packed.length);
  } catch {
    return new Uint8Array();
  }
  return isWhole && size <= MOST_OF_PROFILE ? joined(parts) : new Uint8Array();
}

/** In APP2 segments, each of which says which part it is, and of how many (ICC.1:2010, annex B). */
function profileInSegments(bytes: Uint8Array): Uint8Array | undefined {
  const bodies = [...jpegSegments(bytes)]
    .filter(({ type, body }) => type === 'ffe2' && textOf(body, 0, 12) === 'ICC_PROFILE\0')
    .map(({ body }) => body)
    .sort((one, other) => one[12]! - other[12]!);
  if (bodies.length === 0) return undefined;
  const isWhole = bodies.every((body, i) => body[12] === i + 1 && body[13] === bodies.length);
  return joined(isWhole ? bodies.map(body => body.subarray(14)) : []);
}

/** In the first `colr` box with a profile (ISO/IEC 14496-12, 12.1.5) of the properties of an image (23008-12, 9.3). */
function profileInBoxes(bytes: Uint8Array): Uint8Array | undefined {
  const inside = (within: Uint8Array | undefined, name: string) =>
    within && [...boxes(within)].find(({ type }) => type === name)?.body;
  const properties = inside(inside(inside(bytes, 'meta')?.subarray(4), 'iprp'), 'ipco') ?? new Uint8Array();
  const colour = [...boxes(properties)].find(
    ({ type, body }) => type === 'colr' && /^(prof|rICC)$/.test(textOf(body, 0, 4)),
  );
  return colour?.body.subarray(4);
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function* pngChunks(bytes: Uint8Array): Generator<Part> {
  const view = viewOf(bytes);
  for (let at = PNG.length; at + 12 <= bytes.length; ) {
    const end = at + 12 + view.getUint32(at);
    if (end > bytes.length) return;
    yield { type: textOf(bytes, at + 4, at + 8), at, body: bytes.subarray(at + 8, end - 4), end };
    at = end;
  }
}

/** The chunks of a WebP, each of an even number of bytes. */
function* riffChunks(bytes: Uint8Array): Generator<Part> {
  const view = viewOf(bytes);
  for (let at = 12; at + 8 <= bytes.length; ) {
    const last = at + 8 + view.getUint32(at + 4, true);
    if (last > bytes.length) return;
    const end = last + (last % 2);
    yield { type: textOf(bytes, at, at + 4), at, body: bytes.subarray(at + 8, last), end };
    at = end;
  }
}

/** The boxes of an AVIF or HEIC file, or those within a box. */
function* boxes(bytes: Uint8Array): Generator<Part> {
  const view = viewOf(bytes);
  for (let at = 0; at + 8 <= bytes.length; ) {
    const end = at + view.getUint32(at);
    if (end < at + 8 || end > bytes.length) return;
    yield { type: textOf(bytes, at + 4, at + 8), at, body: bytes.subarray(at + 8, end), end };
    at = end;
  }
}

/** The segments before a JPEG's data. */
function* jpegSegments(bytes: Uint8Array): Generator<Part> {
  const view = viewOf(bytes);
  if (bytes[0] !== 0xff || bytes[1] !== 0xd8) return;
  for (let at = 2; at + 4 <= bytes.length && bytes[at] === 0xff && bytes[at + 1] !== 0xda; ) {
    const end = at + 2 + view.getUint16(at + 2);
    yield { type: view.getUint16(at).toString(16), at, body: bytes.subarray(at + 4, end), end };
    at = end;
  }
}

/** The orientation in a block of EXIF, a small TIFF file; 1 when it says none. */
function orientationIn(tiff: Uint8Array): number {
  const view = viewOf(tiff);
  if (tiff.length < 8) return 1;
  const little = view.getUint16(0) === 0x4949;
  const directory = view.getUint32(4, little);
  if (directory + 2 > tiff.length) return 1;
  for (let i = 0; i < view.getUint16(directory, little); i++) {
    const entry = directory + 2 + 12 * i;
    if (entry + 12 > tiff.length) return 1;
    if (view.getUint16(entry, little) === 0x0112) return view.getUint16(entry + 8, little);
  }
  return 1;
}
