import type { Denoiser } from '../../diffusion/model.ts';
import { samplerGrid } from '../../diffusion/sampler.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { type AffineStep, affineStep, type StepMap } from './affine-step.ts';
import { type AccelerationOptions, solveFixedPoint } from './anderson.ts';
import { type LastStepOptions, solveLastStep } from './last-step.ts';
import { combine } from './rowwise.ts';

type Floats = Tensor<'float32'>;

/**
 * How split inversion solves its two parts.
 * @group Embedding
 */
export interface SplitOptions {
  /** The sampler's last step, to the clean picture. */
  readonly lastStep: LastStepOptions;
  /** The steps inside, undone one after the other. */
  readonly interior: AccelerationOptions;
}

/**
 * The settings of split inversion where none are given: about 115 network evaluations at T = 10.
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
  lastStep: { tau: 0.1, outer: 2, inner: 8 },
  interior: { memory: 8, damping: 0.5, tolerance: 1e-4, iterations: 40 },
};

/** What is known of one inverted step: how well x -> y was undone in each row, and how hard it was. */
export interface StepReport {
  /** Diffusion time of x, 1 for the seed. */
  readonly time: number;
  /** Each row's relative residual. */
  readonly residuals: Float64Array;
  /** Each row's measured factor of the plain fixed-point iteration; above 1 it would diverge. */
  readonly factors: Float64Array;
  readonly evaluations: number;
}

export interface SplitResult {
  readonly latent: Floats;
  /** Mean square of what the last step misses in each row, standardised. */
  readonly errors: Float64Array;
  readonly steps: readonly StepReport[];
  /** Network evaluations, a row. */
  readonly evaluations: number;
}

/**
 * Split inversion: the sampler's last step, to the clean picture, is solved as least squares through one network call;
 * the steps inside, which are nearly rotations, by fixed-point iterations from the picture towards the noise.
 * @param targets standardised pictures [n, ...shape]; @param noise what the anchor s x + n noise is drawn with.
 */
export async function splitInversion(
  map: StepMap,
  model: Denoiser,
  steps: number,
  targets: Floats,
  noise: Floats,
  options: SplitOptions,
): Promise<SplitResult> {
  const before = map.evaluations;
  const grid = samplerGrid(model.info.schedule, steps);
  const last = grid.at(-1)!;
  const anchor = combine([last.from.signalRate, targets], [last.from.noiseRate, noise]);
  const found = await solveLastStep(map, affineStep(last), targets, anchor, options.lastStep);
  const { latent, reports } = await climb(map, grid.slice(0, -1).map(affineStep), found.x, options.interior);
  return {
    latent,
    errors: found.errors,
    steps: reports.map((report, i) => ({ ...report, time: (i + 2) / steps })),
    evaluations: map.evaluations - before,
  };
}

/** Undoes steps one after the other, from the last to the first: x = (y - beta epsilon(x)) / alpha for each. */
export async function climb(
  map: StepMap,
  steps: readonly AffineStep[],
  from: Floats,
  options: AccelerationOptions,
): Promise<{ latent: Floats; reports: Omit<StepReport, 'time'>[] }> {
  let y = from;
  const reports: Omit<StepReport, 'time'>[] = [];
  for (const step of steps.toReversed()) {
    const undo = async (x: Floats) =>
      combine([1 / step.alpha, y], [-step.beta / step.alpha, await map.epsilon(x, step.level)]);
    const { x, residuals, factors, evaluations } = await solveFixedPoint(undo, await undo(y), options);
    reports.push({ residuals, factors, evaluations: evaluations + 1 });
    y = x;
  }
  return { latent: y, reports };
}
