import { type Dataset, slice } from '../data/dataset.ts';
import { clipPixels, cropImages, measureStandardisation, unstandardise } from '../data/pixels.ts';
import { contactSheet } from '../data/sheet.ts';
import { SeedbedError } from '../errors.ts';
import type { TrainingTask } from '../nn/trainer.ts';
import { joinPath, writeAtomic } from '../runtime/files.ts';
import { encodePng } from '../runtime/images.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { normals } from '../tensor/random.ts';
import { combine } from '../tensor/rowwise.ts';
import { average } from '../tensor/statistics.ts';
import { type Floats, rows, unstack } from '../tensor/tensor.ts';
import { prepare } from './batches.ts';
import { type DenoiserConfig, timeless } from './config.ts';
import { denoiserProblem, paddedShape } from './denoiser-problem.ts';
import { levelAt } from './grid.ts';
import type { Denoiser, DenoiserInfo } from './info.ts';
import { createModel, saveModel } from './model.ts';
import { createNetwork } from './network.ts';
import { createSampler } from './sampler.ts';
import type { Level } from './schedule.ts';

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
  /** What else is measured with the held-out loss, by items that are learned and others; logged, and kept in the model's record. */
  readonly levels?: LevelsOf | undefined;
}

/** Measures how well a model sees at some noise levels. */
export type LevelsOf = (model: Denoiser, learned: Dataset, kept: Dataset) => Promise<readonly object[]>;

/** The training of a denoiser in a folder, resumable: {@link denoiserProblem} with its records. */
export async function denoiserTask(runtime: Runtime, training: DenoiserTraining): Promise<TrainingTask> {
  const { config, dataset, rng, init } = training;
  const { heldOut, image } = config;
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
  const { info, ...problem } = denoiserProblem({ config, learned, name: dataset.name, range, rng, init });
  /** What was measured last. A file says it of its own step alone, so that a resumed run writes what an unbroken one does. */
  let measured: { readonly step: number; readonly levels: object } | undefined;

  return {
    ...problem,
    about: {
      data: dataset.name,
      items: dataset.length,
      rng,
      range,
      init: init?.hash ?? null,
      config: timeless(config),
    },
    async evaluate(graph, step) {
      const model = createModel(graph, info);
      const { heldOut: loss, details } = await heldOutLoss(runtime, model, kept, rng);
      const found = (await training.levels?.(model, learned, kept)) ?? [];
      const levels = found.length > 0 ? { levels: found } : {};
      measured = { step, levels };
      return { heldOut: loss, details: { ...details, ...levels } };
    },
    async save(graph, step) {
      const levels = measured?.step === step ? measured.levels : {};
      const model = createModel(graph, { ...info, training: { ...info.training, steps: step, ...levels } });
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

function checkStart(init: Denoiser, config: DenoiserConfig, dataset: Dataset): void {
  const asked = {
    shape: paddedShape(dataset, config.image.padding),
    padding: config.image.padding,
    schedule: config.schedule,
    predicts: config.predicts,
  };
  const [theirs, ours] = [init.info, asked].map(({ shape, padding, schedule, predicts }) =>
    JSON.stringify({ shape, padding, schedule, predicts }),
  );
  if (theirs !== ours)
    throw new SeedbedError(
      'Mismatch',
      `the model to start from works on ${theirs}, the configuration asks for ${ours}`,
    );
}

/** Held-out images at one noise level: what a network is shown, and the noise it shall see. */
export interface HeldOut {
  readonly level: Level;
  readonly noisy: Floats;
  readonly noise: Floats;
}

/** Held-out images in fixed noise, spread over evenly spaced diffusion times. */
export async function heldOutNoisy(info: DenoiserInfo, kept: Dataset, rng: number): Promise<HeldOut[]> {
  const count = Math.min(HELD_OUT_IMAGES, kept.length - (kept.length % HELD_OUT_LEVELS));
  const batch = count / HELD_OUT_LEVELS;
  const pixels = await kept.read(Array.from({ length: count }, (_, i) => i));
  const x0 = prepare(pixels, info.padding, info.range);
  const epsilon = normals({ seed: rng, purpose: 'held-out noise' }, x0.shape);
  return Array.from({ length: HELD_OUT_LEVELS }, (_, part) => {
    const level = levelAt(info, (part + 0.5) / HELD_OUT_LEVELS);
    const [clean, noise] = [x0, epsilon].map(t => rows(t, part * batch, (part + 1) * batch)) as [
      Floats,
      Floats,
    ];
    return { level, noisy: combine([level.signalRate, clean], [level.noiseRate, noise]), noise };
  });
}

/**
 * The mean absolute error of the noise that a denoiser sees in {@link heldOutNoisy} images: the paper's loss, as the one
 * measure for networks of every kind.
 * @returns the mean, and the error at each time.
 */
export async function heldOutLoss(runtime: Runtime, model: Denoiser, kept: Dataset, rng: number) {
  const parts = await heldOutNoisy(model.info, kept, rng);
  const network = await createNetwork(runtime, model, parts[0]!.noise.shape[0]!);
  const byLevel: Record<string, number> = {};
  for (const { level, noisy, noise } of parts) {
    const seen = await network.epsilon(noisy, level);
    byLevel[level.time.toFixed(3)] = Number(meanAbsoluteError(seen, noise).toPrecision(5));
  }
  await network.dispose();
  return { heldOut: average(Object.values(byLevel)), details: { heldOutByTime: byLevel } };
}

function meanAbsoluteError(a: Floats, b: Floats): number {
  return a.data.reduce((sum, value, i) => sum + Math.abs(value - b.data[i]!), 0) / a.data.length;
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
