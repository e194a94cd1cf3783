import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openDataset } from '../../src/data/open.ts';
import { type DenoiserConfig, parseDenoiserConfig } from '../../src/diffusion/config.ts';
import { asDenoiser, readModel } from '../../src/diffusion/model.ts';
import { denoiserTask } from '../../src/diffusion/train-denoiser.ts';
import { type TrainingOptions, train } from '../../src/nn/trainer.ts';
import { learningRateAt } from '../../src/nn/training-step.ts';
import { createRuntime } from '../../src/runtime/node.ts';
import { readSafetensors } from '../../src/tensor/safetensors.ts';

const runtime = await createRuntime({ threads: 1 });
const config: DenoiserConfig = parseDenoiserConfig(
  {
    data: 'circles:train',
    heldOut: 64,
    network: { kind: 'mlp', channels: [32, 32], embedding: 16 },
    schedule: 'continuousCosine',
    training: {
      loss: 'mse',
      learningRate: 0.003,
      batch: 64,
      steps: 60,
      ema: 0.9,
      checkpointEvery: 10,
      evaluateEvery: 20,
    },
  },
  'test',
);

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'seedbed-train-'));
});
afterEach(() => rm(folder, { recursive: true }));

async function run(out: string, options: Partial<TrainingOptions> = {}, rate = 0.003) {
  const task = await denoiserTask(runtime, { config, dataset: await openDataset('circles'), rng: 0, out });
  const optimiser = { learningRate: rate, decay: 'cosine', warmup: 5, weightDecay: 0, ema: 0.9 } as const;
  const { steps, checkpointEvery, evaluateEvery } = config.training;
  return train(runtime, task, { optimiser, steps, out, config, checkpointEvery, evaluateEvery, ...options });
}

const log = async (out: string) =>
  (await readFile(join(out, 'log.jsonl'), 'utf8'))
    .trim()
    .split('\n')
    .map(line => JSON.parse(line) as Record<string, number>);

describe('training', () => {
  test('lowers the held-out loss and leaves a model that describes itself', async () => {
    const result = await run(folder);
    expect(result).toMatchObject({ step: 60, finished: true });
    const lines = await log(folder);
    expect(lines.map(line => line.step)).toEqual([20, 40, 60]);
    expect(lines[2]!.heldOut!).toBeLessThan(0.8 * lines[0]!.heldOut!);
    const file = join(folder, 'model.onnx');
    const model = asDenoiser(readModel(await readFile(file), file), file);
    expect(model.info).toMatchObject({ shape: [2], training: { steps: 60, rng: 0 } });
  });

  test('stopped at any step and resumed, it gives the same bytes', async () => {
    const whole = join(folder, 'whole');
    await run(whole);
    const parts = join(folder, 'parts');
    for (const stopAt of [7, 10, 33]) {
      const controller = new AbortController();
      const onProgress = ({ step }: { step: number }) => void (step === stopAt && controller.abort());
      expect((await run(parts, { resume: true, signal: controller.signal, onProgress })).step).toBe(stopAt);
    }
    await run(parts, { resume: true });
    for (const name of ['model.onnx', 'checkpoint.safetensors']) {
      expect(await readFile(join(parts, name)), name).toEqual(await readFile(join(whole, name)));
    }
    const timeless = (lines: Record<string, number>[]) =>
      lines.map(({ step, heldOut, learningRate }) => ({ step, heldOut, learningRate }));
    expect(timeless(await log(parts))).toEqual(timeless(await log(whole)));
  });

  test('divergence stops it, is said, and the last checkpoint stays', async () => {
    await run(folder, { steps: 60, signal: AbortSignal.timeout(60_000), minutes: 1 });
    const before = await readFile(join(folder, 'checkpoint.safetensors'));
    await expect(run(folder, { resume: true, steps: 200 }, 1e30)).rejects.toThrow(
      /diverged: the loss at step \d+/,
    );
    expect(await readFile(join(folder, 'checkpoint.safetensors'))).toEqual(before);
  });

  test('weights that are no longer numbers are never saved', async () => {
    await expect(run(folder, { steps: 1 }, 1e39)).rejects.toThrow(/diverged by step 1/);
    const { tensors } = readSafetensors(await readFile(join(folder, 'checkpoint.safetensors')), 'checkpoint');
    for (const t of tensors.values()) expect((t.data as Float32Array).every(Number.isFinite)).toBe(true);
  });

  test('a damaged or foreign checkpoint is named', async () => {
    await run(folder, { steps: 10 });
    const path = join(folder, 'checkpoint.safetensors');
    const bytes = await readFile(path);
    await writeFile(path, bytes.subarray(0, bytes.length - 10));
    await expect(run(folder, { resume: true })).rejects.toThrow(path);
    const other = { ...config, network: { ...config.network, channels: [16] } };
    await writeFile(path, bytes);
    const task = await denoiserTask(runtime, {
      config: other,
      dataset: await openDataset('circles'),
      rng: 0,
      out: folder,
    });
    const optimiser = { learningRate: 1e-3, decay: 'constant', warmup: 0, weightDecay: 0, ema: 0 } as const;
    const resumed = train(runtime, task, {
      optimiser,
      steps: 20,
      out: folder,
      config: other,
      resume: true,
      checkpointEvery: 10,
      evaluateEvery: 10,
    });
    await expect(resumed).rejects.toThrow('started with config.network.channels [32,32], and now it is [16]');
  });
});

test('the learning rate rises, then falls along a cosine', () => {
  const optimiser = { learningRate: 1, decay: 'cosine', warmup: 4, weightDecay: 0, ema: 0 } as const;
  expect(learningRateAt(optimiser, 0, 100)).toBeCloseTo(0.25, 6);
  expect(learningRateAt(optimiser, 50, 100)).toBeCloseTo(0.5, 6);
  expect(learningRateAt(optimiser, 100, 100)).toBeCloseTo(0, 6);
  expect(learningRateAt({ ...optimiser, decay: 'constant' }, 100, 100)).toBe(1);
});
