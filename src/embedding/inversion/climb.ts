import type { Level } from '../../diffusion/schedule.ts';
import type { AffineStep } from '../../diffusion/solvers.ts';
import { choose, combine, norms } from '../../tensor/rowwise.ts';
import type { Floats } from '../../tensor/tensor.ts';
import { EXPLICIT, type Explicit, undoneBy } from './explicit.ts';
import {
  type AccelerationOptions,
  COARSEST,
  type FixedPoint,
  type RowMap,
  solveFixedPoint,
} from './fixed-point.ts';
import type { StepMap, Wanted } from './maps.ts';
import { solveByNewton } from './newton.ts';
import { renoise, type Whitener } from './renoise.ts';
import { ROUNDING, Slopes } from './slopes.ts';

/**
 * Ways to undo one step y = alpha x + beta p(x), that is to solve x = (y - beta p(x)) / alpha, p what is predicted:
 * - `naive`: p is taken at y, at the level of x, and not again (Song et al. 2021, the reversed ODE).
 * - `uni-inv`: p is taken where the prediction of the step before leads (Jiao et al. 2025).
 * - `pmi`: naive inversion, p moved towards the mean of those so far (Wang et al. 2026).
 * - `plain`: fixed-point iteration (Pan et al. 2023).
 * - `averaged`: the mean of an iterate and the one before (the same).
 * - `anderson`: Anderson's acceleration.
 * - `renoise`: the mean prediction of late iterates, made like noise (Garibi et al. 2024).
 * - `newton`: Newton's method in Krylov spaces.
 * - `anderson+newton`: Newton's method where acceleration stalls.
 * @group Embedding
 * @example
 * import { UNDOERS } from 'seedbed';
 * console.log(UNDOERS.length, UNDOERS[0]); // prints 9 naive
 */
export const UNDOERS = [
  'naive',
  'uni-inv',
  'pmi',
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

type ExplicitUndoer = keyof typeof EXPLICIT;
const isExplicit = (solver: Undoer): solver is ExplicitUndoer => Object.hasOwn(EXPLICIT, solver);

/** Whether a way to undo steps solves their equations, and does not only come near. */
export const solves = (solver: Undoer) => !isExplicit(solver) && solver !== 'renoise';

/** Newton steps a sampler step, and dimensions of their Krylov spaces. */
const NEWTON = { outer: 6, krylov: 8 };

/** What is known of one inverted step: how well it was undone in each row, and how hard it was. */
export interface StepReport {
  /** The level of x, the noisier end; time 1 is the seed's. */
  readonly level: Level;
  /** Each row's relative residual |g(x) - x| / |x|; NaN where a method does not measure it. */
  readonly residuals: Float64Array;
  /** The relative residual at which each row is undone; NaN where a method solves nothing. */
  readonly goals: Float64Array;
  /** Each row's measured factor of the plain fixed-point iteration, above 1 it would diverge; NaN where not measured. */
  readonly factors: Float64Array;
  /** An estimate of |x - x*| / |x|, x* the exact state that leads to where the climb began; NaN where unknown. */
  readonly bounds: Float64Array;
}

/** What `renoise` needs besides: where predictions are like noise, and what makes them so. */
export interface Likeness {
  /** Standardised pictures and noise: s targets + noiseRate noise is likely at any level. */
  readonly targets: Floats;
  readonly noise: Floats;
  readonly whitener: Whitener;
}

/** What is known where a climb begins. */
export interface Known {
  /** Needed by `renoise`. */
  readonly likeness?: Likeness | undefined;
  /**
   * The network's answer at the state that the climb begins from, at that state's own level. Acceleration then makes the first
   * guess of every step with the prediction of the state just found: at no cost, and better than one taken at y, which is
   * not of x's level. But a guess so near says less of how steep a step is, so that a bound may stay unknown.
   */
  readonly predicted?: Floats | undefined;
}

/** Undoes steps one after the other, from the last to the first. */
export async function climb(
  map: StepMap,
  steps: readonly AffineStep[],
  from: Floats,
  options: UndoOptions,
  known: Known = {},
): Promise<{ latent: Floats; reports: StepReport[] }> {
  let y = from;
  let { predicted } = known;
  const { solver } = options;
  const undoNext = isExplicit(solver)
    ? undoExplicitly(map, EXPLICIT[solver]())
    : (step: AffineStep, y: Floats, predicted: Floats | undefined) =>
        undo(map, step, y, { ...options, solver }, { ...known, predicted });
  let bounds: Float64Array = new Float64Array(from.shape[0]!);
  const reports: StepReport[] = [];
  for (const step of steps.toReversed()) {
    const undone = await undoNext(step, y, predicted);
    bounds = carry(bounds, step, y, undone);
    predicted = predicted && undone.image && predictionOf(step, y, undone.image);
    const { residuals, goals, slopes } = undone;
    reports.push({ level: step.level, residuals, goals, factors: slopes.factors, bounds });
    y = undone.x;
  }
  return { latent: y, reports };
}

type Undone = Pick<FixedPoint, 'x' | 'residuals' | 'goals' | 'slopes'> & Partial<Pick<FixedPoint, 'image'>>;

/** The prediction p with which a step leads from x to y = alpha x + beta p; undefined where the step does not use it. */
export function predictionOf({ alpha, beta }: AffineStep, y: Floats, x: Floats): Floats | undefined {
  return beta === 0 ? undefined : combine([1 / beta, y], [-alpha / beta, x]);
}

/**
 * From a bound of y's relative error to one of x's. With f(x) = g(x) - x, an error e of y moves x's fixed point by
 * (I - Dg)^-1 e / alpha, and a residual r leaves it (I - Dg)^-1 r away; (I - Dg)^-1 is as large as the secants show.
 */
function carry(bounds: Float64Array, { alpha }: AffineStep, y: Floats, undone: Undone): Float64Array {
  const [from, to] = [norms(y), norms(undone.x)];
  return bounds.map((bound, row) => {
    const given = (bound * from[row]!) / (Math.abs(alpha) * to[row]!);
    return undone.slopes.stretches[row]! * (given + undone.residuals[row]! + ROUNDING);
  });
}

/** No residual is known of a step that is undone so, and no slope: nothing is asked where it ends. */
function undoExplicitly(map: StepMap, way: Explicit) {
  return async (step: AffineStep, y: Floats): Promise<Undone> => {
    const count = y.shape[0]!;
    const unmeasured = () => new Float64Array(count).fill(Number.NaN);
    const x = await way((state, level) => map.predict(state, level), step, y);
    return { x, residuals: unmeasured(), goals: unmeasured(), slopes: new Slopes(count) };
  };
}

async function undo(
  map: StepMap,
  step: AffineStep,
  y: Floats,
  options: AccelerationOptions & { readonly solver: Exclude<Undoer, ExplicitUndoer> },
  { likeness, predicted }: Known,
): Promise<Undone> {
  const { alpha, level } = step;
  const solved = (p: Floats) => undoneBy(step, y, p);
  const g: RowMap = async (x, wanted) => solved(await map.predict(x, level, wanted));
  const begin = predicted ? { guess: solved(predicted) } : { state: y };
  const count = y.shape[0]!;
  // v - Dg v = v + beta/alpha Dp v = (J v) / alpha.
  const slope = async (x: Floats, v: Floats, wanted: Wanted) =>
    combine([1 / alpha, (await map.tangent(x, v, step, wanted)).pushed]);
  const newton = (begun?: FixedPoint) =>
    solveByNewton(g, slope, y, { ...NEWTON, tolerance: options.tolerance }, begun);
  switch (options.solver) {
    case 'plain':
      return solveFixedPoint(g, { state: y }, { ...options, memory: 0, damping: 1 });
    case 'averaged':
      return solveFixedPoint(g, { state: y }, { ...options, memory: 0, damping: 0.5 });
    case 'anderson':
      return solveFixedPoint(g, begin, options);
    case 'renoise': {
      const { targets, noise, whitener } = likeness!;
      const likely = combine([level.signalRate, targets], [level.noiseRate, noise]);
      const found = await renoise(map, step, y, likely, whitener, options.iterations);
      return { ...found, goals: new Float64Array(count).fill(COARSEST), slopes: new Slopes(count) };
    }
    case 'newton':
      return newton();
    case 'anderson+newton': {
      const found = await solveFixedPoint(g, begin, options);
      if (found.residuals.every((residual, row) => residual <= found.goals[row]!)) return found;
      const repaired = await newton(found);
      const better = Array.from(repaired.residuals, (residual, row) => residual < found.residuals[row]!);
      return {
        ...repaired,
        x: choose(better, repaired.x, found.x),
        image: choose(better, repaired.image, found.image),
        residuals: repaired.residuals.map((residual, row) => Math.min(residual, found.residuals[row]!)),
      };
    }
  }
}
