import { type Dataset, slice } from '../data/dataset.ts';
import { contactSheet } from '../data/sheet.ts';
import { Batches, prepare } from '../diffusion/batches.ts';
import { type EmbedderConfig, timeless } from '../diffusion/config.ts';
import { lossOf } from '../diffusion/denoiser-problem.ts';
import { type Denoiser, type Embedder, type EmbedderInfo, picturesSeen } from '../diffusion/info.ts';
import { createModel, saveModel } from '../diffusion/model.ts';
import { seedPictures, toPixels } from '../diffusion/pictures.ts';
import { createSampler, unrollSampler } from '../diffusion/sampler.ts';
import { SeedbedError } from '../errors.ts';
import type { GraphBuilder } from '../graph/builder.ts';
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
  checkDataset(dataset, denoiser, config);
  const learned = slice(dataset, 0, dataset.length - config.heldOut);
  const kept = slice(dataset, dataset.length - config.heldOut, dataset.length);
  const info = describe(training);
  const network = buildNetwork(
    config.network,
    { name: info.name, shape: info.shape, level: null, output: 'latent' },
    rng,
    init?.graph.initializers,
  );
  return {
    network,
    batch: config.training.batch,
    about: {
      data: dataset.name,
      items: dataset.length,
      rng,
      denoiser: denoiser.hash,
      sampler: denoiser.info.sampler,
      init: init?.hash ?? null,
      config: timeless(config),
    },
    ...(config.training.objective === 'pairs' ? onPairs(training) : throughSampler(training, learned)),
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

/** What a step learns from, and by which loss. */
type Objective = Pick<TrainingTask, 'loss' | 'feeds'>;

/** The distance between x and F(E(x)), of pictures. */
function throughSampler({ config, denoiser, rng }: EmbedderTraining, learned: Dataset): Objective {
  const { batch, loss } = config.training;
  const { shape, padding, range, sampler } = denoiser.info;
  const batches = new Batches(learned.length, rng, batch);
  return {
    loss({ b, network: play }) {
      const x = b.input('x', 'float32', [batch, ...shape]);
      return lossOf(b, unrollSampler(b, denoiser, play({ x }).latent!, sampler), x, loss);
    },
    feeds: async step => ({ x: prepare(await learned.read(batches.indices(step)), padding, range) }),
  };
}

/** The distance between z and E(F(z)), of pairs that are generated when the first step needs them. */
function onPairs({ config, denoiser, rng, pairs }: EmbedderTraining): Objective {
  const { batch, loss, pairs: count } = config.training;
  const batches = new Batches(count, rng, batch);
  const input = (b: GraphBuilder, name: string) => b.input(name, 'float32', [batch, ...denoiser.info.shape]);
  let generated: Promise<Pairs> | undefined;
  return {
    loss: ({ b, network: play }) =>
      lossOf(b, play({ x: input(b, 'x') }).latent!, input(b, 'latent target'), loss),
    async feeds(step): Promise<Record<string, Floats>> {
      generated ??= pairs!();
      const { x, latent } = await generated;
      const indices = batches.indices(step);
      return { x: takeRows(x, indices), 'latent target': takeRows(latent, indices) };
    },
  };
}

function describe({ config, denoiser, dataset, rng, init }: EmbedderTraining): EmbedderInfo {
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
    training: { data: dataset.name, steps: 0, rng, config, ...(init && { before: picturesSeen(init.info) }) },
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
