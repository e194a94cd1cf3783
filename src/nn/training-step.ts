import { backward } from '../autodiff/backward.ts';
import { SeedbedError } from '../errors.ts';
import { GraphBuilder, type Value } from '../graph/builder.ts';
import type { Graph } from '../graph/ir.ts';
import type { Feeds, Runtime } from '../runtime/runtime.ts';
import { float32, type Tensor, zeros } from '../tensor/tensor.ts';
import { ADAM, type AdamConfig, adamStep, corrections } from './adam.ts';
import { isStatistic, isTrainable } from './networks.ts';
import { type Layout, layoutOf, pack, packedLength, unpack, unpackInGraph } from './packing.ts';
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
export interface TrainingProblem {
  readonly network: Graph;
  /** Adds the loss, a scalar, declaring what inputs it needs. */
  loss(context: StepContext): Value;
  /** What step number `step` = 0, 1, ... is fed; the same for the same step, whatever ran before. */
  feeds(step: number): Promise<Feeds>;
  /** Images a step, for the rate. */
  readonly batch: number;
}

/** Steps over which the loss is averaged where it is told. */
export const RECENT = 100;

/** Everything that changes from step to step; all that is needed to go on to the same bits. */
export interface TrainingState {
  step: number;
  parameters: Tensor<'float32'>;
  m: Tensor<'float32'>;
  v: Tensor<'float32'>;
  ema: Tensor<'float32'>;
  statistics: Tensor<'float32'>;
  /** Of the last steps. */
  losses: readonly number[];
}

/** The state before the first step. */
export function initialState(network: Graph, layout: Layout, statisticsLayout: Layout): TrainingState {
  const parameters = pack(network.initializers, layout);
  const blank = () => zeros('float32', parameters.shape);
  return {
    step: 0,
    parameters,
    m: blank(),
    v: blank(),
    ema: parameters,
    statistics: pack(network.initializers, statisticsLayout),
    losses: [],
  };
}

/** The rate at a step: warm-up, then constant or half a cosine down to zero. */
export function learningRateAt(config: OptimiserConfig, step: number, steps: number): number {
  const rising = config.warmup > 0 ? Math.min(1, (step + 1) / config.warmup) : 1;
  const falling =
    config.decay === 'cosine' ? (1 + Math.cos((Math.PI * Math.min(step, steps)) / steps)) / 2 : 1;
  return config.learningRate * rising * falling;
}

/** A network in training, one step after the other. */
export interface Trainee {
  readonly layout: Layout;
  readonly statisticsLayout: Layout;
  /** The state before the first step. */
  begin(): TrainingState;
  /**
   * Does the next of `steps` steps.
   * @throws {SeedbedError} Diverged when the loss is no longer a number; the state stays as it was.
   */
  advance(state: TrainingState, steps: number): Promise<void>;
  /** The network with a state's averaged weights. */
  averaged(state: TrainingState): Graph;
  dispose(): Promise<void>;
}

/** Makes a network ready for training: one graph a step, holding the forward pass, its gradient, the optimiser and the moving average. */
export async function createTrainee(
  runtime: Runtime,
  problem: TrainingProblem,
  optimiser: OptimiserConfig,
): Promise<Trainee> {
  const layout = layoutOf(problem.network.initializers, isTrainable);
  const statisticsLayout = layoutOf(problem.network.initializers, isStatistic);
  const session = await runtime.load(stepGraph(problem, layout, statisticsLayout, optimiser));
  return {
    layout,
    statisticsLayout,
    begin: () => initialState(problem.network, layout, statisticsLayout),
    advance: (state, steps) => advance(session.run, problem, state, { optimiser, steps }),
    averaged: state =>
      withWeights(problem.network, [unpack(state.ema, layout), unpack(state.statistics, statisticsLayout)]),
    dispose: () => session.dispose(),
  };
}

async function advance(
  run: (feeds: Feeds) => Promise<Record<string, Tensor>>,
  problem: TrainingProblem,
  state: TrainingState,
  options: { readonly optimiser: OptimiserConfig; readonly steps: number },
): Promise<void> {
  const scalar = (value: number) => float32([], [value]);
  const [c1, c2] = corrections(state.step + 1);
  // The average starts as a plain mean, so that it does not drag the first weights along.
  const ema = Math.min(options.optimiser.ema, (1 + state.step) / (10 + state.step));
  const results = await run({
    ...(await problem.feeds(state.step)),
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
      `training diverged: the loss at step ${state.step + 1} is ${loss}; start again with a smaller learning rate`,
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
  task: Pick<TrainingProblem, 'network' | 'loss'>,
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

/** The mean of the last steps' losses. */
export function recentLoss({ losses }: TrainingState): number {
  return losses.reduce((sum, value) => sum + value, 0) / Math.max(1, losses.length);
}
