import { describe, expect, test } from 'vitest';
import { cloudStatistics, doublings, meanSeed } from '../../src/latent/cloud.ts';
import { compareGrown } from '../../src/latent/comparison.ts';
import { marchenkoPastur } from '../../src/latent/marchenko-pastur.ts';
import { principalComponents } from '../../src/latent/pca.ts';
import { normals } from '../../src/tensor/random.ts';
import { type Floats, float32, rows } from '../../src/tensor/tensor.ts';

const noise = (count: number, dims: number, seed = 0) =>
  normals({ seed, purpose: 'latent' }, [count, 1, dims]);

/** One row three times. */
const thrice = ({ shape, data }: Floats) => float32([3, ...shape.slice(1)], [...data, ...data, ...data]);

/** Seeds of variance 4 any two of which have correlation rho. */
function correlated(count: number, dims: number, rho: number): Floats {
  const [own, common] = [noise(count, dims, 3), noise(1, dims, 4)];
  return float32(
    own.shape,
    own.data.map((value, i) => 2 * (Math.sqrt(1 - rho) * value + Math.sqrt(rho) * common.data[i % dims]!)),
  );
}

describe('a cloud', () => {
  test('of three points in the plane, by hand', () => {
    // z = (1,0), (0,1), (1,1): squares 1, 1, 2; products 0, 1, 1.
    const s = cloudStatistics(float32([3, 2], [1, 0, 0, 1, 1, 1]));
    expect(s.variance).toBeCloseTo(4 / 6, 12);
    expect(s.correlation).toBeCloseTo(2 / 6 / (4 / 6), 12);
    expect(s.varianceWithin).toBeCloseTo(1 / 3, 12); // about (2/3, 2/3): sum of squares 4/3, over 2 seeds and 2 coordinates
    expect(s.distance.mean).toBeCloseTo((Math.SQRT2 + 1 + 1) / 3, 12);
    expect([s.distance.least, s.distance.greatest]).toEqual([1, expect.closeTo(Math.SQRT2, 12)]);
    expect(s.distance.rms).toBeCloseTo(Math.sqrt((2 + 1 + 1) / 3 / 2), 12);
    expect(s.means.map(mean => mean.of)).toEqual([1, 2, 3]);
  });

  test('of one seed, found three times, is a point', () => {
    const { distance } = cloudStatistics(thrice(noise(1, 3072, 4)));
    expect([distance.mean, distance.least, distance.greatest]).toEqual([0, 0, 0]);
  });

  test.each([0, 0.15, 0.6])('has the correlation %d that it was made with', rho => {
    const s = cloudStatistics(correlated(40, 4000, rho));
    expect(Math.abs(s.correlation - rho)).toBeLessThan(0.02);
    expect(Math.abs(s.variance - 4)).toBeLessThan(0.15);
    expect(s.distance.rms).toBeCloseTo(Math.sqrt(8 * (1 - rho)), 1);
    expect(s.distance.mean / Math.sqrt(4000)).toBeCloseTo(s.distance.rms, 1);
  });

  test('the mean of K seeds has variance rho + (1 - rho) / K, exactly so of all and of one', () => {
    const s = cloudStatistics(correlated(64, 2000, 0.2));
    for (const { of, variance, expected } of s.means) {
      expect(variance / expected).toBeCloseTo(1, 1);
      if (of === 1 || of === 64) expect(variance / expected).toBeCloseTo(1, 6);
    }
    expect(s.means.at(-1)!.expected).toBeCloseTo(4 * (0.2 + 0.8 / 64), 0);
  });

  test('distances do not depend on the blocks in which they are computed', () => {
    const seeds = noise(700, 3);
    const { distance } = cloudStatistics(seeds);
    let [sum, least, greatest] = [0, Number.POSITIVE_INFINITY, 0];
    for (let i = 0; i < 700; i++) {
      for (let j = 0; j < i; j++) {
        const [a, b] = [rows(seeds, i, i + 1).data, rows(seeds, j, j + 1).data];
        const d = Math.hypot(a[0]! - b[0]!, a[1]! - b[1]!, a[2]! - b[2]!);
        sum += d;
        least = Math.min(least, d);
        greatest = Math.max(greatest, d);
      }
    }
    expect(distance.mean).toBeCloseTo(sum / ((700 * 699) / 2), 9);
    expect(distance.least).toBeCloseTo(least, 6);
    expect(distance.greatest).toBeCloseTo(greatest, 9);
  });

  test('counts double up to all of them', () => {
    expect([2, 5, 8].map(doublings)).toEqual([
      [1, 2],
      [1, 2, 4, 5],
      [1, 2, 4, 8],
    ]);
    expect(Array.from(meanSeed(float32([2, 2], [1, 2, 3, 6])).data)).toEqual([2, 4]);
  });

  test.each<[Floats, string]>([
    [float32([1, 2], [1, 2]), 'takes two seeds or more, got [1,2]'],
    [float32([2], [1, 2]), 'takes two seeds or more, got [2]'],
    [float32([2, 1], [1, Number.NaN]), 'not finite'],
    [float32([2, 1], [0, 0]), 'all seeds are 0'],
  ])('refuses case %#', (seeds, message) => {
    expect(() => cloudStatistics(seeds)).toThrow(message);
  });
});

describe('the law of Marchenko and Pastur', () => {
  test.each([
    [400, 100],
    [100, 400],
    [201, 200],
  ])('%i points in %i dimensions: its edges, its mean, and what noise shows', (count, dims) => {
    const { low, high, expected } = marchenkoPastur(count, dims, 2);
    const ratio = dims / (count - 1);
    expect(low).toBeCloseTo(2 * (1 - Math.sqrt(ratio)) ** 2, 12);
    expect(high).toBeCloseTo(2 * (1 + Math.sqrt(ratio)) ** 2, 12);
    // The variances add up to that of all coordinates, whether some are 0 or not.
    const total = expected.reduce((sum, value) => sum + value, 0);
    expect(total / dims).toBeCloseTo(2, 1);
    const seeds = noise(count, dims);
    const doubled = float32(
      seeds.shape,
      seeds.data.map(value => Math.SQRT2 * value),
    );
    const { variances } = principalComponents(doubled);
    expect(expected.length).toBe(variances.length);
    const off = variances.reduce((sum, v, k) => sum + Math.abs(v - expected[k]!), 0) / variances.length;
    expect(off).toBeLessThan(0.01 * high);
    expect(Array.from(expected)).toEqual(Array.from(expected).sort((a, b) => b - a));
  });

  test('no variance, no spread; out of range is refused', () => {
    expect(marchenkoPastur(5, 3, 0)).toMatchObject({ low: 0, high: 0 });
    expect(() => marchenkoPastur(1, 3, 1)).toThrow(/count is a whole number of at least 2/);
    expect(() => marchenkoPastur(5, 3, -1)).toThrow(/a variance is a number from 0, got -1/);
  });
});

describe('pictures of two models', () => {
  test('one model is at no distance from itself; unrelated ones are as far as other seeds', () => {
    const a = noise(60, 100, 1);
    expect(compareGrown(a, a)).toMatchObject({ same: 0, ratio: { mean: 0, low: 0, high: 0 } });
    const { ratio } = compareGrown(a, noise(60, 100, 2));
    expect(ratio.low).toBeLessThan(1);
    expect(ratio.high).toBeGreaterThan(1);
    expect(ratio.high - ratio.low).toBeLessThan(0.2);
  });

  test('means over all pairs, by hand', () => {
    const [a, b] = [float32([3, 1], [0, 1, 3]), float32([3, 1], [0, 2, 3])];
    const { same, different, ratio } = compareGrown(a, b);
    expect(same).toBeCloseTo(1 / 3, 12);
    expect(different).toBeCloseTo((4 + 9 + 1 + 4 + 9 + 1) / 6, 12);
    expect(ratio.mean).toBeCloseTo(same / different, 12);
    // Of two seeds nothing is known.
    const two = [float32([2, 1], [0, 1]), float32([2, 1], [0, 2])] as const;
    expect(compareGrown(...two).ratio).toMatchObject({ low: 0, high: Number.POSITIVE_INFINITY });
  });

  test.each([3, 5, 10, 30])(
    'the interval of %i seeds holds the true ratio in about 95 of 100 draws',
    count => {
      let held = 0;
      for (let draw = 0; draw < 400; draw++) {
        const [a, e] = [noise(count, 20, 100 + draw), noise(count, 20, 900 + draw)];
        const b = float32(
          a.shape,
          a.data.map((value, i) => value + 0.5 * e.data[i]!),
        );
        const { low, high } = compareGrown(a, b).ratio;
        // |a_i - b_i|^2 is 0.25 a coordinate, |a_i - b_j|^2 is 2.25.
        if (low <= 0.25 / 2.25 && 0.25 / 2.25 <= high) held++;
      }
      expect(held / 400).toBeGreaterThan(0.92);
      expect(held / 400).toBeLessThan(0.99);
    },
  );

  test.each<[Floats, Floats, string]>([
    [float32([1, 1], [0]), float32([1, 1], [0]), 'takes two pictures or more of each'],
    [float32([2, 1], [0, 1]), float32([2, 2], [0, 1, 2, 3]), 'got [2,1] and [2,2]'],
    [float32([2, 1], [1, 1]), float32([2, 1], [1, 1]), 'all pictures are one'],
    [float32([2, 1], [0, Number.NaN]), float32([2, 1], [0, 1]), 'not a number'],
    // Long ones are multiplied in stretches, whose sums round in other ways.
    [thrice(noise(1, 1024, 7)), thrice(noise(1, 1024, 7)), 'all pictures are one'],
  ])('refuses case %#', (a, b, message) => {
    expect(() => compareGrown(a, b)).toThrow(message);
  });
});
