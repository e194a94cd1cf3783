import { describe, expect, test } from 'vitest';
import { levelAt, samplerGrid } from '../../src/diffusion/grid.ts';
import { LEVEL_KINDS } from '../../src/diffusion/info.ts';
import { chooseSampler, ddim, type SamplerInfo } from '../../src/diffusion/sampler-info.ts';
import { CLEAN, ratesAt, SCHEDULES, type Schedule } from '../../src/diffusion/schedule.ts';
import { thrownBy } from '../support.ts';

const { linear, continuousCosine } = SCHEDULES;
const sampler = (changes: Partial<SamplerInfo>): SamplerInfo => ({ ...ddim(10), ...changes });
/** Where the steps of a sampler begin, by default on 1000 timesteps that the network is fed. */
const levels = (changes: Partial<SamplerInfo>, on: Parameters<typeof samplerGrid>[0] = discrete) =>
  samplerGrid(on, sampler(changes)).map(({ from }) => from);
const discrete = { schedule: linear, level: 'timestep', predicts: 'epsilon' } as const;
const continuous = { schedule: continuousCosine, level: 'noiseVariance', predicts: 'epsilon' } as const;

describe('the levels that a sampler visits', () => {
  test('from a diffusion time fall evenly, the last a T-th of the first', () => {
    const grid = samplerGrid(continuous, ddim(5));
    expect(grid.map(({ from }) => from.time)).toEqual(
      [1, 0.8, 0.6, 0.4, 0.2].map(t => expect.closeTo(t, 12)),
    );
    const half = levels({ steps: 5, start: { diffusionTime: 0.5 } }, continuous);
    expect(half.map(({ time }) => time)).toEqual([0.5, 0.4, 0.3, 0.2, 0.1].map(t => expect.closeTo(t, 12)));
    for (const { time, signalRate, noiseRate } of half)
      expect({ signalRate, noiseRate }).toEqual(ratesAt(continuousCosine, time));
  });

  test('are handed from step to step, and the last leads to the clean picture', () => {
    const grid = samplerGrid(continuous, ddim(4));
    expect(grid.slice(1).map(({ from }) => from)).toEqual(grid.slice(0, -1).map(({ to }) => to));
    expect(grid.at(-1)!.to).toMatchObject(CLEAN);
  });

  test('from a timestep are the rounded numbers of linspace(n, 0, T)', () => {
    // numpy.linspace(999, 0, 10).round()
    const expected = [999, 888, 777, 666, 555, 444, 333, 222, 111, 0];
    expect(levels({ start: { timestep: 999 } }).map(({ fed }) => fed)).toEqual(expected);
    // numpy.linspace(299, 0, 7).round(), none of which is halfway between two.
    const seven = levels({ steps: 7, start: { timestep: 299 } });
    expect(seven.map(({ fed }) => fed)).toEqual([299, 249, 199, 150, 100, 50, 0]);
    expect(levels({ steps: 1, start: { timestep: 42 } }).map(({ fed }) => fed)).toEqual([42]);
  });

  test("of grid 'logSnr' go from the first to the last in even steps of log(s / n)", () => {
    const even = levels({ grid: 'logSnr' }, continuous);
    const plain = levels({}, continuous);
    expect([even[0]!.time, even.at(-1)!.time]).toEqual([1, plain.at(-1)!.time]);
    const logs = even.map(({ signalRate, noiseRate }) => Math.log(signalRate / noiseRate));
    const step = (logs.at(-1)! - logs[0]!) / 9;
    for (const [i, log] of logs.entries()) expect(log).toBeCloseTo(logs[0]! + i * step, 9);
    // On timesteps they are rounded, and near the picture, where one timestep is longer than a step, apart by one.
    const timesteps = levels({ steps: 50, grid: 'logSnr', start: { timestep: 999 } }).map(({ fed }) => fed);
    expect([timesteps[0], ...timesteps.slice(-4)]).toEqual([999, 3, 2, 1, 0]);
    expect(timesteps).toEqual([...new Set(timesteps)].sort((a, b) => b - a));
    // Flow matching begins where there is no signal.
    const flow = { schedule: { kind: 'flow' }, level: 'diffusionTime', predicts: 'flow' } as const;
    expect(thrownBy(() => levels({ grid: 'logSnr' }, flow))).toMatchObject({
      kind: 'BadArgument',
      message: expect.stringContaining('from there no grid is even in log SNR'),
    });
  });

  test("of grid 'logSnr' keep more of what varies most", () => {
    // Data of a variance of 100 in units of the noise: a sampler of infinitely many steps multiplies seeds by 10.
    const gain = (grid: SamplerInfo['grid']) =>
      samplerGrid(continuous, sampler({ grid })).reduce((product, { from, to }) => {
        const seen = from.signalRate ** 2 * 100 + from.noiseRate ** 2;
        return (product * (to.signalRate * from.signalRate * 100 + to.noiseRate * from.noiseRate)) / seen;
      }, 1);
    expect(gain('linspace')).toBeLessThan(7.5);
    expect(gain('logSnr')).toBeGreaterThan(8.5);
  });

  test('are those of a list, times or timesteps, where one is given', () => {
    const times = levels({ steps: 3, grid: [0.9, 0.35, 0.05] }, continuous);
    expect(times.map(({ time }) => time)).toEqual([0.9, 0.35, 0.05]);
    const timesteps = levels({ steps: 3, grid: [900, 80, 7], start: { timestep: 900 } });
    expect(timesteps.map(({ fed }) => fed)).toEqual([900, 80, 7]);
  });

  test('timestep n of N is the diffusion time (n + 1) / N, where n + 1 betas have been applied', () => {
    const [first, , third] = levels({ steps: 3, grid: [2, 1, 0], start: { timestep: 2 } });
    expect([first!.time, third!.time]).toEqual([3 / 1000, 1 / 1000]);
    const beta = (n: number) => 1e-4 + ((0.02 - 1e-4) * n) / 999;
    expect(third!.signalRate ** 2).toBeCloseTo(1 - beta(0), 12);
    expect(first!.signalRate ** 2).toBeCloseTo((1 - beta(0)) * (1 - beta(1)) * (1 - beta(2)), 12);
  });

  test.each<[string, Partial<SamplerInfo>]>([
    ['evenly spaced times', { steps: 7 }],
    ['a list of times', { steps: 3, grid: [0.99987, 0.50042, 0.0001] }],
    ['evenly spaced timesteps', { steps: 7, start: { timestep: 951 } }],
  ])('are whole timesteps for a network that is fed those, with their rates: %s', (_, changes) => {
    for (const { fed, time, signalRate, noiseRate } of levels(changes)) {
      expect(Number.isInteger(fed)).toBe(true);
      expect(fed).toBeGreaterThanOrEqual(0);
      expect(time).toBe((fed + 1) / 1000);
      expect({ signalRate, noiseRate }).toEqual(ratesAt(linear, (fed + 1) / 1000));
    }
  });
});

describe('the level input', () => {
  const time = 0.3;
  const { signalRate: s, noiseRate: n } = ratesAt(linear, time);
  test.each([
    ['noiseVariance', 1 - s ** 2],
    ['noiseRate', n],
    ['diffusionTime', 0.3],
    ['timestep', 299],
    ['sigma', n / s],
    ['logSnr', Math.log(s ** 2 / n ** 2)],
  ] as const)('of kind %s is fed what it names', (level, expected) => {
    expect(levelAt({ schedule: linear, level, predicts: 'epsilon' }, time).fed).toBeCloseTo(expected, 12);
  });

  test('of every other kind does without timesteps', () => {
    for (const level of LEVEL_KINDS.filter(kind => kind !== 'timestep'))
      expect(levels({}, { schedule: continuousCosine, level, predicts: 'epsilon' })).toHaveLength(10);
  });
});

describe('a sampler ends', () => {
  const list = { grid: [30, 20, 10], steps: 3, start: { timestep: 30 } };
  const towards = (more: Partial<SamplerInfo>) =>
    samplerGrid(discrete, { ...ddim(3), ...list, ...more }).map(({ to }) => to.fed);

  test('at the clean picture, or at the level of a timestep', () => {
    expect(towards({})).toEqual([20, 10, Number.NaN]);
    const { to } = samplerGrid(discrete, { ...ddim(3), ...list, final: { timestep: 4 } }).at(-1)!;
    expect(to).toMatchObject({ fed: 4, ...ratesAt(linear, 5 / 1000) });
  });

  test('with a stride, each step as many timesteps on, and below the first at its end', () => {
    expect(towards({ stride: 8, final: { timestep: 2 } })).toEqual([22, 12, 2]);
    expect(towards({ stride: 12, final: { timestep: 2 } })).toEqual([18, 8, 2]);
  });

  test('but not above the last level that it visits, nor beyond the schedule', () => {
    expect(thrownBy(() => towards({ final: { timestep: 11 } }))).toMatchObject({
      message: expect.stringContaining('"final" is a level with more noise than the last'),
    });
    expect(thrownBy(() => towards({ final: { timestep: 1000 } }))).toMatchObject({
      message: expect.stringContaining('"final" is timestep 1000; the schedule has 0 to 999'),
    });
  });

  test('a stride is of DDIM: one of another kind goes from level to level', () => {
    const own: SamplerInfo = { ...ddim(3), ...list, stride: 8 };
    expect(chooseSampler(own, { sampler: 'ddim' })).toEqual(own);
    expect(chooseSampler(own, { sampler: 'heun' })).toEqual({ ...ddim(3), ...list, kind: 'heun' });
    expect(thrownBy(() => towards({ stride: 8, kind: 'heun' }))).toMatchObject({
      message: expect.stringContaining(`"stride" is of sampler 'ddim'`),
    });
  });

  test('but not where it is already, if it is O-BELM', () => {
    const nowhere = { kind: 'obelm', final: { timestep: 10 } } as const;
    expect(thrownBy(() => towards(nowhere))).toMatchObject({
      message: expect.stringContaining('a step that leads nowhere'),
    });
  });
});

describe('a sampler that a schedule cannot serve is refused in words', () => {
  const refused = (changes: Partial<SamplerInfo>, on: Parameters<typeof samplerGrid>[0] = discrete) =>
    String(thrownBy(() => levels(changes, on)));

  test('beyond the schedule', () => {
    expect(refused({ start: { timestep: 1000 } })).toContain(
      'the sampler visits timestep 1000; the schedule has 0 to 999',
    );
    expect(refused({ steps: 2, grid: [1.5, 0.5] }, continuous)).toContain(
      'visits diffusion time 1.5; times lie in (0, 1]',
    );
    expect(refused({ steps: 2, grid: [0.5, 0] }, continuous)).toContain('visits diffusion time 0;');
  });

  test('between its timesteps', () => {
    const halves = { steps: 2, grid: [10.5, 3], start: { timestep: 10 } };
    expect(refused(halves)).toContain('timestep 10.5');
  });

  test('at one level twice', () => {
    expect(refused({ steps: 12, start: { timestep: 9 } })).toContain(
      '12 steps visit one timestep twice: the schedule has too few',
    );
    expect(refused({ steps: 2, grid: [0.5, 0.5] }, continuous)).toContain('twice');
    // Distinct times that are one timestep.
    expect(levels({ steps: 2, grid: [0.0016, 0.0006] }).map(({ fed }) => fed)).toEqual([1, 0]);
    expect(refused({ steps: 2, grid: [0.0014, 0.0006] })).toContain('twice');
    // Distinct timesteps of one level, between which samplers of higher order divide by zero.
    const schedule = { kind: 'alphaBar' as const, values: [0.9, 0.5, 0.5] };
    const flat = { schedule, level: 'noiseVariance', predicts: 'epsilon' } as const;
    expect(refused({ steps: 3, start: { timestep: 2 } }, flat)).toContain(
      'two levels of one noise rate, 0.707',
    );
  });

  test('with another number of levels than steps', () => {
    expect(refused({ steps: 3, grid: [0.9, 0.5] }, continuous)).toContain('3 steps names 2 levels');
  });

  test('by timesteps where there are none', () => {
    expect(refused({ start: { timestep: 9 } }, continuous)).toContain(
      'a continuousCosine schedule has no timesteps, only diffusion times',
    );
    expect(refused({}, { schedule: continuousCosine, level: 'timestep', predicts: 'epsilon' })).toContain(
      'has no timesteps',
    );
  });
});

describe('schedules given by their parts', () => {
  const alphaBar = (schedule: Schedule, timestep: number, count: number) =>
    ratesAt(schedule, (timestep + 1) / count).signalRate ** 2;

  test('cosine betas keep to their limits', () => {
    const schedule = { kind: 'cosineBeta', timesteps: 300, betaMin: 1e-4, betaMax: 0.9999 } as const;
    expect(alphaBar(schedule, 0, 300)).toBeCloseTo(0.9998435037204009, 12);
    expect(alphaBar(schedule, 150, 300)).toBeCloseTo(0.4886491843268039, 12);
    expect(alphaBar(schedule, 298, 300) / 2.698607809625685e-5).toBeCloseTo(1, 9);
    const first = (betaMin: number) => alphaBar({ ...schedule, betaMin }, 0, 300);
    expect(first(0.01)).toBeCloseTo(0.99, 12);
    const last = ({ betaMax }: { betaMax: number }) =>
      alphaBar({ ...schedule, betaMax }, 299, 300) / alphaBar({ ...schedule, betaMax }, 298, 300);
    expect(last({ betaMax: 0.9999 })).toBeCloseTo(1e-4, 12);
    expect(last({ betaMax: 0.9 })).toBeCloseTo(0.1, 12);
  });

  test('sigmas are noise over signal', () => {
    const values = [0.01, 0.5, 3, 80];
    const schedule = { kind: 'sigmas' as const, values };
    values.forEach((sigma, n) => {
      expect(alphaBar(schedule, n, 4)).toBeCloseTo(1 / (1 + sigma ** 2), 12);
      expect(levelAt({ schedule, level: 'sigma', predicts: 'epsilon' }, (n + 1) / 4).fed / sigma).toBeCloseTo(
        1,
        9,
      );
    });
  });
});
