import { z } from 'zod';
import type { Denoiser, SamplerInfo } from '../diffusion/info.ts';
import { exactSolver } from '../diffusion/sampler.ts';
import { pictureShape } from '../embedding/checks.ts';
import { embed } from '../embedding/embed.ts';
import type { EmbedOptions, SeedResult } from '../embedding/embedding.ts';
import { SeedbedError } from '../errors.ts';
import { readBytes } from '../runtime/files.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { parseJson } from '../tensor/json.ts';
import { readSafetensors, writeSafetensors } from '../tensor/safetensors.ts';
import { concatRows, type Tensor } from '../tensor/tensor.ts';
import type { Console } from './console.ts';
import {
  type Codec,
  damaged,
  descentJournal,
  inPieces,
  keptPsnr,
  type Unfinished,
  withRemedy,
} from './unfinished.ts';

type Floats = Tensor<'float32'>;

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
  readonly console: Console;
  readonly runtime: Runtime;
  readonly model: Denoiser;
  readonly unfinished: Unfinished;
}

/** Refuses samplers that keep two states. @param command that works with seeds of one. */
export function refusePairs(command: string, sampler: SamplerInfo): void {
  if (exactSolver(sampler))
    throw new SeedbedError(
      'BadArgument',
      `sampler '${sampler.kind}' keeps two states for a seed; ${command} works with seeds of one. Use another sampler and method`,
    );
}

/**
 * Finds `count` seeds, resumable piece by piece.
 * @param ask the pictures of seeds `first` to `last`, and how they are sought; with one picture, its starts.
 * @returns the findings of each piece.
 */
export async function seekInPieces(
  { console, runtime, model, unfinished }: Seeking,
  { count, piece }: { count: number; piece: number },
  ask: (first: number, last: number) => { images: Floats; options: EmbedOptions },
): Promise<Sought[]> {
  const progress = console.progress('embedding', 'seeds');
  return inPieces(
    unfinished,
    { count, piece, signal: console.signal, codec: soughtCodec(model) },
    async (first, last) => {
      const { images, options } = ask(first, last);
      const { latent, pictures, results, method } = await embed(runtime, model, images, {
        ...options,
        signal: console.signal,
        journal: descentJournal(unfinished, `descent-${first}`),
        onProgress: ({ done, total, loss }) =>
          progress.update(
            first + Math.floor((done / total) * (last - first)),
            count,
            loss > 0 ? `loss ${loss.toPrecision(4)}` : '',
          ),
      }).catch(withRemedy);
      const { evaluations: _, ...settings } = method;
      return { latent, pictures, rows: results.map(rowOf), method: settings };
    },
  ).finally(() => progress.stop());
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
      const { tensors, metadata } = readSafetensors(await readBytes(path), path);
      const take = (name: string, shape: readonly number[]): Floats => {
        const t = tensors.get(name);
        if (t?.dtype !== 'float32' || t.shape.join() !== [count, ...shape].join())
          throw damaged(path, `'${name}' is not float32 [${[count, ...shape]}]`);
        if (!(t as Floats).data.every(Number.isFinite)) throw damaged(path, `'${name}' is not all finite`);
        return t as Floats;
      };
      const parsed = keptSchema(count).safeParse({
        rows: jsonOf(metadata.rows),
        method: jsonOf(metadata.method),
      });
      if (!parsed.success) throw damaged(path, z.prettifyError(parsed.error));
      return {
        latent: take('latent', model.info.shape),
        pictures: take('pictures', pictureShape(model)),
        ...parsed.data,
      };
    },
  };
}

const keptSchema = (count: number) =>
  z.object({ rows: z.array(seedRow).length(count), method: z.record(z.string(), z.unknown()) });

/** The value of JSON text; undefined, which no schema takes, where it is none. */
function jsonOf(text: string | undefined): unknown {
  try {
    return parseJson(text ?? '');
  } catch {
    return undefined;
  }
}

const RAISED = '⁰¹²³⁴⁵⁶⁷⁸⁹';

/** A squared error as a caption: 0.00021, 0.013, 3.2·10⁻⁷. */
export function shortError(mse: number): string {
  if (mse === 0) return '0';
  const [digits, power] = mse.toPrecision(2).split('e-');
  return power ? `${digits}·10⁻${Array.from(power, digit => RAISED[Number(digit)]).join('')}` : digits!;
}
