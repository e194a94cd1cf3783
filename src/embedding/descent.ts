import { SeedbedError } from '../errors.ts';
import { average } from '../tensor/statistics.ts';
import { concatRows, requireFinite, rows, type Tensor, zeros } from '../tensor/tensor.ts';
import type { DescentRecipe, Memory } from './recipes.ts';
import type { Moving, PreparedStepper } from './stepper.ts';

export interface DescentOptions {
  readonly recipe: DescentRecipe;
  /** Network evaluations of a pass through the sampler. */
  readonly pass: number;
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

/**
 * Everything that changes from one iteration of descent to the next: the seeds [n, ...shape], Adam's two averages of
 * their gradients, and what came of them.
 * @group Embedding
 */
export interface DescentState extends Moving {
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
  /** The iterations that each seed took until it reached the tolerance, or all. */
  readonly iterations: readonly number[];
  /** Network evaluations of each seed: an iteration is 2 T unrolled, 3 T checkpointed. */
  readonly evaluations: readonly number[];
  readonly memory: Memory;
}

/**
 * Moves seeds down the gradient of a loss on the pictures that they grow, by Adam (Asperti et al. 2023, section 5.1).
 * Every seed has a loss of its own, so the result does not depend on what else is in the batch.
 * @param prepared the stepper for batches of this size; it stays usable.
 * @param start [n, ...shape] where the seeds begin; @param targets [n, ...shape] standardised pictures.
 * @throws {SeedbedError} Diverged when a loss is no longer a number; the error says at which iteration.
 */
export async function descend(
  { memory, stepper }: PreparedStepper,
  start: Tensor<'float32'>,
  targets: Tensor<'float32'>,
  options: DescentOptions,
): Promise<DescentResult> {
  const { recipe, pass, tolerance } = options;
  const batch = start.shape[0]!;
  let state = options.resume ?? {
    latent: start,
    m: zeros('float32', start.shape),
    v: zeros('float32', start.shape),
    losses: [],
    converged: new Array(batch).fill(false),
  };
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
    // Losses and errors are of the seeds before they moved: those that have arrived stay where they are.
    const converged = moved.errors.map(error => tolerance !== undefined && error <= tolerance);
    const kept = keepRows(moved.state, state, converged);
    for (const part of [kept.latent, kept.m, kept.v])
      requireFinite(
        part,
        `descent diverged at iteration ${i + 1}: a seed or its gradient is no longer a number`,
      );
    state = { ...kept, losses: [...state.losses, moved.losses], converged };
    options.onProgress?.(i + 1, recipe.iterations, average(moved.losses));
    if (options.checkpoint?.due()) await options.checkpoint.save(state);
  }
  const { latent, losses, converged } = state;
  // One step at a time, the forward pass is computed once more on the way back.
  const passes = memory === 'unrolled' ? 2 : 3;
  const iterations = converged.map((arrived, row) => (arrived ? arrival(losses, row) : losses.length));
  const evaluations = iterations.map(count => count * passes * pass);
  return { latent, losses, state, converged, iterations, evaluations, memory };
}

/** The iterations until a seed arrived that has: from then on it stays where it is, and so does its loss. */
function arrival(losses: readonly (readonly number[])[], row: number): number {
  let count = losses.length;
  while (count > 1 && losses[count - 2]![row] === losses[count - 1]![row]) count--;
  return count;
}

/** The moved state, with the rows of `before` where `kept` says so. */
function keepRows(moved: Moving, before: Moving, kept: readonly boolean[]): Moving {
  if (!kept.some(Boolean)) return moved;
  const choose = (part: keyof Moving) =>
    concatRows(kept.map((keep, row) => rows((keep ? before : moved)[part], row, row + 1)));
  return { latent: choose('latent'), m: choose('m'), v: choose('v') };
}
