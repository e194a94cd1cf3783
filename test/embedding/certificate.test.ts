import { describe, expect, test } from 'vitest';
import { levelAt } from '../../src/diffusion/grid.ts';
import { SCHEDULES } from '../../src/diffusion/schedule.ts';
import { certify } from '../../src/embedding/certificate.ts';

const level = (time: number) =>
  levelAt({ schedule: SCHEDULES.continuousCosine, level: 'noiseVariance' }, time);
const { NaN: unmeasured, POSITIVE_INFINITY: infinite } = Number;
const reports = [
  { level: level(0.5), residuals: Float64Array.of(1e-5, 2e-3, 1e-5, infinite, unmeasured) },
  { level: level(1), residuals: Float64Array.of(2e-5, 5e-2, unmeasured, 3e-2, unmeasured) },
].map(report => ({ ...report, factors: Float64Array.of(0.5, 1.5, unmeasured, infinite, unmeasured) }));
const limits = { tolerance: 1e-3, tau: 0.1 };

describe('a certificate', () => {
  const rows = certify(5, reports, undefined, limits);

  test('of steps that were undone has no flags', () => {
    expect(rows[0]).toEqual({ residuals: [1e-5, 2e-5], factors: [0.5, 0.5], flags: [], notes: [] });
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

  test('holds what least squares miss against tau', () => {
    const misses = [0.005, 0.04, Number.NaN];
    const [met, missed, lost] = certify(3, [], misses, limits);
    expect(met).toEqual({ residuals: [], factors: [], miss: 0.005, flags: [], notes: [] });
    expect(missed!.flags).toEqual(['the last step misses the picture by 0.20, more than tau 0.1']);
    expect(lost!.flags).toHaveLength(1);
  });
});
