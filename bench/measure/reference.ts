import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { samplerGrid } from '../../src/diffusion/grid.ts';
import { createSampler } from '../../src/diffusion/sampler.ts';
import { RECIPES } from '../../src/embedding/recipes.ts';
import { ADAM } from '../../src/nn/adam.ts';
import type { TrainingTask } from '../../src/nn/trainer.ts';
import { createRuntime } from '../../src/runtime/node.ts';
import type { Feeds } from '../../src/runtime/runtime.ts';
import { writeSafetensors } from '../../src/tensor/safetensors.ts';
import { float32, type Tensor } from '../../src/tensor/tensor.ts';
import { STEPS } from '../results.ts';
import * as tasks from './tasks.ts';

// Writes what a rival needs to do the same work, and Seedbed's own results by which it proves that it does:
// reference.ts FOLDER THREADS makes FOLDER/reference.safetensors.
const [folder, threads] = process.argv.slice(2) as [string, string];
const runtime = await createRuntime({ threads: Number(threads) });
const BATCH = 2;

const tensors: Record<string, Tensor> = {};
const keep = (prefix: string, named: Iterable<readonly [string, Tensor]>) => {
  for (const [name, tensor] of named) tensors[`${prefix}/${name}`] = tensor;
};

keep('denoiser', tasks.denoiser.graph.initializers);
keep('embedder', tasks.embedder.graph.initializers);

const latent = tasks.noise('latent', BATCH);
const sampler = await createSampler(runtime, tasks.denoiser, tasks.inSteps(STEPS), BATCH);
keep('sampling', Object.entries({ latent, x0: await sampler.sample(latent) }));

// After the first iteration Adam's average of the gradients is (1 - beta1) times the first of them.
const descent = await tasks.descent(runtime, BATCH);
const { m } = await descent.step();
await descent.dispose();
const gradient = float32(
  latent.shape,
  m.data.map(value => value / (1 - ADAM.beta1)),
);
keep('descent', Object.entries({ latent, target: tasks.noise('target', BATCH), gradient }));

/** The losses of the first two training steps on one batch. */
async function losses(task: TrainingTask, feeds: Feeds): Promise<Tensor> {
  const means: number[] = [];
  const out = join(folder, 'reference');
  const steps = await tasks.trainingSteps(runtime, task, feeds, out, ({ loss }) => means.push(loss));
  for (let step = 0; step < 2; step++) await steps.step();
  await steps.dispose();
  const [first, both] = means as [number, number];
  return float32([2], [first, 2 * both - first]);
}

const trainings = {
  denoiser: await tasks.denoiserTraining(runtime, BATCH, folder),
  embedder: await tasks.embedderTraining(runtime, BATCH, folder),
};
for (const [name, task] of Object.entries(trainings)) {
  const feeds = await task.feeds(0);
  keep(`train ${name}`, Object.entries({ ...feeds, losses: await losses(task, feeds) }));
}

const grid = samplerGrid(tasks.denoiser.info, tasks.inSteps(STEPS)).map(({ from, to }) => [
  from.signalRate,
  from.noiseRate,
  to.signalRate,
  to.noiseRate,
]);
const { config } = trainings.denoiser.about as { config: { network: object } };
const settings = {
  shape: tasks.denoiser.info.shape,
  network: config.network,
  grid,
  descent: { learningRate: RECIPES.seedbed.learningRate },
  training: {
    denoiser: tasks.optimiserOf(trainings.denoiser),
    embedder: tasks.optimiserOf(trainings.embedder),
  },
};
mkdirSync(folder, { recursive: true });
writeFileSync(
  join(folder, 'reference.safetensors'),
  writeSafetensors(tensors, { settings: JSON.stringify(settings) }),
);
