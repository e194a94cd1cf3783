import { z } from 'zod';
import { isSeedbedError, SeedbedError } from '../errors.ts';
import {
  exists,
  joinPath,
  listFiles,
  readBytes,
  readJson,
  readText,
  removeFolder,
  writeAtomic,
} from '../runtime/files.ts';
import { readSafetensors, writeSafetensors } from '../tensor/safetensors.ts';
import type { DType, Tensor } from '../tensor/tensor.ts';

/** A folder in which a command keeps what it has done so far, so that `--resume` goes on to the same bits. */
export interface Unfinished {
  path(name: string): string;
  /** Called when the command is done, or can never be. */
  remove(): Promise<void>;
}

/** What becomes of unfinished work that is found in a folder. */
export interface UnfinishedOptions {
  /** The folder of the output, beside which it lies. */
  readonly out: string;
  /** Go on with it. */
  readonly resume?: boolean;
  /** Drop it. */
  readonly fresh?: boolean;
}

/**
 * Opens the folder in which a command keeps its unfinished work beside its output.
 * @param about what the work is; another's is not taken for this one's.
 * @param note told where there is nothing to go on with.
 * @throws {SeedbedError} Mismatch when `resume` finds other work, BadArgument when work would be lost without being asked for.
 */
export async function openUnfinished(
  { out, resume = false, fresh = false }: UnfinishedOptions,
  about: { command: string } & Record<string, unknown>,
  note: (text: string) => void = () => {},
): Promise<Unfinished> {
  const folder = joinPath(out, `.unfinished-${about.command}`);
  const title = joinPath(folder, 'about.json');
  const text = JSON.stringify(about);
  const present = await exists(title);
  if (present && resume && (await readText(title)) !== text) {
    throw new SeedbedError(
      'Mismatch',
      `${folder} holds unfinished work of another command. Repeat that command with --resume, or drop --resume and give --fresh to start again`,
    );
  }
  if (present && !resume && !fresh && (await listFiles(folder, { recursive: true })).length > 1) {
    throw new SeedbedError(
      'BadArgument',
      `${folder} holds unfinished work. --resume goes on with it, --fresh drops it, --out names another folder`,
    );
  }
  if (!present && resume) note(`${out} holds no unfinished work of ${about.command}: it begins anew`);
  if (!present || !resume) {
    await removeFolder(folder);
    await writeAtomic(title, text);
  }
  return folderOf(folder);
}

const folderOf = (folder: string): Unfinished => ({
  path: name => joinPath(folder, name),
  remove: () => removeFolder(folder),
});

/** How a piece of work is kept in a file. */
export interface Codec<T> {
  write(value: T): Uint8Array | string;
  /** @throws {SeedbedError} BadFile unless it is whole, and of `count` items. */
  read(path: string, count: number): Promise<T>;
}

/** A PSNR as it is kept: JSON has no infinity, which is that of a perfect picture. */
export const keptPsnr = z
  .number()
  .nullable()
  .transform(value => value ?? Number.POSITIVE_INFINITY);

/** Items as JSON. */
export const jsonCodec = <T>(item: z.ZodType<T>): Codec<T[]> => ({
  write: value => JSON.stringify(value),
  async read(path, count) {
    const parsed = z
      .array(item)
      .length(count)
      .safeParse(await readJson(path));
    if (!parsed.success) throw damaged(path, z.prettifyError(parsed.error));
    return parsed.data;
  },
});

/** Items of a shape as the rows of a tensor. */
export const tensorCodec = (shape: readonly number[]): Codec<Tensor<'float32'>> => ({
  write: value => writeSafetensors({ value }),
  read: async (path, count) => (await keptTensors(path)).take('value', [count, ...shape]),
});

/** What takes tensors from a file: finite, of the type and the shape given, in which null stands for any size. */
export async function keptTensors(path: string) {
  const { tensors, metadata } = readSafetensors(await readBytes(path), path);
  function taken<D extends DType>(dtype: D, name: string, shape: readonly (number | null)[]): Tensor<D> {
    const t = tensors.get(name);
    const fits = t?.shape.length === shape.length && t.shape.every((dim, i) => dim === (shape[i] ?? dim));
    if (t?.dtype !== dtype || !fits || !(t as Tensor<'float32'>).data.every(Number.isFinite))
      throw damaged(path, `'${name}' is not ${dtype} [${shape.map(dim => dim ?? '?')}], all finite`);
    return t as Tensor<D>;
  }
  return {
    metadata,
    has: (name: string) => tensors.has(name),
    take: (name: string, shape: readonly (number | null)[]) => taken('float32', name, shape),
    takeDoubles: (name: string, shape: readonly number[]) => taken('float64', name, shape),
  };
}

export function damaged(path: string, fault: string): SeedbedError {
  return new SeedbedError(
    'BadFile',
    `${path} is damaged: ${fault}. Give --fresh instead of --resume to start again`,
  );
}

/**
 * Does work on `count` items piece by piece; pieces that an earlier run finished are read and not done again.
 * @param work is given a folder for what it keeps inside a piece, which goes when the piece is kept.
 * @throws {SeedbedError} Interrupted when `signal` stops it, with what to do then; Diverged, and what was kept is dropped.
 */
export async function inPieces<T>(
  unfinished: Unfinished,
  { count, piece, signal, codec }: { count: number; piece: number; signal: AbortSignal; codec: Codec<T> },
  work: (first: number, last: number, inside: Unfinished) => Promise<T>,
): Promise<T[]> {
  const done: T[] = [];
  for (let first = 0; first < count; first += piece) {
    if (signal.aborted) await breakOff(unfinished)(interrupted(`stopped after ${first} of ${count}`));
    const path = unfinished.path(`piece-${first}`);
    const inside = folderOf(unfinished.path(`inside-${first}`));
    const last = Math.min(first + piece, count);
    if (await exists(path)) {
      done.push(await codec.read(path, last - first));
      continue;
    }
    const result = await work(first, last, inside).catch(breakOff(unfinished));
    await writeAtomic(path, codec.write(result));
    await inside.remove();
    done.push(result);
  }
  return done;
}

const interrupted = (message: string) => new SeedbedError('Interrupted', message);

/**
 * What becomes of work that breaks off: who interrupted it is told how to go on; what diverges would do so again, so that
 * what was kept of it is dropped and the folder is free.
 */
export function breakOff(unfinished: Unfinished): (error: unknown) => Promise<never> {
  return async error => {
    if (isSeedbedError(error, 'Interrupted'))
      throw interrupted(`${error.message}; the same command with --resume goes on`);
    if (isSeedbedError(error, 'Diverged')) await unfinished.remove();
    throw error;
  };
}
