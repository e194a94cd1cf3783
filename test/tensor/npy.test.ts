import { existsSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isSeedbedError } from '../../src/errors.ts';
import { readNpy, writeNpy } from '../../src/tensor/npy.ts';
import type { DType, Tensor } from '../../src/tensor/tensor.ts';
import {
  bytesOf,
  bytesPerElement,
  float32,
  int64,
  sizeOf,
  tensor,
  tensorFromBytes,
  toNumbers,
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

/** A file with this header, in the given version of the format, and this data. */
function fileOf(dict: string, data: number[] = [], version = 1, announced = dict.length): Uint8Array {
  const length = [announced & 0xff, announced >> 8, ...(version === 1 ? [] : [0, 0])];
  return Uint8Array.from([
    0x93,
    ...Buffer.from('NUMPY'),
    version,
    0,
    ...length,
    ...Buffer.from(dict),
    ...data,
  ]);
}
const dict = (descr: string, shape: string, fortran = 'False') =>
  `{'descr': '${descr}', 'fortran_order': ${fortran}, 'shape': ${shape}, }\n`;

/** Reads the bytes; null when they are refused as they should be, with the file's name. */
function readOrRefuse(bytes: Uint8Array): Tensor | null {
  try {
    return readNpy(bytes, 'x.npy');
  } catch (error) {
    if (!isSeedbedError(error, 'BadFile') || !error.message.startsWith('x.npy ')) throw error;
    return null;
  }
}

test('a round trip keeps type, shape and bits', () => {
  fc.assert(
    fc.property(anyTensor, t => {
      const file = writeNpy(t);
      const read = readNpy(file, 'x.npy');
      expect([read.dtype, read.shape]).toEqual([t.dtype, t.shape]);
      expect(bytesOf(read)).toEqual(bytesOf(t));
      expect(read.data.buffer, 'aligned, and so a view').toBe(file.buffer);
    }),
    { numRuns: 200 },
  );
});

test.each<[Tensor, string]>([
  [float32([1, 2], [1, 2]), "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), }"],
  [int64([3]), "{'descr': '<i8', 'fortran_order': False, 'shape': (1,), }"],
  [tensor('bool', [], Uint8Array.of(1)), "{'descr': '|b1', 'fortran_order': False, 'shape': (), }"],
])('the header of file %# is the one that NumPy writes', (t, header) => {
  const file = Buffer.from(writeNpy(t));
  expect(file.subarray(0, 10)).toEqual(Buffer.of(0x93, ...Buffer.from('NUMPY'), 1, 0, 118, 0));
  expect(file.toString('latin1', 10, 128)).toBe(`${header.padEnd(117)}\n`);
  expect(file.subarray(128)).toEqual(Buffer.from(bytesOf(t)));
});

describe('reading', () => {
  test('takes the three versions', () => {
    for (const version of [1, 2, 3]) {
      const file = fileOf(dict('<i2', '(2,)'), [1, 0, 2, 0], version);
      expect(readNpy(file, 'x')).toEqual(tensor('int16', [2], Int16Array.of(1, 2)));
    }
  });

  test('turns big-endian elements round, and leaves the given bytes alone', () => {
    const file = fileOf(dict('>i4', '(2,)'), [0, 0, 1, 2, 0xff, 0xff, 0xff, 0xfe]);
    const before = file.slice();
    expect(readNpy(file, 'x')).toEqual(tensor('int32', [2], Int32Array.of(0x102, -2)));
    expect(file).toEqual(before);
  });

  test('puts column-major elements in row-major order', () => {
    // numpy.asfortranarray(numpy.arange(24).reshape(2, 3, 4))
    const stored = Array.from(
      { length: 24 },
      (_, i) => (i % 2) * 12 + (Math.floor(i / 2) % 3) * 4 + Math.floor(i / 6),
    );
    const t = readNpy(fileOf(dict('|u1', '(2, 3, 4)', 'True'), stored), 'x');
    expect(t.shape).toEqual([2, 3, 4]);
    expect(toNumbers(t)).toEqual(Array.from({ length: 24 }, (_, i) => i));
  });

  test.each(['=f4', 'f4', 'float32'])('takes %s, the order of the machine', descr => {
    expect(readNpy(fileOf(dict(descr, '(1,)'), [0, 0, 0x80, 0x3f]), 'x')).toEqual(float32([1], [1]));
  });

  test("takes Python 2's long integers", () => {
    const file = fileOf(dict('|u1', '(1L, 2L)'), [7, 9]);
    expect(readNpy(file, 'x')).toEqual(tensor('uint8', [1, 2], Uint8Array.of(7, 9)));
  });

  test('widens bfloat16 as ml_dtypes writes it, in either order of axes', () => {
    // numpy.save(f, numpy.array([1, -2.5], ml_dtypes.bfloat16))
    const header = "{'descr': '<V2', 'fortran_order': False, 'shape': (2,), }".padEnd(117);
    expect(readNpy(fileOf(`${header}\n`, [0x80, 0x3f, 0x20, 0xc0]), 'x')).toEqual(float32([2], [1, -2.5]));
    const turned = fileOf(dict('<V2', '(1, 2)', 'True'), [0x80, 0x3f, 0x20, 0xc0]);
    expect(readNpy(turned, 'x')).toEqual(float32([1, 2], [1, -2.5]));
  });

  test('reads any shape in any spelling', () => {
    const word = fc.constantFrom('<u1', '|u1', '>u1', '=u1', 'u1', 'uint8');
    const spelling = fc.record({ word, long: fc.boolean(), space: fc.constantFrom('', ' ', '  ') });
    fc.assert(
      fc.property(spelling, fc.array(fc.nat(3), { maxLength: 4 }), ({ word, long, space }, shape) => {
        const dims = shape.map(dim => `${dim}${long ? 'L' : ''},`).join(space);
        const values = Array.from({ length: sizeOf(shape) }, (_, i) => i);
        const t = readNpy(fileOf(dict(word, `(${space}${dims})`), values), 'x');
        expect([t.dtype, t.shape, toNumbers(t)]).toEqual(['uint8', shape, values]);
      }),
    );
  });

  test('takes the keys in any order and spacing', () => {
    const file = fileOf('{"shape":( 1 ,) ,"fortran_order":False,"descr":"|u1"}', [7]);
    expect(readNpy(file, 'x')).toEqual(tensor('uint8', [1], Uint8Array.of(7)));
  });
});

describe('a damaged file', () => {
  const sound = writeNpy(float32([2, 3], [1, 2, 3, 4, 5, 6]));

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

  test('with any text as its header is read or refused, nothing else', () => {
    const text = fc.string({ unit: fc.constantFrom(...`{}[]()',":<f48 |TrueFalse0-`, "'descr'", "'shape'") });
    fc.assert(
      fc.property(text, header => void readOrRefuse(fileOf(header))),
      { numRuns: 1000 },
    );
  });

  test.each<[string, Uint8Array, RegExp]>([
    ['an empty file', new Uint8Array(0), /does not begin with \\x93NUMPY/],
    ['other magic', Uint8Array.of(0x92, ...sound.subarray(1)), /does not begin with \\x93NUMPY/],
    ['version 4', fileOf(dict('<f4', '(0,)'), [], 4), /format version 4, known are 1, 2 and 3/],
    ['a header past the end', fileOf('{}', [], 1, 999), /a header of 999 bytes, it has 12 in all/],
    ['no dict', fileOf('{descr}'), /not a dict of descr, fortran_order and shape/],
    ['an empty dict', fileOf('{}'), /its elements are undefined, known are f8, f4,/],
    ['None', fileOf('None'), /not a dict/],
    ['objects', fileOf(dict('|O', '(1,)'), [0]), /its elements are "\|O", Python objects, .* run a program/],
    ['complex numbers', fileOf(dict('<c8', '(0,)')), /are "<c8", complex .* array\.astype\('float32'\)\)\.$/],
    [
      'bytes without a type',
      fileOf(dict('|V2', '(1,)'), [0, 0]),
      /"\|V2", bytes .*\.view\(ml_dtypes\.bfloat16\)/,
    ],
    ['8-bit floats', fileOf(dict('<V1', '(1,)'), [0]), /"<V1", bytes without a type/],
    [
      'records',
      fileOf("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (0,)}"),
      /are \[\["a","<f4"\]\]/,
    ],
    [
      'nesting without end',
      fileOf(`{'descr': ${'['.repeat(3e4)}${']'.repeat(3e4)}, 'fortran_order': False, 'shape': (0,)}`),
      /nested deeper than 100/,
    ],
    [
      '65 axes',
      fileOf(dict('<f4', `(${'1, '.repeat(65)})`), [0, 0, 0, 0]),
      /its shape has 65 axes, more than 64/,
    ],
    ['no order', fileOf("{'descr': '<f4', 'shape': (0,)}"), /neither True nor False/],
    ['a negative dimension', fileOf(dict('<f4', '(-1, -1)'), [0, 0, 0, 0]), /not a tuple of integers/],
    ['a huge shape', fileOf(dict('<f4', '(4503599627370496, 4503599627370496)')), /takes \S+ bytes/],
    [
      'too little data',
      fileOf(dict('<f4', '(2,)'), [0, 0, 0, 0]),
      /takes 8 bytes, after its header it has 4/,
    ],
    [
      'too much data',
      fileOf(dict('<f4', '(1,)'), [0, 0, 0, 0, 0]),
      /takes 4 bytes, after its header it has 5/,
    ],
  ])('%s is refused with the reason', (_, bytes, reason) => {
    expect(() => readNpy(bytes, 'x.npy')).toThrow(reason);
    expect(readOrRefuse(bytes)).toBeNull();
  });
});

const cases = new URL('../../../shared/cases/npy/', import.meta.url);
test.skipIf(!existsSync(cases)).each(['py2long.npy', 'eq.npy'])('%s (../shared/cases) is read', file => {
  const { dtype, shape } = readNpy(readFileSync(new URL(file, cases)), file);
  expect([dtype, shape]).toEqual(['float32', [1, 1, 32, 32]]);
});
