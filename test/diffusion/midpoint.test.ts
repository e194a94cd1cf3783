import { describe, expect, test } from 'vitest';
import { rex } from '../../src/diffusion/exact.ts';
import { reversedGrid, samplerGrid } from '../../src/diffusion/grid.ts';
import type { DenoiserInfo } from '../../src/diffusion/info.ts';
import { fireflow, rfSolver } from '../../src/diffusion/midpoint.ts';
import { type Mixture, mixtureEpsilon } from '../../src/diffusion/oracle.ts';
import { ddim } from '../../src/diffusion/sampler-info.ts';
import type { Level } from '../../src/diffusion/schedule.ts';
import { ddimSolver, follow, type Request, type Solver, type Space } from '../../src/diffusion/solvers.ts';

const vectors: Space<number[]> = {
  combine: (...terms) => terms[0]![1].map((_, i) => terms.reduce((sum, [w, x]) => sum + w * x[i]!, 0)),
};
const wave = (phase: number) => Array.from({ length: 4 }, (_, i) => Math.sin(i + phase));
const mixture: Mixture = { means: [wave(0), wave(2), wave(4.5)], variance: 0.2 };
const seed = [0.4, -1.1, 0.3, 0.8];

/** What the best network predicts of the mixture, in double precision: the level's target. */
function predicted({ x, level }: Request<number[]>): number[] {
  const { signalRate: s, noiseRate: n, target } = level;
  if (n === 0) {
    // Of a clean picture the mean noise is none.
    return x.map(value => target.clean * value);
  }
  const epsilon = mixtureEpsilon(mixture, x, level);
  // With no signal x0 is the mean of all.
  const x0 =
    s === 0
      ? wave(0).map((_, i) => mixture.means.reduce((sum, mean) => sum + mean[i]! / 3, 0))
      : x.map((value, i) => (value - n * epsilon[i]!) / s);
  return x0.map((value, i) => target.clean * value + target.noise * epsilon[i]!);
}

type Info = Pick<DenoiserInfo, 'schedule' | 'level' | 'predicts'>;
const flow = (shift = 1): Info => ({
  schedule: { kind: 'flow', shift },
  level: 'timestep',
  predicts: 'flow',
});
const cosine = (predicts: Info['predicts']): Info => ({
  schedule: { kind: 'continuousCosine', maxSignalRate: 1, minSignalRate: 0.02 },
  level: 'noiseVariance',
  predicts,
});
const INFOS = {
  flow: flow(),
  'shifted flow': flow(3),
  epsilon: cosine('epsilon'),
  v: cosine('v'),
  x0: cosine('x0'),
};

const grown = (solver: Solver, info: Info, steps: number) =>
  follow(solver(vectors, samplerGrid(info, ddim(steps)), seed), predicted);
const apart = (a: readonly number[], b: readonly number[]) =>
  Math.hypot(...a.map((value, i) => value - b[i]!)) / Math.hypot(...b);
const order = (coarse: number, fine: number) => Math.log2(coarse / fine);

describe.each(Object.entries({ rfSolver, fireflow }))('%s', (_, solver) => {
  test.each(Object.entries(INFOS))('grows pictures to second order: %s', (_, info) => {
    const exact = grown(rfSolver, info, 1000);
    const errors = [60, 120].map(steps => apart(grown(solver, info, steps), exact));
    expect(order(errors[0]!, errors[1]!)).toBeGreaterThan(1.7);
    expect(errors[1]!).toBeLessThan(apart(grown(ddimSolver, info, 120), exact) / 5);
  });

  test.each(Object.entries(INFOS))('leads pictures back to their seeds to second order: %s', (_, info) => {
    const errors = [40, 80].map(steps => {
      const back = solver(vectors, reversedGrid(info, ddim(steps)), grown(solver, info, steps));
      return apart(follow(back, predicted), seed);
    });
    expect(order(errors[0]!, errors[1]!)).toBeGreaterThan(1.5);
    expect(errors[1]!).toBeLessThan(0.02);
  });
});

/** The velocity of Gaussian data N(0, 1/4) at a noise level sigma, of x = 1. */
const velocity = (sigma: number) => (sigma - (1 - sigma) / 4) / ((1 - sigma) ** 2 / 4 + sigma ** 2);
const gaussian = ({ x, level }: Request<number[]>) => x.map(value => velocity(level.noiseRate) * value);

test('on flow both are what their papers write down, at shifted levels too', () => {
  const shifted = (t: number) => (3 * t) / (1 + 2 * t);
  const sigmas = [1, 0.75, 0.5, 0.25, 0].map(shifted);
  for (const visited of [sigmas, sigmas.toReversed()]) {
    const grid = (visited === sigmas ? samplerGrid : reversedGrid)(flow(3), ddim(4));
    let [x, y, kept] = [1, 1, velocity(visited[0]!)];
    for (const [i, from] of visited.slice(0, -1).entries()) {
      const h = visited[i + 1]! - from;
      const [v, half] = [velocity(from) * x, velocity(from + h / 2)];
      x += h * v + ((h * h) / 2) * ((half * (x + (h / 2) * v) - v) / (h / 2));
      kept = half * (y + (h / 2) * kept);
      y += h * kept;
    }
    expect(follow(rfSolver(vectors, grid, [1]), gaussian)[0]).toBeCloseTo(x, 12);
    expect(follow(fireflow(vectors, grid, [1]), gaussian)[0]).toBeCloseTo(y, 12);
  }
});

test('rex on flow is the coupling of McCallum and Foster in x / sigma, whose slope is the clean picture', () => {
  const grid = samplerGrid(flow(), ddim(4));
  const clean = (sigma: number, x: number) => x - sigma * velocity(sigma) * x;
  let [x, y] = [1, 1];
  for (const sigma of [1, 0.75, 0.5]) {
    const next = sigma - 0.25;
    const h = (1 - next) / next - (1 - sigma) / sigma;
    x = (next / sigma) * (0.999 * x + 0.001 * y) + next * h * clean(sigma, y);
    y = (next / sigma) * y + next * h * clean(next, x);
  }
  x = 0.999 * (x - y) + clean(0.25, y);
  const begun = follow(rex.begin(vectors, grid, [1]), gaussian);
  const pair = follow(rex.forward(vectors, grid, begun), gaussian);
  expect(pair.y[0]).toBeCloseTo(x, 12);
  expect(pair.x[0]).toBeCloseTo(y, 12);
  const back = follow(rex.backward(vectors, grid, pair), gaussian);
  expect(back.x[0]).toBeCloseTo(1, 12);
  expect(back.y[0]).toBeCloseTo(1, 12);
});

test.each(Object.entries(INFOS))('rex is exact in every form: %s', (_, info) => {
  const grid = samplerGrid(info, ddim(20));
  const begun = follow(rex.begin(vectors, grid, seed), predicted);
  const pair = follow(rex.forward(vectors, grid, begun), predicted);
  expect(apart(follow(rex.backward(vectors, grid, pair), predicted).x, seed)).toBeLessThan(1e-9);
});

describe('halfway of a step', () => {
  const asked = (solver: Solver, info: Info, steps: number) => {
    const levels: Level[] = [];
    const grid = reversedGrid(info, ddim(steps));
    follow(solver(vectors, grid, seed), request => {
      levels.push(request.level);
      return request.x;
    });
    return levels;
  };

  test('a network that knows timesteps alone is asked at one of them, never about the clean picture', () => {
    const schedule = { kind: 'linearBeta', timesteps: 100, betaStart: 1e-3, betaEnd: 0.2 } as const;
    for (const solver of [rfSolver, fireflow])
      for (const steps of [4, 30, 100])
        for (const { fed } of asked(solver, { schedule, level: 'timestep', predicts: 'v' }, steps)) {
          expect(Number.isInteger(fed)).toBe(true);
          expect(fed).toBeGreaterThanOrEqual(0);
        }
  });

  test('a network of flow is asked about the clean picture, as its authors do, and at half of sigma', () => {
    expect(asked(rfSolver, flow(), 2).map(({ fed }) => fed)).toEqual([0, 250, 500, 750]);
    expect(asked(fireflow, flow(), 2).map(({ fed }) => fed)).toEqual([0, 250, 750]);
  });
});
