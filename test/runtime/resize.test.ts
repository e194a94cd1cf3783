import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { resize } from '../../src/runtime/resize.ts';

/** Resizes rows of one channel. */
function resized(rows: readonly (readonly number[])[], width: number, height: number): number[] {
  const before = { width: rows[0]!.length, height: rows.length };
  return [...resize(y => rows[y]!, 1, before, { width, height })];
}

const near = (values: readonly number[], wanted: readonly number[], tolerance: number) => {
  expect(values).toHaveLength(wanted.length);
  expect(Math.max(...values.map((value, i) => Math.abs(value - wanted[i]!)))).toBeLessThan(tolerance);
};

describe('resize', () => {
  test("gives Pillow's numbers: Image.resize(size, LANCZOS) of a picture of floats", () => {
    const row = [[0, 10, 200, 30, 255, 60, 0, 90, 120, 40]];
    near(resized(row, 3, 1), [75.0037, 113.5092, 63.7475], 1e-3);
    near(resized(row, 4, 1), [40.6208, 148.1208, 66.2721, 77.582], 1e-3);
    const wider = [
      3.3364, -18.9318, 112.955, 179.4202, 29.3122, 209.3531, 195.6114, 12.7716, 2.1049, 69.5537,
    ];
    near(resized(row, 13, 1), [...wider, 129.8986, 91.116, 34.086], 1e-3);
    const rows = Array.from({ length: 6 }, (_, y) =>
      Array.from({ length: 7 }, (_, x) => (7 * y + x) ** 2 % 251),
    );
    near(resized(rows, 3, 2), [86.4308, 53.0675, 116.4941, 140.0613, 101.5114, 132.1619], 1e-3);
  });

  const side = fc.integer({ min: 1, max: 40 });
  const table = fc.tuple(side, side).chain(([width, height]) =>
    fc.array(fc.array(fc.integer({ min: 0, max: 255 }), { minLength: width, maxLength: width }), {
      minLength: height,
      maxLength: height,
    }),
  );

  test('to the same size changes nothing that rounding would not undo', () => {
    fc.assert(
      fc.property(table, rows => near(resized(rows, rows[0]!.length, rows.length), rows.flat(), 1e-9)),
    );
  });

  test('a picture mirrored and turned gives the result mirrored and turned', () => {
    fc.assert(
      fc.property(table, side, side, (rows, width, height) => {
        const plain = resized(rows, width, height);
        const mirrored = resized(
          rows.map(row => row.toReversed()),
          width,
          height,
        );
        const turned = resized(
          rows[0]!.map((_, x) => rows.map(row => row[x]!)),
          height,
          width,
        );
        near(
          mirrored,
          plain.map((_, i) => plain[i - (i % width) + width - 1 - (i % width)]!),
          1e-3,
        );
        near(
          turned,
          plain.map((_, i) => plain[(i % height) * width + Math.floor(i / height)]!),
          1e-3,
        );
      }),
    );
  });

  test.each([3000, 8000, 30_000, 65_536])('a flat row of %i pixels stays flat', length => {
    near(resized([new Array(length).fill(255)], 28, 1), new Array(28).fill(255), 1e-3);
  });

  test('stripes finer than the new pixels vanish', () => {
    const stripes = Array.from({ length: 280 }, (_, x) => (x % 2) * 255);
    near(resized([stripes], 28, 1).slice(2, -2), new Array(24).fill(127.5), 0.5);
  });
});
