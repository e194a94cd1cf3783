import { expect, test } from 'vitest';
import { normals } from '../../src/tensor/random.ts';
import { average, jackknife } from '../../src/tensor/statistics.ts';

const draws = (purpose: string, count: number) => Array.from(normals({ seed: 5, purpose }, [count]).data);
const without = (values: readonly number[], of: (rest: readonly number[]) => number) =>
  values.map((_, i) => of(values.filter((_, j) => j !== i)));
const variance = (values: readonly number[]) =>
  average(values.map(value => (value - average(values)) ** 2)) * (values.length / (values.length - 1));

test('the jackknife’s interval of a mean is Student’s, of a difference of means that of both variances', () => {
  const [a, b] = [draws('a', 10), draws('b', 12)];
  const one = jackknife(average(a), [without(a, average)]);
  // The 97.5 % quantile of nine degrees.
  const off = 2.2622 * Math.sqrt(variance(a) / 10);
  expect(one.mean).toBe(average(a));
  expect(one.high - one.mean).toBeCloseTo(off, 3);
  expect(one.mean - one.low).toBeCloseTo(off, 3);
  const two = jackknife(average(a) - average(b), [
    without(a, rest => average(rest) - average(b)),
    without(b, rest => average(a) - average(rest)),
  ]);
  expect(two.high - two.mean).toBeCloseTo(2.2622 * Math.sqrt(variance(a) / 10 + variance(b) / 12), 3);
});

test.each([
  [2, 12.7062],
  [3, 4.3027],
  [4, 3.1824],
  [5, 2.7764],
])('of %i values it is %f standard errors to each side', (count, quantile) => {
  const values = draws('few', count);
  const { mean, high } = jackknife(average(values), [without(values, average)]);
  expect((high - mean) / Math.sqrt(variance(values) / count) / quantile).toBeCloseTo(1, 2);
});

test('where a member cannot be left out nothing is known', () => {
  const nothing = { mean: 2, low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY };
  expect(jackknife(2, [[2], [1, 3]])).toEqual(nothing);
  expect(jackknife(2, [[Number.NaN, Number.NaN]])).toEqual(nothing);
});
