import { describe, expect, test } from 'vitest';
import type { Denoiser } from '../../src/diffusion/info.ts';
import { gaussianDenoiser, samplerGain } from '../../src/diffusion/oracle.ts';
import { createSampler } from '../../src/diffusion/sampler.ts';
import { ddim } from '../../src/diffusion/sampler-info.ts';
import { type DescentOptions, type DescentState, descend as descendBy } from '../../src/embedding/descent.ts';
import { type DescentRecipe, type Memory, RECIPES } from '../../src/embedding/recipes.ts';
import { createStepper } from '../../src/embedding/stepper.ts';
import { isSeedbedError } from '../../src/errors.ts';
import { createRuntime } from '../../src/runtime/node.ts';
import type { Runtime } from '../../src/runtime/runtime.ts';
import { normals } from '../../src/tensor/random.ts';
import { type Floats, float32, rows } from '../../src/tensor/tensor.ts';
import { relativeError } from '../support.ts';

const runtime = await createRuntime({ threads: 1 });
const model = gaussianDenoiser(1);
const latents = (purpose: string, n: number): Floats => normals({ seed: 3, purpose }, [n, 1, 4, 4]);
const scaled = (t: Floats, factor: number): Floats =>
  float32(
    t.shape,
    t.data.map(value => value * factor),
  );
/** Descent with a stepper of its own. */
async function descend(
  on: Runtime,
  denoiser: Denoiser,
  start: Floats,
  targets: Floats,
  { steps, ...options }: Omit<DescentOptions, 'pass'> & { steps: number; memory?: Memory },
) {
  const { recipe, memory } = options;
  const prepared = await createStepper(on, denoiser, start.shape[0]!, recipe, ddim(steps), memory);
  try {
    return await descendBy(prepared, start, targets, { ...options, pass: steps });
  } finally {
    await prepared.stepper.dispose();
  }
}
const quick: DescentRecipe = { loss: 'mse', penalty: 0, learningRate: 0.2, decay: 'cosine', iterations: 60 };

describe('the sampler on Gaussian data, where it is linear', () => {
  test.each([0.01, 1, 100])('multiplies seeds by the closed-form gain, variance %d', async variance => {
    const sampler = await createSampler(runtime, gaussianDenoiser(variance), ddim(10), 2);
    const seeds = latents('seed', 3); // does not divide by the batch
    expect(relativeError(await sampler.sample(seeds), scaled(seeds, samplerGain(variance)))).toBeLessThan(
      1e-5,
    );
  });

  test('has the gain 0.021 at variance 0.01 and T = 10, far from the ideal 0.1', () => {
    expect(samplerGain(0.01)).toBeCloseTo(0.021, 3);
  });
});

describe('descent through the sampler', () => {
  test.each(['paper', 'code', 'seedbed'] as const)('recipe %s moves towards the known seed', async name => {
    const truth = latents('truth', 2);
    const targets = scaled(truth, samplerGain(1));
    const start = latents('start', 2);
    const recipe = { ...RECIPES[name], learningRate: 0.05, iterations: 150 };
    const { latent, losses } = await descend(runtime, model, start, targets, { recipe, steps: 10 });
    // The code's penalty on z pulls a little towards zero, so its seed is near the truth and not at it.
    expect(relativeError(latent, truth)).toBeLessThan(name === 'code' ? 0.15 : 0.05);
    expect(losses).toHaveLength(150);
    expect(losses.at(-1)![0]!).toBeLessThan(losses[0]![0]! / 20);
  });

  test('the losses are what the recipes define', async () => {
    const start = latents('start', 1);
    const targets = latents('target', 1);
    const difference = Array.from(start.data, (z, i) => z * samplerGain(1) - targets.data[i]!);
    const sum = (f: (d: number) => number) => difference.reduce((total, d) => total + f(d), 0);
    const first = async (loss: DescentRecipe['loss']) =>
      (
        await descend(runtime, model, start, targets, {
          recipe: { ...quick, loss, iterations: 1 },
          steps: 10,
        })
      ).losses[0]![0]!;
    expect(await first('halfSse')).toBeCloseTo(sum(d => d * d) / 2, 4);
    expect(await first('mse')).toBeCloseTo(sum(d => d * d) / 16, 4);
    expect(await first('mae')).toBeCloseTo(sum(Math.abs) / 16, 4);
  });

  test('both ways through the sampler give the same seeds', async () => {
    const [start, targets] = [latents('start', 2), latents('target', 2)];
    const by = (memory: 'unrolled' | 'checkpointed') =>
      descend(runtime, model, start, targets, { recipe: quick, steps: 10, memory });
    const [unrolled, checkpointed] = [await by('unrolled'), await by('checkpointed')];
    expect([unrolled.memory, checkpointed.memory]).toEqual(['unrolled', 'checkpointed']);
    expect(relativeError(checkpointed.latent, unrolled.latent)).toBeLessThan(1e-4);
    expect(unrolled.evaluations).toEqual([60 * 2 * 10, 60 * 2 * 10]);
  });

  test('a machine with little memory takes the checkpointed way', async () => {
    const small = { ...runtime, memoryBytes: 100 };
    const result = await descend(small, model, latents('start', 2), latents('target', 2), {
      recipe: { ...quick, iterations: 1 },
      steps: 10,
    });
    expect(result.memory).toBe('checkpointed');
  });

  test('a seed does not depend on its neighbours in the batch', async () => {
    const [start, targets] = [latents('start', 3), latents('target', 3)];
    const all = await descend(runtime, model, start, targets, { recipe: quick, steps: 10 });
    const one = await descend(runtime, model, rows(start, 1, 2), rows(targets, 1, 2), {
      recipe: quick,
      steps: 10,
    });
    expect(relativeError(rows(all.latent, 1, 2), one.latent)).toBeLessThan(1e-6);
  });

  test('stops at the tolerance and says who converged', async () => {
    const [start, targets] = [latents('start', 2), latents('target', 2)];
    const result = await descend(runtime, model, start, targets, {
      recipe: { ...quick, iterations: 500 },
      steps: 10,
      tolerance: 1e-3,
    });
    expect(result.converged).toEqual([true, true]);
    expect(result.losses.length).toBeLessThan(500);
    const without = await descend(runtime, model, start, targets, { recipe: quick, steps: 10 });
    expect(without.converged).toEqual([false, false]);
  });

  test('a seed that has arrived stays, whatever its neighbours still do', async () => {
    const truth = latents('truth', 2);
    const targets = scaled(truth, samplerGain(1));
    // The first starts at its answer, the second far from it.
    const start = float32(truth.shape, [
      ...truth.data.subarray(0, 16),
      ...latents('start', 2).data.subarray(16),
    ]);
    const result = await descend(runtime, model, start, targets, {
      recipe: { ...quick, iterations: 30 },
      steps: 10,
      tolerance: 1e-6,
    });
    expect(result.converged).toEqual([true, false]);
    expect(rows(result.latent, 0, 1).data).toEqual(rows(start, 0, 1).data);
    expect(rows(result.latent, 1, 2).data).not.toEqual(rows(start, 1, 2).data);
  });

  test('counts every pass: two a sampler step unrolled, three checkpointed', async () => {
    const recipe = { ...quick, iterations: 2 };
    const by = async (memory: 'unrolled' | 'checkpointed') =>
      (
        await descend(runtime, model, latents('start', 1), latents('target', 1), {
          recipe,
          steps: 10,
          memory,
        })
      ).evaluations;
    expect([await by('unrolled'), await by('checkpointed')]).toEqual([[40], [60]]);
  });

  test('stopped anywhere and resumed, gives the same bits', async () => {
    const [start, targets] = [latents('start', 2), latents('target', 2)];
    const whole = await descend(runtime, model, start, targets, { recipe: quick, steps: 10 });
    const controller = new AbortController();
    let saved: DescentState | undefined;
    const stopped = descend(runtime, model, start, targets, {
      recipe: quick,
      steps: 10,
      signal: controller.signal,
      checkpoint: {
        due: () => false,
        save: async state => {
          saved = state;
        },
      },
      onProgress: iteration => iteration === 23 && controller.abort(),
    });
    await expect(stopped).rejects.toSatisfy(error => isSeedbedError(error, 'Interrupted'));
    expect(saved!.losses).toHaveLength(23);
    const resumed = await descend(runtime, model, start, targets, {
      recipe: quick,
      steps: 10,
      resume: saved,
    });
    expect(resumed.latent.data).toEqual(whole.latent.data);
    expect(resumed.losses).toEqual(whole.losses);
  });

  test('divergence is said, with the iteration', async () => {
    const start = float32([1, 1, 4, 4], new Float32Array(16).fill(1e30));
    const diverging = descend(runtime, model, start, latents('target', 1), { recipe: quick, steps: 10 });
    await expect(diverging).rejects.toThrow(/diverged at iteration 1/);
  });
});
