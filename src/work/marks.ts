import { SeedbedError } from '../errors.ts';
import { createFile, joinPath, removeFolder } from '../runtime/files.ts';
import type { Unfinished } from './unfinished.ts';

/** What each of several processes that share unfinished work has in hand, so that no other begins it. */
export interface Marks {
  /** Whether it is this process's from now on: nobody had it. */
  take(name: string): Promise<boolean>;
  /** Others may have it, now or when it is needed again. */
  putBack(name: string): Promise<void>;
}

const folderOf = (work: Unfinished) => work.path('taken');

/** Marks as files in the folder of the work. What a killed process had in hand stays so until they are all {@link wiped}. */
export const marksIn = (work: Unfinished): Marks => {
  const path = (name: string) => joinPath(folderOf(work), name);
  return { take: name => createFile(path(name)), putBack: name => removeFolder(path(name)) };
};

/** The marks of a process that shares its work with no other. */
export const NO_MARKS: Marks = { take: async () => true, putBack: async () => {} };

/** Nobody has anything in hand. */
export const wiped = (work: Unfinished): Promise<void> => removeFolder(folderOf(work));

/** Does what only one may do at a time, when it is this process's turn. @throws {SeedbedError} Interrupted when `signal` ends the waiting. */
export async function inTurn<T>(
  marks: Marks,
  name: string,
  signal: AbortSignal,
  work: () => Promise<T>,
): Promise<T> {
  while (!(await marks.take(name))) await moment(signal);
  return work().finally(() => marks.putBack(name));
}

/** Does work on each of the things named, at first on those that no other process has in hand; what it gives, in their order. */
export async function inFreeOrder<T>(
  marks: Marks,
  names: readonly string[],
  signal: AbortSignal,
  work: (index: number) => Promise<T>,
): Promise<T[]> {
  const done = new Map<number, T>();
  while (done.size < names.length) {
    const before = done.size;
    for (const [index, name] of names.entries())
      if (!done.has(index) && (await marks.take(name)))
        done.set(index, await work(index).finally(() => marks.putBack(name)));
    if (done.size === before) await moment(signal);
  }
  return names.map((_, index) => done.get(index)!);
}

/** Milliseconds after which one looks again whether another has finished. */
const LOOK = 200;

/** Waits a little for another process. @throws {SeedbedError} Interrupted when `signal` ends the waiting. */
export async function moment(signal: AbortSignal): Promise<void> {
  if (signal.aborted)
    throw new SeedbedError('Interrupted', 'stopped; the same command with --resume goes on');
  await new Promise(resolve => setTimeout(resolve, LOOK));
}
