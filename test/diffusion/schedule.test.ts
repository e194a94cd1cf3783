import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ratesAt, SCHEDULES, type Schedule } from '../../src/diffusion/schedule.ts';

const alphaBar = (schedule: Schedule, time: number) => ratesAt(schedule, time).signalRate ** 2;

describe('schedules', () => {
  test('continuous cosine goes from .95 to .02 with evenly spaced angles', () => {
    const schedule = SCHEDULES.continuousCosine;
    expect(ratesAt(schedule, 0).signalRate).toBeCloseTo(0.95, 12);
    expect(ratesAt(schedule, 1).signalRate).toBeCloseTo(0.02, 12);
    const middle = (Math.acos(0.95) + Math.acos(0.02)) / 2;
    expect(ratesAt(schedule, 0.5).noiseRate).toBeCloseTo(Math.sin(middle), 12);
  });

  test('linear and quadratic multiply 1 - beta; between timesteps log alpha-bar is linear', () => {
    expect(alphaBar(SCHEDULES.linear, 0)).toBe(1);
    expect(alphaBar(SCHEDULES.linear, 1 / 1000)).toBeCloseTo(1 - 1e-4, 12);
    const second = 1e-4 + (0.02 - 1e-4) / 999;
    expect(alphaBar(SCHEDULES.linear, 2 / 1000)).toBeCloseTo((1 - 1e-4) * (1 - second), 12);
    expect(alphaBar(SCHEDULES.linear, 0.5 / 1000)).toBeCloseTo(Math.sqrt(1 - 1e-4), 12);
    // Ho et al. 2020: the last alpha-bar of the linear schedule is about 4e-5.
    expect(alphaBar(SCHEDULES.linear, 1)).toBeCloseTo(4.04e-5, 7);
    const root = Math.sqrt(1e-4) + (Math.sqrt(0.02) - Math.sqrt(1e-4)) / 999;
    expect(alphaBar(SCHEDULES.quadratic, 2 / 1000)).toBeCloseTo((1 - 1e-4) * (1 - root ** 2), 12);
  });

  test('cosine follows its formula and caps beta at .999', () => {
    const f = (t: number) => Math.cos(((t + 0.008) / 1.008) * (Math.PI / 2)) ** 2;
    expect(alphaBar(SCHEDULES.cosine, 0.5)).toBeCloseTo(f(0.5) / f(0), 10);
    expect(alphaBar(SCHEDULES.cosine, 1)).toBeCloseTo(alphaBar(SCHEDULES.cosine, 0.999) * 1e-3, 12);
  });

  test('a list of alpha-bars is taken as it is', () => {
    const schedule: Schedule = { kind: 'alphaBar', values: [0.9, 0.5, 0.1] };
    expect([1, 2, 3].map(n => alphaBar(schedule, n / 3))).toEqual(
      [0.9, 0.5, 0.1].map(v => expect.closeTo(v, 12)),
    );
  });

  test.each(Object.keys(SCHEDULES) as (keyof typeof SCHEDULES)[])(
    '%s: rates lie on the circle and signal falls',
    name => {
      const time = fc.double({ min: 0, max: 1, noNaN: true });
      fc.assert(
        fc.property(time, time, (a, b) => {
          const [early, late] = [Math.min(a, b), Math.max(a, b)].map(t => ratesAt(SCHEDULES[name], t)) as [
            ReturnType<typeof ratesAt>,
            ReturnType<typeof ratesAt>,
          ];
          expect(early.signalRate ** 2 + early.noiseRate ** 2).toBeCloseTo(1, 9);
          expect(late.signalRate).toBeLessThanOrEqual(early.signalRate);
        }),
      );
    },
  );

  test('a time outside [0, 1] is refused', () => {
    expect(() => ratesAt(SCHEDULES.cosine, 1.01)).toThrow('from 0 to 1, got 1.01');
    expect(() => ratesAt(SCHEDULES.cosine, Number.NaN)).toThrow('got NaN');
  });
});
