import { readFileSync } from 'node:fs';
import { imagesInMemory } from '../../src/data/dataset.ts';
import { parseDenoiserConfig, parseEmbedderConfig } from '../../src/diffusion/config.ts';
import type { Denoiser } from '../../src/diffusion/info.ts';
import { asDenoiser, asEmbedder, createModel, readModel } from '../../src/diffusion/model.ts';
import { pictureShape } from '../../src/diffusion/pictures.ts';
import { createSampler } from '../../src/diffusion/sampler.ts';
import { checkpointedSampler } from '../../src/diffusion/sampler-gradient.ts';
import { denoiserTask } from '../../src/diffusion/train-denoiser.ts';
import { embed } from '../../src/embedding/embed.ts';
import { RECIPES } from '../../src/embedding/recipes.ts';
import { createStepper, type Moving } from '../../src/embedding/stepper.ts';
import { embedderTask } from '../../src/embedding/train-embedder.ts';
import { GraphBuilder } from '../../src/graph/builder.ts';
import { buildNetwork } from '../../src/nn/networks.ts';
import { type TrainingProgress, type TrainingTask, train } from '../../src/nn/trainer.ts';
import type { Feeds, Runtime } from '../../src/runtime/runtime.ts';
import { normals } from '../../src/tensor/random.ts';
import { type Floats, float32, zeros } from '../../src/tensor/tensor.ts';
import { inRepository } from '../paths.ts';
import { STEPS } from '../results.ts';
import { byRounds, type Work } from './serve.ts';

const shipped = (name: string) => readModel(readFileSync(inRepository(`models/${name}.onnx`)), name);
export const denoiser = asDenoiser(shipped('fashion-mnist'), 'denoiser');
export const embedder = asEmbedder(shipped('fashion-mnist-embedder'), 'embedder');

/** The shipped denoiser's sampler, in so many steps. */
export const inSteps = (steps: number) => ({ ...denoiser.info.sampler, steps });

/** Standard normal numbers in the shape of the model's pictures, the same for the same purpose. */
export function noise(purpose: string, batch: number): Floats {
  return normals({ seed: 0, purpose }, [batch, ...denoiser.info.shape]);
}

/** The whole sampler over one batch. */
export async function sampling(runtime: Runtime, batch: number): Promise<Work> {
  const sampler = await createSampler(runtime, denoiser, inSteps(STEPS), batch);
  const latent = noise('latent', batch);
  return { step: () => sampler.sample(latent), dispose: () => sampler.dispose() };
}

/** Iterations of descent on a batch of seeds; a step gives what it has come to. */
export async function descent(runtime: Runtime, batch: number): Promise<Work<Moving>> {
  const recipe = RECIPES.seedbed;
  const { stepper } = await createStepper(runtime, denoiser, batch, recipe, inSteps(STEPS));
  const latent = noise('latent', batch);
  const target = noise('target', batch);
  let state: Moving = { latent, m: zeros('float32', latent.shape), v: zeros('float32', latent.shape) };
  let iteration = 0;
  return {
    async step() {
      ({ state } = await stepper.advance(state, target, recipe.learningRate, ++iteration));
      return state;
    },
    dispose: () => stepper.dispose(),
  };
}

/** Pictures of noise. */
function pictures(count: number) {
  const shape = pictureShape(denoiser);
  const size = shape.reduce((product, dim) => product * dim, 1);
  const pixels = Uint8Array.from({ length: count * size }, (_, i) => Math.imul(i, 2654435761) >>> 24);
  return imagesInMemory('noise', shape, pixels);
}

const HELD_OUT = 16;

function configuration(name: string, batch: number) {
  const config = JSON.parse(readFileSync(inRepository(`configs/${name}.json`), 'utf8'));
  const training = { ...config.training, batch, decay: 'constant', warmup: 0 };
  return { ...config, heldOut: HELD_OUT, training };
}

/** The training of the shipped denoiser's network by its configuration, but for the batch and a constant rate. */
export function denoiserTraining(runtime: Runtime, batch: number, out: string): Promise<TrainingTask> {
  const config = parseDenoiserConfig(configuration('fashion-mnist-v', batch), 'denoiser');
  const dataset = pictures(batch + HELD_OUT);
  return denoiserTask(runtime, { config, dataset, rng: 0, out, init: denoiser });
}

/** The same for the shipped embedder. */
export function embedderTraining(runtime: Runtime, batch: number, out: string): Promise<TrainingTask> {
  const config = parseEmbedderConfig(configuration('fashion-mnist-embedder', batch), 'embedder');
  const dataset = pictures(batch + HELD_OUT);
  return embedderTask(runtime, { config, denoiser, dataset, rng: 0, out, init: embedder });
}

/** The optimiser of a training task's configuration. */
export function optimiserOf(task: TrainingTask) {
  return (task.about.config as ReturnType<typeof parseDenoiserConfig>).training;
}

/** Training steps on one and the same batch; nothing is measured or saved on the way. */
export function trainingSteps(
  runtime: Runtime,
  task: TrainingTask,
  feeds: Feeds,
  out: string,
  onProgress: (progress: TrainingProgress) => void = () => {},
): Promise<Work> {
  return byRounds(turn => {
    const loop: TrainingTask = {
      ...task,
      feeds: () => turn().then(() => feeds),
      evaluate: async () => ({ heldOut: 0 }),
      save: async () => {},
    };
    return train(runtime, loop, {
      optimiser: optimiserOf(task),
      steps: Number.MAX_SAFE_INTEGER,
      checkpointEvery: Number.MAX_SAFE_INTEGER,
      evaluateEvery: Number.MAX_SAFE_INTEGER,
      out,
      config: {},
      onProgress,
    });
  });
}

/** Matrix products one after the other, with so little after them that they are all that takes time. */
export async function products(runtime: Runtime, size: number): Promise<Work> {
  const b = new GraphBuilder('products');
  const matrix = normals({ seed: 0, purpose: 'matrix' }, [size, size]);
  const scaled = float32(
    matrix.shape,
    matrix.data.map(value => value / Math.sqrt(size)),
  );
  const right = b.constant(scaled, 'right');
  const chain = [1, 2, 3, 4].reduce(left => b.matmul(left, right), b.input('left', 'float32', [size, size]));
  const session = await runtime.load(b.build({ mean: b.meanAll(chain) }));
  return { step: () => session.run({ left: scaled }), dispose: () => session.dispose() };
}

/** The gradient of the sampler of T steps, one step at a time. */
export async function checkpointed(runtime: Runtime, steps: number): Promise<Work> {
  const batch = 4;
  const sampler = await checkpointedSampler(runtime, denoiser, inSteps(steps), batch);
  const latent = noise('latent', batch);
  return { step: () => sampler.run(latent, async x0 => x0), dispose: () => sampler.dispose() };
}

/** Seeds by one iteration of descent through two steps of a small network: what grows here grows with their number. */
export async function scale(runtime: Runtime, count: number): Promise<Work> {
  const { info } = denoiser;
  const small = { kind: 'unet', channels: [8, 16], blocks: 1, embedding: 16, attention: null } as const;
  const network = buildNetwork(
    small,
    { name: 'small', shape: info.shape, level: info.inputs.level, output: info.output },
    0,
  );
  const model: Denoiser = createModel(network, info);
  const images = await pictures(count).read(Array.from({ length: count }, (_, i) => i));
  const once = { ...RECIPES.seedbed, iterations: 1 };
  return {
    step: () => embed(model, images, { runtime, method: 'descent', recipe: once, samplerSteps: 2 }),
    dispose: async () => {},
  };
}
