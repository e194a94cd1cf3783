import type { Denoiser, Embedder } from '../diffusion/info.ts';
import { type Doubles, evaluationsOf } from '../diffusion/sampler.ts';
import type { SamplerInfo } from '../diffusion/sampler-info.ts';
import { bind } from '../graph/replay.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { inBatches } from '../tensor/rowwise.ts';
import type { Floats } from '../tensor/tensor.ts';
import type { Certificate } from './certificate.ts';
import { descend } from './descent.ts';
import type { Journal } from './journal.ts';
import type { DescentRecipe, Memory } from './recipes.ts';
import { createStepper } from './stepper.ts';

/** One batch of seeds to be found. */
export interface Sought {
  /** Standardised pictures [n, ...shape]. */
  readonly targets: Floats;
  /** Gaussian noise of the same shape, each seed's own. */
  readonly noise: Floats;
  /** Number of the batch, from 0. */
  readonly index: number;
  /** Keeps what descent has done of it. */
  readonly journal?: Journal | undefined;
  /** Called as work goes on, with the mean loss where there is one. */
  readonly report: (iteration: number, loss: number) => void;
}

/** What was found for a batch. */
export interface Found {
  readonly latent: Floats;
  /** Where descent began, when a network had found that. */
  readonly before?: Floats;
  /** What the sampler grows from the seeds, standardised, where that was needed to find them; its evaluations are counted. */
  readonly grown?: Floats;
  readonly losses: readonly (readonly number[])[];
  /** Of descent: the iterations that each seed took. */
  readonly iterations?: readonly number[];
  /** Whether each seed's equations were solved, for all that its certificate does not flag. */
  readonly converged: readonly boolean[];
  /** Of exact samplers: the two states that grow the picture again, in double precision. */
  readonly pair?: { readonly latent: Doubles; readonly latent2: Doubles };
  /** Of inversion: what was measured on the way. */
  readonly certificates?: readonly Certificate[];
  /** Each seed's network evaluations. */
  readonly evaluations: readonly number[];
}

/** A value for each of a batch's seeds. */
export function forEach<T extends number | boolean>({ shape }: Floats, value: T): T[] {
  return new Array(shape[0]!).fill(value);
}

/** A way to find seeds, made ready once and used batch after batch. */
export interface Finder {
  /** Iterations that `report` counts. */
  readonly iterations: number;
  find(sought: Sought): Promise<Found>;
  dispose(): Promise<void>;
}

/** Keeps what is made for each batch size: all batches but the last have the same. */
export class BySize<T extends { dispose(): Promise<void> }> {
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
      evaluations: forEach(targets, 1),
    }),
    dispose: encoder.dispose,
  };
}

export interface DescentSettings {
  readonly recipe: DescentRecipe;
  readonly sampler: SamplerInfo;
  readonly memory?: Memory | undefined;
  readonly tolerance?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Descent through the whole sampler (section 5.1), from noise or from what another finder found first. */
export function descentFinder(
  runtime: Runtime,
  model: Denoiser,
  settings: DescentSettings,
  first?: Finder,
): Finder {
  const { recipe, sampler, memory } = settings;
  const pass = evaluationsOf(sampler);
  const steppers = new BySize(async size => {
    const made = await createStepper(runtime, model, size, recipe, sampler, memory);
    return { ...made, dispose: made.stepper.dispose };
  });
  return {
    iterations: recipe.iterations,
    async find(sought) {
      const { journal } = sought;
      const begun = await first?.find(sought);
      const start = begun?.latent ?? sought.noise;
      const found = await descend(await steppers.get(start), start, sought.targets, {
        ...settings,
        pass,
        resume: await journal?.read(sought.index, start.shape),
        checkpoint: journal && {
          due: () => journal.due(),
          save: state => journal.write(sought.index, state),
        },
        onProgress: (iteration, _, loss) => sought.report(iteration, loss),
      });
      return {
        ...found,
        ...(begun && { before: begun.latent }),
        evaluations: found.evaluations.map((own, row) => own + (begun ? begun.evaluations[row]! + pass : 0)),
      };
    },
    dispose: async () => {
      await Promise.all([steppers.dispose(), first?.dispose()]);
    },
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
