import { describe, expect, test } from 'vitest';
import { levelAt, samplerGrid } from '../../src/diffusion/grid.ts';
import type { Denoiser } from '../../src/diffusion/info.ts';
import { gaussianDenoiser, mixtureDenoiser } from '../../src/diffusion/oracle.ts';
import { SCHEDULES } from '../../src/diffusion/schedule.ts';
import { affineStep } from '../../src/diffusion/solvers.ts';
import { certify, judge } from '../../src/embedding/certificate.ts';
import { embed } from '../../src/embedding/embed.ts';
import type { EmbedOptions } from '../../src/embedding/embedding.ts';
import { climb, type UndoOptions } from '../../src/embedding/inversion/climb.ts';
import { createStepMap } from '../../src/embedding/inversion/maps.ts';
import { inversionFor } from '../../src/embedding/methods.ts';
import { createRuntime } from '../../src/runtime/node.ts';
import { normals } from '../../src/tensor/random.ts';
import { combine, norms } from '../../src/tensor/rowwise.ts';
import type { Tensor } from '../../src/tensor/tensor.ts';

const level = (time: number) =>
  levelAt({ schedule: SCHEDULES.continuousCosine, level: 'noiseVariance', predicts: 'epsilon' }, time);
const { NaN: unmeasured, POSITIVE_INFINITY: infinite } = Number;
const reports = [
  { level: level(0.5), residuals: Float64Array.of(1e-5, 2e-3, 1e-5, infinite, unmeasured, 1e-5) },
  { level: level(1), residuals: Float64Array.of(2e-5, 5e-2, unmeasured, 3e-2, unmeasured, 2e-5) },
].map(report => ({
  ...report,
  goals: new Float64Array(6).fill(1e-3),
  factors: Float64Array.of(0.5, 1.5, unmeasured, infinite, unmeasured, 0.5),
  bounds: Float64Array.of(2e-4, 1e-3, unmeasured, infinite, unmeasured, 0.03),
}));

describe('a certificate', () => {
  const rows = certify(6, reports);

  test('of steps that were undone has no flags, and bounds the error', () => {
    const { bound, ...rest } = rows[0]!;
    expect(bound).toBeGreaterThanOrEqual(2e-4);
    expect(rest).toEqual({ residuals: [1e-5, 2e-5], factors: [0.5, 0.5], flags: [], notes: [] });
  });

  test('names the worst step', () => {
    expect(rows[1]!.flags).toEqual(['the step to time 1.00 is undone to a residual of 0.050, not 0.001']);
  });

  test('says null of what was not measured, or is no number', () => {
    expect(rows[2]).toEqual({ residuals: [1e-5, null], factors: [null, null], flags: [], notes: [] });
    expect(rows[3]!.residuals).toEqual([null, 3e-2]);
    expect(rows[4]!.flags).toEqual([]);
  });

  test('of a step that left the numbers is flagged there, whatever else is wrong', () => {
    expect(rows[3]!.flags).toEqual(['the step to time 0.50 is undone to no number, not 0.001']);
  });

  test('is flagged where the seed may be far off though each step was undone', () => {
    expect(rows[5]!.flags).toEqual(['steps undone inexactly may have moved the seed by 6.0 % of its length']);
  });

  test('holds what least squares miss against tau', () => {
    const misses = [0.005, 0.04, Number.NaN];
    const [met, missed, lost] = certify(3, [], misses, 0.1);
    expect(met).toEqual({ residuals: [], factors: [], miss: 0.005, tau: 0.1, flags: [], notes: [] });
    expect(missed!.flags).toEqual(['the last step misses the picture by 0.20, more than tau 0.1']);
    expect(lost!.flags).toHaveLength(1);
  });
});

describe('a certificate beside the picture that the seed grows', () => {
  const [, stuck] = certify(6, reports);
  const [, fitted] = certify(6, reports, new Float64Array(6).fill(0.002), 0.05);
  const [exact] = certify(1, [], [0]);

  test('of a method that fits a picture has no flags where it is grown, but remembers what was left undone', () => {
    expect(judge(fitted!, 0.0024)).toMatchObject({
      flags: [],
      notes: [
        'what grows from it is right, though the step to time 1.00 is undone to a residual of 0.050, not 0.001',
      ],
    });
  });

  test('is flagged where the picture is further off than tau, or than the equations say', () => {
    expect(judge(fitted!, 0.0026).flags).toEqual([
      ...fitted!.flags,
      'the sampler misses the picture by 0.051, more than tau 0.05',
    ]);
    expect(judge(fitted!, 0.0091).flags.at(-1)).toBe(
      'the sampler misses the picture by 0.095, where the solved equations say 0.045',
    );
    expect(judge(exact!, 0.0009).flags).toEqual([]);
    expect(judge(exact!, 0.0011).flags).toHaveLength(1);
    expect(judge(exact!, Number.NaN).flags).toHaveLength(1);
  });

  test('asks for a tau that is less than what steps may leave undone, too', () => {
    const [off, near] = certify(2, [], [9e-4, 1e-6], 0.005);
    expect(judge(off!, 9e-4).flags).toEqual(off!.flags);
    expect(off!.flags).toHaveLength(1);
    expect(judge(near!, 9e-4).flags).toEqual([
      'the sampler misses the picture by 0.030, more than tau 0.005',
    ]);
    expect(judge(near!, 2e-5).flags).toEqual([]);
  });

  test('of a method that undoes steps answers for the seed, whatever it grows', () => {
    expect(judge(stuck!, 0).flags).toEqual(stuck!.flags);
  });
});

const runtime = await createRuntime({ threads: 1 });
const count = 6;
const schedule = { kind: 'scaledLinearBeta', timesteps: 1000, betaStart: 0.00085, betaEnd: 0.012 } as const;
const form = (steps: number) => ({ schedule, steps });
const means = [1, 2, 3].map(k => Array.from({ length: 16 }, (_, i) => Math.sin(i * k)));
const MODELS: [string, (steps: number) => Denoiser][] = [
  ['Gaussian', steps => gaussianDenoiser(0.25, [1, 4, 4], steps, { schedule })],
  ['mixture', steps => mixtureDenoiser({ means, variance: 0.25 }, [1, 4, 4], form(steps))],
];

/** Each row's |found - truth| / |truth|. */
function errorsOf(found: Tensor<'float32'>, truth: Tensor<'float32'>): number[] {
  const lengths = norms(truth);
  return Array.from(norms(combine([1, found], [-1, truth])), (error, row) => error / lengths[row]!);
}

describe.each(MODELS)('what is called solved on a %s oracle', (_, modelOf) => {
  const worst: number[] = [];

  test.each([10, 20, 50, 100, 200])('is within its bound and far better than naive, T = %d', async steps => {
    const model = modelOf(steps);
    const grid = samplerGrid(model.info, model.info.sampler).map(affineStep);
    const map = createStepMap(runtime, model, count);
    const seeds = normals({ seed: 7, purpose: 'x' }, [count, ...model.info.shape]);
    let pictures = seeds;
    for (const step of grid) pictures = await map.value(pictures, step);
    const undo = (solver: UndoOptions['solver']) =>
      climb(map, grid, pictures, { ...inversionFor('fixed-point').interior, solver, iterations: 60 });
    const naive = errorsOf((await undo('naive')).latent, seeds);
    for (const solver of ['plain', 'averaged', 'anderson', 'newton'] as const) {
      const found = await undo(solver);
      const certificates = certify(count, found.reports);
      errorsOf(found.latent, seeds).forEach((error, row) => {
        const { flags, bound } = certificates[row]!;
        if (solver === 'anderson' || solver === 'newton') expect(flags).toEqual([]);
        if (flags.length > 0) return;
        expect(bound).toBeGreaterThan(error);
        expect(error).toBeLessThan(naive[row]! / 100);
        worst.push(bound!);
      });
    }
    await map.dispose();
  });

  test('is no worse with more steps', () => {
    expect(Math.max(...worst)).toBeLessThan(5e-3);
  });
});

describe('as methods of embed', () => {
  const steps = 100;
  const model = gaussianDenoiser(0.25, [1, 4, 4], steps, { schedule });
  const seeds = normals({ seed: 7, purpose: 'x' }, [count, ...model.info.shape]);
  /** The factor of steps `first` to the last; all of Gaussian data are known. */
  const gainFrom = (first: number) =>
    samplerGrid(model.info, model.info.sampler)
      .slice(first)
      .reduce((gain, { from, to }) => {
        const { signalRate: s, noiseRate: n } = from;
        const epsilon = n / (s * s * 0.25 + n * n);
        return gain * ((to.signalRate * (1 - n * epsilon)) / s + to.noiseRate * epsilon);
      }, 1);
  const { mean, std } = model.info.range;
  const pixels = (gain: number) =>
    combine(
      [std[0]! * gain, seeds],
      [1, { ...seeds, data: new Float32Array(seeds.data.length).fill(mean[0]!) }],
    );

  test.each<EmbedOptions['method']>(['fixed-point', 'newton'])(
    '%s finds the seeds themselves',
    async method => {
      const { latent, results } = await embed(model, pixels(gainFrom(0)), { runtime, method });
      errorsOf(latent, seeds).forEach((error, row) => {
        const { converged, certificate } = results[row]!;
        expect(converged).toBe(true);
        expect(error).toBeLessThan(certificate!.bound!);
        expect(certificate!.bound).toBeLessThan(1e-3);
      });
    },
  );

  test('the plain iteration says how slow it is, and is not called solved where it is too slow', async () => {
    // On the sharp schedule of T = 10 the last step contracts slowly, or not at all.
    const sharp = mixtureDenoiser({ means, variance: 0.01 }, [1, 4, 4]);
    const map = createStepMap(runtime, sharp, count);
    const last = samplerGrid(sharp.info, sharp.info.sampler).slice(-1).map(affineStep);
    const state = normals({ seed: 3, purpose: 'x' }, [count, 1, 4, 4]);
    const picture = await map.value(state, last[0]!);
    const undo = { ...inversionFor('fixed-point').interior, solver: 'plain', iterations: 31 } as const;
    const { reports } = await climb(map, last, picture, undo);
    const [certificate] = certify(count, reports);
    const [residual] = certificate!.residuals;
    const [factor] = certificate!.factors;
    expect(certificate!.flags).not.toEqual([]);
    // Thirty steps at the factor do not come lower than what is left.
    expect(residual).toBeLessThan(factor! ** 25);
    expect(factor).toBeGreaterThan(0.8);
    await map.dispose();
  });
});
