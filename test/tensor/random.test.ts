import { describe, expect, test } from 'vitest';
import type { RandomKey } from '../../src/tensor/random.ts';
import { fillNormal, fillUniform, normals, permutation, philox } from '../../src/tensor/random.ts';
import { rows } from '../../src/tensor/tensor.ts';

const key: RandomKey = { seed: 7, purpose: 'latent' };

// philox4x32 with 10 rounds, from the kat_vectors of Random123 (Salmon et al. 2011).
test.each([
  [[0, 0, 0, 0], [0, 0], '6627e8d5 e169c58d bc57ac4c 9b00dbd8'],
  [[-1, -1, -1, -1], [-1, -1], '408f276d 41c83b0e a20bc7c6 6d5451fd'],
  [
    [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
    [0xa4093822, 0x299f31d0],
    'd16cfe09 94fdcceb 5001e420 24126ea1',
  ],
] as const)('Philox of counter %j and key %j is the published block', (counter, words, expected) => {
  const out = new Uint32Array(4);
  philox(counter, words, out);
  expect([...out].map(word => word.toString(16).padStart(8, '0')).join(' ')).toBe(expected);
});

const mean = (values: ArrayLike<number>) =>
  Array.from(values).reduce((sum, value) => sum + value, 0) / values.length;
const correlation = (a: Float32Array, b: Float32Array) => mean(a.map((value, i) => value * b[i]!));

describe('normals', () => {
  const count = 200_000;
  const draw = (of: RandomKey, image = 0, start = 0) => {
    const out = new Float32Array(count);
    fillNormal(of, image, start, out);
    return out;
  };
  const values = draw(key);
  // Five standard errors of a mean of `count` numbers with the given variance.
  const bound = (variance: number) => 5 * Math.sqrt(variance / count);

  test('have the moments 0, 1, 0 and 3', () => {
    expect(Math.abs(mean(values))).toBeLessThan(bound(1));
    expect(Math.abs(mean(values.map(x => x ** 2)) - 1)).toBeLessThan(bound(2));
    expect(Math.abs(mean(values.map(x => x ** 3)))).toBeLessThan(bound(15));
    expect(Math.abs(mean(values.map(x => x ** 4)) - 3)).toBeLessThan(bound(96));
  });

  test('reach beyond four standard deviations as often as they should, and are never infinite', () => {
    expect(values.every(Number.isFinite)).toBe(true);
    const beyond = values.filter(x => Math.abs(x) > 4).length;
    expect(Math.abs(beyond - count * 6.334e-5)).toBeLessThan(5 * Math.sqrt(count * 6.334e-5));
  });

  test.each([
    ['purpose', draw({ ...key, purpose: 'training noise' })],
    ['seed', draw({ ...key, seed: 8 })],
    ['upper bits of the seed', draw({ ...key, seed: 7 + 2 ** 32 })],
    ['image', draw(key, 1)],
    ['start', draw(key, 0, 1)],
    ['element', Float32Array.from([...values.subarray(1), values[0]!])],
  ])('of another %s are independent', (_, others) => {
    expect(Math.abs(correlation(values, others))).toBeLessThan(bound(1));
    // The squares too, as Box and Muller's pairs share their radius.
    const squares = correlation(
      values.map(x => x ** 2 - 1),
      others.map(x => x ** 2 - 1),
    );
    expect(Math.abs(squares)).toBeLessThan(bound(4));
  });

  test('depend on their address and not on the batch, its order or its length', () => {
    const batch = normals(key, [5, 3, 3]);
    const shard = normals(key, [2, 3, 3], row => ({ image: 4 - row, start: 0 }));
    expect(rows(shard, 0, 1)).toEqual(rows(batch, 4, 5));
    expect(rows(shard, 1, 2)).toEqual(rows(batch, 3, 4));
    const short = new Float32Array(7);
    fillNormal(key, 2, 0, short);
    expect(short).toEqual(rows(batch, 2, 3).data.subarray(0, 7));
  });

  test('are the same numbers on every platform and in every version', () => {
    expect(normals({ seed: 0, purpose: 'latent' }, [1, 5]).data).toMatchInlineSnapshot(`
      Float32Array [
        -0.09691135585308075,
        -0.4669741094112396,
        -0.5056037902832031,
        0.49800777435302734,
        1.3871955871582031,
      ]
    `);
  });
});

describe('uniform numbers', () => {
  test('lie inside (0, 1) with mean 1/2 and variance 1/12', () => {
    const values = new Float64Array(100_001);
    fillUniform(key, 0, 0, values);
    expect(values.every(value => value > 0 && value < 1)).toBe(true);
    expect(Math.abs(mean(values) - 1 / 2)).toBeLessThan(5 * Math.sqrt(1 / 12 / values.length));
    const squares = mean(values.map(value => (value - 1 / 2) ** 2));
    expect(Math.abs(squares - 1 / 12)).toBeLessThan(5 * Math.sqrt(1 / 180 / values.length));
  });
});

describe('permutation', () => {
  test('holds each number once, and so do those of nothing and of one thing', () => {
    for (const count of [0, 1, 2, 1000]) {
      const identity = Uint32Array.from({ length: count }, (_, i) => i);
      expect(permutation(key, count, 0).toSorted()).toEqual(identity);
    }
  });

  test('is the same for the same round and another for the next', () => {
    expect(permutation(key, 100, 3)).toEqual(permutation(key, 100, 3));
    expect(permutation(key, 100, 3)).not.toEqual(permutation(key, 100, 4));
  });

  test('takes each of the six orders of three things equally often', () => {
    const seen = new Map<string, number>();
    const rounds = 6000;
    for (let round = 0; round < rounds; round++) {
      const order = permutation(key, 3, round).join('');
      seen.set(order, (seen.get(order) ?? 0) + 1);
    }
    expect(seen.size).toBe(6);
    for (const times of seen.values()) {
      expect(Math.abs(times - rounds / 6)).toBeLessThan(5 * Math.sqrt((rounds * 5) / 36));
    }
  });
});
