import { prepare } from '../diffusion/batches.ts';
import { type Denoiser, ddim, type Embedder, type SamplerInfo } from '../diffusion/model.ts';
import { createSampler, type Sampler } from '../diffusion/sampler.ts';
import { requireWhole, SeedbedError } from '../errors.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { normals } from '../tensor/random.ts';
import { concatRows, rows, type Tensor, takeRows } from '../tensor/tensor.ts';
import {
  descentFinder,
  embedderFinder,
  type Finder,
  type Found,
  type Journal,
  splitFinder,
} from './finders.ts';
import { SPLIT, type SplitOptions } from './inversion/split.ts';
import { average, meanSquaredErrors, meanSquares, psnr, toPixels } from './metrics.ts';
import { type DescentRecipe, type Memory, RECIPES } from './recipes.ts';

type Floats = Tensor<'float32'>;

/**
 * Ways to find a seed: a trained network, descent from noise, descent from the network's seed, or split inversion, which
 * solves the sampler's last step as least squares and undoes the others by fixed-point iterations.
 * @group Embedding
 * @example
 * import { METHODS } from 'seedbed';
 * console.log(METHODS.join(', ')); // prints embedder, descent, embedder+descent, split
 */
export const METHODS = ['embedder', 'descent', 'embedder+descent', 'split'] as const;
/**
 * A way to find a seed, one of {@link METHODS}.
 * @group Embedding
 * @useDeclaredType
 */
export type Method = (typeof METHODS)[number];

/**
 * How seeds are sought.
 * @group Embedding
 */
export interface EmbedOptions {
  /** 'embedder+descent' where an embedder is given, else 'split'. */
  readonly method?: Method | undefined;
  /** The embedding network, trained for the denoiser at hand; methods that name it need it. */
  readonly embedder?: Embedder | undefined;
  /** How descent moves; `RECIPES.refine` after an embedder, `RECIPES.seedbed` from noise. */
  readonly recipe?: DescentRecipe | undefined;
  /** How split inversion weighs a faithful picture against a Gaussian seed, and when it stops; `SPLIT`. */
  readonly inversion?: SplitOptions | undefined;
  /** Seeds sought for each picture, from 1; 1. Only 'descent' and 'split', which begin from noise, find different ones. */
  readonly starts?: number | undefined;
  /** Random number seed of the starts, a whole number from 0; 0. */
  readonly rng?: number | undefined;
  /** Number of the first picture, by which its starts are drawn, so that any part of a set draws the same; 0. */
  readonly firstImage?: number | undefined;
  /** T, the sampler's steps, from 1; the model's own unless given. */
  readonly samplerSteps?: number | undefined;
  /** Seeds in work at once, from 1; 16. */
  readonly batch?: number | undefined;
  /** The way through the sampler; the fastest that fits into memory unless given. */
  readonly memory?: Memory | undefined;
  /** A seed stops once its mean squared error, of standardised pixels, is at most this; it never does unless given. */
  readonly tolerance?: number | undefined;
  /** Stops the work before its next iteration, with `Interrupted`; what is done is in the journal. */
  readonly signal?: AbortSignal | undefined;
  /** Called with what was found as soon as a batch is done. */
  readonly onResults?: ((results: readonly SeedResult[]) => void) | undefined;
  /** Called after each iteration of each batch. */
  readonly onProgress?: ((progress: EmbedProgress) => void) | undefined;
  /** Where unfinished work is kept, so that it can go on. */
  readonly journal?: Journal | undefined;
}

/**
 * How far an embedding has come.
 * @group Embedding
 */
export interface EmbedProgress {
  /** Work done, in seeds times iterations. */
  readonly done: number;
  /** Work in all, in seeds times iterations. */
  readonly total: number;
  /** Mean loss of the seeds in work. */
  readonly loss: number;
}

/**
 * What was found for one seed. Errors are of pixels in [0,1], clipped, inside the padding.
 * @group Embedding
 */
export interface SeedResult {
  /** Index of the picture, from 0. */
  readonly image: number;
  /** Index of the start among those of the picture, from 0. */
  readonly start: number;
  /** Mean squared error of the grown picture. */
  readonly mse: number;
  /** Its peak signal-to-noise ratio, decibels. */
  readonly psnr: number;
  /** Mean squared error of the embedder's seed, before descent; of 'embedder+descent' only. */
  readonly mseBefore?: number;
  /** Largest relative residual |g(x) - x| / |x| of a step that was undone; of 'split' only. */
  readonly residual?: number;
  /** Descent: true only when a tolerance was given and reached. Split: every step was undone to its tolerance. */
  readonly converged: boolean;
  /** Mean square of the seed's coordinates; 1 for Gaussian noise. */
  readonly latentVariance: number;
  /** Network passes for this seed: forward 1, forward with its gradient 2, the check at the end included. */
  readonly evaluations: number;
  /** The loss before each iteration of descent; empty where there was none. */
  readonly losses: readonly number[];
}

/**
 * Seeds that were found, and what they grow.
 * @group Embedding
 */
export interface Embedding {
  /** The seeds [n * starts, ...shape], start by start for each picture. */
  readonly latent: Tensor<'float32'>;
  /** What they grow, [n * starts, C, H, W]: pixels in [0,1], clipped, inside the padding. */
  readonly pictures: Tensor<'float32'>;
  /** What was found for each seed, in the same order. */
  readonly results: SeedResult[];
  /** The sampler that grows them. */
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
  const method = options.method ?? (embedder ? 'embedder+descent' : 'split');
  const steps = options.samplerSteps ?? model.info.sampler.steps;
  const recipe = options.recipe ?? (method === 'descent' ? RECIPES.seedbed : RECIPES.refine);
  const inversion = options.inversion ?? SPLIT;
  requireWhole('starts', starts, 1);
  requireWhole('rng', rng, 0);
  requireWhole('batch', wanted, 1);
  requireWhole('samplerSteps', steps, 1);
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
  const finder = await createFinder(runtime, model, method, steps, batch, { ...options, recipe, inversion });
  try {
    const parts: Part[] = [];
    const { iterations } = finder;
    for (let first = 0; first < count; first += batch) {
      const last = Math.min(first + batch, count);
      if (options.signal?.aborted)
        throw new SeedbedError('Interrupted', `stopped after ${first} of ${count} seeds`);
      const sought = rows(targets, first, last);
      const noise = normals({ seed: rng, purpose: 'latent' }, sought.shape, row => ({
        image: firstImage + imageOf(first + row),
        start: (first + row) % starts,
      }));
      const report = (iteration: number, loss: number) =>
        options.onProgress?.({
          done: first * iterations + iteration * (last - first),
          total: count * iterations,
          loss,
        });
      const found = await finder.find({ targets: sought, noise, index: parts.length, report });
      const grown = await sampler.sample(found.latent);
      const grownBefore = found.before && (await sampler.sample(found.before));
      const results = describe(first, found, grown, grownBefore);
      parts.push({ latent: found.latent, grown, results });
      report(iterations, average(found.losses.at(-1) ?? []));
      options.onResults?.(results);
    }
    return assemble(parts);
  } finally {
    await Promise.all([sampler.dispose(), finder.dispose()]);
  }

  function describe(
    first: number,
    found: Found,
    grown: Floats,
    grownBefore: Floats | undefined,
  ): SeedResult[] {
    const wanted = rows(originals, first, first + grown.shape[0]!);
    const errors = (pictures: Floats) => meanSquaredErrors(toPixels(pictures, model.info), wanted);
    const before = grownBefore && errors(grownBefore);
    const variance = meanSquares(found.latent);
    return errors(grown).map((mse, row) => ({
      image: imageOf(first + row),
      start: (first + row) % starts,
      mse,
      psnr: psnr(mse),
      ...(before && { mseBefore: before[row]! }),
      ...(found.residuals && { residual: found.residuals[row]! }),
      converged: found.converged[row] ?? false,
      latentVariance: variance[row]!,
      evaluations: found.evaluations + steps,
      losses: found.losses.map(losses => losses[row]!),
    }));
  }

  function assemble(parts: readonly Part[]): Embedding {
    const results = parts.flatMap(part => part.results);
    const settings =
      method === 'embedder'
        ? {}
        : method === 'split'
          ? { inversion }
          : { recipe, tolerance: tolerance ?? null };
    return {
      latent: concatRows(parts.map(part => part.latent)),
      pictures: toPixels(concatRows(parts.map(part => part.grown)), model.info),
      results,
      sampler: ddim(steps),
      method: {
        name: method,
        ...settings,
        ...(method.includes('embedder') && { embedder: embedder!.hash }),
        evaluations: results[0]!.evaluations,
      },
    };
  }
}

/** What became of one batch; `grown` is what its seeds grow, standardised. */
interface Part {
  readonly latent: Floats;
  readonly grown: Floats;
  readonly results: SeedResult[];
}

async function createFinder(
  runtime: Runtime,
  model: Denoiser,
  method: Method,
  steps: number,
  batch: number,
  options: EmbedOptions & { recipe: DescentRecipe; inversion: SplitOptions },
): Promise<Finder> {
  if (method === 'split') return splitFinder(runtime, model, steps, options.inversion);
  const first = method === 'descent' ? undefined : await embedderFinder(runtime, options.embedder!, batch);
  return method === 'embedder' ? first! : descentFinder(runtime, model, { ...options, steps }, first);
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
  const { samplerSteps = model.info.sampler.steps, batch = 16 } = options;
  const [count = 0, ...shape] = latent.shape;
  requireWhole('samplerSteps', samplerSteps, 1);
  requireWhole('batch', batch, 1);
  if (count === 0 || shape.join() !== model.info.shape.join()) {
    const message = `model '${model.info.name}' grows seeds [n, ${model.info.shape}] with n from 1, got [${latent.shape}]`;
    throw new SeedbedError('BadShape', message);
  }
  const sampler: Sampler = await createSampler(runtime, model, samplerSteps, Math.min(batch, count));
  try {
    return toPixels(await sampler.sample(latent, options.onProgress), model.info);
  } finally {
    await sampler.dispose();
  }
}

/**
 * The size of the pictures that a model takes, without its padding.
 * @returns [C, H, W]; [D] for a model of points.
 * @group Models
 * @example
 * import { loadModel, pictureShape, SHIPPED_DENOISER } from 'seedbed';
 * console.log(pictureShape(await loadModel(SHIPPED_DENOISER))); // prints [ 1, 28, 28 ]
 */
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
  if (!METHODS.includes(method))
    throw new SeedbedError('BadArgument', `there is no method '${method}'. There are: ${METHODS.join(', ')}`);
  if (method === 'descent' || method === 'split') return;
  if (!embedder)
    throw new SeedbedError(
      'BadArgument',
      `method '${method}' needs an embedder. Give one, or use method 'descent'`,
    );
  if (starts !== 1)
    throw new SeedbedError(
      'BadArgument',
      `method '${method}' finds one seed a picture; several starts need method 'descent' or 'split'`,
    );
  if (embedder.info.denoiser !== model.hash) {
    throw new SeedbedError(
      'Mismatch',
      `the embedder was trained for denoiser ${embedder.info.denoiser}, but this one is ${model.hash}`,
    );
  }
}
