import { describe, expect, test } from 'vitest';
import { samplerGrid } from '../../src/diffusion/grid.ts';
import { gaussianDenoiser, samplerGain } from '../../src/diffusion/oracle.ts';
import { ddim } from '../../src/diffusion/sampler-info.ts';
import { SCHEDULES } from '../../src/diffusion/schedule.ts';
import { affineStep } from '../../src/diffusion/solvers.ts';
import { embed } from '../../src/embedding/embed.ts';
import { climb } from '../../src/embedding/inversion/climb.ts';
import { solveFixedPoint } from '../../src/embedding/inversion/fixed-point.ts';
import { conjugateGradients, leastSquares } from '../../src/embedding/inversion/least-squares.ts';
import { createStepMap, stepOf } from '../../src/embedding/inversion/maps.ts';
import { diffuse, SPLIT, splitInversion } from '../../src/embedding/inversion/split.ts';
import { createRuntime } from '../../src/runtime/node.ts';
import { normals } from '../../src/tensor/random.ts';
import { combine } from '../../src/tensor/rowwise.ts';
import { type Floats, float32, rows } from '../../src/tensor/tensor.ts';
import { relativeError } from '../support.ts';

const runtime = await createRuntime({ threads: 1 });
const draw = (purpose: string, n = 3): Floats => normals({ seed: 5, purpose }, [n, 1, 4, 4]);
const grid = samplerGrid(
  { schedule: SCHEDULES.continuousCosine, level: 'noiseVariance', predicts: 'epsilon' },
  ddim(10),
);
const last = affineStep(grid.at(-1)!);

/** What step (s, n) -> (s', n') multiplies Gaussian data of this variance by. */
function stepGain({ from, to }: (typeof grid)[number], variance: number): number {
  const epsilon = from.noiseRate / (from.signalRate ** 2 * variance + from.noiseRate ** 2);
  return to.signalRate * ((1 - from.noiseRate * epsilon) / from.signalRate) + to.noiseRate * epsilon;
}

describe("a sampler's step", () => {
  test('value and products with its Jacobian are those of the closed form', async () => {
    const map = createStepMap(runtime, gaussianDenoiser(0.3), 3);
    const [x, v] = [draw('x'), draw('v')];
    for (const step of [grid[0]!, grid[5]!, grid[9]!]) {
      const gain = stepGain(step, 0.3);
      const affine = affineStep(step);
      expect(relativeError(await map.value(x, affine), combine([gain, x]))).toBeLessThan(1e-5);
      expect(relativeError((await map.pullBack(x, v, affine)).pulled, combine([gain, v]))).toBeLessThan(1e-5);
      const { pushed, pulled } = await map.push(x, v, affine);
      expect(relativeError(pushed, combine([gain, v]))).toBeLessThan(1e-5);
      expect(relativeError(pulled, combine([gain ** 2, v]))).toBeLessThan(1e-5);
    }
    expect(Array.from(map.evaluations)).toEqual(new Array(3).fill(3 * (1 + 2 + 3)));
    await map.dispose();
  });
});

describe('fixed points', () => {
  /** x <- A x + b with A of the given eigenvalues, one a coordinate. */
  const linear = (factors: readonly number[], b: Floats) => async (x: Floats) =>
    float32(
      x.shape,
      x.data.map((value, i) => factors[i % factors.length]! * value + b.data[i]!),
    );
  const options = { memory: 5, damping: 0.5, tolerance: 1e-5, iterations: 30 };
  const b = normals({ seed: 1, purpose: 'b' }, [2, 4]);
  const solution = (factors: readonly number[]) =>
    float32(
      b.shape,
      b.data.map((value, i) => value / (1 - factors[i % 4]!)),
    );

  test('acceleration finds one that repels the plain iteration, and measures by how much', async () => {
    const factors = [0.3, -0.8, 1.6, -2];
    const found = await solveFixedPoint(linear(factors, b), { state: b }, options);
    expect(Math.max(...found.residuals)).toBeLessThan(1e-5);
    expect(relativeError(found.x, solution(factors))).toBeLessThan(1e-4);
    expect(found.evaluations).toBeLessThan(15);
    expect(Math.max(...found.slopes.factors)).toBeGreaterThan(1);
    const plain = await solveFixedPoint(
      linear(factors, b),
      { state: b },
      { ...options, memory: 0, damping: 1 },
    );
    expect(Math.min(...plain.residuals)).toBeGreaterThan(0.1);
  });

  test('the plain iteration contracts by the factor that it says', async () => {
    const factors = [0.4, 0.4, 0.4, 0.4];
    const plain = await solveFixedPoint(
      linear(factors, b),
      { state: b },
      { ...options, memory: 0, damping: 1 },
    );
    for (const factor of plain.slopes.factors) expect(factor).toBeCloseTo(0.4, 5);
    expect(relativeError(plain.x, solution(factors))).toBeLessThan(1e-4);
  });

  test('a row does not depend on the others', async () => {
    const factors = [0.3, -0.8, 0.5, 0.9];
    const both = await solveFixedPoint(linear(factors, b), { state: b }, options);
    const one = rows(b, 1, 2);
    const alone = await solveFixedPoint(linear(factors, one), { state: one }, options);
    expect(relativeError(rows(both.x, 1, 2), alone.x)).toBeLessThan(1e-4);
  });
});

describe('the last step as least squares', () => {
  test('conjugate gradients solve a system of four unknowns in four steps', async () => {
    const eigenvalues = [1, 2, 5, 9];
    const product = async (v: Floats) =>
      float32(
        v.shape,
        v.data.map((value, i) => value * eigenvalues[i % 4]!),
      );
    const right = normals({ seed: 2, purpose: 'right' }, [2, 4]);
    const damping = Float64Array.of(0, 1);
    const x = await conjugateGradients(product, right, damping, 4);
    const exact = right.data.map((value, i) => value / (eigenvalues[i % 4]! + damping[Math.floor(i / 4)]!));
    expect(relativeError(x, float32([2, 4], exact))).toBeLessThan(1e-4);
  });

  test.each([0.01, 0.1, 1])('has the closed-form minimum, tau %d', async tau => {
    const map = createStepMap(runtime, gaussianDenoiser(0.3), 3);
    const [target, anchor] = [draw('target'), draw('anchor')];
    const found = await leastSquares(stepOf(map, last), target, anchor, last.level.noiseRate, {
      tau,
      outer: 8,
      inner: 4,
    });
    const gain = stepGain(grid[9]!, 0.3);
    const total = gain ** 2 / tau ** 2 + 1 / last.level.fed;
    const exact = combine([gain / tau ** 2 / total, target], [1 / last.level.fed / total, anchor]);
    expect(relativeError(found.x, exact)).toBeLessThan(1e-3);
    await map.dispose();
  });
});

describe('split inversion', () => {
  test('finds the true seed from x_(1/T)', async () => {
    const map = createStepMap(runtime, gaussianDenoiser(1), 3);
    const seeds = draw('seeds');
    const inside = grid.slice(0, -1);
    const gain = inside.reduce((product, step) => product * stepGain(step, 1), 1);
    const interior = { ...SPLIT.interior, tolerance: 1e-6 };
    const found = await climb(map, inside.map(affineStep), combine([gain, seeds]), interior);
    expect(relativeError(found.latent, seeds)).toBeLessThan(1e-5);
    expect(found.reports).toHaveLength(9);
    await map.dispose();
  });

  test('a small tau reconstructs, a large one keeps the seed Gaussian', async () => {
    const map = createStepMap(runtime, gaussianDenoiser(1), 3);
    const targets = combine([0.5, draw('targets')]);
    const [faithful, gaussian] = await Promise.all(
      [1e-3, 100].map(tau =>
        splitInversion(map, grid, targets, diffuse(targets, draw('noise'), grid.at(-1)!), {
          lastStep: { tau, outer: 6, inner: 4 },
          interior: { ...SPLIT.interior, tolerance: 1e-5 },
        }),
      ),
    );
    expect(relativeError(combine([samplerGain(1), faithful!.latent]), targets)).toBeLessThan(1e-3);
    expect(Math.max(...faithful!.errors)).toBeLessThan(1e-6);
    expect(Math.min(...gaussian!.errors)).toBeGreaterThan(1e-2);
    await map.dispose();
  });

  test('is a method of embed: several starts, a certificate, evaluations counted', async () => {
    const model = gaussianDenoiser(1);
    const images = float32(
      [1, 1, 4, 4],
      Array.from({ length: 16 }, (_, i) => (i % 3 === 0 ? 0.3 : 0.7)),
    );
    const { results, latent } = await embed(model, images, { runtime, method: 'split', starts: 3, batch: 2 });
    expect(results.map(({ start }) => start)).toEqual([0, 1, 2]);
    expect(relativeError(rows(latent, 1, 2), rows(latent, 0, 1))).toBeGreaterThan(1e-3);
    for (const { mse, converged, residual, evaluations } of results) {
      expect(mse).toBeLessThan(1e-3);
      expect(converged).toBe(true);
      expect(residual).toBeLessThan(1e-3);
      expect(evaluations).toBeGreaterThan(10 + 2 * (1 + 2 + 3 * 8));
    }
    const stalled = { ...SPLIT, interior: { ...SPLIT.interior, iterations: 2 } };
    const hasty = await embed(model, images, { runtime, method: 'split', inversion: stalled });
    expect(hasty.results[0]!.converged).toBe(false);
  });
});
