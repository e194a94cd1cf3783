import { type Dataset, itemsInMemory } from '../data/dataset.ts';
import { measureStandardisation } from '../data/pixels.ts';
import { requireWhole, SeedbedError } from '../errors.ts';
import { createTrainee, recentLoss } from '../nn/training-step.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { requireFinite, type Tensor } from '../tensor/tensor.ts';
import { type DenoiserRecipe, parseDenoiserConfig } from './config.ts';
import { denoiserProblem } from './denoiser-problem.ts';
import type { Denoiser } from './info.ts';
import { createModel } from './model.ts';

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
  /** Ends the training before its next update; what is learned by then is the result. */
  readonly signal?: AbortSignal | undefined;
  /** Called after each update. */
  readonly onProgress?: ((progress: TrainProgress) => void) | undefined;
}

/** Trains a denoiser on items that are in memory, without a folder: it cannot be resumed. */
export async function trainInMemory(
  runtime: Runtime,
  items: Tensor<'float32'>,
  recipe: DenoiserRecipe,
  { name = 'items', rng = 0, signal, onProgress }: TrainOptions = {},
): Promise<Denoiser> {
  requireWhole('rng', rng, 0);
  const learned = checkedItems(name, items);
  const config = parseDenoiserConfig({ ...recipe, data: name, heldOut: 16 }, 'the training');
  const { steps, optimiser: _, ...optimiser } = config.training;
  const range = await measureStandardisation(learned, config.image.padding);
  const problem = denoiserProblem({ config, learned, name, range, rng });
  const trainee = await createTrainee(runtime, problem, optimiser);
  const state = trainee.begin();
  const model = () => {
    const training = { ...problem.info.training, steps: state.step };
    return createModel(trainee.averaged(state), { ...problem.info, training });
  };
  try {
    while (state.step < steps && !signal?.aborted) {
      await trainee.advance(state, steps);
      onProgress?.({ step: state.step, steps, loss: recentLoss(state), model });
    }
  } finally {
    await trainee.dispose();
  }
  return model();
}

function checkedItems(name: string, items: Tensor<'float32'>): Dataset {
  const [count = 0, ...shape] = items.shape;
  if (count < 1 || (shape.length !== 1 && shape.length !== 3))
    throw new SeedbedError(
      'BadShape',
      `trainDenoiser: takes points [n, D] or pictures [n, C, H, W], n from 1, got [${items.shape}]`,
    );
  requireFinite(items, `trainDenoiser: ${name} hold what is not a number`);
  return itemsInMemory(name, items);
}
