import { backward } from '../../autodiff/backward.ts';
import type { Denoiser } from '../../diffusion/model.ts';
import type { GridStep } from '../../diffusion/sampler.ts';
import { GraphBuilder, type Value } from '../../graph/builder.ts';
import type { Graph } from '../../graph/ir.ts';
import { replay } from '../../graph/replay.ts';
import type { Runtime, Session } from '../../runtime/runtime.ts';
import { float32, type Tensor } from '../../tensor/tensor.ts';

type Floats = Tensor<'float32'>;

/**
 * One step of a first-order sampler: S(x) = alpha x + beta epsilon(x, level). For DDIM (Song et al. 2021, eq. 12 with
 * sigma = 0) from the rates (s, n) to (s', n') alpha = s'/s and beta = n' - n s'/s; the last step, to (1, 0), is the
 * predicted clean picture (x - n epsilon)/s.
 */
export interface AffineStep {
  readonly alpha: number;
  readonly beta: number;
  /** The noise variance n^2 that the network is told. */
  readonly level: number;
}

export function affineStep({ from, to }: GridStep): AffineStep {
  const alpha = to.signalRate / from.signalRate;
  return { alpha, beta: to.noiseRate - from.noiseRate * alpha, level: from.noiseRate ** 2 };
}

/**
 * A sampler's step as a function of its input, and the products with its Jacobian J = alpha I + beta d epsilon/dx, for
 * batches [n, ...shape] of one size. `evaluations` counts network passes for each row: 1 for a value; 2 with a vector-
 * Jacobian product; 3 for J v together with J^T J v, which hold one pass forward, one of tangents, one backward.
 */
export interface StepMap {
  value(x: Floats, step: AffineStep): Promise<Floats>;
  /** epsilon(x), for the arithmetic that is done outside. */
  epsilon(x: Floats, level: number): Promise<Floats>;
  /** S(x) and J^T u. */
  pullBack(x: Floats, u: Floats, step: AffineStep): Promise<{ value: Floats; pulled: Floats }>;
  /** J v and J^T J v. */
  push(x: Floats, v: Floats, step: AffineStep): Promise<{ pushed: Floats; pulled: Floats }>;
  readonly evaluations: number;
  dispose(): Promise<void>;
}

/** Makes the steps of a denoiser's sampler ready; each graph is only loaded when it is first needed. */
export function createStepMap(runtime: Runtime, model: Denoiser, batch: number): StepMap {
  const sessions = new Map<string, Promise<Session>>();
  let evaluations = 0;
  const run = async (
    name: string,
    passes: number,
    build: (b: GraphBuilder, parts: Parts) => Record<string, Value>,
    feeds: Record<string, Floats>,
    { alpha, beta, level }: AffineStep,
  ) => {
    if (!sessions.has(name)) sessions.set(name, runtime.load(stepGraph(name, model, batch, build)));
    const session = await sessions.get(name)!;
    evaluations += passes;
    const scalar = (value: number) => float32([], [value]);
    const results = await session.run({
      ...feeds,
      alpha: scalar(alpha),
      beta: scalar(beta),
      level: scalar(level),
    });
    return results as Record<string, Floats>;
  };
  return {
    async value(x, step) {
      return (await run('step', 1, (_, { value }) => ({ value }), { x }, step)).value!;
    },
    epsilon(x, level) {
      return this.value(x, { alpha: 0, beta: 1, level });
    },
    async pullBack(x, u, step) {
      const build = (b: GraphBuilder, { x, value, input }: Parts) => ({
        value,
        pulled: backward(b, new Map([[value, input('u')]]), [x])[0]!,
      });
      return (await run('pull', 2, build, { x, u }, step)) as { value: Floats; pulled: Floats };
    },
    async push(x, v, step) {
      const build = (b: GraphBuilder, { x, value, input }: Parts) => {
        // J^T c is linear in c, so its gradient on c along v is J v, whatever c.
        const cotangent = input('cotangent');
        const linear = backward(b, new Map([[value, cotangent]]), [x])[0]!;
        const pushed = backward(b, new Map([[linear, input('v')]]), [cotangent])[0]!;
        return { pushed, pulled: backward(b, new Map([[value, pushed]]), [x])[0]! };
      };
      return (await run('push', 3, build, { x, v }, step)) as { pushed: Floats; pulled: Floats };
    },
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

function stepGraph(
  name: string,
  { info, graph }: Denoiser,
  batch: number,
  build: (b: GraphBuilder, parts: Parts) => Record<string, Value>,
): Graph {
  const b = new GraphBuilder(`${info.name} ${name}`);
  const input = (part: string) => b.input(part, 'float32', [batch, ...info.shape]);
  const scalar = (part: string) => b.input(part, 'float32', []);
  const x = input('x');
  const level = b.expand(b.reshape(scalar('level'), [1]), [batch]);
  const epsilon = replay(b, graph, { [info.inputs.image]: x, [info.inputs.level]: level })[info.output]!;
  const value = b.add(b.mul(scalar('alpha'), x), b.mul(scalar('beta'), epsilon));
  const outputs = build(b, { x, value, input });
  const built = b.build(outputs);
  const used = new Set(built.nodes.flatMap(node => node.inputs));
  return { ...built, inputs: built.inputs.filter(({ name }) => used.has(name)) };
}
