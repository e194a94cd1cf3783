import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { combineSeeds, interpolateSeeds, SEED_PATHS } from '../../src/latent/interpolation.ts';
import { normals } from '../../src/tensor/random.ts';
import { type Floats, float32, rows } from '../../src/tensor/tensor.ts';

const noise = (count: number, dims: number, seed = 0) =>
  normals({ seed, purpose: 'latent' }, [count, 1, dims]);
const norm = ({ data }: Floats) => Math.sqrt(data.reduce((sum, value) => sum + value * value, 0));
const scaled = (t: Floats, factor: number) =>
  float32(
    t.shape,
    t.data.map(value => factor * value),
  );

describe('between two seeds', () => {
  test.each(SEED_PATHS)('%s begins and ends in them, to the bit', path => {
    const [a, b] = [noise(1, 64, 1), noise(1, 64, 2)];
    expect(interpolateSeeds(a, b, 0, path).data).toEqual(a.data);
    expect(interpolateSeeds(a, b, 1, path).data).toEqual(b.data);
  });

  test('the arc keeps the norm of seeds that have one norm, inside and beyond', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 1000 }),
        fc.double({ min: -1, max: 2, noNaN: true }),
        (seed, t) => {
          const [a, other] = [noise(1, 32, seed), noise(1, 32, seed + 5000)];
          const b = scaled(other, norm(a) / norm(other));
          expect(norm(interpolateSeeds(a, b, t))).toBeCloseTo(norm(a), 4);
        },
      ),
      { numRuns: 100 },
    );
  });

  test('the arc is run through evenly; the middle of the chord is shorter than noise by sqrt(2)', () => {
    const [east, north] = [float32([2], [1, 0]), float32([2], [0, 1])];
    for (const t of [-0.5, 0.25, 1 / 3, 1.5]) {
      const [x, y] = interpolateSeeds(east, north, t).data;
      expect(x).toBeCloseTo(Math.cos((t * Math.PI) / 2), 6);
      expect(y).toBeCloseTo(Math.sin((t * Math.PI) / 2), 6);
    }
    expect(norm(interpolateSeeds(east, north, 0.5, 'lerp'))).toBeCloseTo(Math.SQRT1_2, 6);
    expect(Array.from(interpolateSeeds(east, north, 2, 'lerp').data)).toEqual([-1, 2]);
  });

  test('nearly parallel seeds are joined by the chord, also of different norms', () => {
    const a = noise(1, 16);
    const halfway = interpolateSeeds(a, scaled(a, 3), 0.5);
    halfway.data.forEach((value, i) => {
      expect(value).toBeCloseTo(2 * a.data[i]!, 5);
    });
    const near = float32([2], [1, 1e-6]);
    expect(interpolateSeeds(float32([2], [1, 0]), near, 0.5).data[1]).toBeCloseTo(5e-7, 10);
  });

  test.each<[Floats, Floats, number, string]>([
    [float32([2], [1, 0]), float32([1, 2], [1, 0]), 0.5, 'BadShape'],
    [float32([2], [1, 0]), float32([2], [0, 1]), Number.NaN, 'BadArgument'],
    [float32([2], [1, 0]), float32([2], [0, 0]), 0.5, 'BadArgument'],
    [float32([2], [1, 0]), float32([2], [-2, 0]), 0.5, 'BadArgument'],
  ])('refuses case %#', (a, b, t, kind) => {
    expect(() => interpolateSeeds(a, b, t)).toThrow(expect.objectContaining({ kind }));
  });
});

/** Seeds with a common part: any two have correlation rho. */
function correlated(count: number, dims: number, rho: number): Floats {
  const [own, common] = [noise(count, dims, 3), noise(1, dims, 4)];
  return float32(
    own.shape,
    own.data.map((value, i) => Math.sqrt(1 - rho) * value + Math.sqrt(rho) * common.data[i % dims]!),
  );
}

describe('combinations of seeds', () => {
  test.each([0, 0.2, 0.7])('have the variance of noise where the correlation is %d', rho => {
    const seeds = correlated(6, 20_000, rho);
    const weights = [1, 2, -0.5, 0.3, 1, 0.1];
    const { data } = combineSeeds(weights, seeds, rho);
    expect(data.reduce((sum, value) => sum + value ** 2, 0) / data.length).toBeCloseTo(1, 1);
  });

  test('one seed alone comes back, by any positive weight', () => {
    const seeds = noise(3, 8);
    expect(combineSeeds([0, 5, 0], seeds, 0.3).data).toEqual(rows(seeds, 1, 2).data);
    const [tiny, plain] = [1e-200, 1].map(weight => combineSeeds([weight, 2 * weight, weight], seeds).data);
    expect(tiny).toEqual(plain);
  });

  test.each<[number[], number, RegExp]>([
    [[1, 2], 0, /2 weights for seeds \[3,1,8\]/],
    [[1, 1, 1], 1.1, /no 3 seeds have correlations of 1.1/],
    [[1, 1, 1], -0.6, /no 3 seeds have correlations of -0.6/],
    [[0, 0, 0], 0, /cancel out/],
    [[1, -1, 0], 1, /cancel out/],
    [[1, Number.NaN, 0], 0, /cancel out/],
  ])('refuses weights %j at %d', (weights, rho, message) => {
    expect(() => combineSeeds(weights, noise(3, 8), rho)).toThrow(message);
  });
});
