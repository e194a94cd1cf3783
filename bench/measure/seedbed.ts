import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { createRuntime } from '../../src/runtime/node.ts';
import type { Device } from '../../src/runtime/runtime.ts';
import { inRepository } from '../paths.ts';
import type { Task } from '../results.ts';
import { countingRuntime } from './counting.ts';
import { learning } from './learning.ts';
import { serve, type Work } from './serve.ts';
import * as tasks from './tasks.ts';

// Seedbed's side of the benchmark: seedbed.ts FOLDER THREADS DEVICE
const [folder, threads, device] = process.argv.slice(2) as [string, string, Device];
const plain = await createRuntime({ device, threads: Number(threads) });
const { runtime, flops } = countingRuntime(plain);

const makers: Record<Task, (size: number) => Promise<Work>> = {
  sampling: batch => tasks.sampling(runtime, batch),
  descent: batch => tasks.descent(runtime, batch),
  denoiser: async batch => training(await tasks.denoiserTraining(runtime, batch, folder)),
  embedder: async batch => training(await tasks.embedderTraining(runtime, batch, folder)),
  learning: steps => learning(plain, folder, steps),
  product: size => tasks.products(runtime, size),
  checkpointed: steps => tasks.checkpointed(runtime, steps),
  // Counting looks at every graph that is loaded, and here loading is part of what is timed.
  scale: count => tasks.scale(plain, count),
};

async function training(task: Awaited<ReturnType<typeof tasks.denoiserTraining>>): Promise<Work> {
  return tasks.trainingSteps(runtime, task, await task.feeds(0), join(folder, 'run'));
}

const { version } = JSON.parse(readFileSync(inRepository('package.json'), 'utf8'));
const engine = createRequire(import.meta.url)('onnxruntime-node/package.json').version;
await serve(
  `Seedbed ${version} (ONNX Runtime ${engine}, ${device})`,
  (task, setting) => makers[task](setting.batch),
  flops,
);
