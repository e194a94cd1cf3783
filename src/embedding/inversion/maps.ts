import { backward } from '../../autodiff/backward.ts';
import type { Denoiser } from '../../diffusion/info.ts';
import { affineFeeds, affineInGraph } from '../../diffusion/sampler-gradient.ts';
import type { AffineStep } from '../../diffusion/solvers.ts';
import { GraphBuilder, type Value } from '../../graph/builder.ts';
import type { Graph } from '../../graph/ir.ts';
import { dropUnusedInputs } from '../../graph/nodes.ts';
import type { Runtime, Session } from '../../runtime/runtime.ts';
import { onRows } from '../../tensor/rowwise.ts';
import type { Floats } from '../../tensor/tensor.ts';

/**
 * A function F of batches [n, ...shape], row by row, and the products with its Jacobian J. Of rows that are not wanted
 * anything may come back.
 */
export interface DifferentiableMap {
  value(x: Floats, wanted?: Wanted): Promise<Floats>;
  /** J^T u. */
  pull(x: Floats, u: Floats, wanted?: Wanted): Promise<Floats>;
  /** J^T J v. */
  normal(x: Floats, v: Floats, wanted?: Wanted): Promise<Floats>;
}

/** Which rows of a batch are needed; all where nothing is said. */
export type Wanted = readonly boolean[];

/**
 * A sampler's first-order steps S(x) = alpha x + beta p(x) as functions of their input, for batches of one size.
 * Passes for each row: 1 for a value, 2 with a product J v or J^T u, 3 for J^T J v, which holds one pass forward, one of
 * tangents, one backward. Rows that are not wanted have none, and may come back as zero.
 */
export interface StepMap {
  /** S(x). */
  value(x: Floats, step: AffineStep, wanted?: Wanted): Promise<Floats>;
  /** p(x), the level's target, for the arithmetic that is done outside. */
  predict(x: Floats, level: AffineStep['level'], wanted?: Wanted): Promise<Floats>;
  /** S(x) and J^T u. */
  pullBack(
    x: Floats,
    u: Floats,
    step: AffineStep,
    wanted?: Wanted,
  ): Promise<{ value: Floats; pulled: Floats }>;
  /** S(x) and J v. */
  tangent(
    x: Floats,
    v: Floats,
    step: AffineStep,
    wanted?: Wanted,
  ): Promise<{ value: Floats; pushed: Floats }>;
  /** J v and J^T J v. */
  push(x: Floats, v: Floats, step: AffineStep, wanted?: Wanted): Promise<{ pushed: Floats; pulled: Floats }>;
  /** The network passes that each row has had. */
  readonly evaluations: Float64Array;
  dispose(): Promise<void>;
}

/** Makes the steps of a denoiser's sampler ready; each graph is only loaded when it is first needed. */
export function createStepMap(runtime: Runtime, model: Denoiser, batch: number): StepMap {
  const sessions = new Map<string, Promise<Session>>();
  const evaluations = new Float64Array(batch);
  const load = (name: keyof typeof GRAPHS, size: number) => {
    const key = `${name} ${size}`;
    if (!sessions.has(key))
      sessions.set(key, runtime.load(stepGraph(name, model, size, GRAPHS[name].outputs)));
    return sessions.get(key)!;
  };
  // Few rows are run by the quarter of a batch.
  const part = Math.ceil(batch / 4);
  const run = async (
    name: keyof typeof GRAPHS,
    feeds: Record<string, Floats>,
    step: AffineStep,
    wanted: Wanted = new Array(batch).fill(true),
  ): Promise<Record<string, Floats>> => {
    const few = wanted.flatMap((yes, row) => (yes ? [row] : []));
    const whole = few.length > batch - part;
    const session = await load(name, whole ? batch : part);
    const call = async (some: Record<string, Floats>) =>
      (await session.run({ ...some, ...affineFeeds(step) })) as Record<string, Floats>;
    const { passes } = GRAPHS[name];
    // A row beside those that are wanted is run with them, and is not charged.
    for (const row of few) evaluations[row]! += passes;
    return whole ? call(feeds) : onRows(feeds, few, part, call);
  };
  return {
    value: async (x, step, wanted) => (await run('value', { x }, step, wanted)).value!,
    predict(x, level, wanted) {
      return this.value(x, { alpha: 0, beta: 1, level }, wanted);
    },
    pullBack: (x, u, step, wanted) => run('pull back', { x, u }, step, wanted) as Promise<never>,
    tangent: (x, v, step, wanted) => run('tangent', { x, v }, step, wanted) as Promise<never>,
    push: (x, v, step, wanted) => run('push', { x, v }, step, wanted) as Promise<never>,
    get evaluations() {
      return evaluations.slice();
    },
    async dispose() {
      await Promise.all([...sessions.values()].map(async session => (await session).dispose()));
    },
  };
}

/** A function in a graph: what it takes and gives, and a way to further inputs, `v` shaped as x, others as the value. */
export interface Parts {
  readonly x: Value;
  readonly value: Value;
  input(name: string): Value;
}

/** J v by differentiating twice: J^T c is linear in c, so its gradient on c along v is J v, whatever c. */
function pushed(b: GraphBuilder, { x, value, input }: Parts): Value {
  const cotangent = input('cotangent');
  const linear = backward(b, new Map([[value, cotangent]]), [x])[0]!;
  return backward(b, new Map([[linear, input('v')]]), [cotangent])[0]!;
}

/** Graphs of a function, a step or another: the passes that each takes, and what it adds to the function's value. */
export const GRAPHS = {
  value: { passes: 1, outputs: (_: GraphBuilder, { value }: Parts) => ({ value }) },
  'pull back': {
    passes: 2,
    outputs: (b: GraphBuilder, { x, value, input }: Parts) => ({
      value,
      pulled: backward(b, new Map([[value, input('u')]]), [x])[0]!,
    }),
  },
  tangent: {
    passes: 2,
    outputs: (b: GraphBuilder, parts: Parts) => ({ value: parts.value, pushed: pushed(b, parts) }),
  },
  push: {
    passes: 3,
    outputs: (b: GraphBuilder, parts: Parts) => {
      const tangent = pushed(b, parts);
      return { pushed: tangent, pulled: backward(b, new Map([[parts.value, tangent]]), [parts.x])[0]! };
    },
  },
};

function stepGraph(
  name: string,
  model: Denoiser,
  batch: number,
  outputs: (b: GraphBuilder, parts: Parts) => Record<string, Value>,
): Graph {
  const b = new GraphBuilder(`${model.info.name} ${name}`);
  const input = (part: string) => b.input(part, 'float32', [batch, ...model.info.shape]);
  const x = input('x');
  return dropUnusedInputs(b.build(outputs(b, { x, value: affineInGraph(b, model, x), input })));
}

/** One step as a map. */
export function stepOf(map: StepMap, step: AffineStep): DifferentiableMap {
  return {
    value: (x, wanted) => map.value(x, step, wanted),
    pull: async (x, u, wanted) => (await map.pullBack(x, u, step, wanted)).pulled,
    normal: async (x, v, wanted) => (await map.push(x, v, step, wanted)).pulled,
  };
}

/** Steps one after the other as a map; memory does not grow with their number but for a picture each. */
export function chainOf(map: StepMap, steps: readonly AffineStep[]): DifferentiableMap {
  let known: { x: Floats; wanted: Wanted | undefined; states: Floats[] } | undefined;
  /** The states that the steps are taken at, and the last. */
  const trajectory = async (x: Floats, wanted: Wanted | undefined): Promise<Floats[]> => {
    if (known?.x === x && (!known.wanted || known.wanted === wanted)) return known.states;
    const states = [x];
    for (const step of steps) states.push(await map.value(states.at(-1)!, step, wanted));
    known = { x, wanted, states };
    return states;
  };
  const pullThrough = async (states: readonly Floats[], u: Floats, wanted: Wanted | undefined) => {
    let pulled = u;
    for (let k = steps.length - 1; k >= 0; k--)
      pulled = (await map.pullBack(states[k]!, pulled, steps[k]!, wanted)).pulled;
    return pulled;
  };
  return {
    value: async (x, wanted) => (await trajectory(x, wanted)).at(-1)!,
    pull: async (x, u, wanted) => pullThrough(await trajectory(x, wanted), u, wanted),
    async normal(x, v, wanted) {
      const states = await trajectory(x, wanted);
      let pushed = v;
      for (const [k, step] of steps.entries())
        pushed = (await map.tangent(states[k]!, pushed, step, wanted)).pushed;
      return pullThrough(states, pushed, wanted);
    },
  };
}
