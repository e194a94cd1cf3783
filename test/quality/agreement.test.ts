import { expect, test } from 'vitest';
import { principalComponents } from '../../src/latent/pca.ts';
import { effectiveNoise, linearDisagreement } from '../../src/quality/agreement.ts';
import { linearClean } from '../../src/quality/linear.ts';
import { normals } from '../../src/tensor/random.ts';
import { average, meanSquaredErrors } from '../../src/tensor/statistics.ts';
import { float32 } from '../../src/tensor/tensor.ts';

/** kappa of a white covariance, by the quadratic formula: kappa^2 + (l (1 - d/n) - noise) kappa - noise l = 0. */
function white(l: number, dims: number, count: number, noise: number): number {
  const b = l * (1 - dims / count) - noise;
  return (-b + Math.sqrt(b * b + 4 * noise * l)) / 2;
}

test.each([
  [0.3, 64, 200, 0.1],
  [2, 500, 50, 0.01],
  [1, 10, 1e7, 0.5],
  [1e-3, 784, 30, 2],
])('the effective noise of white data of variance %d is its closed form', (l, dims, count, noise) => {
  const expected = white(l, dims, count, noise);
  expect(effectiveNoise(new Array(dims).fill(l), count, noise) / expected).toBeCloseTo(1, 12);
});

test('it is the noise itself for very many pictures, and never less', () => {
  const spectrum = Array.from({ length: 50 }, (_, i) => (i + 1) ** -1.5);
  expect(effectiveNoise(spectrum, 1e12, 0.2)).toBeCloseTo(0.2, 10);
  for (const count of [5, 50, 500]) expect(effectiveNoise(spectrum, count, 0.2)).toBeGreaterThan(0.2);
});

test.each([
  [40, 40],
  [400, 10],
])('linear denoisers of two sets of %d pictures differ as predicted', (count, trials) => {
  const dims = 48;
  const spectrum = Array.from({ length: dims }, (_, i) => 2 * (i + 1) ** -1.2);
  const rates = { signalRate: 0.8, noiseRate: 0.6 };
  const drawn = (n: number, purpose: string) => {
    const z = normals({ seed: 4, purpose }, [n, dims]);
    return float32(
      z.shape,
      z.data.map((value, i) => value * Math.sqrt(spectrum[i % dims]!)),
    );
  };
  const differences = Array.from({ length: trials }, (_, k) => {
    const clean = drawn(64, `clean ${k}`);
    const noise = normals({ seed: 5, purpose: `noise ${k}` }, clean.shape);
    const noisy = float32(
      clean.shape,
      clean.data.map((value, i) => rates.signalRate * value + rates.noiseRate * noise.data[i]!),
    );
    const [a, b] = ['a', 'b'].map(half =>
      linearClean(principalComponents(drawn(count, `${half} ${k}`)), noisy, rates),
    );
    return average(meanSquaredErrors(a!, b!));
  });
  const predicted = linearDisagreement(spectrum, { count, dims }, rates);
  expect(average(differences) / predicted).toBeGreaterThan(0.93);
  expect(average(differences) / predicted).toBeLessThan(1.07);
});
