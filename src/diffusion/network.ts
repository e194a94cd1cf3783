import { SeedbedError } from '../errors.ts';
import { GraphBuilder, type Value } from '../graph/builder.ts';
import type { Graph } from '../graph/ir.ts';
import { dropUnusedInputs } from '../graph/nodes.ts';
import { replay } from '../graph/replay.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { combine } from '../tensor/rowwise.ts';
import { type Floats, float32 } from '../tensor/tensor.ts';
import type { Denoiser } from './info.ts';
import { type RateValues, readings, stepped, steppedTarget } from './prediction.ts';
import type { Level } from './schedule.ts';

/** A noise level in a graph, as three float32 scalars. */
export interface LevelValues extends RateValues {
  /** What the network's level input is fed. */
  readonly fed: Value;
}

/** A level as inputs of the graph: `signal`, `noise` and `fed`. */
export function levelInputs(b: GraphBuilder): LevelValues {
  const scalar = (name: string) => b.input(name, 'float32', []);
  return { signal: scalar('signal'), noise: scalar('noise'), fed: scalar('fed') };
}

/** What {@link levelInputs} is fed. */
export function levelFeeds({ signalRate, noiseRate, fed }: FedRates): Record<keyof LevelValues, Floats> {
  const scalar = (value: number) => float32([], [value]);
  return { signal: scalar(signalRate), noise: scalar(noiseRate), fed: scalar(fed) };
}

/** A level as constants. */
export function levelConstants(b: GraphBuilder, { signalRate, noiseRate, fed }: FedRates): LevelValues {
  return { signal: b.scalar(signalRate), noise: b.scalar(noiseRate), fed: b.scalar(fed) };
}

/**
 * Puts the network into a graph and gives the level's target, what samplers step with, as it predicts it in
 * x = s x0 + n epsilon ({@link stepped}). Where the model's sampler clips x0, it is that of the clipped picture.
 * @param x [n, ...shape], standardised.
 */
export function predict(b: GraphBuilder, model: Denoiser, x: Value, level: LevelValues): Value {
  const { info } = model;
  const seen = info.sees === 'exploding' ? b.div(x, level.signal) : x;
  const output = playNetwork(b, model, seen, level.fed);
  return stepped(b, info.predicts, x, output, level, info.sampler.clipX0);
}

/** How many pictures a network takes at a time, where its graph is made for one number of them. */
export function ownBatch({ info, graph }: Pick<Denoiser, 'info' | 'graph'>): number | undefined {
  const [count] = graph.inputs.find(({ name }) => name === info.inputs.image)!.shape;
  return typeof count === 'number' ? count : undefined;
}

/**
 * Puts the network into a graph and gives its output. One that is made for batches of one size is put there once for
 * each, the last filled up with zeros and cut.
 * @param x [n, ...shape], what the network sees; @param fed what its level input is fed, a float32 scalar.
 */
export function playNetwork(
  b: GraphBuilder,
  model: Pick<Denoiser, 'info' | 'graph'>,
  x: Value,
  fed: Value,
  file?: string,
): Value {
  const { info, graph } = model;
  if (info.conditions)
    throw new SeedbedError(
      'BadArgument',
      `model '${info.name}' is conditional, and nothing says what ${info.conditions.map(name => `'${name}'`).join(', ')} should be: bind it first (withConditions; --condition on the command line), or import it with fixedInputs`,
    );
  const play = (pictures: Value, count: number) =>
    replay(
      b,
      graph,
      { [info.inputs.image]: pictures, [info.inputs.level]: levelInput(b, model, count, fed) },
      file,
    )[info.output]!;
  const [count, ...rest] = b.shape(x) as [number, ...number[]];
  const own = ownBatch(model);
  if (own === undefined || own === count) return play(x, count);
  const none = rest.map(() => 0);
  const parts = Array.from({ length: Math.ceil(count / own) }, (_, i) => {
    const taken = Math.min(own, count - i * own);
    const part = b.slice(x, 0, i * own, i * own + taken);
    const output = play(b.pad(part, [0, ...none], [own - taken, ...none]), own);
    return taken === own ? output : b.slice(output, 0, 0, taken);
  });
  return b.concat(parts, 0);
}

/**
 * The level in the type and shape that the network's input has: [n], [n, 1, ...], or one number for all.
 * @param count n, the pictures; @param fed a float32 scalar.
 */
function levelInput(
  b: GraphBuilder,
  { info, graph }: Pick<Denoiser, 'info' | 'graph'>,
  count: number,
  fed: Value,
): Value {
  const { dtype, shape } = graph.inputs.find(({ name }) => name === info.inputs.level)!;
  const typed = dtype === 'float32' ? fed : b.cast(fed, dtype);
  if (shape.length === 0) return typed;
  const ones = shape.map(() => 1);
  return b.expand(b.reshape(typed, ones), [shape[0] === 1 ? 1 : count, ...ones.slice(1)]);
}

/** A noise level but for what the network is asked for there, which follows from the network. */
type FedRates = Omit<Level, 'target'>;

/** A denoiser that is ready to run on batches of one size. */
export interface Network {
  /** The level's target in x [n, ...shape], which samplers step with. */
  predict(x: Floats, level: FedRates): Promise<Floats>;
  /** The clean picture seen in x. */
  clean(x: Floats, level: FedRates): Promise<Floats>;
  /** The noise seen in x. */
  epsilon(x: Floats, level: FedRates): Promise<Floats>;
  dispose(): Promise<void>;
}

/** Loads a denoiser for batches of `batch` rows. */
export async function createNetwork(runtime: Runtime, model: Denoiser, batch: number): Promise<Network> {
  const session = await runtime.load(predictionGraph(model, batch));
  const predict = async (x: Floats, level: FedRates) =>
    (await session.run({ x, ...levelFeeds(level) })).predicted as Floats;
  const read = async (part: 'x0' | 'epsilon', x: Floats, level: FedRates) => {
    const target = steppedTarget(model.info.predicts, level);
    const weights = readings({ ...level, target })[part];
    return combine([weights.x, x], [weights.predicted, await predict(x, level)]);
  };
  return {
    predict,
    clean: (x, level) => read('x0', x, level),
    epsilon: (x, level) => read('epsilon', x, level),
    dispose: () => session.dispose(),
  };
}

function predictionGraph(model: Denoiser, batch: number): Graph {
  const b = new GraphBuilder(`${model.info.name} prediction`);
  const x = b.input('x', 'float32', [batch, ...model.info.shape]);
  return dropUnusedInputs(b.build({ predicted: predict(b, model, x, levelInputs(b)) }));
}
