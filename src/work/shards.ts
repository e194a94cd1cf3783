import { exists, joinPath, moveFolder, readJson, removeFolder, writeAtomic } from '../runtime/files.ts';
import { finishedShard, hashesIn, MANIFEST, type Manifest, requireSame } from './manifest.ts';
import { joinRun, type Run } from './run.ts';
import { rangeOf, type Shard, shardName } from './shard.ts';
import {
  type About,
  type DoPiece,
  inPieces,
  type Pieces,
  type Unfinished,
  type UnfinishedOptions,
  unfinishedIn,
} from './unfinished.ts';

/** Where the work of a command lies, and which part of it this process does. */
export interface Work extends Unfinished {
  /** The part that this process does; all of it unless given. */
  readonly shard?: OpenShard;
  /** Seconds that other processes spent on it. */
  readonly seconds?: number;
}

/** A shard that this process does. */
export interface OpenShard extends Shard {
  /** It is there and whole. */
  readonly done: boolean;
  /** Puts it into its place, whole, in one move. */
  finish(items: Manifest['items']): Promise<void>;
  /** Whether another process that was given the same shard was faster; what this one has of it then goes. */
  isThere(): Promise<boolean>;
}

/** What is said of a command. */
export type Said = Omit<Run, 'of'>;

/** Which work it is. Hidden, and so no part of the shard, with which it stays: another process may read it at any moment. */
const ABOUT = '.about.json';

/**
 * Opens a shard. Work that was begun on it goes on; one that is whole is not done again, so that a queue may deliver it twice.
 * @throws {SeedbedError} Mismatch where work of another model, data or settings lies there, BadFile where it is damaged.
 */
export async function openShard(
  { out, fresh = false }: UnfinishedOptions,
  shard: Shard,
  said: Said,
): Promise<Work> {
  const started = performance.now();
  await joinRun(out, { ...said, of: shard.of });
  const name = shardName(shard);
  const place = joinPath(out, name);
  if (fresh) await removeFolder(place);
  const folder = joinPath(out, `.unfinished-${said.about.command}-${name}`);
  const work = unfinishedIn(folder);
  const title = work.path(ABOUT);
  let finished = await finishedShard(out, shard);
  if (finished) requireSame(said.about, finished.about, place);
  if (finished || fresh) await work.remove();
  if (!finished)
    await begin(title, said.about).catch(async error => {
      // Another process that was given the same shard may just have moved the folder into its place.
      finished = await finishedShard(out, shard);
      if (!finished) throw error;
      requireSame(said.about, finished.about, place);
    });

  return {
    ...work,
    shard: {
      ...shard,
      done: finished !== undefined,
      async finish(items) {
        const seconds = (performance.now() - started) / 1000;
        const { index, of } = shard;
        const files = await hashesIn(folder);
        const manifest: Manifest = { ...said, shard: { index, of }, items, seconds, files };
        await writeAtomic(work.path(MANIFEST), `${JSON.stringify(manifest, null, 2)}\n`);
        await moveFolder(folder, place);
      },
      async isThere() {
        const theirs = await finishedShard(out, shard);
        if (!theirs) return false;
        requireSame(said.about, theirs.about, place);
        await work.remove();
        return true;
      },
    },
  };
}

/** Begins unfinished work, or finds it begun. @throws {SeedbedError} Mismatch where it is of another command. */
async function begin(title: string, about: About): Promise<void> {
  if (await exists(title)) requireSame(about, (await readJson(title)) as About, title);
  else await writeAtomic(title, JSON.stringify(about));
}

/**
 * Does the part of the work that falls to this process, as {@link inPieces} does.
 * @returns all pieces; undefined where this process has but a shard, which then is in its place.
 */
export async function inShards<T>(
  work: Work,
  pieces: Pieces<T>,
  doPiece: DoPiece<T>,
): Promise<T[] | undefined> {
  const { shard } = work;
  if (!shard) return inPieces(work, pieces, doPiece);
  const { count, piece } = pieces;
  const range = rangeOf(shard, count, piece);
  if (shard.done) return undefined;
  await unlessThere(shard, async () => {
    await inPieces(work, pieces, doPiece, range);
    await shard.finish({ ...range, count, piece });
  });
  return undefined;
}

/** Does a shard, unless it is in its place when that fails: two that do one write the same bytes into one folder, until the first moves it away. */
export async function unlessThere(
  shard: NonNullable<Work['shard']>,
  doShard: () => Promise<void>,
): Promise<void> {
  try {
    await doShard();
  } catch (error) {
    if (!(await shard.isThere())) throw error;
  }
}
