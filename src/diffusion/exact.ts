import { readings } from './prediction.ts';
import type { GridStep, Level } from './schedule.ts';
import { affineStep, type Course, type Space } from './solvers.ts';

/** The two states of a sampler with an exact inverse. Of EDICT both lie at one level; of the others `y` is one step on, of Rex at the end only. */
export interface Pair<X> {
  readonly x: X;
  readonly y: X;
}

/**
 * A sampler that keeps two states and is undone by its own arithmetic, to rounding: `forward` leads a pair from noise to
 * the picture, `backward` a pair from the picture to noise.
 */
export interface ExactSolver {
  /** From one seed: its pair, and on to the picture's. */
  begin<X>(space: Space<X>, grid: readonly GridStep[], seed: X): Course<X, Pair<X>>;
  forward<X>(space: Space<X>, grid: readonly GridStep[], pair: Pair<X>): Course<X, Pair<X>>;
  backward<X>(space: Space<X>, grid: readonly GridStep[], pair: Pair<X>): Course<X, Pair<X>>;
  /** Which of the last pair is the picture. */
  picture<X>(pair: Pair<X>): X;
}

/** How much of its own each state keeps in EDICT's mixing; the authors' choice. */
const MIXING = 0.93;

/**
 * EDICT (Wallace et al. 2023, eqs. 14 and 15): two coupled states, each led by the prediction at the other, then mixed;
 * 2 T evaluations. Its inverse amplifies the difference of the states by about p^-2 a step, p = .93.
 */
export const edict: ExactSolver = {
  // biome-ignore lint/correctness/useYield: both states are the seed, which needs no prediction
  *begin(_space, _grid, seed) {
    return { x: seed, y: seed };
  },
  *forward(space, grid, pair) {
    let { x, y } = pair;
    for (const { alpha, beta, level } of grid.map(affineStep)) {
      const moved = space.combine([alpha, x], [beta, yield { x: y, level }]);
      const other = space.combine([alpha, y], [beta, yield { x: moved, level }]);
      x = space.combine([MIXING, moved], [1 - MIXING, other]);
      y = space.combine([MIXING, other], [1 - MIXING, x]);
    }
    return { x, y };
  },
  *backward(space, grid, pair) {
    let { x, y } = pair;
    for (const { alpha, beta, level } of grid.map(affineStep).toReversed()) {
      const other = space.combine([1 / MIXING, y], [1 - 1 / MIXING, x]);
      const moved = space.combine([1 / MIXING, x], [1 - 1 / MIXING, other]);
      y = space.combine([1 / alpha, other], [-beta / alpha, yield { x: moved, level }]);
      x = space.combine([1 / alpha, moved], [-beta / alpha, yield { x: y, level }]);
    }
    return { x, y };
  },
  picture: ({ x }) => x,
};

/** A two-step method: the next state from the one before, the present one and its prediction. */
interface TwoStep {
  readonly before: number;
  readonly present: number;
  readonly predicted: number;
}

/**
 * x_(k-1) = before x_(k+1) + present x_k + predicted p(x_k), with `before` not zero, so x_(k+1) follows from the others:
 * T evaluations, the first step a DDIM step.
 */
function twoStepSolver(coefficients: (noisier: Level, present: Level, next: Level) => TwoStep): ExactSolver {
  const inner = (grid: readonly GridStep[]) =>
    grid.slice(1).map(({ from, to }, i) => ({ level: from, ...coefficients(grid[i]!.from, from, to) }));
  return {
    *begin(space, grid, seed) {
      const { alpha, beta, level } = affineStep(grid[0]!);
      return { x: seed, y: space.combine([alpha, seed], [beta, yield { x: seed, level }]) };
    },
    *forward(space, grid, pair) {
      let { x, y } = pair;
      for (const { before, present, predicted, level } of inner(grid)) {
        const next = space.combine([before, x], [present, y], [predicted, yield { x: y, level }]);
        [x, y] = [y, next];
      }
      return { x, y };
    },
    *backward(space, grid, pair) {
      let { x, y } = pair;
      for (const { before, present, predicted, level } of inner(grid).toReversed()) {
        const prediction = yield { x, level };
        const noisier = space.combine(
          [1 / before, y],
          [-present / before, x],
          [-predicted / before, prediction],
        );
        [x, y] = [noisier, x];
      }
      return { x, y };
    },
    picture: ({ y }) => y,
  };
}

/** BDIA (Zhang et al. 2023, eq. 18) with gamma = 1: the DDIM step from x_k less the inverted one towards x_(k+1). */
export const bdia: ExactSolver = twoStepSolver((noisier, present, next) => {
  const on = affineStep({ from: present, to: next });
  const back = affineStep({ from: present, to: noisier });
  return { before: 1, present: on.alpha - back.alpha, predicted: on.beta - back.beta };
});

/** How much of its own the first state keeps in Rex's coupling; the authors' choice. */
const COUPLING = 0.999;

/**
 * Rex (Blasingame and Liu 2025) on Euler's method in data prediction, the authors' default: McCallum and Foster's coupling (2024)
 * of two states in x / n, whose steps in s / n are DDIM's. With the DDIM steps S from t to t' and S' back, and r = n' / n:
 * x' = r (zeta x + (1 - zeta) y - y) + S(y), then y' = x' + r (y - S'(x')). Where no noise is left, r would forget x: there
 * it is 1, and the last y', which would ask about the clean picture, is left out. 2 T - 1 evaluations.
 */
export const rex: ExactSolver = {
  // biome-ignore lint/correctness/useYield: both states are the seed, which needs no prediction
  *begin(_space, _grid, seed) {
    return { x: seed, y: seed };
  },
  *forward(space, grid, pair) {
    let { x, y } = pair;
    for (const [i, { ratio, on, back }] of grid.map(couplingOf).entries()) {
      const next = space.combine(
        [ratio * COUPLING, x],
        [on.alpha - ratio * COUPLING, y],
        [on.beta, yield { x: y, level: on.level }],
      );
      if (i === grid.length - 1) return { x: y, y: next };
      y = space.combine(
        [ratio, y],
        [1 - ratio * back.alpha, next],
        [-ratio * back.beta, yield { x: next, level: back.level }],
      );
      x = next;
    }
    return { x, y };
  },
  *backward(space, grid, pair) {
    let { x: y, y: x } = pair;
    for (const [i, { ratio, on, back }] of grid.map(couplingOf).toReversed().entries()) {
      if (i > 0)
        y = space.combine(
          [1 / ratio, y],
          [back.alpha - 1 / ratio, x],
          [back.beta, yield { x, level: back.level }],
        );
      const kept = 1 / (ratio * COUPLING);
      x = space.combine(
        [kept, x],
        [1 - on.alpha * kept, y],
        [-on.beta * kept, yield { x: y, level: on.level }],
      );
    }
    return { x, y };
  },
  picture: ({ y }) => y,
};

/** A step on, the step back, and the ratio of the noise rates. */
function couplingOf({ from, to }: GridStep) {
  return {
    ratio: to.noiseRate > 0 ? to.noiseRate / from.noiseRate : 1,
    on: affineStep({ from, to }),
    back: affineStep({ from: to, to: from }),
  };
}

/** O-BELM (Wang et al. 2024, eq. 18): the two-step method of least local error; h are steps of n / s. */
export const obelm: ExactSolver = twoStepSolver((noisier, present, next) => {
  const sigma = ({ noiseRate, signalRate }: Level) => noiseRate / signalRate;
  const h = sigma(present) - sigma(next);
  const hNoisier = sigma(noisier) - sigma(present);
  const ratio = (h / hNoisier) ** 2;
  const slope = -((h * (h + hNoisier)) / hNoisier) * next.signalRate;
  const { epsilon } = readings(present);
  return {
    before: ratio * (next.signalRate / noisier.signalRate),
    present: (1 - ratio) * (next.signalRate / present.signalRate) + slope * epsilon.x,
    predicted: slope * epsilon.predicted,
  };
});
