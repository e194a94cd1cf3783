import type { GridStep } from '../../diffusion/schedule.ts';
import { affineStep } from '../../diffusion/solvers.ts';
import { combine } from '../../tensor/rowwise.ts';
import type { Floats } from '../../tensor/tensor.ts';
import { climb, predictionOf, type StepReport, type UndoOptions } from './climb.ts';
import { type LeastSquaresOptions, leastSquares } from './least-squares.ts';
import { type StepMap, stepOf } from './maps.ts';

/**
 * How split inversion solves its two parts.
 * @group Embedding
 */
export interface SplitOptions {
  /** The sampler's last step, to the clean picture. */
  readonly lastStep: LeastSquaresOptions;
  /** The steps inside, undone one after the other. */
  readonly interior: UndoOptions;
}

/**
 * The settings of split inversion where none are given: about 75 network evaluations at T = 10 with levels even in log SNR, 85 evenly in time.
 * @group Embedding
 * @example
 * import { embed, loadModel, readPicture, SHIPPED_DENOISER, SPLIT } from 'seedbed';
 * const model = await loadModel(SHIPPED_DENOISER);
 * const bag = await readPicture('examples/fashion-mnist/8-bag.png', model);
 * const inversion = { ...SPLIT, lastStep: { ...SPLIT.lastStep, tau: 0.3 } };
 * const { results } = await embed(model, bag, { method: 'split', inversion });
 * console.log(results[0].converged); // prints true
 */
export const SPLIT: SplitOptions = {
  lastStep: { tau: 0.07, outer: 2, inner: 4, extra: 4 },
  interior: { solver: 'anderson', memory: 8, damping: 0.5, tolerance: 0.05, iterations: 40 },
};

export interface SplitResult {
  readonly latent: Floats;
  /** Mean square of what the last step misses in each row, standardised. */
  readonly errors: Float64Array;
  readonly reports: readonly StepReport[];
}

/**
 * Split inversion: the sampler's last step, to the clean picture, is solved as least squares through one network call;
 * the steps inside, which are nearly rotations, by fixed-point iterations from the picture towards the noise.
 * @param targets standardised pictures [n, ...shape].
 * @param anchor where the state before the last step is likely to be, such as s targets + n noise.
 */
export async function splitInversion(
  map: StepMap,
  grid: readonly GridStep[],
  targets: Floats,
  anchor: Floats,
  options: SplitOptions,
): Promise<SplitResult> {
  const last = grid.at(-1)!;
  const step = affineStep(last);
  const { lastStep } = options;
  const found = await leastSquares(stepOf(map, step), targets, anchor, last.from.noiseRate, lastStep);
  const predicted = predictionOf(step, found.value, found.x);
  const interior = grid.slice(0, -1).map(affineStep);
  const { latent, reports } = await climb(map, interior, found.x, options.interior, { predicted });
  return { latent, errors: found.errors, reports };
}

/** Draws of the state at a level, given the picture: s targets + n noise. */
export function diffuse(targets: Floats, noise: Floats, { from }: GridStep): Floats {
  return combine([from.signalRate, targets], [from.noiseRate, noise]);
}
