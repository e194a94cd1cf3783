import { messageOf, SeedbedError } from '../errors.ts';
import { parseJson } from './json.ts';
import { fromBfloat16, fromBigEndian } from './stored.ts';
import type { DType, Tensor } from './tensor.ts';
import { bytesOf, bytesPerElement, MOST_AXES, sizeOf, tensorFromBytes, zeros } from './tensor.ts';

// The format: the magic bytes; version, major and minor; the header's length, little-endian, as uint16 in
// version 1 and uint32 in versions 2 and 3; the header, a Python dict padded with spaces to a newline; the data.

const MAGIC = [0x93, ...new TextEncoder().encode('NUMPY')];

/** NumPy's letter and width for each type; the byte order goes before it. */
const CODES: Record<DType, string> = {
  float64: 'f8',
  float32: 'f4',
  float16: 'f2',
  int64: 'i8',
  int32: 'i4',
  int16: 'i2',
  int8: 'i1',
  uint64: 'u8',
  uint32: 'u4',
  uint16: 'u2',
  uint8: 'u1',
  bool: 'b1',
};
/** NumPy also takes the type's whole name, and no order or = for that of the machine: little-endian wherever Seedbed runs. */
const DTYPES = new Map(
  Object.entries(CODES).flatMap(([dtype, code]) => [code, dtype].map(word => [word, dtype as DType])),
);
/** bfloat16 as ml_dtypes (of JAX and TensorFlow) writes it. NumPy's own raw pairs of bytes are |V2. */
const BFLOAT16 = '<V2';

/** What NumPy's letter stands for, of types that are not read. */
const KINDS: Record<string, string> = {
  O: 'Python objects, which are not read since reading them may run a program',
  U: 'text',
  S: 'text',
  c: 'complex numbers',
  V: 'bytes without a type',
  M: 'dates',
  m: 'times',
};

/** The header's three fields, checked. */
interface Header {
  readonly dtype: DType;
  readonly isBfloat16: boolean;
  readonly bigEndian: boolean;
  readonly columnMajor: boolean;
  readonly shape: number[];
}

/**
 * The bytes of NumPy's .npy file, format 1.0, little-endian, row-major.
 * @param t of any type and shape.
 * @group Files
 * @example
 * import { float32, readSeeds, writeNpy } from 'seedbed';
 * const bytes = writeNpy(float32([1, 2], [0.5, -0.5]));
 * console.log(readSeeds(bytes, 'mine.npy').latent.shape); // prints [ 1, 2 ]
 */
export function writeNpy(t: Tensor): Uint8Array<ArrayBuffer> {
  const order = bytesPerElement(t.dtype) === 1 ? '|' : '<';
  const shape = t.shape.length === 1 ? `(${t.shape},)` : `(${t.shape.join(', ')})`;
  const dict = `{'descr': '${order}${CODES[t.dtype]}', 'fortran_order': False, 'shape': ${shape}, }`;
  const prefixLength = MAGIC.length + 4;
  const dataStart = Math.ceil((prefixLength + dict.length + 1) / 64) * 64;
  const header = `${dict.padEnd(dataStart - prefixLength - 1)}\n`;
  const file = new Uint8Array(dataStart + t.data.byteLength);
  file.set([...MAGIC, 1, 0, header.length & 0xff, header.length >> 8]);
  file.set(new TextEncoder().encode(header), prefixLength);
  file.set(bytesOf(t), dataStart);
  return file;
}

/**
 * The tensor in a .npy file of format 1, 2 or 3: a view on `bytes` where these are aligned, little-endian and
 * row-major, else a copy put in that order. bfloat16, as ml_dtypes writes it, is widened to float32.
 * @param name the file's, for messages.
 * @throws {SeedbedError} BadFile when the header is not sound, the element type is not one of ours, or the data
 * is shorter or longer than the shape asks for.
 * @group Files
 * @example
 * import { float32, readNpy, writeNpy } from 'seedbed';
 * const { shape, data } = readNpy(writeNpy(float32([2], [0.5, -0.5])), 'mine.npy');
 * console.log(shape, data); // prints [ 2 ] Float32Array(2) [ 0.5, -0.5 ]
 */
export function readNpy(bytes: Uint8Array, name: string): Tensor {
  const { text, data } = split(bytes, name);
  const { dtype, isBfloat16, bigEndian, columnMajor, shape } = headerOf(text, name);
  const size = sizeOf(shape) * bytesPerElement(dtype);
  if (data.length !== size) {
    throw unsound(name, `${dtype} [${shape}] takes ${size} bytes, after its header it has ${data.length}`);
  }
  const width = bytesPerElement(dtype);
  const stored = tensorFromBytes(dtype, shape, bigEndian ? fromBigEndian(data, width) : data);
  const ordered = columnMajor ? rowMajor(stored) : stored;
  return isBfloat16 ? fromBfloat16(ordered as Tensor<'uint16'>) : ordered;
}

function split(bytes: Uint8Array, name: string): { text: string; data: Uint8Array } {
  const major = bytes[MAGIC.length];
  const prefixLength = MAGIC.length + 2 + (major === 1 ? 2 : 4);
  if (bytes.length < prefixLength || MAGIC.some((byte, i) => bytes[i] !== byte)) {
    throw unsound(name, 'it does not begin with \\x93NUMPY, a version and a header length');
  }
  if (major !== 1 && major !== 2 && major !== 3) {
    throw unsound(name, `it has the format version ${major}, known are 1, 2 and 3`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const lengthAt = MAGIC.length + 2;
  const headerLength = major === 1 ? view.getUint16(lengthAt, true) : view.getUint32(lengthAt, true);
  const dataStart = prefixLength + headerLength;
  if (dataStart > bytes.length) {
    throw unsound(name, `it announces a header of ${headerLength} bytes, it has ${bytes.length} in all`);
  }
  const text = new TextDecoder(major === 3 ? 'utf-8' : 'latin1').decode(
    bytes.subarray(prefixLength, dataStart),
  );
  return { text, data: bytes.subarray(dataStart) };
}

function headerOf(text: string, name: string): Header {
  const { descr, fortran_order: columnMajor, shape } = parseDict(text, name);
  const [, order, code = ''] = /^([<>|=]?)(\w+)$/.exec(typeof descr === 'string' ? descr : '') ?? [];
  const isBfloat16 = descr === BFLOAT16;
  const dtype = isBfloat16 ? 'uint16' : DTYPES.get(code);
  if (!dtype) throw wrongElements(name, descr, code);
  if (typeof columnMajor !== 'boolean') throw unsound(name, 'its fortran_order is neither True nor False');
  if (!Array.isArray(shape) || !shape.every(dim => Number.isSafeInteger(dim) && dim >= 0)) {
    throw unsound(name, 'its shape is not a tuple of integers from 0 to 2^53 - 1');
  }
  if (shape.length > MOST_AXES)
    throw unsound(name, `its shape has ${shape.length} axes, more than ${MOST_AXES}`);
  return { dtype, isBfloat16, bigEndian: order === '>', columnMajor, shape };
}

/** Parses the header's Python dict, which is JSON in other letters; Python 2 writes an L after its longer integers. */
function parseDict(text: string, name: string): Record<string, unknown> {
  const json = text
    .replaceAll("'", '"')
    .replaceAll('False', 'false')
    .replaceAll('True', 'true')
    .replaceAll('(', '[')
    .replaceAll(')', ']')
    .replace(/\b(\d+)L\b/g, '$1')
    .replace(/,(?=\s*[\]}])/g, '');
  try {
    return Object(parseJson(json));
  } catch (cause) {
    throw unsound(
      name,
      `its header is not a dict of descr, fortran_order and shape (${messageOf(cause)})`,
      cause,
    );
  }
}

/** Elements whose first index runs fastest put in the order in which the last one does. */
function rowMajor(t: Tensor): Tensor {
  const result = zeros(t.dtype, t.shape);
  for (let from = 0; from < t.data.length; from++) {
    let rest = from;
    let to = 0;
    for (const dim of t.shape) {
      to = to * dim + (rest % dim);
      rest = Math.floor(rest / dim);
    }
    result.data[to] = t.data[from]!;
  }
  return result;
}

function wrongElements(name: string, descr: unknown, code: string): SeedbedError {
  const known = Object.values(CODES).join(', ');
  const kind = KINDS[code[0] ?? ''];
  return unsound(
    name,
    `its elements are ${JSON.stringify(descr)}${kind ? `, ${kind}` : ''}, known are ${known} after <, > or |`,
    undefined,
    code === 'V2'
      ? "If they are bfloat16, save them by numpy.save(FILE, numpy.load(FILE).view(ml_dtypes.bfloat16).astype('float32'))"
      : "Save it as numbers of such a type: numpy.save(FILE, array.astype('float32'))",
  );
}

function unsound(
  name: string,
  problem: string,
  cause?: unknown,
  remedy = 'Save it again, as numpy.save does',
): SeedbedError {
  return new SeedbedError(
    'BadFile',
    `${name} is not a .npy file that can be read: ${problem}. ${remedy}.`,
    cause === undefined ? {} : { cause },
  );
}
