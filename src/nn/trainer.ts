import { backward } from '../autodiff/backward.ts';
import { SeedbedError } from '../errors.ts';
import { GraphBuilder, type Value } from '../graph/builder.ts';
import type { Graph } from '../graph/ir.ts';
import { appendLine, exists, joinPath, readText, writeAtomic } from '../runtime/files.ts';
import type { Feeds, Runtime } from '../runtime/runtime.ts';
import { float32, type Tensor } from '../tensor/tensor.ts';
import { ADAM, type AdamConfig, adamStep, corrections } from './adam.ts';
import { initialState, RECENT, readCheckpoint, type TrainingState, writeCheckpoint } from './checkpoint.ts';
import { isStatistic, isTrainable } from './networks.ts';
import { type Layout, layoutOf, packedLength, unpack, unpackInGraph } from './packing.ts';
import { trainingForm } from './training-form.ts';

/** How weights are moved. */
export interface OptimiserConfig {
  readonly learningRate: number;
  /** 'cosine' falls to zero at the last step; 'constant' stays. */
  readonly decay: 'constant' | 'cosine';
  /** Steps over which the rate rises from zero. */
  readonly warmup: number;
  readonly weightDecay: number;
  /** Decay of the exponential moving average of the weights, which is what is saved; 0 keeps the last weights. */
  readonly ema: number;
}

/** The networks' values inside a step's graph, from which a task makes its loss. */
export interface StepContext {
  readonly b: GraphBuilder;
  /** Plays the network that is trained, in its training form. */
  network(inputs: Readonly<Record<string, Value>>): Record<string, Value>;
}

/** A training problem: a network, its loss as graph nodes, and the data of each step. */
export interface TrainingTask {
  readonly network: Graph;
  /** Adds the loss, a scalar, declaring what inputs it needs. */
  loss(context: StepContext): Value;
  /** What step number `step` = 0, 1, ... is fed; the same for the same step, whatever ran before. */
  feeds(step: number): Promise<Feeds>;
  /** Images a step, for the rate. */
  readonly batch: number;
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

/** The rate at a step: warm-up, then constant or half a cosine down to zero. */
export function learningRateAt(config: OptimiserConfig, step: number, steps: number): number {
  const rising = config.warmup > 0 ? Math.min(1, (step + 1) / config.warmup) : 1;
  const falling =
    config.decay === 'cosine' ? (1 + Math.cos((Math.PI * Math.min(step, steps)) / steps)) / 2 : 1;
  return config.learningRate * rising * falling;
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
  const layout = layoutOf(task.network.initializers, isTrainable);
  const statisticsLayout = layoutOf(task.network.initializers, isStatistic);
  const checkpoint = joinPath(options.out, 'checkpoint.safetensors');
  const state =
    options.resume && (await exists(checkpoint))
      ? await readCheckpoint(checkpoint, layout, statisticsLayout, task.about)
      : initialState(task.network, layout, statisticsLayout);
  const session = await runtime.load(stepGraph(task, layout, statisticsLayout, options.optimiser));
  const averaged = () =>
    withWeights(task.network, [unpack(state.ema, layout), unpack(state.statistics, statisticsLayout)]);
  const started = performance.now();
  const deadline =
    options.minutes === undefined ? Number.POSITIVE_INFINITY : started + options.minutes * 60_000;
  const firstStep = state.step;
  let heldOut: number | undefined;

  const log = joinPath(options.out, 'log.jsonl');
  const saveState = () => writeCheckpoint(checkpoint, state, layout, statisticsLayout, task.about);
  // A fresh run first puts its own beginning in place of whatever lay there.
  if (state.step === 0) await saveState();
  await writeAtomic(joinPath(options.out, 'config.json'), `${JSON.stringify(options.config, null, 2)}\n`);
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
    loss: round(mean(state.losses)),
    learningRate: learningRateAt(options.optimiser, state.step - 1, options.steps),
    imagesPerSecond: round(rate()),
  });

  try {
    while (state.step < options.steps && performance.now() < deadline && !options.signal?.aborted) {
      await advance(session.run, task, state, options);
      options.onProgress?.({
        step: state.step,
        steps: options.steps,
        loss: mean(state.losses),
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
    await session.dispose();
  }
  return { network: averaged(), step: state.step, finished: state.step >= options.steps, heldOut };
}

async function advance(
  run: (feeds: Feeds) => Promise<Record<string, Tensor>>,
  task: TrainingTask,
  state: TrainingState,
  options: TrainingOptions,
): Promise<void> {
  const scalar = (value: number) => float32([], [value]);
  const [c1, c2] = corrections(state.step + 1);
  // The average starts as a plain mean, so that it does not drag the first weights along.
  const ema = Math.min(options.optimiser.ema, (1 + state.step) / (10 + state.step));
  const results = await run({
    ...(await task.feeds(state.step)),
    parameters: state.parameters,
    'adam/m': state.m,
    'adam/v': state.v,
    ema: state.ema,
    statistics: state.statistics,
    'learning rate': scalar(learningRateAt(options.optimiser, state.step, options.steps)),
    'correction/m': scalar(c1),
    'correction/v': scalar(c2),
    'ema decay': scalar(options.optimiser.ema === 0 ? 0 : ema),
  });
  const loss = (results.loss!.data as Float32Array)[0]!;
  if (!Number.isFinite(loss)) {
    throw new SeedbedError(
      'Diverged',
      `training diverged: the loss at step ${state.step + 1} is ${loss}. ${options.out} holds the last good state; start again with a smaller learning rate`,
    );
  }
  const next = (name: string) => results[`next/${name}`] as Tensor<'float32'>;
  state.parameters = next('parameters');
  state.m = next('adam/m');
  state.v = next('adam/v');
  state.ema = next('ema');
  if (state.statistics.data.length > 0) state.statistics = next('statistics');
  state.losses = [...state.losses, loss].slice(-RECENT);
  state.step++;
}

/** Forward pass, loss, gradient, optimiser step and moving averages as one graph. */
export function stepGraph(
  task: Pick<TrainingTask, 'network' | 'loss'>,
  layout: Layout,
  statisticsLayout: Layout,
  optimiser: OptimiserConfig,
): Graph {
  const b = new GraphBuilder(`${task.network.name} training step`);
  const vector = (name: string, size: number) => b.input(name, 'float32', [size]);
  const scalar = (name: string) => b.input(name, 'float32', []);
  const size = packedLength(layout);
  const parameters = vector('parameters', size);
  const m = vector('adam/m', size);
  const v = vector('adam/v', size);
  const ema = vector('ema', size);
  const statistics = vector('statistics', packedLength(statisticsLayout));
  const rate = scalar('learning rate');
  const correction = [scalar('correction/m'), scalar('correction/v')] as const;
  const emaDecay = scalar('ema decay');

  const weights = {
    ...unpackInGraph(b, parameters, layout),
    ...unpackInGraph(b, statistics, statisticsLayout),
  };
  const moved = new Map<string, Value>();
  const loss = task.loss({
    b,
    network(inputs) {
      const form = trainingForm(b, task.network, { ...weights, ...inputs });
      for (const [name, value] of form.statistics) moved.set(name, value);
      return form.outputs;
    },
  });
  const [gradient] = backward(b, new Map([[loss, b.scalar(1)]]), [parameters]);
  const config: AdamConfig = { ...ADAM, weightDecay: optimiser.weightDecay };
  const next = adamStep(b, { parameters, m, v }, gradient!, rate, correction, config);
  const outputs: Record<string, Value> = {
    loss,
    'next/parameters': next.parameters,
    'next/adam/m': next.m,
    'next/adam/v': next.v,
    'next/ema': b.add(b.mul(ema, emaDecay), b.mul(next.parameters, b.sub(b.scalar(1), emaDecay))),
  };
  if (statisticsLayout.length > 0)
    outputs['next/statistics'] = b.concat(
      statisticsLayout.map(({ name }) => moved.get(name)!),
      0,
    );
  return b.build(outputs);
}

/** The network with some of its weights replaced. */
export function withWeights(network: Graph, replacements: readonly ReadonlyMap<string, Tensor>[]): Graph {
  const replaced = (name: string) => replacements.map(map => map.get(name)).find(t => t !== undefined);
  return {
    ...network,
    initializers: new Map([...network.initializers].map(([name, t]) => [name, replaced(name) ?? t])),
  };
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

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
}

function round(value: number): number {
  return Number(value.toPrecision(6));
}
