/**
 * Points in the plane, and the schedules by which they become noise.
 * @module
 */
import { curvePoints, ratesAt, SCHEDULES } from 'seedbed';
import type { ScheduleName } from './open.ts';
import type { Floats } from './work.ts';

/** Points about circles or moons, [n, 2]. */
export async function points(curve: 'circles' | 'moons', count: number): Promise<Floats> {
  return curvePoints(curve, count);
}

/** The signal rates of a schedule at evenly spaced times from 0 to 1. */
export async function signalRates(schedule: ScheduleName, count: number): Promise<number[]> {
  return Array.from({ length: count }, (_, i) => ratesAt(SCHEDULES[schedule], i / (count - 1)).signalRate);
}
