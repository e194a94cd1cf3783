import { describe, expect, test } from 'vitest';
import { withSampler } from '../../src/diffusion/info.ts';
import { gaussianDenoiser, mixtureDenoiser, samplerGain } from '../../src/diffusion/oracle.ts';
import { chooseSampler, type SamplerInfo } from '../../src/diffusion/sampler-info.ts';
import { SCHEDULES } from '../../src/diffusion/schedule.ts';
import { SPLIT } from '../../src/embedding/inversion/split.ts';
import { checkMethod, inversionFor } from '../../src/embedding/methods.ts';
import { contestants, contestantsIn } from '../../src/experiments/race/contestants.ts';
import { dials, frontierFigure } from '../../src/experiments/race/frontier.ts';
import {
  bestWithin,
  compete,
  type Standing,
  standing,
  standingSchema,
} from '../../src/experiments/race/race.ts';
import { type RaceFacts, raceFigure, raceReport } from '../../src/experiments/race/race-report.ts';
import { findTrueSeeds } from '../../src/experiments/race/true-seeds.ts';
import { createPanel } from '../../src/latent/gaussianity.ts';
import { createRuntime } from '../../src/runtime/node.ts';
import { normals } from '../../src/tensor/random.ts';
import { float32, takeRows } from '../../src/tensor/tensor.ts';

const runtime = await createRuntime({ threads: 1 });
const model = gaussianDenoiser(1, [1, 8, 8]);
const { signal } = new AbortController();
/** Pictures that the model grows from known noise: mean .5, deviation .2. */
const seeds = normals({ seed: 4, purpose: 'race' }, [4, 1, 8, 8]);
const images = float32(
  seeds.shape,
  seeds.data.map(z => Math.min(1, Math.max(0, 0.5 + 0.2 * samplerGain(1) * z))),
);
const panel = createPanel([1, 8, 8], { draws: 199 });
const settings = { rng: 0, batch: 4, signal };

const made = (changes: Partial<Standing>): Standing => ({
  family: 'a',
  name: 'a',
  evaluations: 10,
  seconds: 1,
  mse: { mean: 1e-3, low: 5e-4, high: 2e-3 },
  worst: 1e-2,
  variance: 1,
  rejected: 0,
  rejectedBy: {},
  departure: 1,
  converged: 4,
  flagged: 0,
  ...changes,
});

describe('contestants', () => {
  test('have names of their own, and a cost that their network evaluations do not exceed', async () => {
    const all = contestants(model, false, 400);
    expect(new Set(all.map(({ name }) => name)).size).toBe(all.length);
    expect(all.map(({ family }) => family)).toEqual(
      expect.arrayContaining(['naive', 'Anderson', 'split', 'L-BFGS', 'descent', 'exact BDIA']),
    );
    for (const contestant of all) {
      const { evaluations, mse } = await compete(
        runtime,
        model,
        undefined,
        images,
        contestant,
        panel,
        settings,
      );
      expect(evaluations, contestant.name).toBeLessThanOrEqual(contestant.cost);
      expect(mse.mean, contestant.name).toBeLessThan(0.04);
      if (contestant.family.startsWith('exact')) expect(mse.mean).toBeLessThan(1e-10);
      if (contestant.family === 'split') expect(mse.mean).toBeLessThan(1e-4);
    }
  });

  test('are only those that a model can be asked by', () => {
    for (const steps of [1, 4, 10])
      for (const { options } of contestants(gaussianDenoiser(0.5, [1, 8, 8], steps), false, 1e9)) {
        const { method = 'auto' } = options;
        const inversion = inversionFor(method, options.inversion);
        const sampler = chooseSampler(model.info.sampler, { samplerSteps: steps, ...options });
        checkMethod({ method, sampler, inversion, model, starts: 1 });
      }
    const families = (shape: number[]) =>
      contestants(gaussianDenoiser(0.5, shape, 10), false, 1e9).map(({ family }) => family);
    expect(families([1, 8, 8])).toContain('ReNoise');
    expect(families([1, 14, 14])).not.toContain('ReNoise');
    // A list that ends at its last level, as of PNDM by default: O-BELM's last step would lead nowhere.
    const listed = mixtureDenoiser({ means: [new Array(64).fill(0)], variance: 0.5 }, [1, 8, 8], {
      schedule: SCHEDULES.linear,
      steps: 3,
    });
    const names = (sampler: SamplerInfo, embedder = false) =>
      contestants(withSampler(listed, sampler), embedder, 1e9).map(({ name }) => name);
    const own = listed.info.sampler;
    const ending: SamplerInfo = { ...own, grid: [0.901, 0.501, 0.001] };
    expect(names(ending)).toContain('exact OBELM');
    expect(names({ ...ending, final: { timestep: 0 } })).not.toContain('exact OBELM');
    // Of Heun's steps none is undone alone, and an embedder's seed is refined by descent only.
    const heun = names({ ...own, kind: 'heun' }, true);
    expect(heun.filter(name => name.startsWith('embedder'))).toEqual(['embedder', 'embedder + descent, 16']);
    expect(names({ ...own, kind: 'edict' }, true).filter(name => /^embedder/.test(name))).toEqual([]);
  });

  test('cost what the model’s own sampler costs', () => {
    const heun = withSampler(model, { ...model.info.sampler, kind: 'heun' });
    expect(contestants(heun, false, 1e9).find(({ name }) => name === 'descent, 25')!.cost).toBe(51 * 19);
    expect(contestants(heun, false, 800).map(({ name }) => name)).not.toContain('descent, 25');
  });

  test('that may cost more than the budget stay at home', () => {
    expect(contestants(model, true, 30).map(({ name }) => name)).toEqual([
      'naive',
      'Uni-Inv',
      'PMI',
      'diffused + naive',
      'FireFlow',
      'embedder',
    ]);
  });

  test('of several numbers of steps have samplers and names of their own', async () => {
    const all = contestantsIn([10, 4], model, true, 30);
    expect(new Set(all.map(({ name }) => name)).size).toBe(all.length);
    expect(all.filter(({ family }) => family === 'embedder').map(({ name }) => name)).toEqual([
      'embedder, T = 10',
    ]);
    const rfSolver = all.filter(({ family }) => family === 'RF-Solver');
    expect(rfSolver.map(({ name, cost }) => [name, cost])).toEqual([['RF-Solver, T = 4', 16]]);
    const { evaluations } = await compete(runtime, model, undefined, images, rfSolver[0]!, panel, settings);
    expect(evaluations).toBe(16);
  });
});

describe('a standing', () => {
  test('of true noise is near noise; of seeds that are lost it says so', () => {
    const noise = normals({ seed: 9, purpose: 'noise' }, [40, 1, 8, 8]);
    const result = { mse: 0, latentVariance: 1, evaluations: 1, converged: true };
    const sound = standing(
      { family: 'f', name: 'n' },
      noise,
      new Array(40).fill(result),
      panel,
      undefined,
      0,
    );
    expect(sound.departure).toBeGreaterThan(0.8);
    expect(sound.departure).toBeLessThan(1.3);
    expect(sound.rejected).toBeLessThan(0.15);
    const broken = float32([1, 1, 8, 8], new Array(64).fill(Number.NaN));
    const lost = standing({ family: 'f', name: 'n' }, broken, [{ ...result, mse: Number.NaN }], panel, 1, 0);
    expect(lost).toMatchObject({ worst: 1, rejected: 1, departure: 1e6 });
    expect(standingSchema.parse(JSON.parse(JSON.stringify(lost)))).toEqual(lost);
    const most = takeRows(noise, [0, 1, 2, 3]);
    most.data.fill(Number.NaN, 64);
    const few = standing({ family: 'f', name: 'n' }, most, new Array(4).fill(result), panel, 1, 0);
    expect(few.departure).toBeGreaterThan(1e5);
    expect(few.variance).toBeGreaterThan(1e5);
  });

  test('is the best of its family within a budget', () => {
    const cheap = made({ family: 'b', name: 'cheap', evaluations: 5, mse: { mean: 1e-2, low: 0, high: 1 } });
    const dear = made({ family: 'b', name: 'dear', evaluations: 50, mse: { mean: 1e-5, low: 0, high: 1 } });
    const of = (budget: number) =>
      bestWithin([made({}), cheap, dear], s => s.evaluations, budget).map(({ name }) => name);
    expect(of(4)).toEqual([]);
    expect(of(20)).toEqual(['a', 'cheap']);
    expect(of(100)).toEqual(['dear', 'a']);
  });
});

test('the report has a row for each standing and ranks them; the figures name them', () => {
  const facts: RaceFacts = {
    model: 'm',
    data: 'd',
    pictures: 4,
    command: 'npx seedbed race',
    columns: ['norm'],
  };
  const standings = [
    made({ rejectedBy: { norm: 0.25 } }),
    made({
      family: 'b',
      name: 'exact',
      evaluations: 40,
      seconds: 4,
      mse: { mean: 1e-16, low: 0, high: 1e-15 },
      departure: 100,
    }),
    made({ family: 'c', name: 'from elsewhere', evaluations: 30_000, seconds: undefined }),
  ];
  const page = raceReport(standings, facts);
  expect(page).toContain('| a | 10 | 1.00 | 0.0010 (0.00050 to 0.0020) | 0.010 | 1.00 | 0 % | 25 % |');
  expect(page).toContain('| exact | 40 | 4.00 |');
  expect(page).toContain('| from elsewhere | 30000 |  |');
  expect(page).toMatch(/Within 30000 evaluations:\*\* exact .*; a /);
  expect(raceReport(standings, { ...facts, budgets: [8, 40] })).toMatch(
    /Within 8 evaluations:\*\* none\.\n\n\*\*Within 40 evaluations:\*\* exact/,
  );
  for (const by of ['evaluations', 'time'] as const)
    expect(raceFigure(standings, facts, by)).toContain('exact');
  expect(raceFigure(standings, facts, 'time')).not.toContain('from elsewhere');
  expect(frontierFigure([made({ name: 'tau 1' }), made({ name: 'tau 3', departure: 2 })], 'm')).toContain(
    'tau 3',
  );
  expect(dials(model, false).map(({ family }) => family)).not.toContain('embedder + split');
});

describe('known seeds', () => {
  test.each([0.05, 1])(
    'of Gaussian data of variance %d are missed by as much as predicted',
    async variance => {
      const denoiser = gaussianDenoiser(variance, [1, 8, 8]);
      const components = float32(
        [4, 1, 8, 8],
        Array.from({ length: 4 * 64 }, (_, i) => Number(i % 64 === 16 * Math.floor(i / 64))),
      );
      const tight = { ...SPLIT.interior, tolerance: 1e-6 };
      const found = await findTrueSeeds(
        runtime,
        denoiser,
        300,
        {
          mean: float32([1, 8, 8], new Array(64).fill(0)),
          variances: Float64Array.of(1, 1, 1, 1).fill(variance),
          components,
        },
        { split: { lastStep: { tau: 0.3, outer: 6, inner: 4 }, interior: tight }, interior: tight, rng: 1 },
      );
      expect(found.fromState).toBeLessThan(1e-5);
      for (const { measured, predicted } of found.bands) expect(measured / predicted).toBeCloseTo(1, 0.7);
      expect(found.fromPicture / found.bands[0]!.predicted).toBeCloseTo(1, 1);
    },
  );
});
