import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { itemsInMemory, slice } from '../../src/data/dataset.ts';
import { idxImages } from '../../src/data/idx.ts';
import {
  clipPixels,
  cropImages,
  measureStandardisation,
  padImages,
  standardise,
  unstandardise,
} from '../../src/data/pixels.ts';
import { contactSheet, seedAsPicture } from '../../src/data/sheet.ts';
import { syntheticPoints } from '../../src/data/synthetic.ts';
import { isSeedbedError } from '../../src/errors.ts';
import { normals } from '../../src/tensor/random.ts';
import { float32, zeros } from '../../src/tensor/tensor.ts';
import { idxOf } from './sets.ts';

describe('padding', () => {
  test('puts zeros around each plane', () => {
    const padded = padImages(float32([1, 2, 1, 2], [1, 2, 3, 4]), 1);
    expect(padded.shape).toEqual([1, 2, 3, 4]);
    expect([...padded.data]).toEqual([
      0, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 4, 0, 0, 0, 0, 0,
    ]);
  });

  test('cropping undoes it, whatever the size', () => {
    const side = fc.integer({ min: 1, max: 5 });
    fc.assert(
      fc.property(side, side, side, side, fc.nat(3), (n, c, height, width, padding) => {
        const images = normals({ seed: 1, purpose: 'test' }, [n, c, height, width]);
        expect(cropImages(padImages(images, padding), padding)).toEqual(images);
      }),
    );
  });

  test('cropping all away, and what is not [N, C, H, W], is refused', () => {
    expect(() => cropImages(zeros('float32', [1, 1, 4, 4]), 2)).toThrow(
      /larger than the padding 2, got \[1,1,4,4\]/,
    );
    expect(() => padImages(zeros('float32', [4, 4]), 1)).toThrow(/padImages: expected pictures/);
  });
});

describe('standardisation', () => {
  test('goes by channel, and back', () => {
    const images = float32([2, 2, 1, 1], [1, 2, 3, 4]);
    const s = { mean: [1, 2], std: [2, 0.5] };
    expect([...standardise(images, s).data]).toEqual([0, 0, 1, 4]);
    expect(unstandardise(standardise(images, s), s)).toEqual(images);
    expect([...standardise(float32([1, 2], [3, 3]), s).data]).toEqual([1, 2]);
    expect(() => standardise(images, { mean: [0], std: [1] })).toThrow(/has 2 channels, given are 1 means/);
  });

  test('is measured over the padded pictures', async () => {
    const set = idxImages(idxOf([2, 1, 1], [255, 255]), 'a', 'a');
    expect(await measureStandardisation(set, 0)).toEqual({ mean: [1], std: [1] });
    const { mean, std } = await measureStandardisation(set, 1);
    expect(mean[0]).toBeCloseTo(1 / 9, 12);
    expect(std[0]).toBeCloseTo(Math.sqrt(1 / 9 - 1 / 81), 12);
  });

  test('gives a channel that does not change the deviation 1, whatever its value', async () => {
    const grey = itemsInMemory('grey', float32([7, 1, 30, 30], new Array(6300).fill(0.1)));
    const { mean, std } = await measureStandardisation(grey, 0);
    expect(mean[0]).toBeCloseTo(0.1, 6);
    expect(std).toEqual([1]);
  });

  test('pixels are clipped to [0,1]', () => {
    expect([...clipPixels(float32([3], [-1, 0.5, 2])).data]).toEqual([0, 0.5, 1]);
  });
});

describe.each(['circles', 'moons'] as const)('%s', curve => {
  test('has mean 0 and variance 1 over both coordinates, and no two splits alike', async () => {
    const set = syntheticPoints(curve, 'train', 60_000);
    const { mean, std } = await measureStandardisation(slice(set, 0, 20_000), 0);
    expect(Math.abs(mean[0]!)).toBeLessThan(0.02);
    expect(Math.abs(mean[1]!)).toBeLessThan(0.02);
    expect((std[0]! ** 2 + std[1]! ** 2) / 2).toBeCloseTo(1, 1);
    const test = syntheticPoints(curve, 'test', 10_000);
    expect((await test.read([0])).data).not.toEqual((await set.read([0])).data);
  });

  test('a point is the same however it is read', async () => {
    const set = syntheticPoints(curve, 'train', 100);
    const all = await set.read(Array.from({ length: 100 }, (_, i) => i));
    expect([...(await set.read([42])).data]).toEqual([...all.data.subarray(84, 86)]);
    await expect(set.read([100])).rejects.toSatisfy(e => isSeedbedError(e, 'BadArgument'));
  });
});

test('circles lie at two radii, the inner half the outer', async () => {
  const { data } = await syntheticPoints('circles', 'train', 1000).read(
    Array.from({ length: 1000 }, (_, i) => i),
  );
  const radius = (i: number) => Math.hypot(data[2 * i]!, data[2 * i + 1]!);
  const mean = (odd: number) =>
    Array.from({ length: 500 }, (_, i) => radius(2 * i + odd)).reduce((a, b) => a + b) / 500;
  expect(mean(0)).toBeCloseTo(1 / Math.sqrt(0.315), 1);
  expect(mean(1) / mean(0)).toBeCloseTo(0.5, 1);
});

describe('contactSheet', () => {
  const grey = float32([1, 1, 2], [0, 1]);
  const red = float32([3, 1, 2], [1, 1, 0, 0, 0, 0]);

  test('enlarges each pixel to a square, between equal gaps', () => {
    const sheet = contactSheet([[grey]], { scale: 2, gap: 1 });
    expect(sheet.shape).toEqual([1, 4, 6]);
    const b = Math.fround(0.94);
    expect([...sheet.data.subarray(6, 12)]).toEqual([b, 0, 0, 1, 1, b]);
    expect([...sheet.data.subarray(0, 6)]).toEqual(Array(6).fill(b));
  });

  test('repeats grey beside colour, and leaves missing cells blank', () => {
    const sheet = contactSheet([[grey, red], [grey]], { scale: 1, gap: 0 });
    expect(sheet.shape).toEqual([3, 2, 4]);
    const b = Math.fround(0.94);
    expect([...sheet.data]).toEqual([0, 1, 1, 1, 0, 1, b, b, 0, 1, 0, 0, 0, 1, b, b, 0, 1, 0, 0, 0, 1, b, b]);
  });

  test('a cell is about 96 pixels wide', () => {
    expect(contactSheet([[zeros('float32', [1, 28, 28])]]).shape).toEqual([1, 92, 92]);
    expect(contactSheet([[zeros('float32', [1, 200, 200])]]).shape).toEqual([1, 208, 208]);
  });

  test.each([
    ['no pictures', [[]]],
    ['pictures of unlike size', [[grey], [zeros('float32', [1, 2, 2])]]],
    ['what is no picture', [[zeros('float32', [2, 2, 2])]]],
  ])('%s is refused', (_, rows) => {
    expect(() => contactSheet(rows)).toThrow(/expected pictures \[1 or 3, H, W\] of one size/);
  });
});

test('a seed is shown within three deviations', () => {
  expect([...seedAsPicture(float32([1, 1, 4], [0, 3, -9, 1.5])).data]).toEqual([0.5, 1, 0, 0.75]);
});
