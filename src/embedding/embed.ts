import { prepare } from '../diffusion/batches.ts';
import { type Denoiser, ddim, type Embedder, type SamplerInfo } from '../diffusion/model.ts';
import { createSampler, inBatches, type Sampler } from '../diffusion/sampler.ts';
import { SeedbedError } from '../errors.ts';
import { bind } from '../graph/replay.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { normals } from '../tensor/random.ts';
import { concatRows, rows, type Tensor, takeRows } from '../tensor/tensor.ts';
import { type DescentState, descend } from './descent.ts';
import { meanSquaredErrors, meanSquares, psnr, toPixels } from './metrics.ts';
import { type DescentRecipe, type Memory, RECIPES } from './recipes.ts';

type Floats = Tensor<'float32'>;

/** Ways to find a seed: a trained network, descent from noise, or descent from the network's seed. */
export const METHODS = ['embedder', 'descent', 'embedder+descent'] as const;
export type Method = (typeof METHODS)[number];

export interface EmbedOptions {
  /** 'embedder+descent' where an embedder is given, else 'descent'. */
  readonly method?: Method | undefined;
  readonly embedder?: Embedder | undefined;
  /** How descent moves; `RECIPES.refine` after an embedder, `RECIPES.seedbed` from noise. */
  readonly recipe?: DescentRecipe | undefined;
  /** Seeds sought for each picture; 1. Only descent from noise gives different ones. */
  readonly starts?: number | undefined;
  /** Random number seed of the starts; 0. */
  readonly rng?: number | undefined;
  /** Number of the first picture, by which its starts are drawn, so that any part of a set draws the same; 0. */
  readonly firstImage?: number | undefined;
  /** T; the model's own unless given. */
  readonly samplerSteps?: number | undefined;
  /** Seeds in work at once; 16. */
  readonly batch?: number | undefined;
  readonly memory?: Memory | undefined;
  readonly tolerance?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: EmbedProgress) => void) | undefined;
  /** Where unfinished work is kept, so that it can go on. */
  readonly journal?: Journal | undefined;
}

export interface EmbedProgress {
  /** Work done and in all, in seeds times iterations. */
  readonly done: number;
  readonly total: number;
  readonly loss: number;
}

/** Keeps the state of each batch's descent. */
export interface Journal {
  read(batch: number): Promise<DescentState | undefined>;
  write(batch: number, state: DescentState): Promise<void>;
  /** Whether it is time to write again. */
  due(): boolean;
}

/** What was found for one seed. Errors are of pixels in [0,1], clipped, inside the padding. */
export interface SeedResult {
  /** Index of the picture, and of the start. */
  readonly image: number;
  readonly start: number;
  readonly mse: number;
  readonly psnr: number;
  /** Of the embedder's seed, before descent. */
  readonly mseBefore?: number;
  /** True only when a tolerance was given and reached. */
  readonly converged: boolean;
  /** Mean square of the seed's coordinates; 1 for Gaussian noise. */
  readonly latentVariance: number;
  /** Network passes for this seed, as docs/formats.md counts them. */
  readonly evaluations: number;
  /** The loss before each iteration of descent. */
  readonly losses: readonly number[];
}

export interface Embedding {
  /** The seeds [n * starts, ...shape], start by start for each picture. */
  readonly latent: Floats;
  /** What they grow: pixels in [0,1] inside the padding. */
  readonly pictures: Floats;
  readonly results: SeedResult[];
  readonly sampler: SamplerInfo;
  /** Method, settings and evaluations, as seed files record them. */
  readonly method: Readonly<Record<string, unknown>>;
}

/**
 * Finds seeds from which a denoiser grows the given pictures.
 * @param images [n, C, H, W], pixels in [0,1], of the model's size without its padding.
 * @throws {SeedbedError} BadShape for pictures of another size, BadArgument for contradictory options, Diverged.
 */
export async function embed(
  runtime: Runtime,
  model: Denoiser,
  images: Floats,
  options: EmbedOptions = {},
): Promise<Embedding> {
  const { embedder, starts = 1, rng = 0, firstImage = 0, tolerance, batch: wanted = 16 } = options;
  const method = options.method ?? (embedder ? 'embedder+descent' : 'descent');
  const steps = options.samplerSteps ?? model.info.sampler.steps;
  const recipe = options.recipe ?? (method === 'descent' ? RECIPES.seedbed : RECIPES.refine);
  checkImages(images, model);
  checkMethod(method, model, embedder, starts);

  const count = images.shape[0]! * starts;
  const batch = Math.min(wanted, count);
  const imageOf = (seed: number) => Math.floor(seed / starts);
  const originals = takeRows(
    images,
    Array.from({ length: count }, (_, seed) => imageOf(seed)),
  );
  const targets = prepare(originals, model.info.padding, model.info.range);
  const sampler = await createSampler(runtime, model, steps, batch);
  const encode = method === 'descent' ? undefined : await createEncoder(runtime, embedder!, batch);
  try {
    const parts: Part[] = [];
    const iterations = method === 'embedder' ? 1 : recipe.iterations;
    for (let first = 0; first < count; first += batch) {
      const last = Math.min(first + batch, count);
      if (options.signal?.aborted)
        throw new SeedbedError('Interrupted', `stopped after ${first} of ${count} seeds`);
      const target = rows(targets, first, last);
      const start = encode
        ? await encode.run(target)
        : normals({ seed: rng, purpose: 'latent' }, target.shape, row => ({
            image: firstImage + imageOf(first + row),
            start: (first + row) % starts,
          }));
      const report = (iteration: number, loss: number) =>
        options.onProgress?.({
          done: first * iterations + iteration * (last - first),
          total: count * iterations,
          loss,
        });
      const part = await findPart(target, start, parts.length, report);
      parts.push(part);
      report(
        iterations,
        part.losses.at(-1)?.reduce((sum, loss) => sum + loss / part.losses.at(-1)!.length, 0) ?? 0,
      );
    }
    return assemble(parts);
  } finally {
    await Promise.all([sampler.dispose(), encode?.dispose()]);
  }

  async function findPart(
    target: Floats,
    start: Floats,
    index: number,
    report: (iteration: number, loss: number) => void,
  ): Promise<Part> {
    const before = encode ? await sampler.sample(start) : undefined;
    if (method === 'embedder')
      return {
        latent: start,
        grown: before!,
        before: undefined,
        losses: [],
        converged: [],
        evaluations: 1 + steps,
      };
    const found = await descend(runtime, model, start, target, {
      recipe,
      steps,
      memory: options.memory,
      tolerance,
      signal: options.signal,
      resume: await options.journal?.read(index),
      checkpoint: options.journal && {
        due: () => options.journal!.due(),
        save: state => options.journal!.write(index, state),
      },
      onProgress: (iteration, _, loss) => report(iteration, loss),
    });
    if (options.journal) await options.journal.write(index, found.state);
    const evaluations = found.evaluations + steps + (encode ? 1 + steps : 0);
    return {
      latent: found.latent,
      grown: await sampler.sample(found.latent),
      before,
      losses: found.losses,
      converged: found.converged,
      evaluations,
    };
  }

  function assemble(parts: readonly Part[]): Embedding {
    const latent = concatRows(parts.map(part => part.latent));
    const pictures = toPixels(concatRows(parts.map(part => part.grown)), model.info);
    const after = meanSquaredErrors(pictures, originals);
    const before =
      parts[0]!.before &&
      meanSquaredErrors(toPixels(concatRows(parts.map(part => part.before!)), model.info), originals);
    const variance = meanSquares(latent);
    const results = after.map((mse, seed): SeedResult => {
      const part = parts[Math.floor(seed / batch)]!;
      const row = seed % batch;
      return {
        image: imageOf(seed),
        start: seed % starts,
        mse,
        psnr: psnr(mse),
        ...(before && { mseBefore: before[seed]! }),
        converged: part.converged[row] ?? false,
        latentVariance: variance[seed]!,
        evaluations: part.evaluations,
        losses: part.losses.map(losses => losses[row]!),
      };
    });
    const settings = method === 'embedder' ? {} : { recipe, tolerance: tolerance ?? null };
    return {
      latent,
      pictures,
      results,
      sampler: ddim(steps),
      method: {
        name: method,
        ...settings,
        ...(embedder && { embedder: embedder.hash }),
        evaluations: parts[0]!.evaluations,
      },
    };
  }
}

interface Part {
  readonly latent: Floats;
  readonly grown: Floats;
  readonly before: Floats | undefined;
  readonly losses: readonly (readonly number[])[];
  readonly converged: readonly boolean[];
  readonly evaluations: number;
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

/** Grows pictures from seeds: pixels in [0,1] inside the padding. */
export async function decode(
  runtime: Runtime,
  model: Denoiser,
  latent: Floats,
  options: {
    samplerSteps?: number | undefined;
    batch?: number | undefined;
    onProgress?: ((done: number, total: number) => void) | undefined;
  } = {},
): Promise<Floats> {
  const sampler: Sampler = await createSampler(
    runtime,
    model,
    options.samplerSteps ?? model.info.sampler.steps,
    Math.min(options.batch ?? 16, latent.shape[0]!),
  );
  try {
    return toPixels(await sampler.sample(latent, options.onProgress), model.info);
  } finally {
    await sampler.dispose();
  }
}

/** The size of the pictures that a model takes, without its padding: [C, H, W]. */
export function pictureShape(model: Denoiser): number[] {
  return model.info.shape.map((dim, axis) => (axis === 0 ? dim : dim - 2 * model.info.padding));
}

function checkImages(images: Floats, model: Denoiser): void {
  const wanted = pictureShape(model);
  if (images.shape.slice(1).join() !== wanted.join() || images.shape[0] === 0) {
    throw new SeedbedError(
      'BadShape',
      `model '${model.info.name}' embeds pictures [n, ${wanted}], got [${images.shape}]. Resize them, or let the command line do it`,
    );
  }
}

function checkMethod(method: Method, model: Denoiser, embedder: Embedder | undefined, starts: number): void {
  if (method === 'descent') return;
  if (!embedder)
    throw new SeedbedError(
      'BadArgument',
      `method '${method}' needs an embedder. Give one, or use method 'descent'`,
    );
  if (starts !== 1)
    throw new SeedbedError(
      'BadArgument',
      `method '${method}' finds one seed a picture; several starts need method 'descent'`,
    );
  if (embedder.info.denoiser !== model.hash) {
    throw new SeedbedError(
      'Mismatch',
      `the embedder was trained for denoiser ${embedder.info.denoiser}, but this one is ${model.hash}`,
    );
  }
}
