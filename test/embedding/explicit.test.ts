import { describe, expect, test } from 'vitest';
import { samplerGrid } from '../../src/diffusion/grid.ts';
import { gaussianDenoiser, mixtureDenoiser } from '../../src/diffusion/oracle.ts';
import type { OracleForm } from '../../src/diffusion/oracle-form.ts';
import { ddim } from '../../src/diffusion/sampler-info.ts';
import { affineStep } from '../../src/diffusion/solvers.ts';
import { embed } from '../../src/embedding/embed.ts';
import { EXPLICIT } from '../../src/embedding/inversion/explicit.ts';
import { createStepMap } from '../../src/embedding/inversion/maps.ts';
import { createRuntime } from '../../src/runtime/node.ts';
import { normals } from '../../src/tensor/random.ts';
import { combine } from '../../src/tensor/rowwise.ts';
import { type Floats, float32 } from '../../src/tensor/tensor.ts';
import { relativeError } from '../support.ts';

const runtime = await createRuntime({ threads: 1 });
const FLOW: OracleForm = { predicts: 'flow', schedule: { kind: 'flow' } };
const wave = (phase: number) => Array.from({ length: 16 }, (_, i) => Math.sin(i + phase));
const mixture = { means: [wave(0), wave(2), wave(4.5)], variance: 0.2 };
const seeds = normals({ seed: 5, purpose: 'explicit' }, [4, 1, 4, 4]);

/** How far from the true seeds a way leads the states that they grow before the last step. */
async function errorOf(name: keyof typeof EXPLICIT, form: OracleForm, steps: number): Promise<number> {
  const model = mixtureDenoiser(mixture, [1, 4, 4], form);
  const path = samplerGrid(model.info, ddim(steps)).slice(0, -1).map(affineStep);
  const map = createStepMap(runtime, model, 4);
  let state: Floats = seeds;
  for (const step of path) state = await map.value(state, step);
  const way = EXPLICIT[name]();
  for (const step of path.toReversed()) state = await way((x, level) => map.predict(x, level), step, state);
  await map.dispose();
  return relativeError(state, seeds);
}

describe.each<[string, OracleForm]>([
  ['flow', FLOW],
  ['epsilon', {}],
  ['v', { predicts: 'v' }],
  ['x0', { predicts: 'x0' }],
])('of a network that predicts %s', (_, form) => {
  test('naive inversion is of first order, Uni-Inv of second', async () => {
    const errors = async (name: keyof typeof EXPLICIT) =>
      [await errorOf(name, form, 20), await errorOf(name, form, 40)] as const;
    const [naive, uniInv] = [await errors('naive'), await errors('uni-inv')];
    expect(naive[0] / naive[1]).toBeGreaterThan(1.6);
    expect(naive[0] / naive[1]).toBeLessThan(2.6);
    expect(uniInv[0] / uniInv[1]).toBeGreaterThan(3);
    expect(uniInv[1]).toBeLessThan(naive[1] / 3);
  });

  test('proximal-mean inversion comes near and promises nothing', async () => {
    const error = await errorOf('pmi', form, 20);
    expect(error).toBeGreaterThan(0);
    expect(error).toBeLessThan(1);
  });
});

describe('on Gaussian data of flow', () => {
  const variance = 0.25;
  const model = gaussianDenoiser(variance, [1, 4, 4], 4, FLOW);
  const velocity = (sigma: number) =>
    (sigma - (1 - sigma) * variance) / ((1 - sigma) ** 2 * variance + sigma ** 2);
  const x = combine([0.5, normals({ seed: 3, purpose: 'pictures' }, [2, 1, 4, 4])]);
  const images = combine([0.2, x], [0.5, float32(x.shape, new Array(32).fill(1))]);

  test('both are what their papers write down', async () => {
    const led = (row: Float32Array, corrected: boolean) => {
      let y = Array.from(row);
      let before = y.map(value => velocity(0.25) * value);
      const sum = y.map(() => 0);
      for (const [k, sigma] of [0.25, 0.5, 0.75, 1].entries()) {
        const at = corrected ? y : y.map((value, i) => value + 0.25 * before[i]!);
        const v = at.map(value => velocity(sigma) * value);
        v.forEach((value, i) => {
          sum[i]! += 0.25 * value;
        });
        const gradient = v.map((value, i) => Math.sign(value - before[i]!) + value - sum[i]! / sigma);
        const radius = corrected && k > 0 ? Math.sqrt(32 + 3 * Math.sqrt(32)) * 0.25 : 0;
        const length = Math.hypot(...gradient) || 1;
        y = y.map((value, i) => value + 0.25 * (v[i]! - (radius * gradient[i]!) / length));
        before = v;
      }
      return y;
    };
    for (const method of ['uni-inv', 'pmi'] as const) {
      const { latent, results } = await embed(model, images, { runtime, method });
      const rows = [x.data.slice(0, 16), x.data.slice(16)].flatMap(row => led(row, method === 'pmi'));
      expect(relativeError(latent, float32(x.shape, rows)), method).toBeLessThan(1e-5);
      for (const { evaluations, converged, residual } of results) {
        expect(evaluations).toBe(method === 'pmi' ? 8 : 9);
        expect(converged).toBe(false);
        expect(residual).toBeUndefined();
      }
    }
  });

  test.each([
    ['rfsolver', 16],
    ['fireflow', 10],
  ] as const)('%s is run back, and grows nearly the same picture', async (sampler, evaluations) => {
    const { results } = await embed(model, images, { runtime, method: 'reversed', sampler });
    for (const { mse, converged, evaluations: spent } of results) {
      expect(mse).toBeLessThan(2e-3);
      expect(converged).toBe(false);
      expect(spent).toBe(evaluations);
    }
  });

  test('a clipped flow is run back to numbers', async () => {
    const clipped = gaussianDenoiser(0.5, [1, 2, 2], 5, {
      ...{ predicts: 'flow', level: 'noiseRate', schedule: { kind: 'flow' } },
      sampler: { kind: 'fireflow', clipX0: [-3, 3] },
    });
    const picture = float32([1, 1, 2, 2], [0.4, 0.6, 0.5, 0.7]);
    const { latent, results } = await embed(clipped, picture, { runtime, method: 'reversed' });
    expect(latent.data.every(Number.isFinite)).toBe(true);
    expect(results[0]!.mse).toBeLessThan(1e-3);
  });

  test('a sampler that is not run back is refused, and one that is names the method', async () => {
    const one = (method: 'reversed' | 'split', sampler: 'ddim' | 'fireflow') =>
      embed(model, images, { runtime, method, sampler });
    await expect(one('reversed', 'ddim')).rejects.toThrow(
      "method 'reversed' runs samplers 'rfsolver' and 'fireflow' from the picture to the noise, not 'ddim'",
    );
    await expect(one('split', 'fireflow')).rejects.toThrow(
      "for 'fireflow' use method 'reversed' or 'descent'",
    );
  });
});
