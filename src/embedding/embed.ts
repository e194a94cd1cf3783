import { prepare } from '../diffusion/batches.ts';
import { chooseSampler, type Denoiser, type SamplerInfo } from '../diffusion/info.ts';
import { toPixels } from '../diffusion/pictures.ts';
import { createSampler, evaluationsOf } from '../diffusion/sampler.ts';
import { requireWhole, SeedbedError } from '../errors.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { average, meanSquaredErrors, meanSquares, psnr } from '../tensor/statistics.ts';
import { concatRows, type Floats, rows, sizeOf, type Tensor, takeRows } from '../tensor/tensor.ts';
import { type Certificate, judge } from './certificate.ts';
import { checkImages, checkNoiseOf, checkSeeds } from './checks.ts';
import { createDecoder } from './decoder.ts';
import type { Embedding, EmbedOptions } from './embedding.ts';
import { embedderFinder, type Found } from './finders.ts';
import type { FinishedBatch } from './journal.ts';
import { isLikely, unlikelySeeds } from './likely.ts';
import { checkMethod, inversionFor, methodRow, usedSettings } from './methods.ts';
import { RECIPES } from './recipes.ts';
import type { SeedResult } from './result.ts';
import { pictureAddresses, startNoise } from './starts.ts';

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
  const { embedder, starts = 1, rng = 0, firstStart = 0 } = options;
  const { tolerance, batch: wanted = 16 } = options;
  const method = options.method ?? (embedder ? 'embedder+descent' : 'auto');

  requireWhole('starts', starts, 1);
  requireWhole('rng', rng, 0);
  requireWhole('firstStart', firstStart, 0);
  requireWhole('batch', wanted, 1);
  requireWhole('samplerSteps', options.samplerSteps ?? 1, 1);
  const way = chooseSampler(model.info.sampler, options);
  checkImages(images, model);
  if (options.noiseOf) checkNoiseOf(options.noiseOf, images);
  const inversion = inversionFor(method, options.inversion);
  checkMethod({ method, sampler: way, inversion, model, embedder, starts });
  const row = methodRow(method);
  const recipe = options.recipe ?? row.recipe ?? RECIPES.refine;

  const count = images.shape[0]! * starts;
  const batch = Math.min(wanted, count);
  const imageOf = (seed: number) => Math.floor(seed / starts);
  const startOf = (seed: number) => firstStart + (seed % starts);
  const addresses = pictureAddresses(options.noiseOf ?? images);
  const originals = takeRows(
    images,
    Array.from({ length: count }, (_, seed) => imageOf(seed)),
  );
  const targets = prepare(originals, model.info.padding, model.info.range);
  const sampler = await createSampler(runtime, model, way, batch);
  const finder = row.finder({
    ...options,
    runtime: row.recipe ? runtime : stoppable(runtime, options.signal),
    model,
    sampler: way,
    options: inversion,
    grow: latent => sampler.sample(latent),
    recipe,
    first: row.network ? await embedderFinder(runtime, embedder!, batch) : undefined,
  });
  try {
    const parts: FinishedBatch[] = [];
    const { iterations } = finder;
    for (let first = 0; first < count; first += batch) {
      const last = Math.min(first + batch, count);
      if (options.signal?.aborted)
        throw new SeedbedError('Interrupted', `stopped after ${first} of ${count} seeds`);
      const kept = await options.journal?.finished(parts.length, [last - first, ...model.info.shape]);
      if (kept) {
        parts.push(kept);
        options.onProgress?.({ done: last * iterations, total: count * iterations, loss: 0 });
        options.onResults?.(kept.results);
        continue;
      }
      const sought = rows(targets, first, last);
      const begins = Array.from({ length: last - first }, (_, row) => ({
        image: addresses[imageOf(first + row)]!,
        start: startOf(first + row),
      }));
      const noise = startNoise(rng, model.info.shape, begins);
      const report = (iteration: number, loss: number) =>
        options.onProgress?.({
          done: first * iterations + iteration * (last - first),
          total: count * iterations,
          loss,
        });
      const found = await finder.find({ targets: sought, noise, index: parts.length, report });
      const grown =
        found.grown ??
        (await sampler.sample(found.pair?.latent ?? found.latent, undefined, found.pair?.latent2));
      const grownBefore = found.before && (await sampler.sample(found.before));
      const results = describe(first, found, sought, grown, grownBefore);
      const part = { latent: found.latent, pair: found.pair, grown, results };
      await options.journal?.finish(parts.length, part);
      parts.push(part);
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
        found.certificates &&
        noteVariance(judge(found.certificates[row]!, missed[row]!), variance[row]!, sizeOf(model.info.shape));
      const residuals = certificate?.residuals.filter(residual => residual !== null) ?? [];
      return {
        image: imageOf(first + row),
        start: startOf(first + row),
        mse,
        psnr: psnr(mse),
        ...(before && { mseBefore: before[row]! }),
        ...(residuals.length > 0 && { residual: Math.max(...residuals) }),
        ...(certificate && { certificate }),
        converged: (found.converged[row] ?? false) && !certificate?.flags.length,
        latentVariance: variance[row]!,
        evaluations:
          found.evaluations[row]! + (found.grown ? 0 : evaluationsOf(way, found.pair !== undefined)),
        losses: found.losses.map(losses => losses[row]!),
      };
    });
  }

  function assemble(parts: readonly FinishedBatch[]): Embedding {
    const results = parts.flatMap(part => part.results);
    const descends = row.recipe && { recipe, tolerance: tolerance ?? null };
    const both = (name: 'latent' | 'latent2') => concatRows(parts.map(({ pair }) => pair![name]));
    return {
      latent: concatRows(parts.map(part => part.latent)),
      ...(parts[0]!.pair && { pair: { latent: both('latent'), latent2: both('latent2') } }),
      pictures: toPixels(concatRows(parts.map(part => part.grown)), model.info),
      results,
      sampler: way,
      method: {
        name: method,
        ...usedSettings(method, inversion),
        ...descends,
        ...(row.network && { embedder: embedder!.hash }),
        evaluations: average(results.map(result => result.evaluations)),
      },
    };
  }
}

/** A certificate that says so where a seed is no likely noise. @param size the number of the seed's coordinates. */
function noteVariance(certificate: Certificate, variance: number, size: number): Certificate {
  if (isLikely(variance, size)) return certificate;
  const note = `the seed's variance is ${variance.toPrecision(3)}, where noise has 1`;
  return { ...certificate, notes: [...certificate.notes, note] };
}

/** A runtime that runs nothing more once the signal is given: descent, which keeps its state, stops by itself. */
function stoppable(runtime: Runtime, signal: AbortSignal | undefined): Runtime {
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
    onNote?: ((note: string) => void) | undefined;
  } = {},
): Promise<Floats> {
  const { sampler: way = model.info.sampler, batch = 16 } = options;
  requireWhole('batch', batch, 1);
  const count = checkSeeds(model, latent).shape[0]!;
  if (options.latent2 && options.latent2.shape.join() !== latent.shape.join()) {
    const message = `second states [${options.latent2.shape}] do not fit seeds [${latent.shape}]`;
    throw new SeedbedError('BadShape', message);
  }
  const note = unlikelySeeds(latent);
  if (note) options.onNote?.(note);
  const decoder = await createDecoder(runtime, model, way, Math.min(batch, count));
  try {
    return await decoder.grow(latent, options.onProgress, options.latent2);
  } finally {
    await decoder.dispose();
  }
}
