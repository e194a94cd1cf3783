import { z } from 'zod';
import type { Denoiser } from '../diffusion/info.ts';
import { SeedbedError } from '../errors.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { jsonOf } from '../tensor/json.ts';
import { writeSafetensors } from '../tensor/safetensors.ts';
import { concatRows, type Floats } from '../tensor/tensor.ts';
import { type Codec, damaged, keptPsnr, keptTensors } from '../work/kept.ts';
import { inPieces, type Unfinished } from '../work/unfinished.ts';
import { pictureShape } from './checks.ts';
import { embed } from './embed.ts';
import type { EmbedOptions } from './embedding.ts';
import { journalIn } from './journal-files.ts';
import type { SeedResult } from './result.ts';

/** What is reported of one seed. */
export const seedRow = z.object({
  start: z.int().gte(0),
  mse: z.number(),
  psnr: keptPsnr,
  latentVariance: z.number(),
  converged: z.boolean(),
  flags: z.array(z.string()),
  evaluations: z.number(),
});
export type SeedRow = z.infer<typeof seedRow>;

/** Seeds that were found, what they grow, and by which method, without the evaluations that it took. */
export interface Sought {
  /** [n, ...shape] */
  readonly latent: Floats;
  /** [n, C, H, W] in [0,1]. */
  readonly pictures: Floats;
  readonly rows: SeedRow[];
  readonly method: Readonly<Record<string, unknown>>;
}

/** Where and with what seeds are sought. */
export interface Seeking {
  readonly runtime: Runtime;
  readonly model: Denoiser;
  readonly unfinished: Unfinished;
  readonly signal: AbortSignal;
  /** Told the seeds that are found, of how many, and the mean loss; 0 where there is none. */
  readonly onProgress: (done: number, total: number, loss: number) => void;
}

/**
 * Finds `count` seeds, resumable piece by piece.
 * @param ask the pictures of seeds `first` to `last`, and how they are sought; with one picture, its starts.
 * @returns the findings of each piece.
 */
export async function seekInPieces(
  { runtime, model, unfinished, signal, onProgress }: Seeking,
  { count, piece }: { count: number; piece: number },
  ask: (first: number, last: number) => { images: Floats; options: EmbedOptions },
): Promise<Sought[]> {
  return inPieces(
    unfinished,
    { count, piece, signal, codec: soughtCodec(model) },
    async (first, last, inside) => {
      const { images, options } = ask(first, last);
      const { latent, pictures, results, method } = await embed(runtime, model, images, {
        ...options,
        signal,
        journal: journalIn(inside),
        onResults: requireNumbers,
        onProgress: ({ done, total, loss }) =>
          onProgress(first + Math.floor((done / total) * (last - first)), count, loss),
      });
      const { evaluations: _, ...settings } = method;
      return { latent, pictures, rows: results.map(rowOf), method: settings };
    },
  );
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

function rowOf(result: SeedResult): SeedRow {
  const { start, mse, psnr, latentVariance, converged, certificate, evaluations } = result;
  const flags = [...(certificate?.flags ?? [])];
  return { start, mse, psnr, latentVariance, converged, flags, evaluations };
}

/** The findings of several pieces as one. */
export function joinSought(pieces: readonly Sought[]): Sought {
  return {
    latent: concatRows(pieces.map(piece => piece.latent)),
    pictures: concatRows(pieces.map(piece => piece.pictures)),
    rows: pieces.flatMap(piece => piece.rows),
    method: pieces[0]!.method,
  };
}

/** How findings are kept until all are there. */
export function soughtCodec(model: Denoiser): Codec<Sought> {
  return {
    write: ({ latent, pictures, rows, method }) =>
      writeSafetensors({ latent, pictures }, { rows: JSON.stringify(rows), method: JSON.stringify(method) }),
    async read(path, count) {
      const { metadata, take } = await keptTensors(path);
      const parsed = keptSchema(count).safeParse({
        rows: jsonOf(metadata.rows),
        method: jsonOf(metadata.method),
      });
      if (!parsed.success) throw damaged(path, z.prettifyError(parsed.error));
      return {
        latent: take('latent', [count, ...model.info.shape]),
        pictures: take('pictures', [count, ...pictureShape(model)]),
        ...parsed.data,
      };
    },
  };
}

const keptSchema = (count: number) =>
  z.object({ rows: z.array(seedRow).length(count), method: z.record(z.string(), z.unknown()) });
