import type { Level } from '../../diffusion/grid.ts';
import type { AffineStep } from '../../diffusion/solvers.ts';
import { choose, combine } from '../../tensor/rowwise.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { type AccelerationOptions, type FixedPoint, solveFixedPoint } from './fixed-point.ts';
import type { StepMap } from './maps.ts';
import { solveByNewton } from './newton.ts';
import { renoise, type Whitener } from './renoise.ts';

type Floats = Tensor<'float32'>;

/**
 * Ways to undo one step y = alpha x + beta epsilon(x), that is to solve x = (y - beta epsilon(x)) / alpha:
 * - `naive`: epsilon is taken at y, at the level of x, and not again (Song et al. 2021, the reversed ODE).
 * - `plain`: fixed-point iteration (Pan et al. 2023).
 * - `averaged`: the mean of an iterate and the one before (the same).
 * - `anderson`: Anderson's acceleration.
 * - `renoise`: the mean prediction of late iterates, made like noise (Garibi et al. 2024).
 * - `newton`: Newton's method in Krylov spaces.
 * - `anderson+newton`: Newton's method where acceleration stalls.
 * @group Embedding
 * @example
 * import { UNDOERS } from 'seedbed';
 * console.log(UNDOERS.length, UNDOERS[0]); // prints 7 naive
 */
export const UNDOERS = [
  'naive',
  'plain',
  'averaged',
  'anderson',
  'renoise',
  'newton',
  'anderson+newton',
] as const;
/**
 * One of {@link UNDOERS}.
 * @group Embedding
 * @useDeclaredType
 */
export type Undoer = (typeof UNDOERS)[number];

/**
 * How the steps of a sampler are undone, one after the other.
 * @group Embedding
 */
export interface UndoOptions extends AccelerationOptions {
  /** How each step is undone. */
  readonly solver: Undoer;
}

/** Newton steps a sampler step, and dimensions of their Krylov spaces. */
const NEWTON = { outer: 6, krylov: 8 };

/** What is known of one inverted step: how well it was undone in each row, and how hard it was. */
export interface StepReport {
  /** The level of x, the noisier end; time 1 is the seed's. */
  readonly level: Level;
  /** Each row's relative residual |g(x) - x| / |x|; NaN where a method does not measure it. */
  readonly residuals: Float64Array;
  /** Each row's measured factor of the plain fixed-point iteration, above 1 it would diverge; NaN where not measured. */
  readonly factors: Float64Array;
}

/** What `renoise` needs besides: where predictions are like noise, and what makes them so. */
export interface Likeness {
  /** Standardised pictures and noise: s targets + noiseRate noise is likely at any level. */
  readonly targets: Floats;
  readonly noise: Floats;
  readonly whitener: Whitener;
}

/** Undoes steps one after the other, from the last to the first. @param likeness needed by `renoise`. */
export async function climb(
  map: StepMap,
  steps: readonly AffineStep[],
  from: Floats,
  options: UndoOptions,
  likeness?: Likeness,
): Promise<{ latent: Floats; reports: StepReport[] }> {
  let y = from;
  const reports: StepReport[] = [];
  for (const step of steps.toReversed()) {
    const { x, residuals, factors } = await undo(map, step, y, options, likeness);
    reports.push({ level: step.level, residuals, factors });
    y = x;
  }
  return { latent: y, reports };
}

type Undone = Pick<FixedPoint, 'x' | 'residuals' | 'factors'>;

async function undo(
  map: StepMap,
  step: AffineStep,
  y: Floats,
  options: UndoOptions,
  likeness: Likeness | undefined,
): Promise<Undone> {
  const { alpha, beta, level } = step;
  const solved = (epsilon: Floats) => combine([1 / alpha, y], [-beta / alpha, epsilon]);
  const g = async (x: Floats) => solved(await map.epsilon(x, level));
  const unmeasured = () => new Float64Array(y.shape[0]!).fill(Number.NaN);
  // v - Dg v = v + beta/alpha D epsilon v = (J v) / alpha.
  const slope = async (x: Floats, v: Floats) => combine([1 / alpha, (await map.tangent(x, v, step)).pushed]);
  const newton = (start: Floats) =>
    solveByNewton(g, slope, start, { ...NEWTON, tolerance: options.tolerance });
  switch (options.solver) {
    case 'naive':
      return { x: await g(y), residuals: unmeasured(), factors: unmeasured() };
    case 'plain':
      return solveFixedPoint(g, await g(y), { ...options, memory: 0, damping: 1 });
    case 'averaged':
      return solveFixedPoint(g, await g(y), { ...options, memory: 0, damping: 0.5 });
    case 'anderson':
      return solveFixedPoint(g, await g(y), options);
    case 'renoise': {
      const { targets, noise, whitener } = likeness!;
      const likely = combine([level.signalRate, targets], [level.noiseRate, noise]);
      const found = await renoise(map, step, y, likely, whitener, options.iterations);
      return { ...found, factors: unmeasured() };
    }
    case 'newton':
      return { ...(await newton(await g(y))), factors: unmeasured() };
    case 'anderson+newton': {
      const found = await solveFixedPoint(g, await g(y), options);
      if (found.residuals.every(residual => residual <= options.tolerance)) return found;
      const mended = await newton(found.x);
      const better = Array.from(mended.residuals, (residual, row) => residual < found.residuals[row]!);
      return {
        x: choose(better, mended.x, found.x),
        residuals: mended.residuals.map((residual, row) => Math.min(residual, found.residuals[row]!)),
        factors: found.factors,
      };
    }
  }
}
