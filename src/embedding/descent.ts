import { backward } from '../autodiff/backward.ts';
import type { Denoiser } from '../diffusion/model.ts';
import { checkpointedSampler, unrolledGradient } from '../diffusion/sampler.ts';
import { SeedbedError } from '../errors.ts';
import { GraphBuilder, type Value } from '../graph/builder.ts';
import type { Graph } from '../graph/ir.ts';
import { adamStep, corrections } from '../nn/adam.ts';
import type { Runtime, Session } from '../runtime/runtime.ts';
import { float32, sizeOf, type Tensor, zeros } from '../tensor/tensor.ts';
import { average } from './metrics.ts';

/** How seeds are moved by descent through the sampler. */
export interface DescentRecipe {
  /** Distance between the grown picture and the target, standardised: half the squared sum, or a mean. */
  readonly loss: 'halfSse' | 'mse' | 'mae';
  /** Weight of mean(z^2), which keeps seeds near the origin; 0 for none. */
  readonly penalty: number;
  readonly learningRate: number;
  /** 'cosine' lets the rate fall to zero at the last iteration. */
  readonly decay: 'constant' | 'cosine';
  readonly iterations: number;
}

/**
 * Named recipes: `paper` is eq. 12 of Asperti et al. 2023 (rate and count are ours, the paper gives none), `code` the
 * authors' program, `seedbed` our own for starts from noise, `refine` for starts from an embedder's seeds.
 */
export const RECIPES = {
  paper: { loss: 'halfSse', penalty: 0, learningRate: 1e-2, decay: 'constant', iterations: 3000 },
  code: { loss: 'mae', penalty: 0.005, learningRate: 1e-2, decay: 'constant', iterations: 1500 },
  seedbed: { loss: 'mse', penalty: 0, learningRate: 0.1, decay: 'cosine', iterations: 200 },
  refine: { loss: 'mse', penalty: 0, learningRate: 0.03, decay: 'cosine', iterations: 20 },
} as const satisfies Record<string, DescentRecipe>;
export type RecipeName = keyof typeof RECIPES;

/** Two ways through the sampler with the same gradient: all steps in one graph, or one step at a time. */
export type Memory = 'unrolled' | 'checkpointed';

export interface DescentOptions {
  readonly recipe: DescentRecipe;
  /** T, the sampler's steps. */
  readonly steps: number;
  /** Chosen by an estimate of the memory it takes unless given. */
  readonly memory?: Memory | undefined;
  /** Stops once every seed's mean squared error (standardised) is at most this. */
  readonly tolerance?: number | undefined;
  /** Goes on from here instead of from the start, to the same bits as if it had never stopped. */
  readonly resume?: DescentState | undefined;
  /** Asked after every iteration; when it says so the state is handed to `save`. */
  readonly checkpoint?: { due(): boolean; save(state: DescentState): Promise<void> } | undefined;
  /** Stops before the next iteration, with the state saved. */
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((iteration: number, iterations: number, loss: number) => void) | undefined;
}

/** Everything that changes from one iteration to the next. */
export interface DescentState {
  readonly latent: Tensor<'float32'>;
  readonly m: Tensor<'float32'>;
  readonly v: Tensor<'float32'>;
  /** For each iteration done, the loss of each seed before it moved. */
  readonly losses: readonly (readonly number[])[];
  /** Whether each seed has reached the tolerance. */
  readonly converged: readonly boolean[];
}

export interface DescentResult {
  readonly latent: Tensor<'float32'>;
  /** For each iteration, the loss of each seed before it moved. */
  readonly losses: readonly (readonly number[])[];
  /** The state at the end, from which nothing remains to be done. */
  readonly state: DescentState;
  /** Whether each seed reached the tolerance; never without one. */
  readonly converged: readonly boolean[];
  /** Network evaluations a seed: 2 T an iteration. */
  readonly evaluations: number;
  readonly memory: Memory;
}

/**
 * Moves seeds down the gradient of a loss on the pictures that they grow, by Adam (Asperti et al. 2023, section 5.1).
 * Every seed has a loss of its own, so the result does not depend on what else is in the batch.
 * @param start [n, ...shape] where the seeds begin; @param targets [n, ...shape] standardised pictures.
 * @throws {SeedbedError} Diverged when a loss is no longer a number; the error says at which iteration.
 */
export async function descend(
  runtime: Runtime,
  model: Denoiser,
  start: Tensor<'float32'>,
  targets: Tensor<'float32'>,
  options: DescentOptions,
): Promise<DescentResult> {
  const { recipe, steps, tolerance = 0 } = options;
  const batch = start.shape[0]!;
  const memory = options.memory ?? chooseMemory(runtime, model, batch, recipe, steps);
  const stepper = await (memory === 'unrolled' ? unrolledStepper : checkpointedStepper)(
    runtime,
    model,
    batch,
    recipe,
    steps,
  );
  let state = options.resume ?? {
    latent: start,
    m: zeros('float32', start.shape),
    v: zeros('float32', start.shape),
    losses: [],
    converged: new Array(batch).fill(false),
  };
  try {
    for (let i = state.losses.length; i < recipe.iterations && !state.converged.every(Boolean); i++) {
      if (options.signal?.aborted) {
        await options.checkpoint?.save(state);
        throw new SeedbedError('Interrupted', `stopped at iteration ${i} of ${recipe.iterations}`);
      }
      const falling = recipe.decay === 'cosine' ? (1 + Math.cos((Math.PI * i) / recipe.iterations)) / 2 : 1;
      const moved = await stepper.advance(state, targets, recipe.learningRate * falling, i + 1);
      const bad = moved.losses.findIndex(loss => !Number.isFinite(loss));
      if (bad >= 0) {
        throw new SeedbedError(
          'Diverged',
          `descent diverged at iteration ${i + 1}: the loss of seed ${bad} is ${moved.losses[bad]}. Try a smaller learning rate`,
        );
      }
      const converged = moved.errors.map(error => error <= tolerance);
      // Losses are of the seeds before they moved: where all have arrived, they stay.
      const kept = converged.every(Boolean) ? state : moved.state;
      state = { ...kept, losses: [...state.losses, moved.losses], converged };
      options.onProgress?.(i + 1, recipe.iterations, average(moved.losses));
      if (options.checkpoint?.due()) await options.checkpoint.save(state);
    }
  } finally {
    await stepper.dispose();
  }
  const { latent, losses, converged } = state;
  return { latent, losses, state, converged, evaluations: losses.length * 2 * steps, memory };
}

type Moving = Omit<DescentState, 'losses' | 'converged'>;

interface Stepper {
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

/** Unrolled while what it keeps between its passes fits into half of the memory, else checkpointed. */
function chooseMemory(
  runtime: Runtime,
  model: Denoiser,
  batch: number,
  recipe: DescentRecipe,
  steps: number,
): Memory {
  const { retainedBytes } = unrolledGraph(model, batch, recipe, steps);
  return retainedBytes <= runtime.memoryBytes / 2 ? 'unrolled' : 'checkpointed';
}

function unrolledGraph(
  model: Denoiser,
  batch: number,
  recipe: DescentRecipe,
  steps: number,
): { graph: Graph; retainedBytes: number } {
  const b = new GraphBuilder('descent step');
  const shape = [batch, ...model.info.shape];
  const latent = b.input('latent', 'float32', shape);
  const target = b.input('target', 'float32', shape);
  let found: ReturnType<typeof distances> | undefined;
  const { gradient, retainedBytes } = unrolledGradient(b, model, latent, steps, x0 => {
    found = distances(b, x0, target, recipe.loss);
    return b.sumAll(found.losses);
  });
  const moved = moveLatent(b, shape, latent, gradient, recipe.penalty);
  return { graph: b.build({ ...named(b, found!), ...moved }), retainedBytes };
}

async function unrolledStepper(
  runtime: Runtime,
  model: Denoiser,
  batch: number,
  recipe: DescentRecipe,
  steps: number,
): Promise<Stepper> {
  const session = await runtime.load(unrolledGraph(model, batch, recipe, steps).graph);
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

async function checkpointedStepper(
  runtime: Runtime,
  model: Denoiser,
  batch: number,
  recipe: DescentRecipe,
  steps: number,
): Promise<Stepper> {
  const shape = [batch, ...model.info.shape];
  const sampler = await checkpointedSampler(runtime, model, steps, batch);
  const pull = await runtime.load(pullGraph(shape, recipe));
  const move = await runtime.load(moveGraph(shape, recipe));
  return {
    async advance(state, targets, rate, step) {
      let pulled: Record<string, Tensor> = {};
      const { latent, m, v } = state;
      const { gradient } = await sampler.run(latent, async x0 => {
        pulled = await pull.run({ x0, target: targets });
        return pulled.gradient as Tensor<'float32'>;
      });
      const results = await move.run({ latent, m, v, gradient, ...adamFeeds(rate, step) });
      return { state: nextState(results), losses: numbers(pulled.losses!), errors: numbers(pulled.errors!) };
    },
    async dispose() {
      await Promise.all([sampler, pull, move].map((part: Pick<Session, 'dispose'>) => part.dispose()));
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
