import { isSeedbedError, SeedbedError } from '../errors.ts';
import type { Graph } from '../graph/ir.ts';
import { appendLine, exists, joinPath, readBytes, readText, writeAtomic } from '../runtime/files.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { packCheckpoint, unpackCheckpoint } from './checkpoint.ts';
import {
  createTrainee,
  learningRateAt,
  type OptimiserConfig,
  recentLoss,
  type TrainingProblem,
} from './training-step.ts';

/** A training problem as a run in a folder: measured, saved, resumed. */
export interface TrainingTask extends TrainingProblem {
  /** All that decides what is learned, but for the number of steps: a run is only resumed by its like. */
  readonly about: Readonly<Record<string, unknown>>;
  /** Loss of the given network on held-out data, lower is better; details are logged as they are. */
  evaluate(network: Graph): Promise<{ heldOut: number; details?: Record<string, unknown> }>;
  /** Saves a network as a model, and a sample of what it does. */
  save(network: Graph, step: number): Promise<void>;
}

export interface TrainingOptions {
  readonly optimiser: OptimiserConfig;
  /** Updates in all, those before a resumption counted. */
  readonly steps: number;
  /** Stops, resumable, after so many minutes. */
  readonly minutes?: number | undefined;
  /** The run folder. */
  readonly out: string;
  /** Written there as config.json. */
  readonly config: unknown;
  /** Written there as command.json: what a command that goes on with the run need not be told again. */
  readonly command?: unknown;
  /** Goes on from the folder's checkpoint. */
  readonly resume?: boolean;
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
  const { layout, statisticsLayout } = trainee;
  const checkpoint = joinPath(options.out, 'checkpoint.safetensors');
  const state =
    options.resume && (await exists(checkpoint))
      ? unpackCheckpoint(checkpoint, await readBytes(checkpoint), layout, statisticsLayout, task.about)
      : trainee.begin();
  const averaged = () => trainee.averaged(state);
  const started = performance.now();
  const deadline =
    options.minutes === undefined ? Number.POSITIVE_INFINITY : started + options.minutes * 60_000;
  const firstStep = state.step;
  let heldOut: number | undefined;

  const log = joinPath(options.out, 'log.jsonl');
  const saveState = () =>
    writeAtomic(checkpoint, packCheckpoint(checkpoint, state, layout, statisticsLayout, task.about));
  // A fresh run first puts its own beginning in place of whatever lay there.
  if (state.step === 0) await saveState();
  await writeJson(joinPath(options.out, 'config.json'), options.config);
  if (options.command !== undefined) await writeJson(joinPath(options.out, 'command.json'), options.command);
  if (state.step === 0) await writeAtomic(log, '');
  else {
    await dropLinesAfter(log, state.step);
    await task.save(averaged(), state.step); // a sudden death may have come between the checkpoint and this
  }

  const saveAll = async () => {
    await saveState();
    await task.save(averaged(), state.step);
  };
  const measure = async () => {
    const result = await task.evaluate(averaged());
    heldOut = result.heldOut;
    if (!Number.isFinite(heldOut)) {
      throw new SeedbedError(
        'Diverged',
        `training diverged by step ${state.step}: the held-out loss is ${heldOut}. ${options.out} holds the last good state`,
      );
    }
    const seconds = (performance.now() - started) / 1000;
    await appendLine(
      log,
      JSON.stringify({ ...record(), seconds: round(seconds), heldOut: round(heldOut), ...result.details }),
    );
  };
  const rate = () =>
    ((state.step - firstStep) * task.batch) / Math.max(1e-3, (performance.now() - started) / 1000);
  const record = () => ({
    step: state.step,
    loss: round(recentLoss(state)),
    learningRate: learningRateAt(options.optimiser, state.step - 1, options.steps),
    imagesPerSecond: round(rate()),
  });

  try {
    while (state.step < options.steps && performance.now() < deadline && !options.signal?.aborted) {
      await trainee.advance(state, options.steps).catch(error => withRemedy(error, options.out));
      options.onProgress?.({
        step: state.step,
        steps: options.steps,
        loss: recentLoss(state),
        heldOut,
        imagesPerSecond: rate(),
      });
      const last = state.step === options.steps;
      if (last || state.step % options.evaluateEvery === 0) await measure();
      if (!last && state.step % options.checkpointEvery === 0) await saveAll();
    }
    const timeIsUp = state.step < options.steps && !options.signal?.aborted;
    if (timeIsUp && state.step % options.evaluateEvery !== 0) await measure();
    await saveAll();
  } finally {
    await trainee.dispose();
  }
  return { network: averaged(), step: state.step, finished: state.step >= options.steps, heldOut };
}

function writeJson(path: string, value: unknown): Promise<void> {
  return writeAtomic(path, `${JSON.stringify(value, null, 2)}\n`);
}

/** Where a run that diverged can be found as it was. */
function withRemedy(error: unknown, out: string): never {
  if (!isSeedbedError(error) || error.kind !== 'Diverged') throw error;
  throw new SeedbedError('Diverged', `${error.message}. ${out} holds the last good state`, { cause: error });
}

/** A log goes on from its checkpoint: lines written after it, by steps that will be done again, are dropped. */
async function dropLinesAfter(path: string, step: number): Promise<void> {
  if (!(await exists(path))) return;
  const lines = (await readText(path)).split('\n').filter(line => {
    try {
      return (JSON.parse(line) as { step: number }).step <= step;
    } catch {
      return false; // a line that a sudden death cut short
    }
  });
  await writeAtomic(path, lines.map(line => `${line}\n`).join(''));
}

function round(value: number): number {
  return Number(value.toPrecision(6));
}
