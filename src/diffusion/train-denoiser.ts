import { type Dataset, slice } from '../data/dataset.ts';
import {
  clipPixels,
  cropImages,
  measureStandardisation,
  type Standardisation,
  unstandardise,
} from '../data/pixels.ts';
import { contactSheet } from '../data/sheet.ts';
import { SeedbedError } from '../errors.ts';
import { GraphBuilder, type Value } from '../graph/builder.ts';
import { replay } from '../graph/replay.ts';
import { buildNetwork } from '../nn/networks.ts';
import type { StepContext, TrainingTask } from '../nn/trainer.ts';
import { joinPath, writeAtomic } from '../runtime/files.ts';
import { encodePng } from '../runtime/images.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { fillUniform, normals } from '../tensor/random.ts';
import { float32, rows, type Tensor, unstack } from '../tensor/tensor.ts';
import { Batches, prepare } from './batches.ts';
import type { DenoiserConfig, LossKind } from './config.ts';
import { type Denoiser, type DenoiserInfo, ddim } from './info.ts';
import { createModel, saveModel } from './model.ts';
import { createSampler } from './sampler.ts';
import { ratesAt } from './schedule.ts';

/** Steps of the sampler that a freshly trained model names as its own. */
const SAMPLER_STEPS = 10;
/** Held-out images and the noise levels over which they are spread. */
const HELD_OUT_IMAGES = 512;
const HELD_OUT_LEVELS = 16;

export interface DenoiserTraining {
  readonly config: DenoiserConfig;
  readonly dataset: Dataset;
  readonly rng: number;
  readonly out: string;
  /** Goes on from this model's weights. */
  readonly init?: Denoiser | undefined;
}

/**
 * The training of a denoiser, Algorithm 1 of Asperti et al. 2023: epsilon is predicted from
 * s x0 + n epsilon at a diffusion time drawn uniformly from [0, 1].
 */
export async function denoiserTask(runtime: Runtime, training: DenoiserTraining): Promise<TrainingTask> {
  const { config, dataset, rng, init } = training;
  const { heldOut, image, schedule } = config;
  if (dataset.length < heldOut + config.training.batch) {
    throw new SeedbedError(
      'BadArgument',
      `${dataset.name} has ${dataset.length} items; heldOut ${heldOut} and a batch of ${config.training.batch} need more. Lower them in the configuration`,
    );
  }
  const [from, to] = config.learn ?? [0, dataset.length - heldOut];
  const learned = slice(slice(dataset, 0, dataset.length - heldOut), from, to);
  const kept = slice(dataset, dataset.length - heldOut, dataset.length);
  if (init) checkStart(init, config, dataset);
  const range = init ? init.info.range : await measureStandardisation(learned, image.padding);
  const info = describe(config, dataset, rng, range);
  const network = buildNetwork(
    config.network,
    { name: info.name, shape: info.shape, level: info.inputs.level, output: info.output },
    rng,
    init?.graph.initializers,
  );
  const batches = new Batches(learned.length, rng, config.training.batch);
  const batch = config.training.batch;

  return {
    network,
    batch,
    about: {
      data: dataset.name,
      items: dataset.length,
      rng,
      range,
      init: init?.hash ?? null,
      config: timeless(config),
    },
    loss: context => denoiserLoss(context, info, batch, config.training.loss),
    async feeds(step) {
      const indices = batches.indices(step);
      const times = new Float64Array(batch);
      fillUniform({ seed: rng, purpose: 'training time' }, step, 0, times);
      return {
        x0: prepare(await dataset.read(indices), image.padding, range),
        epsilon: normals({ seed: rng, purpose: 'training noise' }, [batch, ...info.shape], row => ({
          image: step,
          start: row,
        })),
        ...rateFeeds(
          Array.from(times, t => ratesAt(schedule, t)),
          info.shape,
        ),
      };
    },
    evaluate: graph => heldOutLoss(runtime, createModel(graph, info), kept, config.training.loss, rng),
    async save(graph, step) {
      const model = createModel(graph, { ...info, training: { ...info.training, steps: step } });
      await writeAtomic(joinPath(training.out, 'model.onnx'), saveModel(model));
      await writeSamples(
        runtime,
        model,
        joinPath(training.out, 'samples', `${String(step).padStart(6, '0')}.png`),
        rng,
      );
    },
  };
}

/** A configuration without what may change when a run is resumed: how long it is, and how often it is looked at. */
export function timeless<
  C extends { training: { steps: number; checkpointEvery: number; evaluateEvery: number } },
>(config: C) {
  const { steps: _, checkpointEvery: __, evaluateEvery: ___, ...training } = config.training;
  return { ...config, training };
}

function describe(
  config: DenoiserConfig,
  dataset: Dataset,
  rng: number,
  range: Standardisation,
): DenoiserInfo {
  const shape = paddedShape(dataset, config.image.padding);
  return {
    seedbed: 1,
    kind: 'denoiser',
    name: `${dataset.name.split(':')[0]}-${shape.at(-1)}`,
    inputs: { image: 'x', level: 'noise_variance' },
    output: 'epsilon',
    predicts: 'epsilon',
    level: 'noiseVariance',
    shape,
    range: { from: [0, 1], mean: range.mean, std: range.std },
    padding: config.image.padding,
    schedule: config.schedule,
    sampler: ddim(SAMPLER_STEPS),
    training: { data: dataset.name, steps: 0, rng, config },
  };
}

function checkStart(init: Denoiser, config: DenoiserConfig, dataset: Dataset): void {
  const asked = {
    shape: paddedShape(dataset, config.image.padding),
    padding: config.image.padding,
    schedule: config.schedule,
  };
  const [theirs, ours] = [init.info, asked].map(({ shape, padding, schedule }) =>
    JSON.stringify({ shape, padding, schedule }),
  );
  if (theirs !== ours)
    throw new SeedbedError(
      'Mismatch',
      `the model to start from works on ${theirs}, the configuration asks for ${ours}`,
    );
}

function paddedShape(dataset: Dataset, padding: number): number[] {
  return dataset.shape.map((dim, axis) => (axis === 0 ? dim : dim + 2 * padding));
}

function denoiserLoss({ b, network }: StepContext, info: DenoiserInfo, batch: number, kind: LossKind): Value {
  const x0 = b.input('x0', 'float32', [batch, ...info.shape]);
  const epsilon = b.input('epsilon', 'float32', [batch, ...info.shape]);
  const broadcast = [batch, ...info.shape.map(() => 1)];
  const signal = b.input('signal', 'float32', broadcast);
  const noise = b.input('noise', 'float32', broadcast);
  const noisy = b.add(b.mul(signal, x0), b.mul(noise, epsilon));
  const level = b.reshape(b.mul(noise, noise), [batch]);
  const predicted = network({ [info.inputs.image]: noisy, [info.inputs.level]: level })[info.output]!;
  return lossOf(b, predicted, epsilon, kind);
}

/** Mean absolute or mean squared error over all elements. */
export function lossOf(b: GraphBuilder, predicted: Value, target: Value, kind: LossKind): Value {
  const difference = b.sub(predicted, target);
  return b.meanAll(kind === 'mae' ? b.abs(difference) : b.mul(difference, difference));
}

function rateFeeds(
  rates: readonly { signalRate: number; noiseRate: number }[],
  shape: readonly number[],
): Record<'signal' | 'noise', Tensor<'float32'>> {
  const broadcast = [rates.length, ...shape.map(() => 1)];
  return {
    signal: float32(
      broadcast,
      rates.map(r => r.signalRate),
    ),
    noise: float32(
      broadcast,
      rates.map(r => r.noiseRate),
    ),
  };
}

/**
 * The denoiser's loss on held-out images, over evenly spaced diffusion times, with fixed noise.
 * @returns the mean, and the loss at each time.
 */
export async function heldOutLoss(
  runtime: Runtime,
  model: Denoiser,
  kept: Dataset,
  kind: LossKind,
  rng: number,
) {
  const { info } = model;
  const count = Math.min(HELD_OUT_IMAGES, kept.length - (kept.length % HELD_OUT_LEVELS));
  const batch = count / HELD_OUT_LEVELS;
  const b = new GraphBuilder('held-out loss');
  const context: StepContext = { b, network: inputs => replay(b, model.graph, inputs) };
  const session = await runtime.load(b.build({ loss: denoiserLoss(context, info, batch, kind) }));
  const pixels = await kept.read(Array.from({ length: count }, (_, i) => i));
  const x0 = prepare(pixels, info.padding, info.range);
  const epsilon = normals({ seed: rng, purpose: 'held-out noise' }, x0.shape);
  const byLevel: Record<string, number> = {};
  for (let level = 0; level < HELD_OUT_LEVELS; level++) {
    const time = (level + 0.5) / HELD_OUT_LEVELS;
    const part = (t: Tensor<'float32'>) => rows(t, level * batch, (level + 1) * batch);
    const rates = rateFeeds(new Array(batch).fill(ratesAt(info.schedule, time)), info.shape);
    const { loss } = await session.run({ x0: part(x0), epsilon: part(epsilon), ...rates });
    byLevel[time.toFixed(3)] = Number((loss!.data as Float32Array)[0]!.toPrecision(5));
  }
  await session.dispose();
  const losses = Object.values(byLevel);
  return {
    heldOut: losses.reduce((sum, loss) => sum + loss, 0) / losses.length,
    details: { heldOutByTime: byLevel },
  };
}

/** Generated pictures from fixed seeds, so that training can be watched. */
async function writeSamples(runtime: Runtime, model: Denoiser, path: string, rng: number): Promise<void> {
  const { shape, sampler, range, padding } = model.info;
  if (shape.length !== 3) return;
  const [across, down] = [8, 4];
  const engine = await createSampler(runtime, model, sampler, 16);
  const generated = await engine.sample(normals({ seed: rng, purpose: 'sample' }, [across * down, ...shape]));
  await engine.dispose();
  const pictures = clipPixels(cropImages(unstandardise(generated, range), padding));
  const grid = Array.from({ length: down }, (_, row) =>
    unstack(rows(pictures, row * across, (row + 1) * across)),
  );
  await writeAtomic(path, await encodePng(contactSheet(grid)));
}
