import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { samplerGrid } from '../../src/diffusion/grid.ts';
import { gaussianDenoiser, mixtureDenoiser } from '../../src/diffusion/oracle.ts';
import { PREDICTIONS, readings, steppedTarget, targetOf } from '../../src/diffusion/prediction.ts';
import { createSampler } from '../../src/diffusion/sampler.ts';
import { ddim, type SamplerInfo } from '../../src/diffusion/sampler-info.ts';
import type { Level, Rates } from '../../src/diffusion/schedule.ts';
import { affineStep, stepGain } from '../../src/diffusion/solvers.ts';
import { embed } from '../../src/embedding/embed.ts';
import { createRuntime } from '../../src/runtime/node.ts';
import { normals } from '../../src/tensor/random.ts';
import { combine } from '../../src/tensor/rowwise.ts';
import { relativeError, thrownBy } from '../support.ts';

const runtime = await createRuntime({ threads: 1 });
const seeds = normals({ seed: 4, purpose: 'seeds' }, [3, 1, 4, 4]);

/** Rates that need not be those of a schedule, down to no signal, and down to little noise. */
const rates = fc.record({
  signalRate: fc.double({ min: 0, max: 1, noNaN: true }),
  noiseRate: fc.double({ min: 1e-3, max: 1, noNaN: true }),
});
const number = fc.double({ min: -3, max: 3, noNaN: true });
const level = (at: Rates, predicts: (typeof PREDICTIONS)[number]): Level => ({
  ...at,
  time: 0.5,
  fed: 0,
  target: steppedTarget(predicts, at),
});

describe.each(PREDICTIONS)('of a picture and noise, %s', predicts => {
  // x0 apart from epsilon is asked of rates between which there is a step: those of a network that predicts epsilon hold signal.
  const held = rates.filter(
    ({ signalRate, noiseRate }) =>
      signalRate + noiseRate > 0.1 && (predicts !== 'epsilon' || signalRate > 1e-3),
  );

  test('is read as both, and a step with it leads to the rates that it is to lead to', () => {
    fc.assert(
      fc.property(held, rates, number, number, (from, to, x0, epsilon) => {
        const at = level(from, predicts);
        const x = from.signalRate * x0 + from.noiseRate * epsilon;
        const predicted = at.target.clean * x0 + at.target.noise * epsilon;
        const read = readings(at);
        expect(read.x0.x * x + read.x0.predicted * predicted).toBeCloseTo(x0, 8);
        expect(read.epsilon.x * x + read.epsilon.predicted * predicted).toBeCloseTo(epsilon, 8);
        const { alpha, beta } = affineStep({ from: at, to: level(to, predicts) });
        expect(alpha * x + beta * predicted).toBeCloseTo(to.signalRate * x0 + to.noiseRate * epsilon, 8);
      }),
    );
  });
});

test('an Euler step of flow matching is a DDIM step with its rates', () => {
  const at = (sigma: number) => level({ signalRate: 1 - sigma, noiseRate: sigma }, 'flow');
  const { alpha, beta } = affineStep({ from: at(1), to: at(0.9) });
  expect([alpha, beta]).toEqual([1, expect.closeTo(-0.1, 12)]);
  expect(targetOf('flow', at(0.5))).toEqual({ clean: -1, noise: 1 });
});

/** Ends without signal, on its last timestep. */
const zeroSnr = {
  kind: 'alphaBar' as const,
  values: Array.from({ length: 20 }, (_, n) => (n === 19 ? 0 : Math.cos(((n + 1) / 40) * Math.PI) ** 2)),
};
const visited = [19, 17, 15, 13, 11, 9, 7, 5, 3, 1];
const fromTheEnd: Partial<SamplerInfo> = { grid: visited, start: { timestep: 19 } };
const flow = { kind: 'flow' as const, shift: 3 };

const models = [
  ['v', { predicts: 'v', schedule: zeroSnr, level: 'timestep', sampler: fromTheEnd }],
  ['x0', { predicts: 'x0', schedule: zeroSnr, level: 'timestep', sampler: fromTheEnd }],
  ['flow', { predicts: 'flow', schedule: flow, level: 'timestep' }],
  ['x0 on a flow schedule', { predicts: 'x0', schedule: flow, level: 'noiseRate' }],
] as const;

describe.each(models)('from no signal at all, a network that predicts %s', (_, form) => {
  test('multiplies seeds of Gaussian data by the closed form', async () => {
    const model = gaussianDenoiser(0.3, [1, 4, 4], 10, form);
    const grid = samplerGrid(model.info, model.info.sampler);
    expect(grid[0]!.from).toMatchObject({ signalRate: 0, noiseRate: 1 });
    const sampler = await createSampler(runtime, model, model.info.sampler, 3);
    const grown = await sampler.sample(seeds);
    await sampler.dispose();
    const gain = grid.reduce((product, step) => product * stepGain(step, 0.3), 1);
    expect(relativeError(grown, combine([gain, seeds]))).toBeLessThan(2e-6);
  });

  test('is embedded into, above 34 dB', async () => {
    const means = [0, 2, 4.5].map(phase => Array.from({ length: 16 }, (_, i) => Math.sin(i + phase)));
    const model = mixtureDenoiser({ means, variance: 0.5 }, [1, 4, 4], form);
    const sampler = await createSampler(runtime, model, model.info.sampler, 3);
    const grown = await sampler.sample(seeds);
    await sampler.dispose();
    const pixels = { ...grown, data: grown.data.map(value => 0.5 + 0.2 * value) };
    const { results } = await embed(model, pixels, { runtime, method: 'auto', batch: 3 });
    for (const { mse } of results) expect(-10 * Math.log10(mse)).toBeGreaterThan(34);
  });
});

test.each([
  ['predicts epsilon', { predicts: 'epsilon' }, {}, 'a network that predicts epsilon says nothing'],
  ['is told sigma', { level: 'sigma' }, {}, 'a network that is told the sigma cannot be asked'],
  ['sees exploding noise', { sees: 'exploding' }, {}, 'a network that sees x / s cannot be asked'],
  ['is sampled by O-BELM', {}, { kind: 'obelm' }, "sampler 'obelm', which steps in noise over signal"],
] as const)('a network that %s does not begin where there is no signal', (_, changes, sampler, message) => {
  const info = { schedule: flow, level: 'noiseRate', predicts: 'flow', ...changes } as const;
  expect(thrownBy(() => samplerGrid(info, { ...ddim(5), ...sampler }))).toMatchObject({
    kind: 'BadArgument',
    message: expect.stringContaining(message),
  });
});
