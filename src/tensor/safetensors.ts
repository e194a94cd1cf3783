import { messageOf, SeedbedError } from '../errors.ts';
import { parseJson } from './json.ts';
import { fromBfloat16 } from './stored.ts';
import type { DType, Tensor } from './tensor.ts';
import { bytesOf, bytesPerElement, sizeOf, tensorFromBytes } from './tensor.ts';

// The format, little-endian: the header's length as uint64; the header, JSON padded with spaces; the data.
// The header maps each name to { dtype, shape, data_offsets: [begin, end] }, and `__metadata__` to strings.

const METADATA = '__metadata__';
const LENGTH_BYTES = 8;
/** The longest header that the format allows, in bytes. */
const MOST_HEADER = 100_000_000;

const DTYPES = new Map<string, DType>([
  ['F64', 'float64'],
  ['F32', 'float32'],
  ['F16', 'float16'],
  // The upper half of a float32, read as its 16 bits and then widened.
  ['BF16', 'uint16'],
  ['I64', 'int64'],
  ['I32', 'int32'],
  ['I16', 'int16'],
  ['I8', 'int8'],
  ['U64', 'uint64'],
  ['U32', 'uint32'],
  ['U16', 'uint16'],
  ['U8', 'uint8'],
  ['BOOL', 'bool'],
]);
/** Bits an element takes, of types that the format knows and Seedbed does not compute with. */
const FOREIGN_BITS = new Map([
  ...['F8_E4M3', 'F8_E5M2', 'F8_E4M3FNUZ', 'F8_E5M2FNUZ', 'F8_E8M0'].map(code => [code, 8] as const),
  ...['F6_E2M3', 'F6_E3M2'].map(code => [code, 6] as const),
  ['F4', 4],
  ['C64', 64],
]);
// The later of two codes for one type wins: U16.
const CODES = new Map(Array.from(DTYPES, ([code, dtype]) => [dtype, code]));

/** What a safetensors file holds. */
export interface Safetensors {
  /** By name, in the order in which the data lies in the file. */
  readonly tensors: Map<string, Tensor>;
  /** Types, by name, of the tensors that are there but not read: of numbers that Seedbed does not compute with. */
  readonly unread: Map<string, string>;
  readonly metadata: Record<string, string>;
}

/** A tensor as the header describes it; `begin` and `end` are bytes from the start of the data. */
interface Entry {
  readonly key: string;
  readonly code: string;
  readonly shape: number[];
  readonly begin: number;
  readonly end: number;
}

/**
 * The bytes of a safetensors file; the same tensors in the same order give the same bytes.
 * @param tensors by name; their order is kept, except that wider element types go first so that all are aligned.
 * @throws {SeedbedError} BadArgument for a tensor named `__metadata__`, which the format reserves.
 * @example writeSafetensors({ latent: normals(key, [16, 1, 32, 32]) }, { seedbed: '1' })
 */
export function writeSafetensors(
  tensors: ReadonlyMap<string, Tensor> | Readonly<Record<string, Tensor>>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array<ArrayBuffer> {
  const named: [string, Tensor][] = tensors instanceof Map ? [...tensors] : Object.entries(tensors);
  if (named.some(([key]) => key === METADATA)) {
    throw new SeedbedError('BadArgument', `safetensors: no tensor can be named ${METADATA}; rename it`);
  }
  named.sort(([, a], [, b]) => bytesPerElement(b.dtype) - bytesPerElement(a.dtype));
  let dataLength = 0;
  const entries = named.map(([key, { dtype, shape, data }]) => {
    const begin = dataLength;
    dataLength += data.byteLength;
    return [key, { dtype: CODES.get(dtype), shape, data_offsets: [begin, dataLength] }];
  });
  // Object.fromEntries defines and does not assign, so even `__proto__` is an ordinary name.
  const json = JSON.stringify(Object.fromEntries([[METADATA, metadata], ...entries]));
  const header = new TextEncoder().encode(json);
  const dataStart = Math.ceil((LENGTH_BYTES + header.length) / 8) * 8;
  const file = new Uint8Array(dataStart + dataLength).fill(0x20, LENGTH_BYTES, dataStart);
  new DataView(file.buffer).setBigUint64(0, BigInt(dataStart - LENGTH_BYTES), true);
  file.set(header, LENGTH_BYTES);
  let offset = dataStart;
  for (const [, t] of named) {
    file.set(bytesOf(t), offset);
    offset += t.data.byteLength;
  }
  return file;
}

/**
 * The tensors and metadata of a safetensors file; tensors are views on `bytes` where they are aligned there.
 * BF16 is widened to float32, which is exact. Tensors of other types than ours are only named.
 * @param name the file's, for messages.
 * @throws {SeedbedError} BadFile unless the header is sound and its tensors cover the data exactly.
 * @example readSafetensors(await readFile('seeds.safetensors'), 'seeds.safetensors').tensors.get('latent')
 */
export function readSafetensors(bytes: Uint8Array, name: string): Safetensors {
  const { header, data } = split(bytes, name);
  const { [METADATA]: metadata = {}, ...described } = header;
  if (!isObject(metadata) || !Object.values(metadata).every(value => typeof value === 'string')) {
    throw unsound(name, `${METADATA} must map names to strings`);
  }
  const entries = Object.entries(described).map(([key, value]) => entryOf(key, value, name));
  entries.sort((a, b) => a.begin - b.begin || a.end - b.end);
  let covered = 0;
  for (const { key, begin, end } of entries) {
    if (begin !== covered) {
      throw unsound(
        name,
        `tensor "${key}" begins at byte ${begin} of the data, the one before it ends at ${covered}`,
      );
    }
    covered = end;
  }
  if (covered !== data.length) {
    throw unsound(name, `its header describes ${covered} bytes of data, it has ${data.length}`);
  }
  const [ours, others] = [true, false].map(own => entries.filter(({ code }) => DTYPES.has(code) === own));
  return {
    tensors: new Map(ours!.map(entry => [entry.key, load(entry, data)])),
    unread: new Map(others!.map(({ key, code }) => [key, code])),
    metadata: metadata as Record<string, string>,
  };
}

function split(bytes: Uint8Array, name: string): { header: Record<string, unknown>; data: Uint8Array } {
  if (bytes.length < LENGTH_BYTES) {
    throw unsound(name, `it has ${bytes.length} bytes, fewer than the first field's 8`);
  }
  const headerLength = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
  if (headerLength > MOST_HEADER)
    throw new SeedbedError(
      'BadFile',
      `${name} does not begin as a safetensors file does: it is of another kind`,
    );
  if (headerLength > bytes.length - LENGTH_BYTES) {
    throw unsound(name, `it announces a header of ${headerLength} bytes, it has ${bytes.length} in all`);
  }
  const dataStart = LENGTH_BYTES + Number(headerLength);
  const header = parse(bytes.subarray(LENGTH_BYTES, dataStart), name);
  if (!isObject(header)) throw unsound(name, 'its header is not a JSON object');
  return { header, data: bytes.subarray(dataStart) };
}

function parse(json: Uint8Array, name: string): unknown {
  try {
    return parseJson(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(json));
  } catch (cause) {
    throw unsound(name, `its header is not JSON (${messageOf(cause)})`, cause);
  }
}

function entryOf(key: string, value: unknown, name: string): Entry {
  const { dtype: code, shape, data_offsets: offsets } = isObject(value) ? value : {};
  if (typeof code !== 'string')
    throw unsound(name, `tensor "${key}" has the dtype ${JSON.stringify(code)}, not a name such as "F32"`);
  if (!isCounts(shape) || !isCounts(offsets) || offsets.length !== 2) {
    throw unsound(name, `tensor "${key}" needs a shape and two data_offsets of integers from 0 to 2^53 - 1`);
  }
  const [begin = 0, end = 0] = offsets;
  const size = bytesOfType(code, shape);
  if (size === undefined ? end < begin : end - begin !== size) {
    throw unsound(
      name,
      `tensor "${key}", ${code} [${shape}], takes ${size ?? 'some'} bytes, its offsets span ${end - begin}`,
    );
  }
  return { key, code, shape, begin, end };
}

/** Bytes that a tensor takes, a fraction for one that does not fill them; undefined for a type that is not known. */
function bytesOfType(code: string, shape: readonly number[]): number | undefined {
  const dtype = DTYPES.get(code);
  if (dtype) return sizeOf(shape) * bytesPerElement(dtype);
  const bits = FOREIGN_BITS.get(code);
  return bits && (sizeOf(shape) * bits) / 8;
}

function load({ code, shape, begin, end }: Entry, data: Uint8Array): Tensor {
  const stored = tensorFromBytes(DTYPES.get(code)!, shape, data.subarray(begin, end));
  return code === 'BF16' ? fromBfloat16(stored as Tensor<'uint16'>) : stored;
}

/** Says, of a tensor that is not read, of which type it is and which are. */
export function unreadType(code: string): string {
  return `of type ${code}, which Seedbed does not compute with. Save it as one of ${[...DTYPES.keys()].join(', ')}`;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every(item => Number.isSafeInteger(item) && item >= 0);
}

function unsound(name: string, problem: string, cause?: unknown): SeedbedError {
  return new SeedbedError(
    'BadFile',
    `${name} is not a sound safetensors file: ${problem}. Fetch or write it again.`,
    cause === undefined ? {} : { cause },
  );
}
