import type { GridStep, Level } from './schedule.ts';
import { type AffineStep, type Solver, type Space, stepBy } from './solvers.ts';

/**
 * Two solvers of second order that ask halfway of each step, in the form that the network predicts. Both run from the noise to
 * the picture and, on a reversed grid, from the picture to the noise, which is how their authors invert them.
 */

/** Where the network is asked about the state that a step begins from: there, or halfway where that is the clean picture. */
function asked({ from, between }: GridStep): Level {
  return Number.isNaN(from.fed) ? between : from;
}

function move<X>(space: Space<X>, { alpha, beta }: AffineStep, x: X, predicted: X): X {
  return space.combine([alpha, x], [beta, predicted]);
}

/**
 * RF-Solver (Wang et al. 2024): Taylor's series to second order, the slope of the velocity a difference over half a step,
 * x + h v + h^2 / 2 (v_half - v) / (h / 2), which is x + h v_half: the midpoint rule. 2 T evaluations.
 */
export const rfSolver: Solver = function* (space, grid, x) {
  let state = x;
  for (const step of grid) {
    const { from, between, to } = step;
    const level = asked(step);
    const half = move(space, stepBy(from, between, level), state, yield { x: state, level });
    state = move(space, stepBy(from, to, between), state, yield { x: half, level: between });
  }
  return state;
};

/**
 * FireFlow (Deng et al. 2024, Algorithm 1): the midpoint rule whose first half is led by the velocity that the step before
 * found at its own midpoint, x_half = x + h/2 v_before, x' = x + h v(x_half). T + 1 evaluations, still of second order.
 */
export const fireflow: Solver = function* (space, grid, x) {
  let state = x;
  let before: { predicted: typeof x; level: Level } | undefined;
  for (const step of grid) {
    const { from, between, to } = step;
    const level = asked(step);
    before ??= { predicted: yield { x: state, level }, level };
    const half = move(space, stepBy(from, between, before.level), state, before.predicted);
    const predicted = yield { x: half, level: between };
    state = move(space, stepBy(from, to, between), state, predicted);
    before = { predicted, level: between };
  }
  return state;
};
