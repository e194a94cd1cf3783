import type { Level, Rates } from '../../diffusion/schedule.ts';
import { type AffineStep, ratesAfter, stepBy } from '../../diffusion/solvers.ts';
import { combine, norms } from '../../tensor/rowwise.ts';
import { type Floats, float32, sizeOf } from '../../tensor/tensor.ts';

/** What the network says of a state, as if that had a level. */
export type Ask = (x: Floats, level: Level) => Promise<Floats>;

/** Undoes one step after the other: from y, where a step leads, to where it might begin. */
export type Explicit = (ask: Ask, step: AffineStep, y: Floats) => Promise<Floats>;

/** What x would be if the step that leads from it to y used the prediction p: (y - beta p) / alpha. */
export function undoneBy({ alpha, beta }: AffineStep, y: Floats, p: Floats): Floats {
  return combine([1 / alpha, y], [-beta / alpha, p]);
}

/**
 * Naive inversion (Song et al. 2021, the reversed ODE): the prediction is taken at y, at the level of x.
 */
function naive(): Explicit {
  return async (ask, step, y) => undoneBy(step, y, await ask(y, step.level));
}

/**
 * Uni-Inv (Jiao et al. 2025, Algorithm 1): the state is foretold by the prediction of the step before, and the step undone with
 * the network's prediction there. The first step has none before it and is foretold by naive inversion, at one evaluation more;
 * the authors ask about the clean picture, which only a network of flow can be asked.
 */
function uniInv(): Explicit {
  let before: { p: Floats; level: Level } | undefined;
  return async (ask, step, y) => {
    const { level } = step;
    before ??= { p: await ask(y, level), level };
    const foretold = stepBy(ratesAfter(step), level, before.level);
    const p = await ask(combine([foretold.alpha, y], [foretold.beta, before.p]), level);
    before = { p, level };
    return undoneBy(step, y, p);
  };
}

/**
 * Proximal-mean inversion (Wang et al. 2026, Algorithm 1) of naive inversion: each prediction v is moved against the gradient of
 * F(v) = |v - v_before|_1 + |v - mean|^2 / 2, by r = sqrt(2 d + 3 sqrt(2 d)) dt, where d is the size of a picture and the
 * mean is that of the predictions so far, weighted by their steps dt. Time is the noise rate, which for flow is theirs over its
 * whole length T. The
 * first prediction is its own mean and is kept.
 */
function pmi(): Explicit {
  let sum: Floats | undefined;
  let before: Floats | undefined;
  let begun: number | undefined;
  return async (ask, step, y) => {
    const from: Rates = ratesAfter(step);
    begun ??= from.noiseRate;
    const passed = step.level.noiseRate - from.noiseRate;
    const v = await ask(y, step.level);
    sum = sum ? combine([1, sum], [passed, v]) : combine([passed, v]);
    const mean = combine([1 / (step.level.noiseRate - begun), sum]);
    const used = before ? corrected(v, before, mean, passed) : v;
    before = v;
    return undoneBy(step, y, used);
  };
}

/** v - r grad F(v) / |grad F(v)|. */
function corrected(v: Floats, before: Floats, mean: Floats, passed: number): Floats {
  const size = sizeOf(v.shape.slice(1));
  const radius = Math.sqrt(2 * size + 3 * Math.sqrt(2 * size)) * passed;
  const gradient = float32(
    v.shape,
    v.data.map((value, i) => Math.sign(value - before.data[i]!) + value - mean.data[i]!),
  );
  return combine([1, v], [norms(gradient).map(length => (length > 0 ? -radius / length : 0)), gradient]);
}

/** Ways to undo steps that take one prediction each and solve nothing; each call begins anew. */
export const EXPLICIT = { naive, 'uni-inv': uniInv, pmi } satisfies Record<string, () => Explicit>;
