import { readings, type Weights } from './prediction.ts';
import type { GridStep, Level, Rates } from './schedule.ts';

/**
 * Where states live: tensors, or values of a graph under construction, so that one definition of a sampler serves to
 * run it, in single or double precision, and to differentiate it.
 */
export interface Space<X> {
  /** sum over k of weight_k x_k */
  combine(...terms: readonly (readonly [weight: number, x: X])[]): X;
}

/** What a solver asks for: the level's target, as the network predicts it in x. */
export interface Request<X> {
  readonly x: X;
  readonly level: Level;
}

/** A solver in progress: it yields its requests, is given their answers, and returns its last state. */
export type Course<X, Result = X> = Generator<Request<X>, Result, X>;

/** Leads a state from the first level of a grid to the clean picture. */
export type Solver = <X>(space: Space<X>, grid: readonly GridStep[], x: X) => Course<X>;

/** One first-order step: S(x) = alpha x + beta p(x, level), p the level's target as the network predicts it. */
export interface AffineStep {
  readonly alpha: number;
  readonly beta: number;
  readonly level: Level;
}

/** The DDIM step of a grid ({@link stepBy}): the network is asked where it begins. */
export function affineStep({ from, to }: Pick<GridStep, 'from' | 'to'>): AffineStep {
  return stepBy(from, to, from);
}

/**
 * The DDIM step (Song et al. 2021, eq. 12 with sigma = 0) from the rates (s, n) to (s', n'), that is s' x0 + n' epsilon of the
 * x0 and epsilon that x = s x0 + n epsilon and p = a x0 + b epsilon give: alpha = (s' b - n' a) / (s b - n a), and beta such
 * that both parts come out. Of epsilon, alpha = s'/s and beta = n' - n s'/s; of flow, where s + n = 1, alpha = 1 and
 * beta = n' - n, which is Euler's step. The last step, to (1, 0), is the predicted clean picture.
 * @param level whose target p is: the one at which the network is asked.
 */
export function stepBy(from: Rates, to: Rates, level: Level): AffineStep {
  const { clean: a, noise: b } = level.target;
  const alpha = (to.signalRate * b - to.noiseRate * a) / (from.signalRate * b - from.noiseRate * a);
  const beta =
    Math.abs(b) >= Math.abs(a)
      ? (to.noiseRate - from.noiseRate * alpha) / b
      : (to.signalRate - from.signalRate * alpha) / a;
  return { alpha, beta, level };
}

/** The rates to which a step leads that asks where it begins. */
export function ratesAfter({ alpha, beta, level }: AffineStep): Rates {
  return {
    signalRate: alpha * level.signalRate + beta * level.target.clean,
    noiseRate: alpha * level.noiseRate + beta * level.target.noise,
  };
}

/**
 * What a DDIM step multiplies Gaussian data N(0, variance) by, under its best denoiser:
 * (s' s variance + n' n) / (s^2 variance + n^2).
 */
export function stepGain({ from, to }: Pick<GridStep, 'from' | 'to'>, variance: number): number {
  const { signalRate: s, noiseRate: n } = from;
  return (to.signalRate * s * variance + to.noiseRate * n) / (s * s * variance + n * n);
}

/** DDIM: T first-order steps (Song et al. 2021). */
export const ddimSolver: Solver = function* (space, grid, x) {
  let state = x;
  for (const { alpha, beta, level } of grid.map(affineStep)) {
    const predicted = yield { x: state, level };
    state = space.combine([alpha, state], [beta, predicted]);
  }
  return state;
};

/** How a state moves: y = x / scale, and its slope dy/dt in x and what is predicted. */
interface Motion {
  scale(rates: Rates): number;
  time(rates: Rates): number;
  slope(level: Level): Weights;
}

/**
 * Heun's method: a DDIM step, then again with the mean of the slopes at both its ends. 2 T - 1 evaluations: the last step has one
 * end only.
 */
function heunAlong({ scale, time, slope }: Motion): Solver {
  return function* (space, grid, x) {
    let state = x;
    for (const [i, step] of grid.entries()) {
      const { alpha, beta, level } = affineStep(step);
      const predicted = yield { x: state, level };
      const guess = space.combine([alpha, state], [beta, predicted]);
      if (i === grid.length - 1) return guess;
      const there = yield { x: guess, level: step.to };
      const half = (scale(step.to) * (time(step.to) - time(level))) / 2;
      const [here, next] = [slope(level), slope(step.to)];
      state = space.combine(
        [scale(step.to) / scale(level) + half * here.x, state],
        [half * here.predicted, predicted],
        [half * next.x, guess],
        [half * next.predicted, there],
      );
    }
    return state;
  };
}

const radius = ({ signalRate, noiseRate }: Rates) => Math.hypot(signalRate, noiseRate);

/** Heun's method on dy/dphi = v / r, where tan phi = n / s, r^2 = s^2 + n^2, y = x / r and v = s epsilon - n x0. */
export const heunSolver = heunAlong({
  scale: radius,
  time: ({ signalRate, noiseRate }) => Math.atan2(noiseRate, signalRate),
  slope(level) {
    const { x0, epsilon } = readings(level);
    const along = (part: keyof Weights) =>
      (level.signalRate * epsilon[part] - level.noiseRate * x0[part]) / radius(level);
    return { x: along('x'), predicted: along('predicted') };
  },
});

/** Heun's method on dy/dsigma = epsilon, where sigma = n / s and y = x / s (Karras et al. 2022, Algorithm 1 with sigma(t) = t). */
export const heunSigmaSolver = heunAlong({
  scale: ({ signalRate }) => signalRate,
  time: ({ signalRate, noiseRate }) => noiseRate / signalRate,
  slope: level => readings(level).epsilon,
});

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
    const predicted = yield { x: state, level: from };
    if (i === grid.length - 1) {
      const { alpha, beta } = affineStep({ from, to });
      return space.combine([alpha, state], [beta, predicted]);
    }
    const weights = readings(from).x0;
    const x0 = space.combine([weights.x, state], [weights.predicted, predicted]);
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
