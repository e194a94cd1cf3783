import { type Dataset, itemsInMemory } from '../data/dataset.ts';
import { measureStandardisation } from '../data/pixels.ts';
import { requireWhole, SeedbedError } from '../errors.ts';
import { packCheckpoint, unpackCheckpoint } from '../nn/checkpoint.ts';
import { createTrainee, recentLoss } from '../nn/training-step.ts';
import { sharedRuntime } from '../runtime/platform.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { requireFinite, type Tensor } from '../tensor/tensor.ts';
import { type DenoiserRecipe, optimiserOf, parseDenoiserConfig, timeless } from './config.ts';
import { denoiserProblem } from './denoiser-problem.ts';
import type { Denoiser } from './info.ts';
import { createModel } from './model.ts';
import { requirePixels } from './pictures.ts';

/**
 * How far a training in memory has come.
 * @group Models
 */
export interface TrainProgress {
  /** Updates done. */
  readonly step: number;
  /** Updates in all. */
  readonly steps: number;
  /** Mean loss of the last hundred updates. */
  readonly loss: number;
  /** The denoiser as it stands, with averaged weights. */
  model(): Denoiser;
  /** All that a training needs to go on from here to the same bits: {@link TrainOptions.resume}. */
  checkpoint(): Uint8Array;
}

/**
 * How a denoiser is trained in memory.
 * @group Models
 */
export interface TrainOptions {
  /** Of the items, for records; 'items'. */
  readonly name?: string | undefined;
  /** Random number seed of weights, order and noise, a whole number from 0; 0. */
  readonly rng?: number | undefined;
  /**
   * Goes on from a checkpoint of the same training, to the bits that it would have come to without a stop; of one of fewer
   * steps too, whose learning rate may have fallen sooner.
   */
  readonly resume?: Uint8Array | undefined;
  /** Ends the training before its next update; what is learned by then is the result. */
  readonly signal?: AbortSignal | undefined;
  /** Called after each update. */
  readonly onProgress?: ((progress: TrainProgress) => void) | undefined;
}

/** What a checkpoint is called where it is spoken of. */
const CHECKPOINT = 'the checkpoint';

/**
 * Trains a denoiser on points or pictures in memory (Algorithm 1 of Asperti et al. 2023), in a page as on Node: for small
 * sets and networks; `seedbed train` trains from files and measures on held-out items. Stopped and resumed from a checkpoint,
 * it comes to the same bits.
 * @param items points [n, D], or pictures [n, C, H, W] with pixels in [0,1]; all are learned from.
 * @param recipe network, schedule and training, as in the files of `configs/`.
 * @returns the denoiser, with averaged weights and a sampler of ten DDIM steps, unless the recipe says otherwise.
 * @throws {SeedbedError} BadShape for other shapes, BadArgument for bytes and for a recipe that is not valid, Diverged when the loss is
 * no longer a number, Machine.
 * @group Models
 * @example
 * import { float32, trainDenoiser } from 'seedbed';
 * const cross = float32([4, 2], [1, 1, 1, -1, -1, 1, -1, -1]);
 * const model = await trainDenoiser(cross, {
 *   network: { kind: 'mlp', channels: [32, 32] },
 *   schedule: 'continuousCosine',
 *   training: { loss: 'mse', learningRate: 0.003, batch: 64, steps: 20 },
 * });
 * console.log(model.info.shape, model.info.training?.steps); // prints [ 2 ] 20
 */
export async function trainDenoiser(
  items: Tensor<'float32'>,
  recipe: DenoiserRecipe,
  options: TrainOptions & { runtime?: Runtime | undefined } = {},
): Promise<Denoiser> {
  const { name = 'items', rng = 0, resume, signal, onProgress } = options;
  requireWhole('rng', rng, 0);
  const learned = checkedItems(name, items);
  const unused = Object.keys(recipe.image ?? {}).find(key => key !== 'padding');
  if (unused)
    throw new SeedbedError(
      'BadArgument',
      `the training: image.${unused} is for data sets; items in memory are taken as they are, but for image.padding`,
    );
  const config = parseDenoiserConfig({ ...recipe, data: name, heldOut: 16 }, 'the training');
  const { steps } = config.training;
  const range = await measureStandardisation(learned, config.image.padding);
  const problem = denoiserProblem({ config, learned, name, range, rng });
  const trainee = await createTrainee(
    options.runtime ?? (await sharedRuntime()),
    problem,
    optimiserOf(config.training),
  );
  const { layout, statisticsLayout } = trainee;
  const about = { data: name, items: learned.length, rng, range, config: timeless(config) };
  try {
    const state = resume
      ? unpackCheckpoint(CHECKPOINT, resume, layout, statisticsLayout, about)
      : trainee.begin();
    const model = () => {
      const training = { ...problem.info.training, steps: state.step };
      return createModel(trainee.averaged(state), { ...problem.info, training });
    };
    const checkpoint = () => packCheckpoint(CHECKPOINT, state, layout, statisticsLayout, about);
    while (state.step < steps && !signal?.aborted) {
      await trainee.advance(state, steps);
      onProgress?.({ step: state.step, steps, loss: recentLoss(state), model, checkpoint });
    }
    for (const part of [state.ema, state.statistics])
      requireFinite(
        part,
        `training diverged by step ${state.step}: weights are no numbers. Lower the learning rate`,
      );
    return model();
  } finally {
    await trainee.dispose();
  }
}

function checkedItems(name: string, items: Tensor<'float32'>): Dataset {
  const [count = 0, ...shape] = items.shape;
  if (count < 1 || (shape.length !== 1 && shape.length !== 3))
    throw new SeedbedError(
      'BadShape',
      `trainDenoiser: takes points [n, D] or pictures [n, C, H, W], n from 1, got [${items.shape}]`,
    );
  requireFinite(items, `trainDenoiser: ${name} hold what is not a number`);
  if (shape.length === 3) requirePixels('trainDenoiser: takes pixels from 0 to 1', items);
  return itemsInMemory(name, items);
}
