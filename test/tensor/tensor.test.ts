import { describe, expect, test } from 'vitest';
import { isSeedbedError } from '../../src/errors.ts';
import type { Tensor } from '../../src/tensor/tensor.ts';
import {
  bytesOf,
  bytesPerElement,
  concatRows,
  float32,
  int64,
  rows,
  sizeOf,
  tensor,
  tensorFromBytes,
  toFloat16,
  toFloat32,
  toNumbers,
  zeros,
} from '../../src/tensor/tensor.ts';

const raised = (work: () => unknown): unknown => {
  try {
    return work();
  } catch (error) {
    return error;
  }
};
const expectBadShape = (work: () => unknown, message: RegExp) => {
  const error = raised(work);
  expect(isSeedbedError(error, 'BadShape'), String(error)).toBe(true);
  expect(String(error)).toMatch(message);
};

/** The bits of each value rounded to half precision. */
const halves = (...values: number[]) =>
  Array.from(toFloat16(tensor('float64', [values.length], Float64Array.from(values))).data);

describe('making tensors', () => {
  test('a scalar holds one element and an empty axis none', () => {
    expect(sizeOf([])).toBe(1);
    expect(sizeOf([3, 0, 2])).toBe(0);
    expect(zeros('int16', [2, 3]).data).toEqual(new Int16Array(6));
    expect(int64([2, -1])).toEqual({ dtype: 'int64', shape: [2], data: BigInt64Array.of(2n, -1n) });
    expect(int64([7], []).shape).toEqual([]);
  });

  test('data that does not fill the shape is refused', () => {
    expectBadShape(() => float32([2, 2], [1, 2, 3]), /\[2,2\] holds 4 elements, the data has 3/);
    expectBadShape(() => tensorFromBytes('float32', [2], new Uint8Array(7)), /takes 8 bytes, the data has 7/);
  });

  test('float32 keeps an array that is already of its type', () => {
    const data = Float32Array.of(1, 2);
    expect(float32([2], data).data).toBe(data);
    expect(float32([2], [1, 2]).data).toEqual(data);
  });

  test('numbers come out whatever the type', () => {
    expect(toNumbers(int64([1, -2]))).toEqual([1, -2]);
    expect(toNumbers(tensor('float16', [2], Uint16Array.of(0x3c00, 0xc000)))).toEqual([1, -2]);
    expect(toFloat32(tensor('uint64', [1], BigUint64Array.of(5n)))).toEqual(float32([1], [5]));
  });
});

describe('bytes', () => {
  test('aligned bytes are viewed, others copied', () => {
    const bytes = new Uint8Array(12).fill(1);
    expect(tensorFromBytes('int32', [2], bytes.subarray(4)).data.buffer).toBe(bytes.buffer);
    const copy = tensorFromBytes('int32', [2], bytes.subarray(3, 11));
    expect(copy.data.buffer).not.toBe(bytes.buffer);
    expect(copy.data[0]).toBe(0x01010101);
  });

  test("Node's Buffer, whose slice does not copy, is read where it is not aligned", () => {
    const buffer = Buffer.alloc(9).subarray(1);
    buffer.writeFloatLE(1.5, 4);
    expect(toNumbers(tensorFromBytes('float32', [2], buffer))).toEqual([0, 1.5]);
  });

  test('a view writes only its own bytes', () => {
    expect(bytesOf(rows(float32([3], [1, 2, 3]), 1, 2))).toEqual(Uint8Array.of(0, 0, 0, 0x40));
    expect(bytesPerElement('float16')).toBe(2);
  });
});

describe('half precision', () => {
  const all = tensor(
    'float16',
    [65536],
    Uint16Array.from({ length: 65536 }, (_, i) => i),
  );
  const isNaNHalf = (half: number) => (half & 0x7fff) > 0x7c00;

  test('every half survives the way to float32 and back', () => {
    const there = toFloat32(all).data;
    const back = toFloat16(toFloat32(all)).data;
    const wrong = [...all.data].filter(half =>
      isNaNHalf(half) ? !Number.isNaN(there[half]) || !isNaNHalf(back[half]!) : back[half] !== half,
    );
    expect(wrong).toEqual([]);
  });

  test('positive halves rise with their bits, by the steps that IEEE 754 names', () => {
    const { data } = toFloat32(all);
    const finite = data.subarray(0, 0x7c00);
    expect(finite.every((value, i) => i === 0 || value > finite[i - 1]!)).toBe(true);
    expect([data[1], data[0x3ff], data[0x400]]).toEqual([2 ** -24, 1023 * 2 ** -24, 2 ** -14]);
    expect([data[0x3c00], data[0x7bff], data[0x7c00], data[0xfc00]]).toEqual([1, 65504, Infinity, -Infinity]);
    expect(Object.is(data[0x8000], -0)).toBe(true);
  });

  test('the middle between neighbours goes to the even one, and its neighbourhood to the nearer', () => {
    const { data } = toFloat32(all);
    const wrong: number[] = [];
    for (let half = 0; half < 0x7bff; half++) {
      const middle = (data[half]! + data[half + 1]!) / 2;
      const [below, tie, above] = halves(middle * (1 - 2 ** -40), middle, middle * (1 + 2 ** -40));
      if (below !== half || tie !== half + (half & 1) || above !== half + 1) wrong.push(half);
    }
    expect(wrong).toEqual([]);
  });

  test('the ends of the range', () => {
    expect(halves(65504, 65519, 65519.999, 65520, 1e300)).toEqual([0x7bff, 0x7bff, 0x7bff, 0x7c00, 0x7c00]);
    expect(halves(-65519, -65520, -Infinity)).toEqual([0xfbff, 0xfc00, 0xfc00]);
    expect(halves(2 ** -25, 2 ** -25 * 1.0001, 3 * 2 ** -25, -(2 ** -26), -0)).toEqual([
      0, 1, 2, 0x8000, 0x8000,
    ]);
    expect(halves(2 ** -14 * (1 - 2 ** -12), 5e-324)).toEqual([0x400, 0]);
  });

  test('doubles are rounded once, not by way of float32', () => {
    expect(halves(1 + 2 ** -11 + 2 ** -40)).toEqual([0x3c01]);
  });

  test('integers are converted, halves left alone', () => {
    expect(toFloat16(int64([1, 2049])).data).toEqual(Uint16Array.of(0x3c00, 0x6800));
    expect(toFloat16(all)).toBe(all);
  });
});

describe('rows', () => {
  const t = float32([3, 2], [0, 1, 2, 3, 4, 5]);

  test('are a view', () => {
    const middle = rows(t, 1, 3);
    expect(middle).toEqual(float32([2, 2], [2, 3, 4, 5]));
    expect(middle.data.buffer).toBe(t.data.buffer);
    expect(rows(t, 2, 2).shape).toEqual([0, 2]);
  });

  test('outside the tensor are refused', () => {
    for (const [from, to] of [
      [-1, 1],
      [0, 4],
      [2, 1],
    ] as const) {
      expectBadShape(() => rows(t, from, to), new RegExp(`${from} to ${to} is outside a tensor of 3 rows`));
    }
  });

  test('cut apart and joined are the tensor again', () => {
    expect(concatRows([rows(t, 0, 1), rows(t, 1, 1), rows(t, 1, 3)])).toEqual(t);
  });

  test('that do not fit are not joined', () => {
    const scalar: Tensor<'float32'> = float32([], [1]);
    expectBadShape(() => concatRows([]), /nothing to join/);
    expectBadShape(
      () => concatRows([t, float32([1, 3], [1, 2, 3])]),
      /rows of \[3\] do not fit rows of \[2\]/,
    );
    expectBadShape(() => concatRows([float32([1], [1]), scalar]), /a scalar has no rows/);
  });
});
