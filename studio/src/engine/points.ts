/**
 * Denoisers of points in the plane.
 * @module
 */
import {
  curvePoints,
  type Denoiser,
  type DenoiserRecipe,
  loadModel,
  openSampler,
  ratesAt,
  SCHEDULES,
  saveModel,
  trainDenoiser,
} from 'seedbed';
import { keep, type ScheduleName } from './open.ts';
import { running } from './runtime.ts';
import { type Floats, type OnReport, type Report, working } from './work.ts';

/** The key of the denoiser of points, of which one is open at a time. */
const POINTS = 'points';
/** Least milliseconds between two looks at what was learned. */
const PAUSE = 300;

/** Points about circles or moons, [n, 2]. */
export async function points(curve: 'circles' | 'moons', count: number): Promise<Floats> {
  return curvePoints(curve, count);
}

/** The signal rates of a schedule at evenly spaced times from 0 to 1. */
export async function signalRates(schedule: ScheduleName, count: number): Promise<number[]> {
  return Array.from({ length: count }, (_, i) => ratesAt(SCHEDULES[schedule], i / (count - 1)).signalRate);
}

/** Trains a denoiser of points in the plane, and shows on the way where seeds land. @returns its file. */
export async function train(
  task: number,
  points: Floats,
  recipe: DenoiserRecipe,
  seeds: Floats,
  report: OnReport,
): Promise<Uint8Array> {
  return working(task, report, async ({ signal }) => {
    let [shownAt, showing] = [performance.now(), Promise.resolve()];
    const show = async (model: Denoiser, told: Report) => {
      const sampler = await openSampler(model, { runtime: await running(), batch: seeds.shape[0]! });
      report({ ...told, landed: await sampler.grow(seeds) });
      await sampler.dispose();
    };
    report({ doing: 'building graphs' });
    const model = await trainDenoiser(points, recipe, {
      ...{ name: 'points', signal, runtime: await running() },
      onProgress({ step, steps, loss, model }) {
        const now = performance.now();
        if (now - shownAt < PAUSE) return;
        shownAt = now;
        const current = model();
        showing = showing.then(() => show(current, { done: step, total: steps, loss }));
      },
    });
    await showing;
    return saveModel(model);
  });
}

/** A denoiser of points that is open, and how it standardises them. */
export interface Plane {
  readonly key: string;
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/** Opens the file of a denoiser of points, in place of the one before. */
export async function openPlane(file: Uint8Array): Promise<Plane> {
  const model = await loadModel(file);
  await keep(POINTS, model);
  return { key: POINTS, mean: model.info.range.mean, std: model.info.range.std };
}
