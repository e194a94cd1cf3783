import { beforeAll, describe, expect, test } from 'vitest';
import { itemsInMemory } from '../../src/data/dataset.ts';
import { parseDenoiserConfig } from '../../src/diffusion/config.ts';
import { samplerGrid } from '../../src/diffusion/grid.ts';
import { ddim } from '../../src/diffusion/sampler-info.ts';
import { stepGain } from '../../src/diffusion/solvers.ts';
import { denoiserTask, heldOutLoss } from '../../src/diffusion/train-denoiser.ts';
import {
  createRuntime,
  type Denoiser,
  type DenoiserRecipe,
  decode,
  float32,
  gaussianDenoiser,
  openSampler,
  sample,
  samplerGain,
  saveModel,
  type TrainProgress,
  trainDenoiser,
} from '../../src/index.ts';
import { normals } from '../../src/tensor/random.ts';
import { rows } from '../../src/tensor/tensor.ts';

const runtime = createRuntime({ threads: 1 });

const RECIPE: DenoiserRecipe = {
  network: { kind: 'mlp', channels: [64, 64] },
  schedule: 'continuousCosine',
  training: { loss: 'mse', learningRate: 0.003, decay: 'cosine', batch: 256, steps: 1500, ema: 0.99 },
};

/** A Gaussian whose best denoiser, and so the map from seeds to points, is known: x = mean + std z, each coordinate alone. */
const noise = normals({ seed: 3, purpose: 'points' }, [4096, 2]);
const points = float32(
  noise.shape,
  noise.data.map((z, i) => (i % 2 === 0 ? 5 + 0.5 * z : -2 + 2 * z)),
);

test('points of a Gaussian: the best denoiser multiplies seeds by a known gain, the trained one nearly, and less so when training is cut short', async () => {
  const { latent } = await sample(await trained(1), { count: 256, rng: 5, runtime: await runtime });
  const off = async (steps: number) => {
    const landed = await decode(await trained(steps), latent, { runtime: await runtime });
    const misses = landed.data.map((value, i) => {
      const standardised = i % 2 === 0 ? (value - 5) / 0.5 : (value + 2) / 2;
      return standardised - samplerGain(1) * latent.data[i]!;
    });
    return misses.reduce((sum, miss) => sum + miss ** 2, 0) / misses.length / samplerGain(1) ** 2;
  };
  // Shares of what the best one does: short training leaves a tenth, hardly any leaves most.
  expect(await off(1500)).toBeLessThan(0.1);
  expect(await off(5)).toBeGreaterThan(0.5);
});

async function trained(steps: number, more: Partial<DenoiserRecipe> = {}) {
  const training = { ...RECIPE.training, ...more.training, steps };
  return trainDenoiser(points, { ...RECIPE, ...more, training }, { runtime: await runtime });
}

describe('a network that learns', () => {
  const steps = 300;
  const error = async (model: Denoiser) =>
    (await heldOutLoss(await runtime, model, itemsInMemory('points', points), 1)).heldOut;
  let usual: number;
  beforeAll(async () => {
    usual = await error(await trained(steps));
  });

  test.each(['v', 'x0'] as const)('%s sees the noise as well as one that learns epsilon', async predicts => {
    const training = { ...RECIPE.training, levels: 'stratified' } as const;
    const model = await trained(steps, { predicts, training });
    expect(model.info).toMatchObject({ predicts, output: predicts });
    expect(await error(model)).toBeLessThan(1.2 * usual);
  });
});

test('flow matching is learned: trained on points of a Gaussian, it multiplies seeds by the closed form, nearly', async () => {
  const model = await trained(300, {
    predicts: 'flow',
    schedule: { kind: 'flow', shift: 2 },
    training: { ...RECIPE.training, levels: 'stratified' },
  });
  expect(model.info).toMatchObject({
    predicts: 'flow',
    output: 'flow',
    schedule: { kind: 'flow', shift: 2 },
  });
  const { latent, pictures } = await sample(model, { count: 256, rng: 5, runtime: await runtime });
  const gain = samplerGrid(model.info, model.info.sampler).reduce((all, step) => all * stepGain(step, 1), 1);
  const misses = pictures.data.map((value, i) => {
    const standardised = i % 2 === 0 ? (value - 5) / 0.5 : (value + 2) / 2;
    return standardised - gain * latent.data[i]!;
  });
  expect(misses.reduce((sum, miss) => sum + miss ** 2, 0) / misses.length / gain ** 2).toBeLessThan(0.1);
});

test('stratified levels: one in each of as many equal parts of diffusion time as a batch has items', async () => {
  const training = { ...RECIPE.training, batch: 16, levels: 'stratified', steps: 1 };
  const recipe = { ...RECIPE, training, data: 'points', heldOut: 16 };
  const config = parseDenoiserConfig(recipe, 'the test');
  const dataset = itemsInMemory('points', points);
  const task = await denoiserTask(await runtime, { config, dataset, rng: 0, out: 'nowhere' });
  const { signal } = await task.feeds(7);
  const [first, last] = [0.95, 0.02].map(Math.acos) as [number, number];
  const times = Array.from(signal!.data as Float32Array, s => (Math.acos(s) - first) / (last - first));
  expect(times.map(time => Math.floor(16 * time))).toEqual(times.map((_, i) => i));
});

test('the same random number seed gives the same weights, another one others', async () => {
  const weights = async (rng: number) => {
    const training = { ...RECIPE.training, steps: 3 };
    return (await trainDenoiser(points, { ...RECIPE, training }, { runtime: await runtime, rng })).hash;
  };
  expect(await weights(1)).toBe(await weights(1));
  expect(await weights(1)).not.toBe(await weights(2));
});

describe('a training that was stopped', () => {
  const recipe = (steps: number, learningRate = 0.003): DenoiserRecipe => ({
    ...RECIPE,
    training: { ...RECIPE.training, decay: 'constant', learningRate, steps },
  });
  /** Trains up to a step. @returns the model, and the checkpoint that an onlooker takes there. */
  const until = async (steps: number, resume?: Uint8Array) => {
    let checkpoint: TrainProgress['checkpoint'] = () => new Uint8Array();
    const onProgress = (progress: TrainProgress) => {
      checkpoint = progress.checkpoint;
    };
    const model = await trainDenoiser(points, recipe(steps), { runtime: await runtime, resume, onProgress });
    return { model, checkpoint: checkpoint() };
  };

  test('goes on from its checkpoint to the bits of one that was not stopped', async () => {
    const straight = await until(9);
    const { checkpoint } = await until(4);
    const resumed = await until(9, checkpoint);
    expect(saveModel(resumed.model)).toEqual(saveModel(straight.model));
    expect(resumed.checkpoint).toEqual(straight.checkpoint);
  });

  test('does not go on as another, nor from damaged bytes', async () => {
    const { checkpoint } = await until(2);
    const goOn = async (resume: Uint8Array, learningRate?: number) =>
      trainDenoiser(points, recipe(3, learningRate), { runtime: await runtime, resume });
    await expect(goOn(checkpoint, 0.1)).rejects.toThrow(
      /started with config\.training\.learningRate 0\.003, and now it is 0\.1/,
    );
    await expect(goOn(checkpoint.slice(0, -1))).rejects.toThrow(/the checkpoint/);
  });
});

test('weights decay by adamw alone, as on the command line', async () => {
  const square = async (optimiser: 'adam' | 'adamw', weightDecay: number) => {
    const model = await trained(20, { training: { ...RECIPE.training, optimiser, weightDecay } });
    const weights = [...model.graph.initializers].filter(([name]) => name.endsWith('.weight'));
    return weights.reduce(
      (sum, [, { data }]) => sum + (data as Float32Array).reduce((a, b) => a + b ** 2, 0),
      0,
    );
  };
  const plain = await square('adam', 0);
  await expect(square('adam', 1)).rejects.toThrow("is AdamW's: give optimiser 'adamw'");
  expect(await square('adamw', 1)).toBeLessThan(0.99 * plain);
});

test('what is of data sets is no part of the recipe, and is refused', async () => {
  const recipe = { ...RECIPE, image: { size: 32 } } as DenoiserRecipe;
  await expect(trainDenoiser(points, recipe, { runtime: await runtime })).rejects.toThrow(
    'image.size is for data sets',
  );
});

test.each([
  ['one row of numbers', float32([4], [1, 2, 3, 4]), /takes points \[n, D\]/],
  ['what is not a number', float32([2, 1], [1, Number.NaN]), /not a number/],
])('refuses %s', async (_, items, message) => {
  await expect(trainDenoiser(items, RECIPE, { runtime: await runtime })).rejects.toThrow(message);
});

test('a recipe may say how the model samples, within what its schedule has', async () => {
  const training = { ...RECIPE.training, steps: 1 };
  const train = (recipe: Partial<DenoiserRecipe>) =>
    runtime.then(ready => trainDenoiser(points, { ...RECIPE, training, ...recipe }, { runtime: ready }));
  const sampler = { steps: 7, grid: 'logSnr' } as const;
  expect((await train({})).info.sampler).toEqual(ddim(10));
  expect((await train({ sampler })).info.sampler).toEqual({ ...ddim(7), grid: 'logSnr' });
  await expect(train({ sampler, schedule: { kind: 'flow' }, predicts: 'flow' })).rejects.toThrow(
    /there is no signal: from there no grid is even in log SNR/,
  );
});

test('bytes are told from pixels', async () => {
  const bytes = float32(
    [2, 1, 8, 8],
    Float32Array.from({ length: 128 }, (_, i) => i),
  );
  await expect(trainDenoiser(bytes, RECIPE)).rejects.toMatchObject({
    kind: 'BadArgument',
    message: expect.stringContaining('Divide bytes by 255'),
  });
});

test('says what is wrong with a recipe', async () => {
  const training = { ...RECIPE.training, steps: 0 };
  const wrong = trainDenoiser(points, { ...RECIPE, training }, { runtime: await runtime });
  await expect(wrong).rejects.toThrow(/steps/);
});

test('an open sampler grows what decode grows, and its trajectories lead from the seeds to the picture', async () => {
  const model = await trained(20);
  const { latent, pictures } = await sample(model, { count: 5, runtime: await runtime });
  const sampler = await openSampler(model, { runtime: await runtime, batch: 2 });
  const states = await sampler.trajectories(latent);
  expect(states.map(({ shape }) => shape)).toEqual(Array(11).fill([5, 2]));
  expect(states[0]).toEqual(latent);
  const { mean, std } = model.info.range;
  const landed = states[10]!.data.map((value, i) => mean[i % 2]! + std[i % 2]! * value);
  expect((await sampler.grow(latent)).data).toEqual(pictures.data);
  for (const [i, value] of landed.entries()) expect(value).toBeCloseTo(pictures.data[i]!, 5);
  await expect(sampler.grow(rows(float32([1, 3], [0, 0, 0]), 0, 1))).rejects.toThrow(/grows seeds \[n, 2\]/);
  await sampler.dispose();
});

test('growth says what the network believes in each state: of Gaussian data E[x0 | x] = s v x / (s^2 v + n^2)', async () => {
  const variance = 0.25;
  const model = gaussianDenoiser(variance, [2]);
  const sampler = await openSampler(model, { runtime: await runtime, batch: 2 });
  const latent = float32([3, 2], [1, -0.5, 0.25, 2, -1.5, 0.1]);
  const { states, clean } = await sampler.growth(latent);
  const { mean, std } = model.info.range;
  expect(states).toEqual(await sampler.trajectories(latent));
  const grid = samplerGrid(model.info, model.info.sampler);
  expect(clean).toHaveLength(grid.length);
  for (const [k, { from }] of grid.entries()) {
    const { signalRate: s, noiseRate: n } = from;
    const share = (s * variance) / (s * s * variance + n * n);
    for (const [i, x] of states[k]!.data.entries())
      expect(clean[k]!.data[i]).toBeCloseTo(mean[i % 2]! + std[i % 2]! * share * x, 4);
  }
  await sampler.dispose();
});

test('a part of a set that is to be learned is what is learned: items outside of it are never fed', async () => {
  const coordinates = Array.from({ length: 128 * 2 }, (_, i) => (i >= 128 ? 1 : 0));
  const dataset = itemsInMemory('halves:train', float32([128, 2], coordinates));
  const half = async (learn: [number, number]) => {
    const config = parseDenoiserConfig(
      {
        ...{ data: dataset.name, heldOut: 16, learn },
        network: { kind: 'mlp', channels: [4] },
        schedule: 'continuousCosine',
        training: { loss: 'mse', learningRate: 0.001, batch: 8, steps: 1 },
      },
      'the test',
    );
    const task = await denoiserTask(await runtime, { config, dataset, rng: 0, out: 'nowhere' });
    const fed = await Promise.all(
      Array.from({ length: 16 }, async (_, step) => (await task.feeds(step)).x0!),
    );
    return new Set(fed.flatMap(({ data }) => [...(data as Float32Array)]));
  };
  // Each half is of one value, so that it is standardised to nothing but zeros.
  expect([...(await half([0, 64]))]).toEqual([0]);
  expect([...(await half([64, 112]))]).toEqual([0]);
  expect((await half([32, 96])).size).toBe(2);
});
