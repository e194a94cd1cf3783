import type { Denoiser, Embedder } from '../diffusion/model.ts';
import { inBatches } from '../diffusion/sampler.ts';
import { bind } from '../graph/replay.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { type DescentState, descend } from './descent.ts';
import { createStepMap } from './inversion/affine-step.ts';
import { type SplitOptions, splitInversion } from './inversion/split.ts';
import type { DescentRecipe, Memory } from './recipes.ts';
import { createStepper } from './stepper.ts';

type Floats = Tensor<'float32'>;

/** One batch of seeds to be found. */
export interface Sought {
  /** Standardised pictures [n, ...shape]. */
  readonly targets: Floats;
  /** Gaussian noise of the same shape, each seed's own. */
  readonly noise: Floats;
  /** Number of the batch, from 0. */
  readonly index: number;
  /** Called as work goes on, with the mean loss where there is one. */
  readonly report: (iteration: number, loss: number) => void;
}

/** What was found for a batch. */
export interface Found {
  readonly latent: Floats;
  /** Where descent began, when a network had found that. */
  readonly before?: Floats;
  readonly losses: readonly (readonly number[])[];
  readonly converged: readonly boolean[];
  /** Of inversion: each seed's largest relative residual of a step. */
  readonly residuals?: readonly number[];
  /** Network evaluations, a seed. */
  readonly evaluations: number;
}

/** A way to find seeds, made ready once and used batch after batch. */
export interface Finder {
  /** Iterations that `report` counts. */
  readonly iterations: number;
  find(sought: Sought): Promise<Found>;
  dispose(): Promise<void>;
}

/** Keeps what is made for each batch size: all batches but the last have the same. */
class BySize<T extends { dispose(): Promise<void> }> {
  private readonly made = new Map<number, Promise<T>>();
  private readonly make: (size: number) => Promise<T>;
  constructor(make: (size: number) => Promise<T>) {
    this.make = make;
  }
  get({ shape }: Floats): Promise<T> {
    const size = shape[0]!;
    if (!this.made.has(size)) this.made.set(size, this.make(size));
    return this.made.get(size)!;
  }
  async dispose(): Promise<void> {
    await Promise.all([...this.made.values()].map(async made => (await made).dispose()));
  }
}

/** One pass of a network trained for the denoiser (Asperti et al. 2023, section 5.2). */
export async function embedderFinder(runtime: Runtime, embedder: Embedder, batch: number): Promise<Finder> {
  const encoder = await createEncoder(runtime, embedder, batch);
  return {
    iterations: 1,
    find: async ({ targets }) => ({
      latent: await encoder.run(targets),
      losses: [],
      converged: [],
      evaluations: 1,
    }),
    dispose: encoder.dispose,
  };
}

/**
 * Keeps the state of each batch's descent, so that work that was stopped goes on to the same bits.
 * @group Embedding
 */
export interface Journal {
  /** The state that was written for a batch, of seeds of this `shape`; undefined where there is none. */
  read(batch: number, shape: readonly number[]): Promise<DescentState | undefined>;
  /** Keeps a batch's state in place of the one before. */
  write(batch: number, state: DescentState): Promise<void>;
  /** Whether it is time to write again. */
  due(): boolean;
}

export interface DescentSettings {
  readonly recipe: DescentRecipe;
  readonly steps: number;
  readonly memory?: Memory | undefined;
  readonly tolerance?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly journal?: Journal | undefined;
}

/** Descent through the whole sampler (section 5.1), from noise or from what another finder found first. */
export function descentFinder(
  runtime: Runtime,
  model: Denoiser,
  settings: DescentSettings,
  first?: Finder,
): Finder {
  const { recipe, steps, memory, journal } = settings;
  const steppers = new BySize(async size => {
    const made = await createStepper(runtime, model, size, recipe, steps, memory);
    return { ...made, dispose: made.stepper.dispose };
  });
  return {
    iterations: recipe.iterations,
    async find(sought) {
      const begun = await first?.find(sought);
      const start = begun?.latent ?? sought.noise;
      const found = await descend(await steppers.get(start), start, sought.targets, {
        ...settings,
        resume: await journal?.read(sought.index, start.shape),
        checkpoint: journal && {
          due: () => journal.due(),
          save: state => journal.write(sought.index, state),
        },
        onProgress: (iteration, _, loss) => sought.report(iteration, loss),
      });
      if (journal) await journal.write(sought.index, found.state);
      return {
        ...found,
        ...(begun && { before: begun.latent }),
        evaluations: found.evaluations + (begun ? begun.evaluations + steps : 0),
      };
    },
    dispose: async () => {
      await Promise.all([steppers.dispose(), first?.dispose()]);
    },
  };
}

/** Split inversion (see {@link splitInversion}); converged where every step inside was undone to the tolerance. */
export function splitFinder(runtime: Runtime, model: Denoiser, steps: number, options: SplitOptions): Finder {
  const maps = new BySize(async size => createStepMap(runtime, model, size));
  return {
    iterations: 1,
    async find({ targets, noise }) {
      const found = await splitInversion(await maps.get(targets), model, steps, targets, noise, options);
      const residuals = Array.from(found.errors, (_, row) =>
        Math.max(0, ...found.steps.map(step => step.residuals[row]!)),
      );
      return {
        latent: found.latent,
        losses: [],
        converged: residuals.map(residual => residual <= options.interior.tolerance),
        residuals,
        evaluations: found.evaluations,
      };
    },
    dispose: () => maps.dispose(),
  };
}

/** Runs an embedding network over any number of standardised pictures. */
export async function createEncoder(
  runtime: Runtime,
  embedder: Embedder,
  batch: number,
): Promise<{ run(x: Floats): Promise<Floats>; dispose(): Promise<void> }> {
  const { inputs, output } = embedder.info;
  const session = await runtime.load(bind(embedder.graph, { N: batch }));
  return {
    run: x =>
      inBatches(x, batch, async part => (await session.run({ [inputs.image]: part }))[output] as Floats),
    dispose: () => session.dispose(),
  };
}
