/** What a file says of its picture, which a browser's decoder does not tell. */
export interface PictureTags {
  /** As stored: 1 grey, 3 colour, one more with transparency. */
  readonly channels: number;
  /** Bits of a sample. */
  readonly depth: number;
  /** By EXIF, 1 to 8: 1 is upright. */
  readonly orientation: number;
}

/** A PNG's chunk or a JPEG's segment: from `at` to `end` of the file, `body` without its name, length and check. */
interface Part {
  /** Four letters, or 'ff' and the marker in hexadecimal. */
  readonly type: string;
  readonly at: number;
  readonly end: number;
  readonly body: Uint8Array;
}

const PNG = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
/** Where a PNG's first chunk, IHDR, ends. */
const HEADER_END = 33;
/** How a PNG says what its numbers mean without a profile: one browser follows them, other decoders do not. */
const PNG_COLOUR = new Set(['gAMA', 'cHRM', 'cICP', 'mDCV', 'cLLI']);

const isPng = (bytes: Uint8Array) => PNG.every((byte, i) => bytes[i] === byte);
const viewOf = ({ buffer, byteOffset, byteLength }: Uint8Array) =>
  new DataView(buffer, byteOffset, byteLength);

/** Reads what a PNG or JPEG file says; of other files nothing, which stands for colour, 8 bits and upright. */
export function readTags(bytes: Uint8Array): PictureTags {
  const tags = { channels: 3, depth: 8, orientation: 1 };
  for (const { type, body } of isPng(bytes) ? pngChunks(bytes) : jpegSegments(bytes)) {
    if (type === 'IHDR' && body.length >= 10) {
      const kind = body[9]!;
      tags.depth = body[8]!;
      tags.channels = (kind & 2 ? 3 : 1) + (kind & 4 ? 1 : 0);
    } else if (type === 'eXIf') tags.orientation = orientationIn(body);
    else if (type === 'ffe1' && String.fromCharCode(...body.subarray(0, 4)) === 'Exif')
      tags.orientation = orientationIn(body.subarray(6));
    else if (/^ffc[0-35-79-bd-f]$/.test(type)) tags.channels = body[5] ?? 3;
  }
  return tags;
}

/** The chunks of a PNG, by name; none of another file. */
export function chunksOf(bytes: Uint8Array): Map<string, Uint8Array> {
  const chunks = isPng(bytes) ? [...pngChunks(bytes)] : [];
  return new Map(chunks.map(({ type, at, end }) => [type, bytes.subarray(at, end)]));
}

/** A PNG with a further chunk after its header, as another file had it. */
export function withChunk(png: Uint8Array, chunk: Uint8Array): Uint8Array {
  return joined([png.subarray(0, HEADER_END), chunk, png.subarray(HEADER_END)]);
}

/** A PNG without what it says of colour beside a profile, so that all decoders agree; another file as it is. */
export function withoutPngColour(bytes: Uint8Array): Uint8Array {
  if (!isPng(bytes)) return bytes;
  const dropped = [...pngChunks(bytes)].filter(({ type }) => PNG_COLOUR.has(type));
  const starts = [0, ...dropped.map(({ end }) => end)];
  const ends = [...dropped.map(({ at }) => at), bytes.length];
  return joined(starts.map((start, i) => bytes.subarray(start, ends[i])));
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
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    yield { type, at, body: bytes.subarray(at + 8, end - 4), end };
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
