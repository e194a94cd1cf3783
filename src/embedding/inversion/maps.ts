import { backward } from '../../autodiff/backward.ts';
import type { Denoiser } from '../../diffusion/info.ts';
import { affineFeeds, affineInGraph } from '../../diffusion/sampler-gradient.ts';
import type { AffineStep } from '../../diffusion/solvers.ts';
import { GraphBuilder, type Value } from '../../graph/builder.ts';
import { dropUnusedInputs, type Graph } from '../../graph/ir.ts';
import type { Runtime, Session } from '../../runtime/runtime.ts';
import type { Tensor } from '../../tensor/tensor.ts';

type Floats = Tensor<'float32'>;

/**
 * A function F of batches [n, ...shape], row by row, and the products with its Jacobian J. `evaluations` counts network
 * passes for each row.
 */
export interface DifferentiableMap {
  value(x: Floats): Promise<Floats>;
  /** J^T u. */
  pull(x: Floats, u: Floats): Promise<Floats>;
  /** J^T J v. */
  normal(x: Floats, v: Floats): Promise<Floats>;
  readonly evaluations: number;
}

/**
 * A sampler's first-order steps S(x) = alpha x + beta epsilon(x) as functions of their input, for batches of one size.
 * Passes for each row: 1 for a value, 2 with a product J v or J^T u, 3 for J^T J v, which holds one pass forward, one of
 * tangents, one backward.
 */
export interface StepMap {
  value(x: Floats, step: AffineStep): Promise<Floats>;
  /** epsilon(x), for the arithmetic that is done outside. */
  epsilon(x: Floats, level: AffineStep['level']): Promise<Floats>;
  /** S(x) and J^T u. */
  pullBack(x: Floats, u: Floats, step: AffineStep): Promise<{ value: Floats; pulled: Floats }>;
  /** S(x) and J v. */
  tangent(x: Floats, v: Floats, step: AffineStep): Promise<{ value: Floats; pushed: Floats }>;
  /** J v and J^T J v. */
  push(x: Floats, v: Floats, step: AffineStep): Promise<{ pushed: Floats; pulled: Floats }>;
  readonly evaluations: number;
  dispose(): Promise<void>;
}

/** Makes the steps of a denoiser's sampler ready; each graph is only loaded when it is first needed. */
export function createStepMap(runtime: Runtime, model: Denoiser, batch: number): StepMap {
  const sessions = new Map<string, Promise<Session>>();
  let evaluations = 0;
  const run = async (name: keyof typeof GRAPHS, feeds: Record<string, Floats>, step: AffineStep) => {
    const { passes, outputs } = GRAPHS[name];
    if (!sessions.has(name)) sessions.set(name, runtime.load(stepGraph(name, model, batch, outputs)));
    const session = await sessions.get(name)!;
    evaluations += passes;
    return (await session.run({ ...feeds, ...affineFeeds(step) })) as Record<string, never>;
  };
  return {
    value: async (x, step) => (await run('value', { x }, step)).value!,
    epsilon(x, level) {
      return this.value(x, { alpha: 0, beta: 1, level });
    },
    pullBack: (x, u, step) => run('pull back', { x, u }, step) as Promise<never>,
    tangent: (x, v, step) => run('tangent', { x, v }, step) as Promise<never>,
    push: (x, v, step) => run('push', { x, v }, step) as Promise<never>,
    get evaluations() {
      return evaluations;
    },
    async dispose() {
      await Promise.all([...sessions.values()].map(async session => (await session).dispose()));
    },
  };
}

interface Parts {
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

/** The graphs of a step: the passes that each takes, and what it adds to the step's value. */
const GRAPHS = {
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
    value: x => map.value(x, step),
    pull: async (x, u) => (await map.pullBack(x, u, step)).pulled,
    normal: async (x, v) => (await map.push(x, v, step)).pulled,
    get evaluations() {
      return map.evaluations;
    },
  };
}

/** Steps one after the other as a map; memory does not grow with their number but for a picture each. */
export function chainOf(map: StepMap, steps: readonly AffineStep[]): DifferentiableMap {
  let known: { x: Floats; states: Floats[] } | undefined;
  /** The states that the steps are taken at, and the last. */
  const trajectory = async (x: Floats): Promise<Floats[]> => {
    if (known?.x === x) return known.states;
    const states = [x];
    for (const step of steps) states.push(await map.value(states.at(-1)!, step));
    known = { x, states };
    return states;
  };
  const pullThrough = async (states: readonly Floats[], u: Floats) => {
    let pulled = u;
    for (let k = steps.length - 1; k >= 0; k--)
      pulled = (await map.pullBack(states[k]!, pulled, steps[k]!)).pulled;
    return pulled;
  };
  return {
    value: async x => (await trajectory(x)).at(-1)!,
    pull: async (x, u) => pullThrough(await trajectory(x), u),
    async normal(x, v) {
      const states = await trajectory(x);
      let pushed = v;
      for (const [k, step] of steps.entries()) pushed = (await map.tangent(states[k]!, pushed, step)).pushed;
      return pullThrough(states, pushed);
    },
    get evaluations() {
      return map.evaluations;
    },
  };
}
