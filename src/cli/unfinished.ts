import type { DescentState } from '../embedding/descent.ts';
import type { Journal } from '../embedding/embed.ts';
import { isSeedbedError, SeedbedError } from '../errors.ts';
import {
  exists,
  joinPath,
  listFiles,
  readBytes,
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
  read(bytes: Uint8Array, path: string): T;
}

export const jsonCodec = <T>(): Codec<T> => ({
  write: value => JSON.stringify(value),
  read: (bytes, path) => parseKept(new TextDecoder().decode(bytes), path) as T,
});

export const tensorCodec: Codec<Tensor<'float32'>> = {
  write: value => writeSafetensors({ value }),
  read: (bytes, path) => takeKept(readSafetensors(bytes, path).tensors, 'value', path),
};

function parseKept(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new SeedbedError('BadFile', `${path}: damaged. Give --force instead of --resume to start again`, {
      cause,
    });
  }
}

function takeKept(tensors: ReadonlyMap<string, Tensor>, name: string, path: string): Tensor<'float32'> {
  const t = tensors.get(name);
  if (t?.dtype !== 'float32')
    throw new SeedbedError(
      'BadFile',
      `${path}: damaged: '${name}' is missing. Give --force instead of --resume to start again`,
    );
  return t as Tensor<'float32'>;
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
    if (await exists(path)) {
      done.push(codec.read(await readBytes(path), path));
      continue;
    }
    const result = await work(first, Math.min(first + piece, count));
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
    async read(batch) {
      const path = pathOf(batch);
      return (await exists(path)) ? readState(await readBytes(path), path) : undefined;
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

function readState(bytes: Uint8Array, path: string): DescentState {
  const { tensors } = readSafetensors(bytes, path);
  const take = (name: string) => takeKept(tensors, name, path);
  return {
    latent: take('latent'),
    m: take('m'),
    v: take('v'),
    losses: unstack(take('losses')).map(row => Array.from(row.data)),
    converged: Array.from(take('converged').data, Boolean),
  };
}

/** Tells the person who interrupted a command how to go on; other errors pass. */
export function withRemedy(error: unknown): never {
  if (!isSeedbedError(error, 'Interrupted')) throw error;
  throw new SeedbedError('Interrupted', `${error.message}; the same command with --resume goes on`);
}
