import { z } from 'zod';
import type { DescentState } from '../embedding/descent.ts';
import type { Journal } from '../embedding/finders.ts';
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
import { float32, type Tensor, unstack } from '../tensor/tensor.ts';

/** Seconds between two writings of unfinished work. */
const SECONDS = 20;

/** A folder in which a command keeps what it has done so far, so that `--resume` goes on to the same bits. */
export interface Unfinished {
  path(name: string): string;
  /** Called when the command is done. */
  remove(): Promise<void>;
}

/**
 * Opens the folder in which a command keeps its unfinished work beside its output.
 * @param about what the work is; another's is not taken for this one's.
 * @throws {SeedbedError} Mismatch when `resume` finds other work, BadArgument when work would be lost without being asked for.
 */
export async function openUnfinished(
  { out, resume = false, force = false }: { out: string; resume?: boolean; force?: boolean },
  about: { command: string } & Record<string, unknown>,
): Promise<Unfinished> {
  const folder = joinPath(out, `.unfinished-${about.command}`);
  const title = joinPath(folder, 'about.json');
  const text = JSON.stringify(about);
  const present = await exists(title);
  if (present && resume && (await readText(title)) !== text) {
    throw new SeedbedError(
      'Mismatch',
      `${folder} holds unfinished work of another command. Repeat that command with --resume, or drop --resume and give --force to start again`,
    );
  }
  if (present && !resume && !force && (await listFiles(folder)).length > 1) {
    throw new SeedbedError(
      'BadArgument',
      `${folder} holds unfinished work. --resume goes on with it, --force drops it, --out names another folder`,
    );
  }
  if (!present || !resume) {
    await removeFolder(folder);
    await writeAtomic(title, text);
  }
  return { path: name => joinPath(folder, name), remove: () => removeFolder(folder) };
}

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
  read: async (path, count) => (await keptTensors(path))('value', [count, ...shape]),
});

/** What takes tensors from a file: float32, finite, and of the shape given, in which null stands for any size. */
async function keptTensors(path: string) {
  const { tensors } = readSafetensors(await readBytes(path), path);
  return (name: string, shape: readonly (number | null)[]): Tensor<'float32'> => {
    const t = tensors.get(name);
    const fits = t?.shape.length === shape.length && t.shape.every((dim, i) => dim === (shape[i] ?? dim));
    if (t?.dtype !== 'float32' || !fits || !t.data.every(Number.isFinite))
      throw damaged(path, `'${name}' is not float32 [${shape.map(dim => dim ?? '?')}], all finite`);
    return t as Tensor<'float32'>;
  };
}

export function damaged(path: string, fault: string): SeedbedError {
  return new SeedbedError(
    'BadFile',
    `${path} is damaged: ${fault}. Give --force instead of --resume to start again`,
  );
}

/**
 * Does work on `count` items piece by piece; pieces that an earlier run finished are read and not done again.
 * @throws {SeedbedError} Interrupted when `signal` stops it between two pieces.
 */
export async function inPieces<T>(
  unfinished: Unfinished,
  { count, piece, signal, codec }: { count: number; piece: number; signal: AbortSignal; codec: Codec<T> },
  work: (first: number, last: number) => Promise<T>,
): Promise<T[]> {
  const done: T[] = [];
  for (let first = 0; first < count; first += piece) {
    if (signal.aborted)
      throw new SeedbedError(
        'Interrupted',
        `stopped after ${first} of ${count}; the same command with --resume goes on`,
      );
    const path = unfinished.path(`piece-${first}`);
    const last = Math.min(first + piece, count);
    if (await exists(path)) {
      done.push(await codec.read(path, last - first));
      continue;
    }
    const result = await work(first, last);
    await writeAtomic(path, codec.write(result));
    done.push(result);
  }
  return done;
}

/** Keeps the state of descent, batch by batch. @param name tells one piece of work from another. */
export function descentJournal(unfinished: Unfinished, name = 'descent'): Journal {
  let written = performance.now();
  const pathOf = (batch: number) => unfinished.path(`${name}-${batch}.safetensors`);
  return {
    due: () => performance.now() - written > SECONDS * 1000,
    async read(batch, shape) {
      const path = pathOf(batch);
      return (await exists(path)) ? readState(path, shape) : undefined;
    },
    async write(batch, state) {
      await writeAtomic(pathOf(batch), writeState(state));
      written = performance.now();
    },
  };
}

function writeState({ latent, m, v, losses, converged }: DescentState): Uint8Array {
  const curve = float32([losses.length, converged.length], losses.flat());
  const arrived = float32([converged.length], converged.map(Number));
  return writeSafetensors({ latent, m, v, losses: curve, converged: arrived });
}

async function readState(path: string, shape: readonly number[]): Promise<DescentState> {
  const take = await keptTensors(path);
  const count = shape[0]!;
  return {
    latent: take('latent', shape),
    m: take('m', shape),
    v: take('v', shape),
    losses: unstack(take('losses', [null, count])).map(row => Array.from(row.data)),
    converged: Array.from(take('converged', [count]).data, Boolean),
  };
}

/** Tells the person who interrupted a command how to go on; other errors pass. */
export function withRemedy(error: unknown): never {
  if (!isSeedbedError(error, 'Interrupted')) throw error;
  throw new SeedbedError('Interrupted', `${error.message}; the same command with --resume goes on`);
}
