import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Dataset, imagesInMemory } from '../../src/data/dataset.ts';
import { type DenoiserConfig, parseDenoiserConfig } from '../../src/diffusion/config.ts';
import { denoiserTask } from '../../src/diffusion/train-denoiser.ts';
import { createTrainee } from '../../src/nn/training-step.ts';
import type { Runtime } from '../../src/runtime/runtime.ts';
import { readSafetensors } from '../../src/tensor/safetensors.ts';
import { inRepository } from '../paths.ts';
import { LEARNING } from '../results.ts';
import type { Work } from './serve.ts';

// A network that learns from nothing: the recipe that the shipped denoiser was trained by beside the authors' own.

export const LESSON = 'lesson.safetensors';

/** Seedbed's recipe at a length of so many steps. */
export function ownRecipe(steps: number): DenoiserConfig {
  const config = JSON.parse(readFileSync(inRepository(LEARNING.recipe), 'utf8'));
  const training = { ...config.training, steps, batch: LEARNING.batch };
  return parseDenoiserConfig({ ...config, training }, LEARNING.recipe);
}

/** The same network by the recipe of the paper's code: absolute error of the noise, Adam at 1e-4, batches of 16. */
export function authorsRecipe(): DenoiserConfig {
  const { predicts, training, ...config } = ownRecipe(1);
  const { levels, warmup, ...rest } = training;
  return parseDenoiserConfig(
    {
      ...config,
      training: {
        ...rest,
        loss: 'mae',
        learningRate: 1e-4,
        decay: 'constant',
        ema: 0.999,
      },
    },
    'the recipe of the paper’s code',
  );
}

/** The pictures that both sides learn from; the last of them are held out. */
export function lessonPictures(folder: string): Dataset {
  const name = join(folder, LESSON);
  const pixels = readSafetensors(readFileSync(name), name).tensors.get('pixels')!;
  return imagesInMemory('fashion-mnist', pixels.shape.slice(1), pixels.data as Uint8Array);
}

/** Seedbed's training from the start, by {@link ownRecipe}. */
export async function learning(runtime: Runtime, folder: string, steps: number): Promise<Work> {
  const config = ownRecipe(steps);
  const task = await denoiserTask(runtime, { config, dataset: lessonPictures(folder), rng: 0, out: folder });
  const trainee = await createTrainee(runtime, task, config.training);
  const state = trainee.begin();
  return {
    step: () => trainee.advance(state, steps),
    heldOut: async () => (await task.evaluate(trainee.averaged(state), state.step)).heldOut,
    dispose: () => trainee.dispose(),
  };
}
