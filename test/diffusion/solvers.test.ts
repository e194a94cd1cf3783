import { describe, expect, test } from 'vitest';
import { checkGradient } from '../../src/autodiff/check.ts';
import { bdia, type ExactSolver, edict, obelm, type Pair, rex } from '../../src/diffusion/exact.ts';
import { samplerGrid } from '../../src/diffusion/grid.ts';
import type { DenoiserInfo } from '../../src/diffusion/info.ts';
import { fireflow, rfSolver } from '../../src/diffusion/midpoint.ts';
import {
  gaussianDenoiser,
  type Mixture,
  mixtureDenoiser,
  mixtureEpsilon,
} from '../../src/diffusion/oracle.ts';
import { createSampler, evaluationsOf, unrollSampler } from '../../src/diffusion/sampler.ts';
import { ddim, type SamplerInfo } from '../../src/diffusion/sampler-info.ts';
import { SAMPLERS, samplerRow } from '../../src/diffusion/samplers.ts';
import type { GridStep } from '../../src/diffusion/schedule.ts';
import { type Rates, SCHEDULES } from '../../src/diffusion/schedule.ts';
import {
  affineStep,
  ddimSolver,
  dpmpp2mSolver,
  follow,
  heunSigmaSolver,
  heunSolver,
  type Space,
} from '../../src/diffusion/solvers.ts';
import { embed } from '../../src/embedding/embed.ts';
import { decode } from '../../src/embedding/sampling.ts';
import { readSeeds, writeSeeds } from '../../src/embedding/seeds.ts';
import { GraphBuilder } from '../../src/graph/builder.ts';
import { createRuntime } from '../../src/runtime/node.ts';
import { normals } from '../../src/tensor/random.ts';
import { combine } from '../../src/tensor/rowwise.ts';
import { float32, rows, toFloat32 } from '../../src/tensor/tensor.ts';
import { relativeError, runGraph, thrownBy } from '../support.ts';

type Schedule = DenoiserInfo['schedule'];

const runtime = await createRuntime({ threads: 1 });
const SOLVERS = {
  ddim: ddimSolver,
  heun: heunSolver,
  heunsigma: heunSigmaSolver,
  dpmpp2m: dpmpp2mSolver,
  rfsolver: rfSolver,
  fireflow,
};
const EXACT = { edict, bdia, obelm, rex };
type Kind = keyof typeof SOLVERS;
const kinds = Object.keys(SOLVERS) as Kind[];
const exactKinds = Object.keys(EXACT) as (keyof typeof EXACT)[];
const sampler = (kind: SamplerInfo['kind'], steps: number): SamplerInfo => ({ ...ddim(steps), kind });

/** States that are vectors in double precision. */
const vectors: Space<number[]> = {
  combine: (...terms) => terms[0]![1].map((_, i) => terms.reduce((sum, [w, x]) => sum + w * x[i]!, 0)),
};
const noise = (variance: number, { signalRate: s, noiseRate: n }: Rates) => n / (s * s * variance + n * n);
const gaussian =
  (variance: number) =>
  ({ x, level }: { x: number[]; level: Rates }) =>
    x.map(value => noise(variance, level) * value);

/** What a solver multiplies Gaussian data by, in double precision. */
function gainOf(kind: Kind, variance: number, steps: number, schedule: Schedule): number {
  const grid = samplerGrid({ schedule, level: 'noiseVariance', predicts: 'epsilon' }, ddim(steps));
  return follow(SOLVERS[kind](vectors, grid, [1]), gaussian(variance))[0]!;
}

/** The same by recursions on one number, written down apart from the code under test. */
function recursion(kind: Kind, variance: number, steps: number, least: number, most: number): number {
  const angles = Array.from({ length: steps }, (_, i) => least + ((steps - i) / steps) * (most - least));
  const predicted = (x: number, angle: number) => {
    const [s, n] = [Math.cos(angle), Math.sin(angle)];
    const x0 = (s * variance * x) / (s * s * variance + n * n);
    return { x0, epsilon: (x - s * x0) / n };
  };
  const velocity = (x: number, angle: number) => {
    const { x0, epsilon } = predicted(x, angle);
    return Math.cos(angle) * epsilon - Math.sin(angle) * x0;
  };
  const led = (x: number, epsilon: number, from: number, to: number) =>
    Math.cos(to) * ((x - Math.sin(from) * epsilon) / Math.cos(from)) + Math.sin(to) * epsilon;
  if (kind === 'rfsolver' || kind === 'fireflow') {
    let x = 1;
    let { epsilon } = predicted(x, angles[0]!);
    angles.forEach((angle, i) => {
      const middle = angle - (most - least) / (2 * steps);
      if (kind === 'rfsolver') epsilon = predicted(x, angle).epsilon;
      epsilon = predicted(led(x, epsilon, angle, middle), middle).epsilon;
      x = led(x, epsilon, angle, angles[i + 1] ?? 0);
    });
    return x;
  }
  let x = 1;
  let before: { x0: number; lambda: number } | undefined;
  for (const [i, angle] of angles.slice(0, -1).entries()) {
    const next = angles[i + 1]!;
    const delta = next - angle;
    const turned = Math.cos(delta) * x + Math.sin(delta) * velocity(x, angle);
    const { x0 } = predicted(x, angle);
    const lambda = -Math.log(Math.tan(angle));
    const h = -Math.log(Math.tan(next)) - lambda;
    const slope = before ? (x0 - before.x0) / (lambda - before.lambda) : 0;
    const ahead = x0 + (h / 2) * slope;
    x = {
      ddim: turned,
      heun: x + (delta / 2) * (velocity(x, angle) + velocity(turned, next)),
      heunsigma:
        Math.cos(next) *
        (x / Math.cos(angle) +
          ((Math.tan(next) - Math.tan(angle)) / 2) *
            (predicted(x, angle).epsilon + predicted(turned, next).epsilon)),
      dpmpp2m: (Math.sin(next) / Math.sin(angle)) * x + Math.cos(next) * (1 - Math.exp(-h)) * ahead,
    }[kind];
    before = { x0, lambda };
  }
  return predicted(x, angles.at(-1)!).x0;
}

const [nearly, least] = [Math.acos(0.95), Math.acos(0.02)];

describe.each(kinds)('sampler %s on Gaussian data, where it is linear', kind => {
  test.each([0.01, 1, 100])('has the gain of its recursion, variance %d', variance => {
    for (const steps of [1, 2, 10, 50])
      expect(
        gainOf(kind, variance, steps, SCHEDULES.continuousCosine) /
          recursion(kind, variance, steps, nearly, least),
      ).toBeCloseTo(1, 9);
  });

  test.each([0.1, 1, 10])('grows pictures by that gain, variance %d', async variance => {
    const made = await createSampler(runtime, gaussianDenoiser(variance), sampler(kind, 12), 2);
    const seeds = normals({ seed: 8, purpose: 'seeds' }, [3, 1, 4, 4]);
    const known = combine([recursion(kind, variance, 12, nearly, least), seeds]);
    let passes = 0;
    const grown = await made.sample(seeds, done => {
      passes = done;
    });
    expect(relativeError(grown, known)).toBeLessThan(2e-5);
    expect(passes).toBe(3 * evaluationsOf(sampler(kind, 12)));
    await made.dispose();
  });

  test('comes nearer to the exact flow with the steps, by its order', () => {
    // The exact flow keeps x / sqrt(s^2 v + n^2). Steps of one ratio of sigma are even in its logarithm.
    const [noisiest, cleanest] = [5, 1e-4];
    const gain = (of: Kind, variance: number, steps: number) => {
      const values = Array.from(
        { length: steps },
        (_, i) => cleanest * (noisiest / cleanest) ** (i / (steps - 1)),
      );
      const levels = { ...ddim(steps), start: { timestep: steps - 1 } };
      const grid = samplerGrid(
        { schedule: { kind: 'sigmas', values }, level: 'noiseVariance', predicts: 'epsilon' },
        levels,
      );
      return follow(SOLVERS[of](vectors, grid, [1]), gaussian(variance))[0]!;
    };
    for (const variance of [0.5, 3]) {
      const exact = Math.sqrt(variance) / Math.sqrt((variance + noisiest ** 2) / (1 + noisiest ** 2));
      const error = (of: Kind, steps: number) => Math.abs(gain(of, variance, steps) / exact - 1);
      const errors = [100, 200].map(steps => error(kind, steps));
      const order = Math.log2(errors[0]! / errors[1]!);
      if (kind === 'ddim') expect(order).toBeCloseTo(1, 1);
      else {
        expect(order).toBeGreaterThan(1.8);
        expect(errors[1]!).toBeLessThan(error('ddim', 200) / 10);
      }
    }
  });
});

/** Two clusters of pictures and a third between them, so that samplers are not linear. */
const wave = (phase: number) => Array.from({ length: 16 }, (_, i) => Math.sin(i + phase));
const mixture: Mixture = { means: [wave(0), wave(2), wave(4.5)], variance: 0.2 };

describe.each(kinds)('sampler %s unrolled into a graph', kind => {
  const model = mixtureDenoiser(mixture);
  const seeds = normals({ seed: 9, purpose: 'seeds' }, [2, 1, 4, 4]);
  const unrolled = () => {
    const b = new GraphBuilder('unrolled');
    const x = b.input('x', 'float32', [2, 1, 4, 4]);
    return b.build({ x0: unrollSampler(b, model, x, sampler(kind, 4)) });
  };

  test('grows what it grows step by step, and in double precision', async () => {
    const [result] = await runGraph(unrolled(), [{ x: seeds }]);
    const made = await createSampler(runtime, model, sampler(kind, 4), 2);
    expect(relativeError(result!.x0!, await made.sample(seeds))).toBeLessThan(3e-5);
    await made.dispose();
    const grid = samplerGrid(model.info, sampler(kind, 4));
    const exact = [0, 1].flatMap(row =>
      follow(SOLVERS[kind](vectors, grid, Array.from(rows(seeds, row, row + 1).data)), ({ x, level }) =>
        mixtureEpsilon(mixture, x, level),
      ),
    );
    expect(relativeError(result!.x0!, float32(seeds.shape, exact))).toBeLessThan(1e-4);
  });

  test('has the gradient of finite differences', async () => {
    expect(
      await checkGradient(runGraph, unrolled(), { of: 'x0', wrt: ['x'], at: { x: seeds } }),
    ).toBeLessThan(5e-3);
  });
});

describe.each(exactKinds)('sampler %s, which keeps two states', kind => {
  const solver: ExactSolver = EXACT[kind];
  const seed = Array.from(normals({ seed: 4, purpose: 'seed' }, [1, 16]).data);
  const pair = (x: readonly number[], y: readonly number[]): Pair<number[]> => ({ x: [...x], y: [...y] });
  const difference = (a: Pair<number[]>, b: Pair<number[]>) =>
    Math.max(...[...a.x, ...a.y].map((value, i) => Math.abs(value - [...b.x, ...b.y][i]!)));
  const answers = {
    Gaussian: gaussian(0.5),
    'three clusters of': ({ x, level }: { x: number[]; level: Rates }) => mixtureEpsilon(mixture, x, level),
  };
  const grids = [10, 50].map(steps => samplerGrid(gaussianDenoiser(1).info, ddim(steps)));

  test.each(Object.entries(answers))(
    'is undone by its inverse on %s data, and the inverse by it',
    (_, answer) => {
      for (const grid of grids) {
        const begun = follow(solver.begin(vectors, grid, seed), answer);
        const grown = follow(solver.forward(vectors, grid, begun), answer);
        expect(difference(follow(solver.backward(vectors, grid, grown), answer), begun)).toBeLessThan(1e-9);
        const found = follow(solver.backward(vectors, grid, pair(wave(1), wave(1.01))), answer);
        const again = follow(solver.forward(vectors, grid, found), answer);
        expect(difference(again, pair(wave(1), wave(1.01)))).toBeLessThan(1e-9);
      }
    },
  );

  test('comes near to the exact flow with the steps', () => {
    const schedule: Schedule = { kind: 'continuousCosine', maxSignalRate: 1, minSignalRate: 0.3 };
    const exact = Math.sqrt(0.5) / Math.sqrt(0.3 ** 2 * 0.5 + 1 - 0.3 ** 2);
    const errors = [20, 200].map(steps => {
      const grid = samplerGrid({ schedule, level: 'noiseVariance', predicts: 'epsilon' }, ddim(steps));
      const begun = follow(solver.begin(vectors, grid, [1]), gaussian(0.5));
      const grown = solver.picture(follow(solver.forward(vectors, grid, begun), gaussian(0.5)));
      return Math.abs(grown[0]! / exact - 1);
    });
    expect(errors[1]!).toBeLessThan(errors[0]! / 5);
    expect(errors[1]!).toBeLessThan(0.01);
  });

  test.each([1, 10, 50])(
    'finds pairs that grow the pictures again, from their file too, T = %d',
    async steps => {
      const model = gaussianDenoiser(0.3);
      const images = combine(
        [0.1, normals({ seed: 6, purpose: 'images' }, [3, 1, 4, 4])],
        [0.5, float32([3, 1, 4, 4], new Array(48).fill(1))],
      );
      const found = await embed(model, images, {
        runtime,
        method: 'exact',
        sampler: kind,
        samplerSteps: steps,
        batch: 2,
      });
      expect(relativeError(found.pictures, images)).toBeLessThan(1e-6);
      const bytes = writeSeeds(
        found.latent,
        {
          model: model.hash,
          sampler: found.sampler,
          method: found.method,
          images: [],
          rng: 0,
          createdBy: '',
        },
        found.pair,
      );
      const seeds = readSeeds(bytes, 'seeds.safetensors');
      expect(seeds.pair).toEqual(found.pair);
      expect(seeds.latent).toEqual(found.latent);
      const options = { sampler: seeds.provenance!.sampler, latent2: seeds.pair!.latent2 };
      expect(
        relativeError(await decode(model, seeds.pair!.latent, { runtime, ...options }), images),
      ).toBeLessThan(1e-6);
      // The seed is noise at the first level, not the picture.
      expect(relativeError(found.latent, toFloat32(found.pair!.latent))).toBeLessThan(1e-6);
      const standardised = combine([5, images], [-2.5, float32(images.shape, new Array(48).fill(1))]);
      expect(relativeError(found.latent, standardised)).toBeGreaterThan(0.03);
    },
  );

  test('grows a picture from a single seed, but cannot be inverted by other methods nor unrolled', async () => {
    const model = gaussianDenoiser(0.5);
    const made = await createSampler(runtime, model, sampler(kind, 10), 2);
    const grown = await made.sample(float32([1, 1, 4, 4], seed));
    await made.dispose();
    const begun = follow(solver.begin(vectors, grids[0]!, seed), answers.Gaussian);
    const exact = solver.picture(follow(solver.forward(vectors, grids[0]!, begun), answers.Gaussian));
    expect(relativeError(grown, float32([1, 1, 4, 4], exact))).toBeLessThan(2e-4);
    const b = new GraphBuilder('unrolled');
    const x = b.input('x', 'float32', [1, 1, 4, 4]);
    expect(String(thrownBy(() => unrollSampler(b, model, x, sampler(kind, 10))))).toContain(
      `sampler '${kind}' keeps two states`,
    );
  });
});

test('second states of another shape than the first are refused', async () => {
  const latent = normals({ seed: 0, purpose: 'latent' }, [3, 1, 4, 4]);
  const options = { sampler: sampler('bdia', 5), latent2: rows(latent, 0, 2) };
  await expect(decode(gaussianDenoiser(1), latent, { runtime, ...options })).rejects.toThrow(
    'second states [2,1,4,4] do not fit seeds [3,1,4,4]',
  );
});

test('EDICT mixes its states as its equations say', () => {
  const grid: GridStep[] = samplerGrid(gaussianDenoiser(1).info, ddim(1));
  const { signalRate: s, noiseRate: n } = grid[0]!.from;
  const [p, a, b] = [0.93, 1 / s, -n / s];
  const g = noise(0.5, grid[0]!.from);
  // x- = a x + b eps(y); y- = a y + b eps(x-); x' = p x- + (1 - p) y-; y' = p y- + (1 - p) x'.
  const [x, y] = [0.3, -0.8];
  const moved = a * x + b * g * y;
  const other = a * y + b * g * moved;
  const mixed = p * moved + (1 - p) * other;
  const found = follow(edict.forward(vectors, grid, { x: [x], y: [y] }), gaussian(0.5));
  expect(found.x[0]!).toBeCloseTo(mixed, 9);
  expect(found.y[0]!).toBeCloseTo(p * other + (1 - p) * mixed, 9);
});

describe('the two-step samplers', () => {
  const grid = samplerGrid(gaussianDenoiser(1).info, ddim(6));
  const [noisier, present] = [grid[2]!.from, grid[3]!.from];
  const next = grid[3]!.to;
  const step = grid.slice(2, 4);
  const [x, y] = [0.7, -0.2];
  const epsilon = noise(0.5, present) * y;

  test('BDIA adds the DDIM step and takes off the inverted one', () => {
    const found = follow(bdia.forward(vectors, step, { x: [x], y: [y] }), gaussian(0.5));
    const towards = ({ signalRate: s, noiseRate: n }: Rates) =>
      s * ((y - present.noiseRate * epsilon) / present.signalRate) + n * epsilon;
    expect(found.x[0]!).toBe(y);
    expect(found.y[0]!).toBeCloseTo(x - towards(noisier) + towards(next), 12);
  });

  test('O-BELM is exact where x / s is quadratic in n / s', () => {
    // Its coefficients are those for which x / s = p(sigma), with the noise p', comes out for every p of degree 2.
    const at = ({ signalRate, noiseRate }: Rates) => ({ s: signalRate, sigma: noiseRate / signalRate });
    for (const p of [(_: number) => 1, (z: number) => z, (z: number) => z * z]) {
      const slope = (z: number) => (p(z + 1e-6) - p(z - 1e-6)) / 2e-6;
      const state = (rates: Rates) => at(rates).s * p(at(rates).sigma);
      const pair = { x: [state(noisier)], y: [state(present)] };
      const found = follow(obelm.forward(vectors, step, pair), () => [slope(at(present).sigma)]);
      expect(found.y[0]!).toBeCloseTo(state(next), 6);
    }
  });
});

describe.each(SAMPLERS.map(kind => [kind, samplerRow(kind)] as const))(
  'the row of %s tells the truth of',
  (_, row) => {
    const grid = samplerGrid(
      { schedule: SCHEDULES.continuousCosine, level: 'noiseVariance', predicts: 'epsilon' },
      ddim(6),
    );
    let asked = 0;
    const counting = (state: { x: number[]; level: Rates }) => {
      asked++;
      return gaussian(0.6)(state);
    };

    /** How often the network is asked meanwhile. */
    const countOf = (work: () => void) => {
      asked = 0;
      work();
      return asked;
    };

    test('its evaluations', () => {
      if (row.states === 1) {
        expect(countOf(() => follow(row.solver(vectors, grid, [1]), counting))).toBe(row.evaluations(6));
        return;
      }
      const { begin, forward } = row.solver;
      const grow = (pair: Pair<number[]>) => follow(forward(vectors, grid, pair), counting);
      expect(countOf(() => grow(follow(begin(vectors, grid, [1]), counting)))).toBe(
        row.evaluations(6, false),
      );
      expect(countOf(() => grow({ x: [1], y: [1] }))).toBe(row.evaluations(6, true));
    });

    test.runIf(row.states === 1)('whether its steps are S(x) = alpha x + beta p(x)', () => {
      if (row.states !== 1) return;
      const [grown] = follow(row.solver(vectors, grid, [1]), gaussian(0.6));
      const [affine] = grid.reduce<number[]>(
        (x, step) => {
          const { alpha, beta } = affineStep(step);
          const [prediction] = gaussian(0.6)({ x, level: step.from });
          return [alpha * x[0]! + beta * prediction!];
        },
        [1],
      );
      if (row.affine) expect(grown).toBeCloseTo(affine!, 12);
      else expect(Math.abs(grown! - affine!)).toBeGreaterThan(1e-6);
    });
  },
);

test('a sampler that there is not is named, with those that there are', () => {
  const asked = { ...ddim(4), kind: 'unipc' as 'ddim' };
  expect(() => evaluationsOf(asked)).toThrow(
    `there is no sampler 'unipc'; there are: ${SAMPLERS.join(', ')}`,
  );
});
