import { type Conversion, openConversion } from '../diffusion/conversion.ts';
import { type Autoencoder, type Denoiser, givesLatents } from '../diffusion/info.ts';
import { psnrs } from '../diffusion/pictures.ts';
import { createSampler, evaluationsOf, type Sampler } from '../diffusion/sampler.ts';
import type { SamplerInfo } from '../diffusion/sampler-info.ts';
import { requireWhole, SeedbedError } from '../errors.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { average, meanSquaredErrors, meanSquares } from '../tensor/statistics.ts';
import { concatRows, type Floats, sizeOf, takeRows } from '../tensor/tensor.ts';
import { type Certificate, judge } from './certificate.ts';
import { checkImages, checkNoiseOf } from './checks.ts';
import type { Embedding, EmbedOptions } from './embedding.ts';
import { embedderFinder, type Finder, type Found } from './finders.ts';
import type { FinishedBatch } from './journal.ts';
import { isLikely } from './likely.ts';
import { methodRow, usedSettings } from './methods.ts';
import { planFor } from './plan.ts';
import { RECIPES } from './recipes.ts';
import type { SeedResult } from './result.ts';
import { pictureAddresses, startNoise } from './starts.ts';
import { type LatentFitter, openLatentFitter } from './through-decoder.ts';

/** Which seeds of pictures are sought, and who is told. */
export type Asked = Pick<
  EmbedOptions,
  'starts' | 'firstStart' | 'rng' | 'noiseOf' | 'journal' | 'onResults' | 'onProgress'
>;

/** What finds seeds, made ready once and used for one set of pictures after the other. */
export interface Seeker {
  /** @param images [n, C, H, W], pixels in [0,1]. @throws {SeedbedError} as `embed`. */
  seek(images: Floats, asked: Asked): Promise<Embedding>;
  dispose(): Promise<void>;
}

/**
 * Makes ready what `options` ask for.
 * @param most the most seeds that are sought at a time, if they are fewer than a batch.
 * @throws {SeedbedError} BadArgument for contradictory options.
 */
export async function createSeeker(
  runtime: Runtime,
  model: Denoiser,
  options: EmbedOptions,
  most: number,
): Promise<Seeker> {
  const { embedder, signal, batch: wanted = 16 } = options;
  requireWhole('batch', wanted, 1);
  const { method, sampler: way, inversion } = planFor(model, options);
  const row = methodRow(method);
  const recipe = options.recipe ?? row.recipe ?? RECIPES.refine;
  const batch = Math.min(wanted, most);
  const decoder = options.throughDecoder ? decoderOf(model) : undefined;
  const heeding = stoppable(runtime, signal);
  const first = row.network ? await embedderFinder(heeding, embedder!, batch) : undefined;
  const sampler = await createSampler(heeding, model, way, batch).catch(async error => {
    await first?.dispose();
    throw error;
  });
  const finder = row.finder({
    ...options,
    // Descent keeps its state, and stops by itself.
    runtime: row.recipe ? runtime : heeding,
    model,
    sampler: way,
    options: inversion,
    grow: latent => sampler.sample(latent),
    recipe,
    first,
  });
  const descends = row.recipe && { recipe, tolerance: options.tolerance ?? null };
  const settings = {
    name: method,
    ...usedSettings(method, inversion),
    ...descends,
    ...(row.network && { embedder: embedder!.hash }),
    ...(model.autoencoder && { autoencoder: model.autoencoder.hash }),
    ...(options.throughDecoder && { throughDecoder: true }),
  };
  const fitter = decoder && openLatentFitter(heeding, decoder, batch);
  const conversion = openConversion(heeding, model, batch);
  const tolerance = row.recipe && options.tolerance;
  const seeking = { model, conversion, fitter, sampler, finder, way, batch, settings, tolerance, signal };
  return {
    seek: (images, asked) => seek(seeking, images, asked),
    dispose: async () =>
      void (await Promise.all([
        sampler.dispose(),
        finder.dispose(),
        conversion.dispose(),
        fitter?.dispose(),
      ])),
  };
}

function decoderOf({ info, autoencoder }: Denoiser): Autoencoder {
  if (autoencoder) return autoencoder;
  throw new SeedbedError(
    'BadArgument',
    `throughDecoder fits latents to pictures, but model '${info.name}' has no autoencoder`,
  );
}

interface Seeking {
  readonly model: Denoiser;
  readonly conversion: Conversion;
  readonly fitter: LatentFitter | undefined;
  readonly sampler: Sampler;
  readonly finder: Finder;
  readonly way: SamplerInfo;
  readonly batch: number;
  readonly settings: Readonly<Record<string, unknown>>;
  /** The error at which descent has arrived. */
  readonly tolerance: number | undefined;
  readonly signal: AbortSignal | undefined;
}

/** Finds the seeds of pictures batch by batch; what a journal kept is not done again. */
async function seek(seeking: Seeking, images: Floats, asked: Asked): Promise<Embedding> {
  const { model, conversion, fitter, sampler, finder, batch, signal } = seeking;
  const { starts = 1, rng = 0, firstStart = 0, noiseOf, journal, onResults, onProgress } = asked;
  requireWhole('starts', starts, 1);
  requireWhole('rng', rng, 0);
  requireWhole('firstStart', firstStart, 0);
  checkImages(images, model);
  if (noiseOf) checkNoiseOf(noiseOf, images);
  const count = images.shape[0]! * starts;
  const seeds = Array.from({ length: count }, (_, seed) => ({
    image: Math.floor(seed / starts),
    start: firstStart + (seed % starts),
  }));
  const addresses = pictureAddresses(noiseOf ?? images, givesLatents(model));
  const parts: FinishedBatch[] = [];
  const pictures: Floats[] = [];
  const { iterations } = finder;
  const total = count * iterations;
  for (let first = 0; first < count; first += batch) {
    const own = seeds.slice(first, first + batch);
    if (signal?.aborted) throw new SeedbedError('Interrupted', `stopped after ${first} of ${count} seeds`);
    const kept = await journal?.finished(parts.length, [own.length, ...model.info.shape]);
    if (kept) {
      parts.push(kept);
      pictures.push(await conversion.toPictures(kept.grown));
      onProgress?.({ done: (first + own.length) * iterations, total, loss: 0 });
      onResults?.(kept.results);
      continue;
    }
    const originals = takeRows(
      images,
      own.map(({ image }) => image),
    );
    const encoded = await conversion.toNetwork(originals);
    const targets = fitter ? await fitter.fit(originals, encoded) : encoded;
    const begins = own.map(({ image, start }) => ({ image: addresses[image]!, start }));
    const noise = startNoise(rng, model.info.shape, begins);
    let told = 0;
    const report = (iteration: number, loss: number) => {
      if (iteration > told) onProgress?.({ done: first * iterations + iteration * own.length, total, loss });
      told = iteration;
    };
    const found = await finder.find({ targets, noise, index: parts.length, journal, report });
    const grown =
      found.grown ??
      (await sampler.sample(found.pair?.latent ?? found.latent, undefined, found.pair?.latent2));
    const shown = {
      after: await conversion.toPictures(grown),
      before: found.before && (await conversion.toPictures(await sampler.sample(found.before))),
      alone: model.autoencoder && (await conversion.toPictures(encoded)),
    };
    const results = describe(seeking, { seeds: own, originals, targets, grown, shown }, found);
    const part = { latent: found.latent, pair: found.pair, grown, results };
    await journal?.finish(parts.length, part);
    parts.push(part);
    pictures.push(shown.after);
    report(iterations, average(found.losses.at(-1) ?? [0]));
    onResults?.(results);
  }
  return assemble(seeking, parts, concatRows(pictures));
}

/** A batch of seeds: of which pictures they are, as they came and as the network sees them, and what grew. */
interface Batch {
  readonly seeds: readonly { readonly image: number; readonly start: number }[];
  readonly originals: Floats;
  readonly targets: Floats;
  readonly grown: Floats;
  /** Pictures: of what grew, of what grew from an embedder's seeds, and of the autoencoder alone. */
  readonly shown: {
    readonly after: Floats;
    readonly before: Floats | undefined;
    readonly alone: Floats | undefined;
  };
}

/** What was found for each seed of a batch, from what they grow. */
function describe(
  { model, way, tolerance }: Seeking,
  { seeds, originals, targets, grown, shown }: Batch,
  found: Found,
): SeedResult[] {
  const errors = meanSquaredErrors(shown.after, originals);
  const ratios = psnrs(givesLatents(model), errors, originals);
  const before = shown.before && meanSquaredErrors(shown.before, originals);
  const floors = shown.alone && meanSquaredErrors(shown.alone, originals);
  const variance = meanSquares(found.latent);
  const missed = meanSquaredErrors(grown, targets);
  const latentRatios = psnrs(true, missed, targets);
  return errors.map((mse, row) => {
    const certificate =
      found.certificates &&
      noteVariance(judge(found.certificates[row]!, missed[row]!), variance[row]!, sizeOf(model.info.shape));
    // The last move of descent is measured here alone.
    const arrived = found.converged[row] || (tolerance !== undefined && missed[row]! <= tolerance);
    const residuals = certificate?.residuals.filter(residual => residual !== null) ?? [];
    return {
      ...seeds[row]!,
      mse,
      psnr: ratios[row]!,
      ...(floors && { latents: { mse: missed[row]!, psnr: latentRatios[row]!, floor: floors[row]! } }),
      ...(before && { mseBefore: before[row]! }),
      ...(residuals.length > 0 && { residual: Math.max(...residuals) }),
      ...(certificate && { certificate }),
      converged: arrived && !certificate?.flags.length,
      latentVariance: variance[row]!,
      evaluations: found.evaluations[row]! + (found.grown ? 0 : evaluationsOf(way, found.pair !== undefined)),
      losses: found.losses.slice(0, found.iterations?.[row]).map(losses => losses[row]!),
    };
  });
}

function assemble({ way, settings }: Seeking, parts: readonly FinishedBatch[], pictures: Floats): Embedding {
  const results = parts.flatMap(part => part.results);
  const both = (name: 'latent' | 'latent2') => concatRows(parts.map(({ pair }) => pair![name]));
  return {
    latent: concatRows(parts.map(part => part.latent)),
    ...(parts[0]!.pair && { pair: { latent: both('latent'), latent2: both('latent2') } }),
    pictures,
    results,
    sampler: way,
    method: { ...settings, evaluations: average(results.map(result => result.evaluations)) },
  };
}

/** A certificate that says so where a seed is no likely noise. @param size the number of the seed's coordinates. */
function noteVariance(certificate: Certificate, variance: number, size: number): Certificate {
  if (isLikely(variance, size)) return certificate;
  const note = `the seed's variance is ${variance.toPrecision(3)}, where noise has 1`;
  return { ...certificate, notes: [...certificate.notes, note] };
}

/** A runtime that runs nothing more once the signal is given. */
export function stoppable(runtime: Runtime, signal: AbortSignal | undefined): Runtime {
  return {
    ...runtime,
    async load(graph) {
      const session = await runtime.load(graph);
      return {
        async run(feeds) {
          if (signal?.aborted) throw new SeedbedError('Interrupted', 'stopped after a network evaluation');
          return session.run(feeds);
        },
        dispose: () => session.dispose(),
      };
    },
  };
}
