import fc from 'fast-check';
import { expect, test } from 'vitest';
import { principalComponents } from '../../src/latent/pca.ts';
import { innerProducts, transposed } from '../../src/tensor/products.ts';
import { normals } from '../../src/tensor/random.ts';
import { concatRows, float32, rows, type Tensor } from '../../src/tensor/tensor.ts';
import { relativeError } from '../support.ts';

const dot = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Array.from(a).reduce((sum, x, i) => sum + x * b[i]!, 0);

/** The rows of a tensor [N, ...] as arrays. */
const rowsOf = (t: Tensor<'float32'>) =>
  Array.from({ length: t.shape[0]! }, (_, i) => rows(t, i, i + 1).data);

test('finds a plane: mean, variances and directions of points laid out on it', () => {
  // Variances along (3,4)/5 and (-4,3)/5 from four points at distances 2 and 1: 2 * 4 / 3 and 2 * 1 / 3.
  const points = float32([4, 2], [1.2 + 7, 1.6, -1.2 + 7, -1.6, -0.8 + 7, 0.6, 0.8 + 7, -0.6]);
  const { mean, variances, components } = principalComponents(points);
  expect(mean.data[0]).toBeCloseTo(7, 6);
  expect(mean.data[1]).toBeCloseTo(0, 6);
  expect(Array.from(variances)).toEqual([expect.closeTo(8 / 3, 6), expect.closeTo(2 / 3, 6)]);
  const [first, second] = rowsOf(components);
  expect(Math.abs(dot(first!, [0.6, 0.8]))).toBeCloseTo(1, 6);
  expect(Math.abs(dot(second!, [-0.8, 0.6]))).toBeCloseTo(1, 6);
});

test('the way by inner products equals that by the covariance', () => {
  // 20 points in 30 dimensions go the one way; each of them twice, and so 40, the other.
  const points = normals({ seed: 3, purpose: 'points' }, [20, 1, 5, 6]);
  const byPoints = principalComponents(points);
  expect(byPoints.components.shape).toEqual([19, 1, 5, 6]);
  const twice = concatRows([points, points]);
  const byCovariance = principalComponents(twice);
  expect(byCovariance.components.shape).toEqual([19, 1, 5, 6]);
  expect(relativeError(byCovariance.mean, byPoints.mean)).toBeLessThan(1e-6);
  byPoints.variances.forEach((variance, k) => {
    expect(byCovariance.variances[k]! * (39 / 38)).toBeCloseTo(variance, 10); // divisors 19 and 39, squares counted twice
    const alike = dot(rowsOf(byPoints.components)[k]!, rowsOf(byCovariance.components)[k]!);
    expect(Math.abs(alike)).toBeCloseTo(1, 5);
  });
});

test.each([
  [12, 5],
  [5, 12],
  [8, 8],
  [2, 1],
])('%i points in %i dimensions are their mean and what lies along the components', (count, dims) => {
  const points = normals({ seed: 1, purpose: 'points' }, [count, dims]);
  const { mean, variances, components } = principalComponents(points);
  const directions = rowsOf(components);
  expect(directions.length).toBe(Math.min(count - 1, dims));
  const along = directions.map(v => rowsOf(points).map(x => dot(x, v) - dot(mean.data, v)));
  directions.forEach((v, k) => {
    expect(dot(along[k]!, along[k]!) / (count - 1)).toBeCloseTo(variances[k]!, 5);
    directions.forEach((w, l) => {
      expect(dot(v, w)).toBeCloseTo(k === l ? 1 : 0, 6);
    });
  });
  rowsOf(points).forEach((x, n) => {
    x.forEach((value, i) => {
      const rebuilt = directions.reduce((sum, v, k) => sum + along[k]![n]! * v[i]!, mean.data[i]!);
      expect(rebuilt).toBeCloseTo(value, 5);
    });
  });
});

test('isotropic noise spreads as Marchenko and Pastur say: (1 +- sqrt(D/N))^2', () => {
  const { variances } = principalComponents(normals({ seed: 2, purpose: 'points' }, [1000, 250]));
  expect(variances[0]).toBeGreaterThan(2.1);
  expect(variances[0]).toBeLessThan(2.35);
  expect(variances.at(-1)).toBeGreaterThan(0.23);
  expect(variances.at(-1)).toBeLessThan(0.28);
});

test('equal points have no components', () => {
  const { mean, variances, components } = principalComponents(float32([3, 2], [1, 2, 1, 2, 1, 2]));
  expect(mean.data).toEqual(Float32Array.of(1, 2));
  expect([variances.length, components.shape]).toEqual([0, [0, 2]]);
});

test.each<[Tensor<'float32'>, string]>([
  [float32([1, 3], [1, 2, 3]), 'takes two points or more, got [1,3]'],
  [float32([3], [1, 2, 3]), 'takes two points or more, got [3]'],
  [float32([2, 0], []), 'takes two points or more, got [2,0]'],
  [float32([2, 1], [1, Number.NaN]), 'not finite'],
])('refuses case %#', (points, message) => {
  expect(() => principalComponents(points)).toThrow(message);
});

test('inner products of rows equal the sums, for any numbers of rows and columns', () => {
  const size = fc.integer({ min: 1, max: 7 });
  fc.assert(
    fc.property(size, size, fc.constantFrom(1, 2, 511, 512, 513), fc.boolean(), (n, m, length, same) => {
      const numbers = (count: number, seed: number) =>
        Float64Array.from(normals({ seed, purpose: 'rows' }, [count, length]).data);
      const a = numbers(n, 1);
      const b = same ? a : numbers(m, 2);
      const got = innerProducts(a, b, length);
      const columns = b.length / length;
      expect(got.length).toBe(n * columns);
      got.forEach((value, at) => {
        const [i, j] = [Math.floor(at / columns), at % columns];
        const want = dot(a.slice(i * length, (i + 1) * length), b.slice(j * length, (j + 1) * length));
        expect(value).toBeCloseTo(want, 9);
      });
    }),
    { numRuns: 60 },
  );
  expect(transposed(Float64Array.of(1, 2, 3, 4, 5, 6), 2)).toEqual(Float64Array.of(1, 4, 2, 5, 3, 6));
});
