import { z } from 'zod';
import type { Denoiser } from '../diffusion/info.ts';
import { pictureShape } from '../diffusion/pictures.ts';
import { SeedbedError } from '../errors.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { jsonOf } from '../tensor/json.ts';
import { writeSafetensors } from '../tensor/safetensors.ts';
import { concatRows, type Floats } from '../tensor/tensor.ts';
import { type Codec, keptAs, keptTensors } from '../work/kept.ts';
import type { DoPiece } from '../work/unfinished.ts';
import type { EmbedOptions } from './embedding.ts';
import { journalIn, keptResult, pairIn, pairTensors } from './journal-files.ts';
import type { SeedResult } from './result.ts';
import type { SeedPair } from './seeds.ts';
import { createSeeker, type Seeker } from './seeker.ts';

/** Seeds that were found, what they grow, and by which method, without the evaluations that it took. */
export interface Sought {
  /** [n, ...shape] */
  readonly latent: Floats;
  /** Of samplers that keep two states, both. */
  readonly pair?: SeedPair | undefined;
  /** [n, C, H, W] in [0,1]. */
  readonly pictures: Floats;
  readonly results: readonly SeedResult[];
  readonly method: Readonly<Record<string, unknown>>;
}

/** The pictures of one piece, and how their seeds are sought; which of them, where one picture has many. */
export interface Question {
  readonly images: Floats;
  /** The same object for all pieces that are sought alike: what finds their seeds is then made ready once. */
  readonly options: EmbedOptions;
  readonly firstStart?: number;
  readonly starts?: number;
  /** What messages call them; they are counted unless given. */
  readonly names?: readonly string[];
}

/** Where seeds are sought, and who is told. */
export interface Seeking {
  readonly runtime: Runtime;
  readonly model: Denoiser;
  /** Seeds at a time, at most. */
  readonly most: number;
  readonly signal: AbortSignal;
  /** Told the share of the items `first` to `last` that is done, and the mean loss; 0 where there is none. */
  readonly onProgress: (first: number, last: number, share: number, loss: number) => void;
}

/** What finds the seeds of pieces of work, until it is closed. */
export interface PieceSeeker {
  readonly doPiece: DoPiece<Sought>;
  close(): Promise<void>;
}

/** Finds seeds piece by piece. @param ask what is sought for the items `first` to `last`. */
export function pieceSeeker(
  { runtime, model, most, signal, onProgress }: Seeking,
  ask: (first: number, last: number) => Question | Promise<Question>,
): PieceSeeker {
  let ready: { options: EmbedOptions; seeker: Seeker } | undefined;
  const close = async () => ready?.seeker.dispose();
  async function seekerFor(options: EmbedOptions): Promise<Seeker> {
    if (ready?.options === options) return ready.seeker;
    await close();
    ready = { options, seeker: await createSeeker(runtime, model, { ...options, signal }, most) };
    return ready.seeker;
  }
  return {
    close,
    async doPiece(first, last, inside) {
      const { images, options, firstStart, starts, names } = await ask(first, last);
      const seeker = await seekerFor(options);
      const { rng, noiseOf } = options;
      const found = await seeker.seek(images, {
        ...{ rng, noiseOf, firstStart, starts },
        journal: journalIn(inside),
        onResults: results => requireNumbers(results, names && (({ image }) => names[image]!)),
        onProgress: ({ done, total, loss }) => onProgress(first, last, done / total, loss),
      });
      const { evaluations: _, ...method } = found.method;
      const { latent, pair, pictures, results } = found;
      return { latent, pair, pictures, results, method };
    },
  };
}

/**
 * Refuses seeds that are no numbers before they are kept.
 * @param nameOf the picture of a result; results are counted unless given.
 * @throws {SeedbedError} Diverged.
 */
export function requireNumbers(
  results: readonly SeedResult[],
  nameOf: (result: SeedResult) => string = ({ image, start }) => `picture ${image}, start ${start}`,
): void {
  const lost = results.find(({ mse, latentVariance }) => !Number.isFinite(mse + latentVariance));
  if (lost)
    throw new SeedbedError(
      'Diverged',
      `the seed of ${nameOf(lost)}, or what it grows, is not a number: the method diverges on it, or the model is broken. Try another --method, or see seedbed doctor`,
    );
}

/** What is reported of one seed of many. */
export interface SeedRow
  extends Pick<SeedResult, 'start' | 'mse' | 'psnr' | 'latentVariance' | 'converged' | 'evaluations'> {
  readonly flags: readonly string[];
}

export function rowOf({
  start,
  mse,
  psnr,
  latentVariance,
  converged,
  certificate,
  evaluations,
}: SeedResult): SeedRow {
  return { start, mse, psnr, latentVariance, converged, flags: certificate?.flags ?? [], evaluations };
}

/** The findings of several pieces as one. */
export function joinSought(pieces: readonly Sought[]): Sought {
  const both = (name: 'latent' | 'latent2') => concatRows(pieces.map(({ pair }) => pair![name]));
  return {
    latent: concatRows(pieces.map(piece => piece.latent)),
    ...(pieces[0]!.pair && { pair: { latent: both('latent'), latent2: both('latent2') } }),
    pictures: concatRows(pieces.map(piece => piece.pictures)),
    results: pieces.flatMap(piece => piece.results),
    method: pieces[0]!.method,
  };
}

/** How findings are kept until all are there. @param starts the seeds of one item. */
export function soughtCodec(model: Denoiser, starts = 1): Codec<Sought> {
  return {
    write: ({ latent, pair, pictures, results, method }) => {
      const texts = { results: JSON.stringify(results), method: JSON.stringify(method) };
      return writeSafetensors({ latent, pictures, ...pairTensors(pair) }, texts);
    },
    async read(path, items) {
      const count = items * starts;
      const kept = await keptTensors(path);
      const { metadata, take } = kept;
      const texts = { results: jsonOf(metadata.results), method: jsonOf(metadata.method) };
      const told = keptAs(keptSchema(count), texts, path);
      const shape = [count, ...model.info.shape];
      return {
        latent: take('latent', shape),
        ...pairIn(kept, shape),
        pictures: take('pictures', [count, ...pictureShape(model)]),
        ...told,
      };
    },
  };
}

const keptSchema = (count: number) =>
  z.object({ results: z.array(keptResult).length(count), method: z.record(z.string(), z.unknown()) });
