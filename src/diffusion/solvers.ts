import type { GridStep, Level } from './schedule.ts';

/**
 * Where states live: tensors, or values of a graph under construction, so that one definition of a sampler serves to
 * run it, in single or double precision, and to differentiate it.
 */
export interface Space<X> {
  /** sum over k of weight_k x_k */
  combine(...terms: readonly (readonly [weight: number, x: X])[]): X;
}

/** What a solver asks for: the noise that the network predicts in x at a level. */
export interface Request<X> {
  readonly x: X;
  readonly level: Level;
}

/** A solver in progress: it yields its requests, is given their answers, and returns its last state. */
export type Course<X, Result = X> = Generator<Request<X>, Result, X>;

/** Leads a state from the first level of a grid to the clean picture. */
export type Solver = <X>(space: Space<X>, grid: readonly GridStep[], x: X) => Course<X>;

/** One first-order step: S(x) = alpha x + beta epsilon(x, level). */
export interface AffineStep {
  readonly alpha: number;
  readonly beta: number;
  readonly level: Level;
}

/**
 * The DDIM step (Song et al. 2021, eq. 12 with sigma = 0) from the rates (s, n) to (s', n'): alpha = s'/s and
 * beta = n' - n s'/s. The last step, to (1, 0), is the predicted clean picture (x - n epsilon) / s.
 */
export function affineStep({ from, to }: GridStep): AffineStep {
  const alpha = to.signalRate / from.signalRate;
  return { alpha, beta: to.noiseRate - from.noiseRate * alpha, level: from };
}

/** DDIM: T first-order steps (Song et al. 2021). */
export const ddimSolver: Solver = function* (space, grid, x) {
  let state = x;
  for (const { alpha, beta, level } of grid.map(affineStep)) {
    const epsilon = yield { x: state, level };
    state = space.combine([alpha, state], [beta, epsilon]);
  }
  return state;
};

/**
 * Heun's method on dx/dphi = v, phi the angle with cos phi = s, and v = (epsilon - n x) / s: a DDIM step, then again
 * with the mean of v at both its ends. 2 T - 1 evaluations: the last step, to x0, has one end only.
 */
export const heunSolver: Solver = function* (space, grid, x) {
  const angle = ({ signalRate, noiseRate }: Level) => Math.atan2(noiseRate, signalRate);
  let state = x;
  for (const [i, step] of grid.entries()) {
    const { alpha, beta, level } = affineStep(step);
    const epsilon = yield { x: state, level };
    const guess = space.combine([alpha, state], [beta, epsilon]);
    if (i === grid.length - 1) return guess;
    const there = yield { x: guess, level: step.to };
    const half = (angle(step.to) - angle(level)) / 2;
    const [here, next] = [half / level.signalRate, half / step.to.signalRate];
    state = space.combine(
      [1 - here * level.noiseRate, state],
      [here, epsilon],
      [-next * step.to.noiseRate, guess],
      [next, there],
    );
  }
  return state;
};

/**
 * DPM-Solver++ of second order, multistep (Lu et al. 2022, Algorithm 2): with lambda = log(s/n), h its step and
 * r = h_before / h, x' = n'/n x - s' (e^-h - 1) D, where D = (1 + 1/2r) x0 - 1/2r x0_before; the first and the last step
 * are of first order, which is DDIM.
 */
export const dpmpp2mSolver: Solver = function* (space, grid, x) {
  const logSnr = ({ signalRate, noiseRate }: Level) => Math.log(signalRate / noiseRate);
  let state = x;
  let before: { x0: typeof x; h: number } | undefined;
  for (const [i, { from, to }] of grid.entries()) {
    const epsilon = yield { x: state, level: from };
    const x0 = space.combine([1 / from.signalRate, state], [-from.noiseRate / from.signalRate, epsilon]);
    if (i === grid.length - 1) return x0;
    const h = logSnr(to) - logSnr(from);
    const half = before ? h / (2 * before.h) : 0;
    const pull = to.signalRate - (to.noiseRate * from.signalRate) / from.noiseRate;
    state = space.combine(
      [to.noiseRate / from.noiseRate, state],
      [pull * (1 + half), x0],
      ...(before ? ([[-pull * half, before.x0]] as const) : []),
    );
    before = { x0, h };
  }
  return state;
};

/** Leads a graph's value through a solver. @param answer puts the network's prediction into the graph. */
export function follow<X, R>(course: Course<X, R>, answer: (request: Request<X>) => X): R {
  let turn = course.next();
  while (!turn.done) turn = course.next(answer(turn.value));
  return turn.value;
}

/** Runs a solver; its requests are answered one after the other. */
export async function run<X, R>(
  course: Course<X, R>,
  answer: (request: Request<X>) => Promise<X>,
): Promise<R> {
  let turn = course.next();
  while (!turn.done) turn = course.next(await answer(turn.value));
  return turn.value;
}
