import { isSeedbedError, SeedbedError, saying } from '../errors.ts';
import {
  exists,
  isDirectory,
  joinPath,
  listFiles,
  readText,
  removeFolder,
  writeAtomic,
} from '../runtime/files.ts';
import type { Codec } from './kept.ts';

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

/** What a piece of work is: its command, and all that decides its results. */
export type About = { readonly command: string } & Readonly<Record<string, unknown>>;

/**
 * Opens the folder in which a command keeps its unfinished work beside its output.
 * @param about what the work is; another's is not taken for this one's.
 * @param note told where there is nothing to go on with.
 * @throws {SeedbedError} Mismatch when `resume` finds other work, BadArgument when work would be lost without being asked for.
 */
export async function openUnfinished(
  { out, resume = false, fresh = false }: UnfinishedOptions,
  about: About,
  note: (text: string) => void = () => {},
): Promise<Unfinished> {
  if ((await exists(out)) && !(await isDirectory(out)))
    throw new SeedbedError('BadArgument', `--out ${out} is a file, where a folder is needed; name another`);
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
  return unfinishedIn(folder);
}

/** Unfinished work in a folder as it is. */
export const unfinishedIn = (folder: string): Unfinished => ({
  path: name => joinPath(folder, name),
  remove: () => removeFolder(folder),
});

/** How `count` items are worked on: `piece` at once, each kept in a file by `codec`. */
export interface Pieces<T> {
  readonly count: number;
  readonly piece: number;
  readonly codec: Codec<T>;
  readonly signal: AbortSignal;
  /** Told each piece, done now or before, and its first item. */
  readonly onPiece?: (piece: T, first: number) => void;
}

/** Does the items from `first` to `last`, excluded; `inside` keeps what is done of them, and goes when they are. */
export type DoPiece<T> = (first: number, last: number, inside: Unfinished) => Promise<T>;

/**
 * Does work on items piece by piece; pieces that an earlier run finished are read and not done again.
 * @param range the items that are worked on, from the first of a piece; all unless given.
 * @throws {SeedbedError} Interrupted when `signal` stops it, with what to do then; Diverged, and what was kept is dropped.
 */
export async function inPieces<T>(
  unfinished: Unfinished,
  { count, piece, signal, codec, onPiece }: Pieces<T>,
  work: DoPiece<T>,
  range: { readonly from: number; readonly to: number } = { from: 0, to: count },
): Promise<T[]> {
  const done: T[] = [];
  for (let first = range.from; first < range.to; first += piece) {
    if (signal.aborted) await breakOff(unfinished)(interrupted(`stopped after ${first} of ${count}`));
    const result = await onePiece(unfinished, codec, work, first, Math.min(first + piece, count));
    onPiece?.(result, first);
    done.push(result);
  }
  return done;
}

async function onePiece<T>(
  unfinished: Unfinished,
  codec: Codec<T>,
  work: DoPiece<T>,
  first: number,
  last: number,
): Promise<T> {
  const path = unfinished.path(`piece-${first}`);
  if (await exists(path)) return codec.read(path, last - first);
  const inside = unfinishedIn(unfinished.path(`inside-${first}`));
  const result = await work(first, last, inside).catch(breakOff(unfinished));
  await writeAtomic(path, codec.write(result));
  await inside.remove();
  return result;
}

const interrupted = (message: string) => new SeedbedError('Interrupted', message);

/**
 * What becomes of work that breaks off: who interrupted it is told how to go on; what diverges would do so again, so that
 * what was kept of it is dropped and the folder is free.
 */
export function breakOff(unfinished: Unfinished): (error: unknown) => Promise<never> {
  return async error => {
    if (isSeedbedError(error, 'Interrupted')) throw saying(error, '; the same command with --resume goes on');
    if (isSeedbedError(error, 'Diverged')) await unfinished.remove();
    throw error;
  };
}
