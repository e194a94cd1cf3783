import { backward } from '../autodiff/backward.ts';
import type { Denoiser } from '../diffusion/info.ts';
import { checkpointedSampler, unrolledGradient } from '../diffusion/sampler-gradient.ts';
import type { SamplerInfo } from '../diffusion/sampler-info.ts';
import { GraphBuilder, type Value } from '../graph/builder.ts';
import type { Graph } from '../graph/ir.ts';
import { adamStep, corrections } from '../nn/adam.ts';
import type { Runtime, Session } from '../runtime/runtime.ts';
import { float32, sizeOf, type Tensor } from '../tensor/tensor.ts';
import type { DescentRecipe, Memory } from './recipes.ts';

/** What an iteration moves: the seeds [n, ...shape] and Adam's two averages of their gradients. */
export interface Moving {
  /** The seeds [n, ...shape]. */
  readonly latent: Tensor<'float32'>;
  /** Adam's average of their gradients, of the same shape. */
  readonly m: Tensor<'float32'>;
  /** Adam's average of the gradients' squares, of the same shape. */
  readonly v: Tensor<'float32'>;
}

/** Takes one iteration of descent. */
export interface Stepper {
  advance(
    state: Moving,
    targets: Tensor<'float32'>,
    rate: number,
    step: number,
  ): Promise<{ state: Moving; losses: number[]; errors: number[] }>;
  dispose(): Promise<void>;
}

/** The distance of each picture [n, ...] to its target, [n], and its mean squared error, [n]. */
function distances(
  b: GraphBuilder,
  x0: Value,
  target: Value,
  kind: DescentRecipe['loss'],
): { losses: Value; errors: Value } {
  const shape = b.shape(x0);
  const axes = shape.slice(1).map((_, i) => i + 1);
  const difference = b.sub(x0, target);
  const errors = b.mean(b.mul(difference, difference), axes, false);
  if (kind === 'mae') return { losses: b.mean(b.abs(difference), axes, false), errors };
  return { losses: kind === 'mse' ? errors : b.mul(errors, b.scalar(sizeOf(shape.slice(1)) / 2)), errors };
}

/** Both as outputs of their own, also where they are one value. */
function named(b: GraphBuilder, { losses, errors }: { losses: Value; errors: Value }) {
  return { losses: b.op('Identity', [losses]), errors: b.op('Identity', [errors]) };
}

/** Adds the penalty's gradient, 2 w z / d, and takes Adam's step. */
function moveLatent(
  b: GraphBuilder,
  shape: readonly number[],
  latent: Value,
  gradient: Value,
  penalty: number,
) {
  const m = b.input('m', 'float32', shape);
  const v = b.input('v', 'float32', shape);
  const scalar = (name: string) => b.input(name, 'float32', []);
  const pull =
    penalty === 0
      ? gradient
      : b.add(gradient, b.mul(latent, b.scalar((2 * penalty) / sizeOf(shape.slice(1)))));
  const next = adamStep(b, { parameters: latent, m, v }, pull, scalar('rate'), [
    scalar('correction/m'),
    scalar('correction/v'),
  ]);
  return { 'next/latent': next.parameters, 'next/m': next.m, 'next/v': next.v };
}

/** A stepper for batches of one size, and the way through the sampler that it takes. */
export interface PreparedStepper {
  readonly memory: Memory;
  readonly stepper: Stepper;
}

/**
 * The stepper of the way asked for; unless one is, all steps in one graph while what it keeps between its passes fits
 * into half of the memory.
 */
export async function createStepper(
  runtime: Runtime,
  model: Denoiser,
  batch: number,
  recipe: DescentRecipe,
  sampler: SamplerInfo,
  asked?: Memory,
): Promise<PreparedStepper> {
  if (asked !== 'checkpointed') {
    const { graph, retainedBytes } = unrolledGraph(model, batch, recipe, sampler);
    if (asked === 'unrolled' || retainedBytes <= runtime.memoryBytes / 2) {
      return { memory: 'unrolled', stepper: await unrolledStepper(runtime, graph) };
    }
  }
  return {
    memory: 'checkpointed',
    stepper: await checkpointedStepper(runtime, model, batch, recipe, sampler),
  };
}

function unrolledGraph(
  model: Denoiser,
  batch: number,
  recipe: DescentRecipe,
  sampler: SamplerInfo,
): { graph: Graph; retainedBytes: number } {
  const b = new GraphBuilder('descent step');
  const shape = [batch, ...model.info.shape];
  const latent = b.input('latent', 'float32', shape);
  const target = b.input('target', 'float32', shape);
  let found: ReturnType<typeof distances> | undefined;
  const { gradient, retainedBytes } = unrolledGradient(b, model, latent, sampler, x0 => {
    found = distances(b, x0, target, recipe.loss);
    return b.sumAll(found.losses);
  });
  const moved = moveLatent(b, shape, latent, gradient, recipe.penalty);
  return { graph: b.build({ ...named(b, found!), ...moved }), retainedBytes };
}

/** One graph an iteration. */
async function unrolledStepper(runtime: Runtime, graph: Graph): Promise<Stepper> {
  const session = await runtime.load(graph);
  return {
    async advance(state, targets, rate, step) {
      const { latent, m, v } = state;
      const results = await session.run({ latent, m, v, target: targets, ...adamFeeds(rate, step) });
      return {
        state: nextState(results),
        losses: numbers(results.losses!),
        errors: numbers(results.errors!),
      };
    },
    dispose: () => session.dispose(),
  };
}

/** One graph a sampler step: memory flat in T. */
async function checkpointedStepper(
  runtime: Runtime,
  model: Denoiser,
  batch: number,
  recipe: DescentRecipe,
  sampler: SamplerInfo,
): Promise<Stepper> {
  const shape = [batch, ...model.info.shape];
  const through = await checkpointedSampler(runtime, model, sampler, batch);
  const pull = await runtime.load(pullGraph(shape, recipe));
  const move = await runtime.load(moveGraph(shape, recipe));
  return {
    async advance(state, targets, rate, step) {
      let pulled: Record<string, Tensor> = {};
      const { latent, m, v } = state;
      const { gradient } = await through.run(latent, async x0 => {
        pulled = await pull.run({ x0, target: targets });
        return pulled.gradient as Tensor<'float32'>;
      });
      const results = await move.run({ latent, m, v, gradient, ...adamFeeds(rate, step) });
      return { state: nextState(results), losses: numbers(pulled.losses!), errors: numbers(pulled.errors!) };
    },
    async dispose() {
      await Promise.all([through, pull, move].map((part: Pick<Session, 'dispose'>) => part.dispose()));
    },
  };
}

/** x0 and target to the losses and their gradient on x0. */
function pullGraph(shape: readonly number[], recipe: DescentRecipe): Graph {
  const b = new GraphBuilder('pull');
  const x0 = b.input('x0', 'float32', shape);
  const found = distances(b, x0, b.input('target', 'float32', shape), recipe.loss);
  const [gradient] = backward(b, new Map([[b.sumAll(found.losses), b.scalar(1)]]), [x0]);
  return b.build({ ...named(b, found), gradient: gradient! });
}

function moveGraph(shape: readonly number[], recipe: DescentRecipe): Graph {
  const b = new GraphBuilder('move');
  const latent = b.input('latent', 'float32', shape);
  return b.build(moveLatent(b, shape, latent, b.input('gradient', 'float32', shape), recipe.penalty));
}

function adamFeeds(rate: number, step: number): Record<string, Tensor> {
  const [m, v] = corrections(step);
  const scalar = (value: number) => float32([], [value]);
  return { rate: scalar(rate), 'correction/m': scalar(m), 'correction/v': scalar(v) };
}

function nextState(results: Record<string, Tensor>): Moving {
  const take = (name: string) => results[`next/${name}`] as Tensor<'float32'>;
  return { latent: take('latent'), m: take('m'), v: take('v') };
}

function numbers(t: Tensor): number[] {
  return Array.from(t.data as Float32Array);
}
