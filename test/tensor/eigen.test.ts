import fc from 'fast-check';
import { expect, test } from 'vitest';
import { symmetricEigen } from '../../src/tensor/eigen.ts';
import { fillUniform } from '../../src/tensor/random.ts';

const matrixOf = (size: number, entry: (i: number, j: number) => number) =>
  Float64Array.from({ length: size * size }, (_, at) => entry(Math.floor(at / size), at % size));

/** A symmetric matrix from the numbers left of and on its diagonal. */
const symmetric = (size: number, lower: ArrayLike<number>) =>
  matrixOf(size, (i, j) => lower[(Math.max(i, j) * (Math.max(i, j) + 1)) / 2 + Math.min(i, j)]!);

/** What the greatest of |A v - lambda v| over |A| and of |V V' - 1| is, and whether the values descend. */
function faults(matrix: Float64Array, size: number) {
  const { values, vectors } = symmetricEigen(matrix, size);
  const norm = Math.sqrt(matrix.reduce((sum, a) => sum + a * a, 0)) || 1;
  let residual = 0;
  let orthogonality = 0;
  for (let k = 0; k < size; k++) {
    const v = vectors.subarray(k * size, (k + 1) * size);
    for (let i = 0; i < size; i++) {
      const image = v.reduce((sum, x, j) => sum + (matrix[i * size + j]! / norm) * x, 0);
      residual = Math.max(residual, Math.abs(image - (values[k]! / norm) * v[i]!));
      const inner = v.reduce((sum, x, j) => sum + x * vectors[i * size + j]!, 0);
      orthogonality = Math.max(orthogonality, Math.abs(inner - (i === k ? 1 : 0)));
    }
  }
  return { residual, orthogonality, descending: values.every((v, k) => k === 0 || v <= values[k - 1]!) };
}

const entry = fc.oneof(
  fc.constantFrom(0, 1, -1),
  fc.double({ min: -1e3, max: 1e3, noNaN: true }),
  fc.double({ min: -1e-9, max: 1e-9, noNaN: true }),
);

test('vectors are orthonormal and solve A v = lambda v, for any symmetric matrix', () => {
  const anyMatrix = fc.integer({ min: 1, max: 12 }).chain(size => {
    const count = (size * (size + 1)) / 2;
    return fc.tuple(fc.constant(size), fc.array(entry, { minLength: count, maxLength: count }));
  });
  fc.assert(
    fc.property(anyMatrix, ([size, lower]) => {
      const found = faults(symmetric(size, lower), size);
      expect(found.residual).toBeLessThan(1e-14);
      expect(found.orthogonality).toBeLessThan(1e-14);
      expect(found.descending).toBe(true);
    }),
    { numRuns: 500 },
  );
});

test.each([2 ** -1000, 2 ** 1000])('numbers of about %d do not under- or overflow', scale => {
  const matrix = matrixOf(9, (i, j) => 1 / (1 + i + j) + (i === j ? 1 : 0));
  const [plain, scaled] = [
    symmetricEigen(matrix, 9),
    symmetricEigen(
      matrix.map(a => a * scale),
      9,
    ),
  ];
  expect(scaled.values).toEqual(plain.values.map(value => value * scale));
  expect(scaled.vectors).toEqual(plain.vectors);
});

test('a random matrix of 200 dimensions', () => {
  const lower = new Float64Array((200 * 201) / 2);
  fillUniform({ seed: 1, purpose: 'matrix' }, 0, 0, lower);
  const found = faults(symmetric(200, lower), 200);
  expect(found.residual).toBeLessThan(1e-14);
  expect(found.orthogonality).toBeLessThan(1e-13);
});

test.each([1, 2, 3, 50, 101])('second differences of %i points: 2 - 2 cos(pi k / (n + 1))', size => {
  const matrix = matrixOf(size, (i, j) => (i === j ? 2 : Math.abs(i - j) === 1 ? -1 : 0));
  const { values, vectors } = symmetricEigen(matrix, size);
  for (let k = 0; k < size; k++) {
    const order = size - k;
    expect(values[k]).toBeCloseTo(2 - 2 * Math.cos((Math.PI * order) / (size + 1)), 13);
    const sign = Math.sign(vectors[k * size]!);
    for (let i = 0; i < size; i++) {
      const wave = Math.sqrt(2 / (size + 1)) * Math.sin((Math.PI * order * (i + 1)) / (size + 1));
      expect(sign * vectors[k * size + i]!).toBeCloseTo(wave, 11);
    }
  }
});

test("repeated eigenvalues: 1 + x x' of 20 dimensions has 1 + |x|^2 once and 1 nineteen times", () => {
  const size = 20;
  const matrix = matrixOf(size, (i, j) => (i === j ? 1 : 0) + (i + 1) * (j + 1));
  const { values } = symmetricEigen(matrix, size);
  expect(values[0]).toBeCloseTo(1 + 2870, 9);
  for (let k = 1; k < size; k++) expect(values[k]).toBeCloseTo(1, 11);
  expect(faults(matrix, size).orthogonality).toBeLessThan(1e-14);
});

test('the identity, zeros and a diagonal come back as they are', () => {
  const identity = matrixOf(4, (i, j) => (i === j ? 1 : 0));
  expect(symmetricEigen(identity, 4)).toEqual({ values: Float64Array.of(1, 1, 1, 1), vectors: identity });
  expect(symmetricEigen(new Float64Array(16), 4)).toEqual({ values: new Float64Array(4), vectors: identity });
  expect(symmetricEigen(Float64Array.of(-7), 1)).toEqual({
    values: Float64Array.of(-7),
    vectors: Float64Array.of(1),
  });
  const { values, vectors } = symmetricEigen(Float64Array.of(-1, 0, 0, 0, 5, 0, 0, 0, 2), 3);
  expect(values).toEqual(Float64Array.of(5, 2, -1));
  expect(vectors).toEqual(Float64Array.of(0, 1, 0, 0, 0, 1, 1, 0, 0));
});

test('only the lower triangle is read, and the matrix is left alone', () => {
  const matrix = Float64Array.of(2, 99, 1, 2);
  expect(symmetricEigen(matrix, 2).values[0]).toBeCloseTo(3, 14);
  expect(matrix).toEqual(Float64Array.of(2, 99, 1, 2));
});

test.each<[Float64Array, number, string]>([
  [new Float64Array(3), 2, '2 rows and columns hold 4 numbers, the matrix has 3'],
  [new Float64Array(0), 0, '0 rows'],
  [new Float64Array(2), 1.5, '1.5 rows'],
  [Float64Array.of(1, 0, Number.NaN, 1), 2, 'the matrix holds NaN, not a finite number'],
  [Float64Array.of(Number.POSITIVE_INFINITY), 1, 'the matrix holds Infinity, not a finite number'],
])('refuses %o of %d rows', (matrix, size, message) => {
  expect(() => symmetricEigen(matrix, size)).toThrow(message);
});
