import { existsSync, readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isSeedbedError } from '../../src/errors.ts';
import { readSafetensors, writeSafetensors } from '../../src/tensor/safetensors.ts';
import type { DType, Tensor } from '../../src/tensor/tensor.ts';
import {
  bytesOf,
  bytesPerElement,
  float32,
  int64,
  sizeOf,
  tensor,
  tensorFromBytes,
} from '../../src/tensor/tensor.ts';

const floats: DType[] = ['float64', 'float32', 'float16'];
const integers: DType[] = ['int64', 'int32', 'int16', 'int8', 'uint64', 'uint32', 'uint16', 'uint8'];

const anyTensor: fc.Arbitrary<Tensor> = fc
  .tuple(fc.constantFrom(...floats, ...integers, 'bool' as const), fc.array(fc.nat(3), { maxLength: 4 }))
  .chain(([dtype, shape]) => {
    const length = sizeOf(shape) * bytesPerElement(dtype);
    return fc
      .uint8Array({ minLength: length, maxLength: length })
      .map(bytes => tensorFromBytes(dtype, shape, bytes));
  });
const anyName = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom('__proto__', 'constructor', 'toString', '7', 'down.0.conv1.weight', '', 'é"\\\n'),
);
const anyFile = fc.record({
  tensors: fc.array(fc.tuple(anyName, anyTensor), { maxLength: 5 }).map(entries => new Map(entries)),
  metadata: fc.dictionary(anyName, fc.string()),
});

/** A file with this header, an object or raw text, and so many bytes of data. */
function fileOf(header: unknown, dataLength = 0, announced?: bigint): Uint8Array {
  const text = typeof header === 'string' ? header : JSON.stringify(header);
  const json = new TextEncoder().encode(text);
  const file = new Uint8Array(8 + json.length + dataLength);
  new DataView(file.buffer).setBigUint64(0, announced ?? BigInt(json.length), true);
  file.set(json, 8);
  return file;
}

/** Reads the bytes; null when they are refused as they should be, with the file's name. */
function readOrRefuse(bytes: Uint8Array) {
  try {
    return readSafetensors(bytes, 'x.safetensors');
  } catch (error) {
    if (!isSeedbedError(error, 'BadFile') || !error.message.startsWith('x.safetensors ')) throw error;
    return null;
  }
}

describe('a round trip', () => {
  test('keeps names, types, shapes, bits and metadata, and the file when written again', () => {
    fc.assert(
      fc.property(anyFile, ({ tensors, metadata }) => {
        const file = writeSafetensors(tensors, metadata);
        const read = readSafetensors(file, 'x.safetensors');
        expect(new Set(read.tensors.keys())).toEqual(new Set(tensors.keys()));
        for (const [name, t] of read.tensors) {
          const { dtype, shape } = tensors.get(name)!;
          expect([t.dtype, t.shape]).toEqual([dtype, shape]);
          expect(bytesOf(t)).toEqual(bytesOf(tensors.get(name)!));
          expect(t.data.buffer, 'aligned, and so a view').toBe(file.buffer);
        }
        expect(Object.entries(read.metadata).sort()).toEqual(Object.entries(metadata).sort());
        expect(writeSafetensors(read.tensors, read.metadata)).toEqual(file);
      }),
      { numRuns: 200 },
    );
  });

  test('reads a Buffer that lies anywhere in memory', () => {
    const file = writeSafetensors({ latent: float32([2], [1, 2]) });
    const buffer = Buffer.concat([Buffer.alloc(3), file]).subarray(3);
    expect(readSafetensors(buffer, 'x').tensors.get('latent')).toEqual(float32([2], [1, 2]));
  });
});

describe('writing', () => {
  test('gives the bytes that the format asks for', () => {
    const file = writeSafetensors(
      { b: tensor('uint8', [1], Uint8Array.of(5)), a: float32([1], [1]) },
      { by: 'us' },
    );
    const header =
      '{"__metadata__":{"by":"us"},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},' +
      '"b":{"dtype":"U8","shape":[1],"data_offsets":[4,5]}}';
    const padded = header.padEnd(Math.ceil(header.length / 8) * 8);
    expect(file).toEqual(
      Uint8Array.of(padded.length, 0, 0, 0, 0, 0, 0, 0, ...Buffer.from(padded), 0, 0, 0x80, 0x3f, 5),
    );
  });

  test('keeps the order of names within a width', () => {
    const one = int64([1]);
    const { tensors } = readSafetensors(writeSafetensors({ z: one, a: one, m: one }), 'x');
    expect([...tensors.keys()]).toEqual(['z', 'a', 'm']);
  });

  test('refuses the reserved name', () => {
    expect(() => writeSafetensors({ __metadata__: int64([1]) })).toThrow(
      /no tensor can be named __metadata__/,
    );
  });
});

test('a name such as __proto__ reaches no prototype', () => {
  const text =
    '{"__metadata__":{"__proto__":"m"},"__proto__":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}';
  const { tensors, metadata } = readSafetensors(fileOf(text, 1), 'x');
  expect([...tensors.keys()]).toEqual(['__proto__']);
  expect(Object.getOwnPropertyNames(metadata)).toEqual(['__proto__']);
  expect(Object.getPrototypeOf(metadata)).toBe(Object.prototype);
});

test('BF16 is widened to float32', () => {
  const file = fileOf({ w: { dtype: 'BF16', shape: [3], data_offsets: [0, 6] } }, 6);
  file.set([0x80, 0x3f, 0x20, 0xc0, 0x80, 0xff], file.length - 6);
  expect(readSafetensors(file, 'x').tensors.get('w')).toEqual(float32([3], [1, -2.5, -Infinity]));
});

test('tensors of types that are not computed with are named, and the others read', () => {
  // Bytes of two elements: those of the format's own table, and one that nobody knows yet.
  const sizes = {
    C64: 16,
    F8_E4M3: 2,
    F8_E5M2: 2,
    F8_E4M3FNUZ: 2,
    F8_E5M2FNUZ: 2,
    F8_E8M0: 2,
    F4: 1,
    NEW: 5,
  };
  let at = 8;
  const foreign = Object.entries(sizes).map(([dtype, bytes]) => {
    at += bytes;
    return [dtype.toLowerCase(), { dtype, shape: [2], data_offsets: [at - bytes, at] }];
  });
  const six = { dtype: 'F6_E2M3', shape: [4], data_offsets: [at, at + 3] };
  const latent = { dtype: 'F32', shape: [2], data_offsets: [0, 8] };
  const { tensors, unread } = readSafetensors(
    fileOf({ ...Object.fromEntries(foreign), six, latent }, at + 3),
    'x',
  );
  expect([...tensors]).toEqual([['latent', float32([2], [0, 0])]]);
  expect([...unread.values()]).toEqual([...Object.keys(sizes), 'F6_E2M3']);
});

describe('a damaged file', () => {
  const sound = writeSafetensors(
    { latent: float32([2, 2], [1, 2, 3, 4]), step: int64([9]), mask: tensor('bool', [3], new Uint8Array(3)) },
    { seedbed: '1' },
  );

  test('cut short anywhere or made longer is refused', () => {
    for (let length = 0; length < sound.length; length++)
      expect(readOrRefuse(sound.subarray(0, length))).toBeNull();
    expect(readOrRefuse(Uint8Array.of(...sound, 0))).toBeNull();
  });

  test('with any bytes changed is read or refused, nothing else', () => {
    const change = fc.tuple(fc.nat(sound.length - 1), fc.nat(255));
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), changes => {
        const bytes = sound.slice();
        for (const [at, value] of changes) bytes[at] = value;
        readOrRefuse(bytes);
      }),
      { numRuns: 2000 },
    );
  });

  test('with any JSON as its header is read or refused, nothing else', () => {
    const entry = fc.record(
      {
        dtype: fc.oneof(fc.constantFrom('F32', 'BF16', 'U8', '__proto__'), fc.jsonValue()),
        shape: fc.oneof(fc.array(fc.oneof(fc.nat(3), fc.maxSafeInteger())), fc.jsonValue()),
        data_offsets: fc.oneof(fc.tuple(fc.nat(16), fc.nat(16)), fc.jsonValue()),
      },
      { requiredKeys: [] },
    );
    const header = fc.oneof(fc.dictionary(anyName, fc.oneof(entry, fc.jsonValue())), fc.jsonValue());
    fc.assert(
      fc.property(header, fc.nat(16), (json, length) => void readOrRefuse(fileOf(json, length))),
      {
        numRuns: 1000,
      },
    );
  });

  const f32 = (shape: unknown, data_offsets: unknown) => ({ dtype: 'F32', shape, data_offsets });
  const huge = 2 ** 52;
  test.each<[string, Uint8Array, RegExp]>([
    ['too short for a length', new Uint8Array(7), /it has 7 bytes/],
    ['a header past the end', fileOf('{}', 0, 3n), /a header of 3 bytes, it has 10 in all/],
    ['a huge header', fileOf('{}', 0, 2n ** 64n - 1n), /does not begin as a safetensors file does/],
    ['no JSON', fileOf('{"a":'), /not JSON/],
    ['no UTF-8', new Uint8Array([2, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]), /not JSON/],
    ['nesting without end', fileOf(`${'['.repeat(1e5)}${']'.repeat(1e5)}`), /nested deeper than 100/],
    ['a list', fileOf([]), /not a JSON object/],
    ['null', fileOf('null'), /not a JSON object/],
    ['metadata of numbers', fileOf({ __metadata__: { a: 1 } }), /must map names to strings/],
    ['a type that is no name', fileOf({ a: { ...f32([0], [0, 0]), dtype: 8 } }), /"a" has the dtype 8, not/],
    [
      'a byte type of another size',
      fileOf({ a: { ...f32([2], [0, 1]), dtype: 'F8_E4M3' } }, 1),
      /takes 2 bytes/,
    ],
    ['half a byte', fileOf({ a: { ...f32([3], [0, 2]), dtype: 'F4' } }, 2), /F4 \[3\], takes 1\.5 bytes/],
    [
      'an unknown type turned round',
      fileOf({ a: { ...f32([1], [1, 0]), dtype: 'X' } }, 1),
      /takes some bytes/,
    ],
    ['no description', fileOf({ a: null }), /"a" has the dtype undefined/],
    ['a negative dimension', fileOf({ a: f32([-1, -1], [0, 4]) }, 4), /needs a shape/],
    ['a broken dimension', fileOf({ a: f32([0.5], [0, 2]) }, 2), /needs a shape/],
    ['an unsafe dimension', fileOf({ a: f32([2 ** 53, 0], [0, 0]) }), /needs a shape/],
    ['three offsets', fileOf({ a: f32([1], [0, 4, 4]) }, 4), /two data_offsets/],
    ['a huge shape', fileOf({ a: f32([huge, huge], [0, 4]) }, 4), /takes 8.1\d+e\+31 bytes/],
    [
      'a size that its shape does not have',
      fileOf({ a: f32([2], [0, 4]) }, 4),
      /takes 8 bytes, its offsets span 4/,
    ],
    ['offsets turned round', fileOf({ a: f32([1], [4, 0]) }, 4), /takes 4 bytes, its offsets span -4/],
    ['offsets past the end', fileOf({ a: f32([huge], [0, 4 * huge]) }, 4), /integers from 0/],
    ['data missing', fileOf({ a: f32([2], [0, 8]) }, 4), /describes 8 bytes of data, it has 4/],
    ['data left over', fileOf({ a: f32([1], [0, 4]) }, 5), /describes 4 bytes of data, it has 5/],
    [
      'a gap',
      fileOf({ a: f32([1], [4, 8]) }, 8),
      /"a" begins at byte 4 of the data, the one before it ends at 0/,
    ],
    [
      'an overlap',
      fileOf({ a: f32([2], [0, 8]), b: f32([1], [4, 8]) }, 8),
      /"b" begins at byte 4 .* ends at 8/,
    ],
  ])('%s is refused with the reason', (_, bytes, reason) => {
    expect(() => readSafetensors(bytes, 'x.safetensors')).toThrow(reason);
    expect(readOrRefuse(bytes)).toBeNull();
  });
});

const golden = new URL('../../../shared/golden/', import.meta.url);
test.skipIf(!existsSync(golden))(
  'files that the safetensors library wrote (../shared/golden) are read',
  () => {
    const files = readdirSync(golden).filter(file => file.endsWith('.safetensors'));
    expect(files.length).toBeGreaterThan(0);
    for (const file of files) {
      const { tensors } = readSafetensors(readFileSync(new URL(file, golden)), file);
      expect(tensors.size, file).toBeGreaterThan(0);
    }
  },
);
