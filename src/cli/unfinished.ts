import type { DescentState } from '../embedding/descent.ts';
import type { Journal } from '../embedding/embed.ts';
import { SeedbedError } from '../errors.ts';
import { exists, joinPath, readBytes, readText, removeFolder, writeAtomic } from '../runtime/files.ts';
import { readSafetensors, writeSafetensors } from '../tensor/safetensors.ts';
import { float32, rows, type Tensor } from '../tensor/tensor.ts';

/** Seconds between two writings of unfinished work. */
const SECONDS = 20;

/** A folder in which a command keeps what it has done so far, so that `--resume` goes on to the same bits. */
export interface Unfinished {
  path(name: string): string;
  /** Called when the command is done. */
  remove(): Promise<void>;
}

/**
 * Opens the folder `.unfinished` of a command's output.
 * @param about what the work is; another command's is not taken for this one's.
 * @throws {SeedbedError} Mismatch when `resume` finds other work.
 */
export async function openUnfinished(out: string, about: unknown, resume: boolean): Promise<Unfinished> {
  const folder = joinPath(out, '.unfinished');
  const title = joinPath(folder, 'about.json');
  const text = JSON.stringify(about);
  if (resume && (await exists(title))) {
    if ((await readText(title)) !== text) {
      throw new SeedbedError(
        'Mismatch',
        `${folder}: unfinished work of another command. Repeat that command with --resume, or drop --resume to start again`,
      );
    }
  } else {
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
  read: bytes => JSON.parse(new TextDecoder().decode(bytes)) as T,
});

export const tensorCodec: Codec<Tensor<'float32'>> = {
  write: value => writeSafetensors({ value }),
  read: (bytes, path) => readSafetensors(bytes, path).tensors.get('value') as Tensor<'float32'>,
};

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

/** Keeps the state of descent, batch by batch. */
export function descentJournal(unfinished: Unfinished): Journal {
  let written = performance.now();
  const pathOf = (batch: number) => unfinished.path(`batch-${batch}.safetensors`);
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
  return writeSafetensors({ latent, m, v, losses: curve }, { converged: JSON.stringify(converged) });
}

function readState(bytes: Uint8Array, path: string): DescentState {
  const { tensors, metadata } = readSafetensors(bytes, path);
  const take = (name: string): Tensor<'float32'> => {
    const t = tensors.get(name);
    if (t?.dtype !== 'float32')
      throw new SeedbedError(
        'BadFile',
        `${path}: damaged: '${name}' is missing. Start again without --resume`,
      );
    return t as Tensor<'float32'>;
  };
  const losses = take('losses');
  return {
    latent: take('latent'),
    m: take('m'),
    v: take('v'),
    losses: Array.from({ length: losses.shape[0] ?? 0 }, (_, i) => Array.from(rows(losses, i, i + 1).data)),
    converged: JSON.parse(metadata.converged ?? '[]') as boolean[],
  };
}
