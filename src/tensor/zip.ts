import { Inflate } from 'fflate';
import { messageOf, SeedbedError } from '../errors.ts';

// The format (PKWARE's APPNOTE), little-endian: each file behind a header of its own; then the directory, an entry a
// file; then the end, which says where the directory is. Zip64 puts sizes of 2^32 and more, where a field is all
// ones, in an extra field of the entry, and has an end of its own, found by a locator before the old one. Only what
// is deflated is left to fflate: its own reader of archives looks at neither checksums nor bounds.

const END = 0x06054b50;
const END_64 = 0x06064b50;
const LOCATOR_64 = 0x07064b50;
const ENTRY = 0x02014b50;
const LOCAL = 0x04034b50;
const END_BYTES = 22;
const LOCATOR_BYTES = 20;
const ENTRY_BYTES = 46;
const LOCAL_BYTES = 30;
const ALL_ONES_16 = 0xffff;
const ALL_ONES_32 = 0xffffffff;

/** The ways of packing that are read, by the format's numbers. */
const STORED = 0;
const DEFLATED = 8;

/** The most bytes that one file or archive may bring into memory: 2 GiB. */
export const MOST_BYTES = 2 ** 31 - 1;

/**
 * The most bytes to which a packed file may unpack: 2 GiB, and 64 MiB more than a hundred times its size. No data set
 * is packed that tightly, but a file made to fill the memory is.
 */
export function mostUnpacked(packedBytes: number): number {
  return Math.min(MOST_BYTES, 2 ** 26 + 100 * packedBytes);
}

/** A file inside a zip archive. */
export interface ZippedFile {
  readonly path: string;
  /** Unpacks it. @throws {SeedbedError} BadFile when it is damaged, encrypted, or packed in a way that is not read. */
  read(): Uint8Array;
}

/** What the directory says of a file. */
interface Entry {
  readonly path: string;
  readonly isEncrypted: boolean;
  readonly method: number;
  readonly crc: number;
  readonly packedSize: number;
  readonly size: number;
  readonly headerAt: number;
}

/**
 * The files of a zip archive, stored or deflated, zip64 too, in the order of its directory; folders and links are
 * passed over. Nothing is written anywhere, and a file is unpacked when it is read.
 * @throws {SeedbedError} BadFile when the directory is damaged, a path leads outside, or the files would unpack to more
 * than {@link mostUnpacked}.
 */
export function unzip(archive: Uint8Array, name: string): ZippedFile[] {
  const entries = directoryOf(archive, name);
  const total = entries.reduce((sum, { size }) => sum + size, 0);
  const most = mostUnpacked(archive.length);
  if (total > most) throw bad(name, `it unpacks to more than ${most} bytes`);
  return entries.map(entry => ({ path: entry.path, read: () => contentsOf(archive, entry, name) }));
}

function directoryOf(archive: Uint8Array, name: string): Entry[] {
  const view = viewOf(archive);
  const { count, from } = endOf(view, name);
  const entries: Entry[] = [];
  let at = from;
  for (let i = 0; i < count; i++) {
    if (at + ENTRY_BYTES > view.byteLength || view.getUint32(at, true) !== ENTRY)
      throw bad(name, `entry ${i} of its directory is damaged; fetch it again`);
    const [nameLength, extraLength, commentLength] = [28, 30, 32].map(o => view.getUint16(at + o, true));
    const extraAt = at + ENTRY_BYTES + nameLength!;
    const extraEnd = extraAt + extraLength!;
    if (extraEnd > view.byteLength) throw bad(name, 'its directory is cut short; fetch it again');
    const path = text(archive.subarray(at + ENTRY_BYTES, extraAt)).replaceAll('\\', '/');
    if (path.startsWith('/') || path.split('/').includes('..')) throw bad(name, `${path} leads outside it`);
    const [size, packedSize, headerAt] = wide(view, at, extraAt, extraEnd);
    const isLink = view.getUint8(at + 5) === 3 && view.getUint16(at + 40, true) >> 12 === 0o12;
    if (!path.endsWith('/') && !isLink)
      entries.push({
        path: path.replace(/^\.\//, ''),
        isEncrypted: (view.getUint16(at + 8, true) & 1) === 1,
        method: view.getUint16(at + 10, true),
        crc: view.getUint32(at + 16, true),
        packedSize: packedSize!,
        size: size!,
        headerAt: headerAt!,
      });
    at = extraEnd + commentLength!;
  }
  return entries;
}

/** The number of entries and where they begin, from the end of the archive, before which nothing but a comment may come. */
function endOf(view: DataView, name: string): { count: number; from: number } {
  const last = view.byteLength - END_BYTES;
  let at = last;
  const isEnd = () => view.getUint32(at, true) === END && at + view.getUint16(at + 20, true) === last;
  while (at >= 0 && !isEnd()) at = at > last - ALL_ONES_16 ? at - 1 : -1;
  if (at < 0) throw bad(name, 'its directory is missing: it is cut short, or no zip archive; fetch it again');
  const count = view.getUint16(at + 10, true);
  const from = view.getUint32(at + 16, true);
  const locator = at - LOCATOR_BYTES;
  const isWide = count === ALL_ONES_16 || from === ALL_ONES_32;
  if (!isWide || locator < 0 || view.getUint32(locator, true) !== LOCATOR_64) return { count, from };
  const end = Number(view.getBigUint64(locator + 8, true));
  if (end + 56 > view.byteLength || view.getUint32(end, true) !== END_64)
    throw bad(name, 'its directory is damaged; fetch it again');
  return {
    count: Number(view.getBigUint64(end + 32, true)),
    from: Number(view.getBigUint64(end + 48, true)),
  };
}

/** Size, packed size and place of an entry, those that are all ones from its zip64 field. */
function wide(view: DataView, at: number, extraAt: number, extraEnd: number): number[] {
  const narrow = [24, 20, 42].map(offset => view.getUint32(at + offset, true));
  for (let field = extraAt; field + 4 <= extraEnd; field += 4 + view.getUint16(field + 2, true)) {
    if (view.getUint16(field, true) !== 1) continue;
    let next = field + 4;
    return narrow.map(value => {
      if (value !== ALL_ONES_32 || next + 8 > extraEnd) return value;
      next += 8;
      return Number(view.getBigUint64(next - 8, true));
    });
  }
  return narrow;
}

function contentsOf(archive: Uint8Array, entry: Entry, name: string): Uint8Array {
  const { path, isEncrypted, method, packedSize, size, headerAt } = entry;
  if (isEncrypted) throw bad(name, `${path} is encrypted; unpack it with its password`);
  if (method !== STORED && method !== DEFLATED)
    throw bad(name, `${path} is packed by method ${method}; stored and deflated files are read`);
  const view = viewOf(archive);
  if (headerAt + LOCAL_BYTES > archive.length || view.getUint32(headerAt, true) !== LOCAL)
    throw bad(name, `the header of ${path} is damaged; fetch it again`);
  const from =
    headerAt + LOCAL_BYTES + view.getUint16(headerAt + 26, true) + view.getUint16(headerAt + 28, true);
  const packed = archive.subarray(from, from + packedSize);
  if (packed.length !== packedSize) throw bad(name, `${path} is cut short; fetch it again`);
  const bytes = method === STORED ? packed : inflate(packed, size, `cannot unpack ${name}: ${path}`);
  if (bytes.length !== size || crc32(bytes) !== entry.crc)
    throw bad(name, `${path} is damaged; fetch it again`);
  return bytes;
}

/** Packed bytes that are unpacked at once: few enough that what they grow to, at most 1032 times, fits in memory. */
const STEP = 2 ** 16;

/** Unpacks a deflated file, and stops where it grows beyond its size. */
function inflate(packed: Uint8Array, size: number, file: string): Uint8Array {
  const refuse = (reason: string) =>
    new SeedbedError('BadFile', `${file} is damaged: ${reason}; fetch it again`);
  const whole = new Uint8Array(size);
  let at = 0;
  const stream = new Inflate(part => {
    if (at + part.length > size) throw refuse(`it is longer than the ${size} bytes that are said`);
    whole.set(part, at);
    at += part.length;
  });
  try {
    for (let from = 0; from < packed.length; from += STEP)
      stream.push(packed.subarray(from, from + STEP), from + STEP >= packed.length);
  } catch (cause) {
    throw cause instanceof SeedbedError ? cause : refuse(messageOf(cause));
  }
  return whole.subarray(0, at);
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 && 0xedb88320);
  return crc;
});

/** The checksum of the format: CRC-32 of ISO 3309. */
function crc32(bytes: Uint8Array): number {
  let crc = ALL_ONES_32;
  for (let i = 0; i < bytes.length; i++) crc = CRC_TABLE[(crc ^ bytes[i]!) & 0xff]! ^ (crc >>> 8);
  return ~crc >>> 0;
}

/** A path, in UTF-8 as most write it, or else a letter a byte. */
function text(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder('latin1').decode(bytes);
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function bad(name: string, reason: string): SeedbedError {
  return new SeedbedError('BadFile', `cannot unpack ${name}: ${reason}`);
}
