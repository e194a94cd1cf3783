import { type Dataset, slice } from '../data/dataset.ts';
import { contactSheet } from '../data/sheet.ts';
import { Batches, prepare } from '../diffusion/batches.ts';
import { type EmbedderConfig, timeless } from '../diffusion/config.ts';
import { lossOf } from '../diffusion/denoiser-problem.ts';
import type { Denoiser, Embedder, EmbedderInfo } from '../diffusion/info.ts';
import { createModel, saveModel } from '../diffusion/model.ts';
import { seedPictures, toPixels } from '../diffusion/pictures.ts';
import { createSampler, unrollSampler } from '../diffusion/sampler.ts';
import { SeedbedError } from '../errors.ts';
import { buildNetwork } from '../nn/networks.ts';
import type { TrainingTask } from '../nn/trainer.ts';
import { joinPath, writeAtomic } from '../runtime/files.ts';
import { encodePng } from '../runtime/images.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { average, meanSquaredErrors, meanSquares } from '../tensor/statistics.ts';
import { type Floats, takeRows, unstack } from '../tensor/tensor.ts';
import { createEncoder } from './finders.ts';

/** Held-out pictures on which an embedder is measured, and those shown. */
const HELD_OUT_IMAGES = 128;
const SHOWN_IMAGES = 8;

export interface EmbedderTraining {
  readonly config: EmbedderConfig;
  readonly denoiser: Denoiser;
  readonly dataset: Dataset;
  readonly rng: number;
  readonly out: string;
  /** Goes on from this model's weights. */
  readonly init?: Embedder | undefined;
  /** Gives seeds and what they grow when the first step needs them; objective 'pairs' learns from these. */
  readonly pairs?: (() => Promise<Pairs>) | undefined;
}

/** Seeds and what they grow, standardised, both [n, ...shape]. */
export interface Pairs {
  readonly latent: Floats;
  readonly x: Floats;
}

/**
 * The training of an embedding network E through a frozen sampler F (Asperti et al. 2023, section 5.2): the distance
 * between x and F(E(x)); or, cheaper, on generated pairs: the distance between z and E(F(z)).
 */
export async function embedderTask(runtime: Runtime, training: EmbedderTraining): Promise<TrainingTask> {
  const { config, denoiser, dataset, rng, init } = training;
  const { batch, objective, loss } = config.training;
  const { info: from } = denoiser;
  checkDataset(dataset, denoiser, config);
  const learned = slice(dataset, 0, dataset.length - config.heldOut);
  const kept = slice(dataset, dataset.length - config.heldOut, dataset.length);
  const info = describe(training);
  const network = buildNetwork(
    config.network,
    { name: info.name, shape: from.shape, level: null, output: 'latent' },
    rng,
    init?.graph.initializers,
  );
  const batches = new Batches(learned.length, rng, batch);
  const onPairs = objective === 'pairs';
  let generated: Promise<Pairs> | undefined;
  const pairBatches = new Batches(config.training.pairs, rng, batch);
  const shape = [batch, ...from.shape];

  return {
    network,
    batch,
    about: {
      data: dataset.name,
      items: dataset.length,
      rng,
      denoiser: denoiser.hash,
      init: init?.hash ?? null,
      config: timeless(config),
    },
    loss({ b, network: play }) {
      const x = b.input('x', 'float32', shape);
      const latent = play({ x }).latent!;
      if (onPairs) return lossOf(b, latent, b.input('latent target', 'float32', shape), loss);
      return lossOf(b, unrollSampler(b, denoiser, latent, from.sampler), x, loss);
    },
    async feeds(step): Promise<Record<string, Floats>> {
      if (!onPairs)
        return { x: prepare(await learned.read(batches.indices(step)), from.padding, from.range) };
      generated ??= training.pairs!();
      const pairs = await generated;
      const indices = pairBatches.indices(step);
      return { x: takeRows(pairs.x, indices), 'latent target': takeRows(pairs.latent, indices) };
    },
    async evaluate(graph) {
      const { original, grown, latent } = await reconstruct(
        runtime,
        createModel(graph, info),
        denoiser,
        kept,
        HELD_OUT_IMAGES,
      );
      return {
        heldOut: average(meanSquaredErrors(original, grown)),
        details: { latentVariance: average(meanSquares(latent)) },
      };
    },
    async save(graph, step) {
      const model = createModel(graph, { ...info, training: { ...info.training, steps: step } });
      await writeAtomic(joinPath(training.out, 'model.onnx'), saveModel(model));
      const { original, grown, latent } = await reconstruct(runtime, model, denoiser, kept, SHOWN_IMAGES);
      const seeds = seedPictures(denoiser, latent);
      const path = joinPath(training.out, 'samples', `${String(step).padStart(6, '0')}.png`);
      await writeAtomic(path, await encodePng(contactSheet([unstack(original), seeds, unstack(grown)])));
    },
  };
}

function describe({ config, denoiser, dataset, rng }: EmbedderTraining): EmbedderInfo {
  const { shape, range, padding, sampler, name } = denoiser.info;
  return {
    seedbed: 1,
    kind: 'embedder',
    name: `${name}-embedder`,
    inputs: { image: 'x' },
    output: 'latent',
    shape,
    range,
    padding,
    sampler,
    denoiser: denoiser.hash,
    training: { data: dataset.name, steps: 0, rng, config },
  };
}

function checkDataset(dataset: Dataset, denoiser: Denoiser, config: EmbedderConfig): void {
  const wanted = denoiser.info.shape.map((dim, axis) => (axis === 0 ? dim : dim - 2 * denoiser.info.padding));
  if (dataset.shape.join() !== wanted.join()) {
    throw new SeedbedError(
      'BadShape',
      `${dataset.name} holds [${dataset.shape}]; the denoiser takes [${wanted}]. Bring pictures of that size, or a folder of pictures, which are made to fit`,
    );
  }
  if (dataset.length < config.heldOut + config.training.batch) {
    throw new SeedbedError(
      'BadArgument',
      `${dataset.name} has ${dataset.length} items; heldOut ${config.heldOut} and a batch of ${config.training.batch} need more`,
    );
  }
}

/** Pictures of a data set, embedded and grown again: pixels in [0,1] inside the padding, and the seeds. */
async function reconstruct(
  runtime: Runtime,
  embedder: Embedder,
  denoiser: Denoiser,
  data: Dataset,
  most: number,
) {
  const count = Math.min(most, data.length);
  const original = await data.read(Array.from({ length: count }, (_, i) => i));
  const batch = Math.min(16, count);
  const encoder = await createEncoder(runtime, embedder, batch);
  const sampler = await createSampler(runtime, denoiser, denoiser.info.sampler, batch);
  const latent = await encoder.run(prepare(original, denoiser.info.padding, denoiser.info.range));
  const grown = toPixels(await sampler.sample(latent), denoiser.info);
  await Promise.all([encoder.dispose(), sampler.dispose()]);
  return { original, grown, latent };
}
