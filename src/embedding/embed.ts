import { prepare } from '../diffusion/batches.ts';
import {
  chooseSampler,
  type Denoiser,
  type Embedder,
  type SamplerInfo,
  type SamplerKind,
} from '../diffusion/info.ts';
import { createSampler, evaluationsOf } from '../diffusion/sampler.ts';
import { requireWhole, SeedbedError } from '../errors.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { normals } from '../tensor/random.ts';
import { concatRows, rows, type Tensor, takeRows } from '../tensor/tensor.ts';
import type { Certificate } from './certificate.ts';
import { checkImages, checkMethod } from './checks.ts';
import { descentFinder, embedderFinder, type Finder, type Found, type Journal } from './finders.ts';
import {
  autoFinder,
  exactFinder,
  type Inverting,
  splitFinder,
  undoingFinder,
  wholeFinder,
} from './inverters.ts';
import { average, meanSquaredErrors, meanSquares, psnr, toPixels } from './metrics.ts';
import { type DescentRecipe, type Memory, RECIPES } from './recipes.ts';
import { type InversionOptions, inversionFor, type Method, usedSettings } from './settings.ts';

type Floats = Tensor<'float32'>;

/**
 * How seeds are sought.
 * @group Embedding
 */
export interface EmbedOptions {
  /** 'embedder+descent' where an embedder is given, else 'auto'. */
  readonly method?: Method | undefined;
  /** The embedding network, trained for the denoiser at hand; methods that name it need it. */
  readonly embedder?: Embedder | undefined;
  /** How descent moves; `RECIPES.refine` after an embedder, `RECIPES.seedbed` from noise. */
  readonly recipe?: DescentRecipe | undefined;
  /** How inversion weighs a faithful picture against a Gaussian seed, and when it stops; the method's own, as `SPLIT`. */
  readonly inversion?: Partial<InversionOptions> | undefined;
  /** Seeds sought for each picture, from 1; 1. Only methods that begin from noise find different ones. */
  readonly starts?: number | undefined;
  /** Number of the first start, so that any part of a cloud draws the same; 0. Results count their starts from it. */
  readonly firstStart?: number | undefined;
  /** Random number seed of the starts, a whole number from 0; 0. */
  readonly rng?: number | undefined;
  /** Number of the first picture, by which its starts are drawn, so that any part of a set draws the same; 0. */
  readonly firstImage?: number | undefined;
  /** The sampler that is to grow the pictures; the model's own unless given. 'exact' needs 'edict', 'bdia' or 'obelm'. */
  readonly sampler?: SamplerKind | undefined;
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
  /** Index of the start among those of the picture, from `firstStart`. */
  readonly start: number;
  /** Mean squared error of the grown picture. */
  readonly mse: number;
  /** Its peak signal-to-noise ratio, decibels. */
  readonly psnr: number;
  /** Mean squared error of the embedder's seed, before it was refined; of 'embedder+...' but split only. */
  readonly mseBefore?: number;
  /** Largest relative residual |g(x) - x| / |x| of a step that was undone, where that was measured. */
  readonly residual?: number;
  /** What inversion measured on its way, and what is wrong. */
  readonly certificate?: Certificate;
  /** Descent: true only when a tolerance was given and reached. Inversion: its equations were solved and nothing is flagged. */
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
  /** Of samplers that keep two states: both, in double precision, of the same shape; `latent` is the first, rounded. */
  readonly pair?: { readonly latent: Tensor<'float64'>; readonly latent2: Tensor<'float64'> };
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
  const { embedder, starts = 1, rng = 0, firstImage = 0, firstStart = 0 } = options;
  const { tolerance, batch: wanted = 16 } = options;
  const method = options.method ?? (embedder ? 'embedder+descent' : 'auto');
  const recipe = options.recipe ?? (method === 'descent' ? RECIPES.seedbed : RECIPES.refine);
  const inversion = inversionFor(method, options.inversion);
  requireWhole('starts', starts, 1);
  requireWhole('rng', rng, 0);
  requireWhole('firstStart', firstStart, 0);
  requireWhole('batch', wanted, 1);
  requireWhole('samplerSteps', options.samplerSteps ?? 1, 1);
  const way = chooseSampler(model.info.sampler, options);
  checkImages(images, model);
  checkMethod(method, way, inversion, model, embedder, starts);

  const count = images.shape[0]! * starts;
  const batch = Math.min(wanted, count);
  const imageOf = (seed: number) => Math.floor(seed / starts);
  const originals = takeRows(
    images,
    Array.from({ length: count }, (_, seed) => imageOf(seed)),
  );
  const targets = prepare(originals, model.info.padding, model.info.range);
  const sampler = await createSampler(runtime, model, way, batch);
  const finder = await createFinder(runtime, model, method, way, batch, { ...options, recipe, inversion });
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
        start: firstStart + ((first + row) % starts),
      }));
      const report = (iteration: number, loss: number) =>
        options.onProgress?.({
          done: first * iterations + iteration * (last - first),
          total: count * iterations,
          loss,
        });
      const found = await finder.find({ targets: sought, noise, index: parts.length, report });
      const grown = await sampler.sample(found.pair?.latent ?? found.latent, undefined, found.pair?.latent2);
      const grownBefore = found.before && (await sampler.sample(found.before));
      const results = describe(first, found, sought, grown, grownBefore);
      parts.push({ found, grown, results });
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
    sought: Floats,
    grown: Floats,
    grownBefore: Floats | undefined,
  ): SeedResult[] {
    const wanted = rows(originals, first, first + grown.shape[0]!);
    const errors = (pictures: Floats) => meanSquaredErrors(toPixels(pictures, model.info), wanted);
    const before = grownBefore && errors(grownBefore);
    const variance = meanSquares(found.latent);
    const missed = meanSquaredErrors(grown, sought);
    return errors(grown).map((mse, row) => {
      const certificate =
        found.certificates && checkGrown(found.certificates[row]!, missed[row]!, variance[row]!);
      const residuals = certificate?.residuals.filter(residual => residual !== null) ?? [];
      return {
        image: imageOf(first + row),
        start: firstStart + ((first + row) % starts),
        mse,
        psnr: psnr(mse),
        ...(before && { mseBefore: before[row]! }),
        ...(residuals.length > 0 && { residual: Math.max(...residuals) }),
        ...(certificate && { certificate }),
        converged: (found.converged[row] ?? false) && !certificate?.flags.length,
        latentVariance: variance[row]!,
        evaluations: found.evaluations[row]! + evaluationsOf(way, found.pair !== undefined),
        losses: found.losses.map(losses => losses[row]!),
      };
    });
  }

  function assemble(parts: readonly Part[]): Embedding {
    const results = parts.flatMap(part => part.results);
    const descends = method.endsWith('descent') && { recipe, tolerance: tolerance ?? null };
    const both = (name: 'latent' | 'latent2') => concatRows(parts.map(({ found }) => found.pair![name]));
    return {
      latent: concatRows(parts.map(({ found }) => found.latent)),
      ...(parts[0]!.found.pair && { pair: { latent: both('latent'), latent2: both('latent2') } }),
      pictures: toPixels(concatRows(parts.map(part => part.grown)), model.info),
      results,
      sampler: way,
      method: {
        name: method,
        ...usedSettings(method, inversion),
        ...descends,
        ...(method.includes('embedder') && { embedder: embedder!.hash }),
        evaluations: average(results.map(result => result.evaluations)),
      },
    };
  }
}

/** Seeds whose coordinates have a mean square outside of this are no likely noise. */
const LIKELY_VARIANCE = [0.5, 2] as const;

/** Whether the sampler grows from a seed what the solved equations promise, to a factor of two. @param missed mean square. */
function agrees({ miss }: Certificate, missed: number): boolean {
  return miss === undefined || missed <= 4 * miss + 1e-3;
}

/** A certificate with what the sampler's own picture of the seed shows. @param missed its mean squared error, standardised. */
function checkGrown(certificate: Certificate, missed: number, variance: number): Certificate {
  const flags = [...certificate.flags];
  const notes = [...certificate.notes];
  if (!agrees(certificate, missed))
    flags.push(
      `the sampler misses the picture by ${Math.sqrt(missed).toPrecision(2)}, where the solved equations say ${Math.sqrt(certificate.miss!).toPrecision(2)}`,
    );
  const [low, high] = LIKELY_VARIANCE;
  if (!(variance >= low && variance <= high))
    notes.push(`the seed's variance is ${variance.toPrecision(3)}, where noise has 1`);
  return { ...certificate, flags, notes };
}

/** What became of one batch; `grown` is what its seeds grow, standardised. */
interface Part {
  readonly found: Found;
  readonly grown: Floats;
  readonly results: SeedResult[];
}

async function createFinder(
  runtime: Runtime,
  model: Denoiser,
  method: Method,
  sampler: SamplerInfo,
  batch: number,
  options: EmbedOptions & { recipe: DescentRecipe; inversion: InversionOptions },
): Promise<Finder> {
  const first = method.includes('embedder')
    ? await embedderFinder(runtime, options.embedder!, batch)
    : undefined;
  const inverting: Inverting = { runtime, model, sampler, options: options.inversion, first };
  switch (method.replace('embedder+', '')) {
    case 'embedder':
      return first!;
    case 'descent':
      return descentFinder(runtime, model, { ...options, sampler }, first);
    case 'gauss-newton':
      return wholeFinder(inverting, 'gauss-newton');
    case 'lbfgs':
      return wholeFinder(inverting, 'lbfgs');
    case 'split':
      return splitFinder(inverting);
    case 'auto':
      return autoFinder(inverting);
    case 'exact':
      return exactFinder(inverting);
    default:
      return undoingFinder(inverting);
  }
}

/** Grows pictures from seeds: pixels in [0,1] inside the padding. */
export async function decode(
  runtime: Runtime,
  model: Denoiser,
  latent: Tensor,
  options: {
    sampler?: SamplerInfo | undefined;
    batch?: number | undefined;
    /** The second states, of samplers that keep two. */
    latent2?: Tensor | undefined;
    onProgress?: ((done: number, total: number) => void) | undefined;
  } = {},
): Promise<Floats> {
  const { sampler: way = model.info.sampler, batch = 16 } = options;
  const [count = 0, ...shape] = latent.shape;
  requireWhole('batch', batch, 1);
  if (count === 0 || shape.join() !== model.info.shape.join()) {
    const message = `model '${model.info.name}' grows seeds [n, ${model.info.shape}] with n from 1, got [${latent.shape}]`;
    throw new SeedbedError('BadShape', message);
  }
  if (options.latent2 && options.latent2.shape.join() !== latent.shape.join()) {
    const message = `second states [${options.latent2.shape}] do not fit seeds [${latent.shape}]`;
    throw new SeedbedError('BadShape', message);
  }
  const sampler = await createSampler(runtime, model, way, Math.min(batch, count));
  try {
    return toPixels(await sampler.sample(latent, options.onProgress, options.latent2), model.info);
  } finally {
    await sampler.dispose();
  }
}
