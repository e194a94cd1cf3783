import { isSeedbedError, SeedbedError, saying } from '../errors.ts';
import type { Graph } from '../graph/ir.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { type KeptTask, openRunFolder, type RunFolderOptions } from './run-folder.ts';
import {
  createTrainee,
  learningRateAt,
  type OptimiserConfig,
  recentLoss,
  type TrainingProblem,
} from './training-step.ts';

/** A training problem as a run in a folder: measured, saved, resumed. */
export interface TrainingTask extends TrainingProblem, KeptTask {
  /** Loss of the network after so many steps on held-out data, lower is better; details are logged as they are. */
  evaluate(network: Graph, step: number): Promise<{ heldOut: number; details?: Record<string, unknown> }>;
}

export interface TrainingOptions extends RunFolderOptions {
  readonly optimiser: OptimiserConfig;
  /** Updates in all, those before a resumption counted. */
  readonly steps: number;
  /** Stops, resumable, after so many minutes. */
  readonly minutes?: number | undefined;
  /** Steps between checkpoints, and between measurements on held-out data. */
  readonly checkpointEvery: number;
  readonly evaluateEvery: number;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: (progress: TrainingProgress) => void;
}

export interface TrainingProgress {
  readonly step: number;
  readonly steps: number;
  /** Mean over the last steps. */
  readonly loss: number;
  readonly heldOut: number | undefined;
  readonly imagesPerSecond: number;
}

/**
 * Trains a network: one graph a step, holding the forward pass, its gradient, the optimiser and the moving average.
 * Random numbers are addressed by step, so a run that was stopped at any moment and resumed gives the same bits as one
 * that was not.
 * @returns the network with its averaged weights, and whether all steps were done.
 * @throws {SeedbedError} Diverged when the loss is no longer a number; the last checkpoint stays.
 */
export async function train(
  runtime: Runtime,
  task: TrainingTask,
  options: TrainingOptions,
): Promise<{ network: Graph; step: number; finished: boolean; heldOut: number | undefined }> {
  const trainee = await createTrainee(runtime, task, options.optimiser);
  const folder = openRunFolder(trainee, task, options);
  const state = await folder.begin().catch(async error => {
    await trainee.dispose();
    throw error;
  });
  const { step: firstStep } = state;
  const started = performance.now();
  const seconds = () => (performance.now() - started) / 1000;
  const rate = () => ((state.step - firstStep) * task.batch) / Math.max(1e-3, seconds());
  const timeIsUp = () => options.minutes !== undefined && seconds() >= 60 * options.minutes;
  let heldOut: number | undefined;
  const measure = async () => {
    const result = await task.evaluate(trainee.averaged(state), state.step);
    heldOut = finite(result.heldOut, state.step, options.out);
    await folder.log({
      step: state.step,
      loss: round(recentLoss(state)),
      learningRate: learningRateAt(options.optimiser, state.step - 1, options.steps),
      imagesPerSecond: round(rate()),
      seconds: round(seconds()),
      heldOut: round(heldOut),
      ...result.details,
    });
  };

  try {
    // A run that is at its end already says again what it measured there: its record is what an unbroken one has.
    if (firstStep >= options.steps) {
      const result = await task.evaluate(trainee.averaged(state), state.step);
      heldOut = finite(result.heldOut, state.step, options.out);
    }
    while (state.step < options.steps && !timeIsUp() && !options.signal?.aborted) {
      await trainee.advance(state, options.steps).catch(error => withRemedy(error, options.out));
      const { step } = state;
      options.onProgress?.({
        ...{ step, steps: options.steps, loss: recentLoss(state), heldOut, imagesPerSecond: rate() },
      });
      const isLast = step === options.steps;
      if (isLast || step % options.evaluateEvery === 0) await measure();
      if (!isLast && step % options.checkpointEvery === 0) await folder.save(state);
    }
    const isCut = state.step < options.steps && !options.signal?.aborted;
    if (isCut && state.step % options.evaluateEvery !== 0) await measure();
    await folder.save(state);
  } finally {
    await trainee.dispose();
  }
  return {
    network: trainee.averaged(state),
    step: state.step,
    finished: state.step >= options.steps,
    heldOut,
  };
}

/** A held-out loss that is a number. @throws {SeedbedError} Diverged where it is not. */
function finite(heldOut: number, step: number, out: string): number {
  if (Number.isFinite(heldOut)) return heldOut;
  throw new SeedbedError(
    'Diverged',
    `training diverged by step ${step}: the held-out loss is ${heldOut}. ${out} holds the last good state`,
  );
}

/** Where a run that diverged can be found as it was. */
function withRemedy(error: unknown, out: string): never {
  if (!isSeedbedError(error) || error.kind !== 'Diverged') throw error;
  throw saying(error, `. ${out} holds the last good state`);
}

function round(value: number): number {
  return Number(value.toPrecision(6));
}
