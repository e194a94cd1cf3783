import { describe, expect, test } from 'vitest';
import { levelAt } from '../../src/diffusion/grid.ts';
import { gaussianDenoiser, mixtureDenoiser } from '../../src/diffusion/oracle.ts';
import { type Rates, SCHEDULES } from '../../src/diffusion/schedule.ts';
import { GraphBuilder } from '../../src/graph/builder.ts';
import { coordinates, principalComponents } from '../../src/latent/pca.ts';
import { networkFeatures } from '../../src/quality/features.ts';
import { frechetDistance, momentsOf } from '../../src/quality/frechet.ts';
import { gate, type QualityNumbers } from '../../src/quality/gate.ts';
import { errorsByLevel, TIMES } from '../../src/quality/levels.ts';
import { linearError, seenBy } from '../../src/quality/linear.ts';
import { nearestDistance, nearestRows, shareWithin } from '../../src/quality/neighbours.ts';
import { measureQuality } from '../../src/quality/quality.ts';
import { pixelFigures } from '../../src/quality/samples.ts';
import { createRuntime } from '../../src/runtime/node.ts';
import { normals } from '../../src/tensor/random.ts';
import { type Floats, float32, rows, zeros } from '../../src/tensor/tensor.ts';

const runtime = await createRuntime({ threads: 1 });

const scaled = (t: Floats, change: (value: number, i: number) => number) =>
  float32(t.shape, t.data.map(change));
const gaussian = (count: number, purpose: string, deviation = Math.SQRT1_2) =>
  scaled(normals({ seed: 1, purpose }, [count, 1, 3, 3]), value => deviation * value);

/** Two pictures, each with a little noise, as often the one as the other. */
const MEANS = [
  [1, 1, 1, -1, -1, -1, 1, 1, 1],
  [-1, 1, -1, 1, -1, 1, -1, 1, -1],
];
const mixture = (count: number, purpose: string) =>
  scaled(
    normals({ seed: 2, purpose }, [count, 1, 3, 3]),
    (z, i) => MEANS[Math.floor(i / 9) % 2]![i % 9]! + 0.1 * z,
  );

describe('the best linear denoiser', () => {
  const errorAt = (learned: Floats, kept: Floats, rates: Rates) => {
    const data = principalComponents(learned);
    const zero = zeros('float32', data.mean.shape);
    const noise = coordinates(
      normals({ seed: 1, purpose: 'noise' }, kept.shape),
      data,
      0,
      data.variances.length,
      zero,
    );
    return linearError(data, seenBy(data, kept), noise, rates);
  };

  test.each([1, 0.6, 0.2])('errs by what its posterior leaves on Gaussian data, at t = %d', time => {
    const rates = levelAt(gaussianDenoiser(0.5).info, time);
    const left = (0.5 * rates.noiseRate ** 2) / (rates.signalRate ** 2 * 0.5 + rates.noiseRate ** 2);
    const error = errorAt(gaussian(4000, 'learned'), gaussian(4000, 'kept'), rates);
    expect(Math.abs(error / left - 1)).toBeLessThan(0.02);
  });

  test('knows nothing of directions in which the data do not vary', () => {
    const flat = scaled(gaussian(100, 'learned'), (value, i) => (i % 9 < 4 ? value : 0));
    const off = float32([1, 1, 3, 3], [0, 0, 0, 0, 0, 0, 0, 0, 3]);
    expect(errorAt(flat, off, { signalRate: 1, noiseRate: 0 })).toBeCloseTo(1, 5);
  });
});

describe('the Frechet distance', () => {
  const distanceOf = (a: Floats, b: Floats) => frechetDistance(momentsOf(a), momentsOf(b));
  // Four points whose covariance, with 3 as divisor, is the square of (4/3)^1/2 times the deviations.
  const cross = (x: number, y: number, at: readonly [number, number]) =>
    float32(
      [4, 2],
      [x, y, -x, y, x, -y, -x, -y].map((value, i) => value + at[i % 2]!),
    );

  test('of Gaussians with the same axes is the distance of means and of deviations', () => {
    const distance = distanceOf(cross(1, 2, [0, 0]), cross(3, 2.5, [3, 4]));
    expect(distance).toBeCloseTo(25 + (4 / 3) * (2 ** 2 + 0.5 ** 2), 4);
  });

  test('is none from itself, and the same both ways, turned axes or not', () => {
    const [a, b] = [normals({ seed: 4, purpose: 'a' }, [50, 3]), gaussian(50, 'b')];
    const c = float32([50, 3], scaled(b, value => 2 * value + 1).data.slice(0, 150));
    expect(distanceOf(a, a)).toBeLessThan(1e-6);
    expect(distanceOf(a, c)).toBeCloseTo(distanceOf(c, a), 6);
    expect(distanceOf(a, c)).toBeGreaterThan(1);
  });

  test('of fewer points than features is none from itself, and the square of the way that they are moved', () => {
    const a = normals({ seed: 4, purpose: 'few' }, [20, 64]);
    const moved = float32(a.shape, scaled(a, value => value + 0.25).data);
    expect(distanceOf(a, a)).toBeLessThan(64e-6);
    expect(distanceOf(a, moved)).toBeCloseTo(64 * 0.25 ** 2, 4);
  });
});

describe('neighbours', () => {
  const line = float32([6, 1], [0, 1, 2, 3, 4, 5]);

  test('points within others lie no further off than a third neighbour', () => {
    // About 5, third neighbours reach to 2 and to 8; about 0 to -3, which is within.
    expect(shareWithin(float32([2, 1], [-3, 8]), line)).toBe(1);
    expect(shareWithin(float32([4, 1], [-2.5, 7.5, 9, -4]), line)).toBe(0.5);
    expect(shareWithin(line, line)).toBe(1);
    expect(shareWithin(float32([300, 1], new Array(300).fill(100)), line)).toBe(0);
  });

  test('the distance to the nearest is that of the nearest tenth of points', () => {
    const points = float32([20, 1], [0.25, 0.125, 5.5, ...new Array(17).fill(-10)]);
    expect(nearestDistance(points, line, 0.1)).toBeCloseTo(0.25, 6);
  });

  test('the nearest of others is known by its row', () => {
    expect(nearestRows(float32([3, 1], [2.75, -7, 4.5001]), line)).toEqual([3, 0, 5]);
  });
});

test('pixels: mean, variance, and the share that clipping cuts off', () => {
  const { mean, variance, saturated } = pixelFigures(float32([1, 1, 1, 4], [-0.5, 0.5, 1.02, 0.98]));
  expect([mean, variance, saturated]).toEqual([expect.closeTo(0.5, 6), expect.closeTo(0.3752, 5), 0.25]);
});

describe('a network of features', () => {
  const graph = (shape: (number | string)[]) => {
    const b = new GraphBuilder('doubles');
    const x = b.input('pixels', 'float32', shape);
    return b.build({ features: b.mul(x, b.scalar(2)) });
  };

  test('gives its first output, flattened, of any number of pictures', async () => {
    const features = await networkFeatures(runtime, graph(['N', 1, 3, 3]), [1, 3, 3]);
    const x0 = gaussian(33, 'any');
    const pixels = scaled(x0, v => v + 1);
    const compared = { x0, pixels: async () => pixels };
    expect((await features.of(compared)).shape).toEqual([33, 9]);
    expect((await features.of(compared)).data[290]).toBeCloseTo(2 * (x0.data[290]! + 1), 5);
    await features.dispose();
  });

  test('of a fixed number of pictures takes them so many at once', async () => {
    const features = await networkFeatures(runtime, graph([2, 1, 3, 3]), [1, 3, 3]);
    const x0 = gaussian(5, 'fixed');
    const { shape, data } = await features.of({ x0, pixels: async () => x0 });
    expect(shape).toEqual([5, 9]);
    for (const [i, value] of data.entries()) expect(value).toBeCloseTo(2 * x0.data[i]!, 5);
    await features.dispose();
  });

  test('of half precision is read as numbers', async () => {
    const b = new GraphBuilder('halves');
    const x = b.input('pixels', 'float32', ['N', 1, 1, 4]);
    const half = b.build({ features: b.cast(b.mul(x, b.scalar(2)), 'float16') });
    const features = await networkFeatures(runtime, half, [1, 1, 4]);
    const pixels = float32([1, 1, 1, 4], [0.5, 0.25, 1, 0]);
    const { data } = await features.of({ x0: pixels, pixels: async () => pixels });
    expect(Array.from(data)).toEqual([1, 0.5, 2, 0]);
    await features.dispose();
  });

  test('of another shape is refused by name', async () => {
    await expect(networkFeatures(runtime, graph(['N', 3, 3, 3]), [1, 3, 3])).rejects.toThrow(
      "doubles takes 'pixels' [N,3,3,3]; a network of features takes one input, pictures [N,1,3,3]",
    );
  });
});

describe('the gate', () => {
  const levels = [0.1, 0.5, 1].map(time => ({ time, network: 0.1, linear: 0.2, mean: 1, noise: 0.1 }));
  const real = {
    mean: 0.3,
    variance: 0.1,
    saturated: 0,
    frechet: 1,
    precision: 0.9,
    recall: 0.8,
    nearest: 5,
  };
  const good: QualityNumbers = {
    ...{ levels, copied: 0.1 },
    real,
    grown: real,
    linear: { ...real, precision: 0.6 },
  };
  const failed = (numbers: QualityNumbers) =>
    gate(numbers).flatMap(({ passed, text }) => (passed ? [] : [text]));
  const changed = (changes: Partial<QualityNumbers['grown']>) =>
    failed({ ...good, grown: { ...good.grown, ...changes } });

  test('is passed by a model whose pictures are like real ones', () => {
    expect(failed(good)).toEqual([]);
  });

  test.each<[string, string[], RegExp]>([
    [
      'knows less than a linear one at a level',
      failed({ ...good, levels: [...levels, { ...levels[0]!, time: 0.9, network: 0.25 }] }),
      /0\.25 at t = 0\.9, linear 0\.2/,
    ],
    [
      'is no number at a level',
      failed({ ...good, levels: [levels[0]!, { ...levels[0]!, network: Number.NaN }, levels[1]!] }),
      /NaN at t = 0\.1/,
    ],
    ['draws too dark', changed({ mean: 0.2 }), /brightness .* mean 0\.2, real pictures' 0\.3/],
    ['draws too flat', changed({ variance: 0.08 }), /contrast/],
    ['draws beyond black and white', changed({ saturated: 0.27 }), /cut off: 27 %/],
    ['draws what is not real', changed({ precision: 0.4 }), /precision 0\.4, real pictures' 0\.9/],
    [
      'draws what is no more real than a linear one',
      changed({ precision: 0.55 }),
      /precision 0\.55, .* linear 0\.6/,
    ],
    ['draws one kind only', changed({ recall: 0.1 }), /recall 0\.1/],
    ['copies', changed({ nearest: 0.5 }), /does not copy/],
  ])('is failed, by that alone, where a model %s', (_, texts, words) => {
    expect(texts).toEqual([expect.stringMatching(words)]);
  });
});

test('levels without signal are left out where the noise says nothing of the picture', async () => {
  const schedule = { kind: 'alphaBar' as const, values: [...TIMES.keys()].map(k => 1 - (k + 1) / 10) };
  const model = gaussianDenoiser(1, [1, 3, 3], 4);
  const data = principalComponents(gaussian(60, 'some'));
  const look = (predicts: 'epsilon' | 'v') =>
    errorsByLevel(
      runtime,
      { ...model, info: { ...model.info, schedule, predicts } },
      data,
      gaussian(40, 'kept'),
      {
        rng: 0,
      },
    );
  expect((await look('epsilon')).map(({ time }) => time)).toEqual(TIMES.slice(1));
  expect((await look('v')).map(({ time }) => time)).toEqual(TIMES);
});

test('a denoiser that knows a part of what it learned by heart, and nothing else, is found out', async () => {
  const learned = gaussian(600, 'learned');
  const means = Array.from({ length: 200 }, (_, i) => Array.from(rows(learned, 400 + i, 401 + i).data));
  const measure = (variance: number, learnedInAll?: number) =>
    measureQuality(
      runtime,
      mixtureDenoiser({ means, variance }, [1, 3, 3], { schedule: SCHEDULES.linear, steps: 50 }),
      learned,
      gaussian(150, 'kept'),
      { rng: 3, learnedInAll },
    );
  const copied = ({ conditions }: Awaited<ReturnType<typeof measure>>) =>
    conditions.some(({ passed, text }) => !passed && text.startsWith('does not copy'));
  expect(copied(await measure(1e-4))).toBe(true);
  // Of what it copies one in twenty may be among the pictures at hand.
  expect(copied(await measure(1e-4, 12_000))).toBe(true);
  expect(copied(await measure(1))).toBe(false);
});

test('the true denoiser of two pictures passes; a Gaussian one, the best linear model of the same data, fails', async () => {
  const measure = (means: readonly (readonly number[])[], variance: number) =>
    measureQuality(
      runtime,
      mixtureDenoiser({ means, variance }, [1, 3, 3], { schedule: SCHEDULES.linear, steps: 50 }),
      mixture(600, 'learned'),
      mixture(300, 'kept'),
      { rng: 3 },
    );
  const [right, wrong] = [
    await measure(MEANS, 0.01),
    await measure([MEANS[0]!.map((m, i) => (m + MEANS[1]![i]!) / 2)], 0.5),
  ];
  const failures = ({ conditions }: typeof right) =>
    conditions.filter(({ passed }) => !passed).map(({ text }) => text);
  expect(failures(right)).toEqual([]);
  expect(failures(wrong).join()).toMatch(/at every level.*precision/);
  expect(right.levels.map(({ time }) => time)[0]).toBe(1);
});
