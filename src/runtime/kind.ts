/** A kind of file, as its first bytes tell. */
export interface FileKind {
  readonly name: string;
  /** With its article: `a GIF picture`. */
  readonly words: string;
  /** What to do with a file that is of no use as it is. */
  readonly remedy?: string;
}

/** A kind, and bytes that stand at a place in such files: a text of single bytes, or what else must hold. */
type Row = FileKind & { readonly at?: number; readonly magic?: string; holds?(bytes: Uint8Array): boolean };

const PNG = 'convert it to PNG';
const UNPACK = 'unpack it first';
const ARRAYS = 'save its pictures by numpy.save, as .npy';

/** IDX: two zero bytes, a type of numbers, and some axes. */
const isIdx = ([zero0, zero1, type, axes]: Uint8Array) =>
  zero0 === 0 && zero1 === 0 && [8, 9, 11, 12, 13, 14].includes(type!) && axes! >= 1 && axes! <= 8;

const KINDS: readonly Row[] = [
  { name: 'gzip', words: 'a gzip file', magic: '\x1f\x8b' },
  { name: 'zip', words: 'a zip archive', magic: 'PK\x03\x04' },
  { name: 'zip', words: 'an empty zip archive', magic: 'PK\x05\x06' },
  { name: 'tar', words: 'a tar archive', magic: 'ustar', at: 257 },
  { name: 'npy', words: 'a NumPy array (.npy)', magic: '\x93NUMPY' },
  { name: 'png', words: 'a PNG picture', magic: '\x89PNG\r\n\x1a\n' },
  { name: 'jpeg', words: 'a JPEG picture', magic: '\xff\xd8\xff' },
  { name: 'webp', words: 'a WebP picture', magic: 'WEBP', at: 8 },
  { name: 'gif', words: 'a GIF picture', magic: 'GIF8' },
  { name: 'tiff', words: 'a TIFF picture', magic: 'II*\0' },
  { name: 'tiff', words: 'a TIFF picture', magic: 'MM\0*' },
  { name: 'avif', words: 'an AVIF picture', magic: 'ftypavif', at: 4 },
  { name: 'heic', words: 'a HEIC picture', magic: 'ftyphei', at: 4, remedy: PNG },
  {
    name: 'bmp',
    words: 'a BMP picture',
    magic: '\0\0\0\0',
    at: 6,
    holds: b => b[0] === 66 && b[1] === 77,
    remedy: PNG,
  },
  {
    name: 'pickle',
    words: 'a Python pickle',
    holds: b => b[0] === 0x80 && b[1]! >= 2 && b[1]! <= 5 && b.at(-1) === 46,
    remedy: `reading one may run any program, so none is read: of CIFAR-10 take the binary version, of other data ${ARRAYS}`,
  },
  { name: 'xz', words: 'an xz file', magic: '\xfd7zXZ\0', remedy: UNPACK },
  { name: 'bzip2', words: 'a bzip2 file', magic: 'BZh', remedy: UNPACK },
  { name: 'zstd', words: 'a Zstandard file', magic: '\x28\xb5\x2f\xfd', remedy: UNPACK },
  { name: '7z', words: 'a 7z archive', magic: '7z\xbc\xaf\x27\x1c', remedy: UNPACK },
  { name: 'rar', words: 'a RAR archive', magic: 'Rar!', remedy: UNPACK },
  { name: 'hdf5', words: 'an HDF5 file', magic: '\x89HDF', remedy: ARRAYS },
  { name: 'matlab', words: 'a MATLAB file', magic: 'MATLAB 5.0', remedy: ARRAYS },
  { name: 'parquet', words: 'a Parquet file', magic: 'PAR1', remedy: ARRAYS },
  { name: 'pdf', words: 'a PDF document', magic: '%PDF', remedy: PNG },
  { name: 'html', words: 'a web page', holds: isHtml, remedy: 'fetch the file itself again' },
  { name: 'safetensors', words: 'a safetensors file', magic: '{"', at: 8 },
  { name: 'idx', words: 'an IDX file', holds: isIdx },
];

/** The kind of a file by its bytes, whatever its name; undefined for one that is not known. */
export function fileKind(bytes: Uint8Array): FileKind | undefined {
  return KINDS.find(
    ({ magic = '', at = 0, holds = () => true }) =>
      bytes.length >= at + magic.length &&
      [...magic].every((letter, i) => bytes[at + i] === letter.charCodeAt(0)) &&
      holds(bytes),
  );
}

function isHtml(bytes: Uint8Array): boolean {
  return /^\s*<(!doctype html|html)\b/i.test(new TextDecoder('latin1').decode(bytes.subarray(0, 256)));
}

/** Says what a file is that is not read, and what to do: `x.bmp is a BMP picture; convert it to PNG`. */
export function kindInWords({ words, remedy }: FileKind): string {
  return remedy ? `${words}; ${remedy}` : words;
}
