import { availableParallelism, totalmem } from 'node:os';
import { type Command, Option } from 'commander';
import { type ErrorKind, isSeedbedError, SeedbedError } from '../errors.ts';
import { parseShard, type Shard } from '../work/shard.ts';
import type { Work } from '../work/shards.ts';
import { type DoPiece, inPieces, type Pieces, type Unfinished } from '../work/unfinished.ts';
import type { RuntimeFlags } from './options.ts';
import { createRunner } from './runner.ts';
import { inPart, type ShardFlags } from './shards.ts';
import { type Progress, relayProgress, type Terminal, type ToldProgress } from './terminal.ts';

/**
 * A lane is a process of this program that does every n-th piece of a command's work, on a thread of its own: small operations
 * of a network do not use two threads well (docs/many-machines.md). Which process did a piece is not seen in its bytes.
 */
export interface LaneFlags extends ShardFlags, RuntimeFlags {
  /** This process is the i-th lane of n; another one waits for it. */
  lane?: Shard;
}

/** Memory that a process is granted, in bytes. */
const MEMORY = 4 * 2 ** 30;

/** What a lane tells the process that waits for it. */
type Told = {
  /** How far it is. */
  readonly progress?: ToldProgress;
  /** The first item of a piece that is kept. */
  readonly piece?: number;
  /** What ended it. */
  readonly failed?: { readonly kind: ErrorKind; readonly message: string };
};

const tell = (told: Told) => void process.send?.(told);

/** Lets a command do its work in lanes. */
export function withLanes(command: Command): Command {
  return command
    .addOption(new Option('--lane <i/n>').argParser(text => parseShard(text, {})).hideHelp())
    .hook('preAction', (_, action) => {
      relayProgress(action.opts().lane && (progress => tell({ progress })));
    });
}

/** The lanes of some work, and the threads of each: one lane where a person said how it shall run, or there is but one piece. */
function lanesFor({ shard, merged, threads, device }: LaneFlags, pieces: number) {
  const cores = availableParallelism();
  const asked = shard || merged || threads !== undefined || (device !== undefined && device !== 'cpu');
  const lanes = asked ? 1 : Math.max(1, Math.min(cores, pieces, Math.floor(totalmem() / MEMORY)));
  return { lanes, threads: Math.max(1, Math.floor(cores / lanes)) };
}

/**
 * Does the part of the work that falls to this process, in lanes where that is faster.
 * @returns all pieces; undefined where it was a shard or a lane: its results wait for the others.
 */
export async function inLanes<T>(
  terminal: Terminal,
  flags: LaneFlags,
  work: Work,
  pieces: Pieces<T>,
  doPiece: DoPiece<T>,
): Promise<T[] | undefined> {
  if (flags.lane) return beLane(flags.lane, work, pieces, doPiece);
  const { lanes, threads } = lanesFor(flags, Math.ceil(pieces.count / pieces.piece));
  if (lanes === 1) return inPart(terminal, work, pieces, doPiece);
  terminal.note(`in ${lanes} processes of ${threads === 1 ? 'one thread' : `${threads} threads`} each`);
  return waitForLanes(terminal, { flags, lanes, threads }, work, pieces);
}

/** Does the pieces of a lane, and tells of each. What it cannot do is told to the process that waits, which clears up. */
async function beLane<T>(
  { index, of }: Shard,
  work: Unfinished,
  pieces: Pieces<T>,
  doPiece: DoPiece<T>,
): Promise<undefined> {
  const { count, piece } = pieces;
  const own = { ...work, remove: async () => {} };
  try {
    for (let from = index * piece; from < count; from += of * piece) {
      await inPieces(own, { ...pieces, onPiece: () => {} }, doPiece, {
        from,
        to: Math.min(from + piece, count),
      });
      tell({ piece: from });
    }
  } catch (error) {
    if (isSeedbedError(error)) tell({ failed: { kind: error.kind, message: error.message } });
    throw error;
  }
}

/** Starts the lanes, and takes their pieces in order as they come. */
async function waitForLanes<T>(
  terminal: Terminal,
  { flags, lanes, threads }: { flags: LaneFlags; lanes: number; threads: number },
  work: Unfinished,
  pieces: Pieces<T>,
): Promise<T[]> {
  const { count, piece, onPiece = () => {} } = pieces;
  const shown = progressOf(terminal, lanes, pieces);
  const words = [...flags.args, '--out', flags.out, '--resume', '--quiet', '--threads', String(threads)];
  const running = startLanes(terminal, lanes, words, shown.heard);
  const above: Pieces<T> = { ...pieces, onPiece: (done, from) => shown.above(() => onPiece(done, from)) };
  const done: T[] = [];
  try {
    for (let from = 0; from < count; from += piece) {
      await running.kept(from);
      done.push(...(await inPieces(work, above, doneByLane, { from, to: Math.min(from + piece, count) })));
    }
    return done;
  } catch (error) {
    // The others have stopped writing when what they kept goes.
    await running.stop();
    if (isSeedbedError(error, 'Diverged')) await work.remove();
    throw error;
  } finally {
    shown.stop();
    await running.stop();
  }
}

const doneByLane = () => Promise.reject(new SeedbedError('Machine', 'what another process did is not there'));

/** Lanes in work. */
interface Running {
  /** Waits until the piece that begins with this item is kept. @throws {SeedbedError} where a lane fails before it is. */
  kept(first: number): Promise<void>;
  /** Stops what goes on still, in order, and waits for its end. */
  stop(): Promise<void>;
}

/** @param heard told what a lane tells. */
function startLanes(
  { signal }: Terminal,
  lanes: number,
  words: readonly string[],
  heard: (lane: number, told: Told) => void,
): Running {
  const kept = new Set<number>();
  const leave = new AbortController();
  let failure: SeedbedError | undefined;
  let wake = () => {};

  async function run(index: number): Promise<void> {
    const runner = createRunner('.');
    let failed: Told['failed'];
    const { code, said } = await runner.run([...words, '--lane', `${index}/${lanes}`], leave.signal, told => {
      const { piece, failed: fault = failed } = told as Told;
      failed = fault;
      if (piece !== undefined) kept.add(piece);
      heard(index, told as Told);
      wake();
    });
    runner.close();
    if (code === 0) return;
    const silent = signal.aborted
      ? ({ kind: 'Interrupted', message: 'stopped; the same command with --resume goes on' } as const)
      : ({
          kind: 'Machine',
          message: `one of ${lanes} processes ended: ${said}. --threads does all in one`,
        } as const);
    const { kind, message } = failed ?? silent;
    failure ??= new SeedbedError(kind, message);
    leave.abort();
    wake();
  }

  const stop = () => leave.abort();
  signal.addEventListener('abort', stop);
  const runs = Array.from({ length: lanes }, (_, index) => run(index));
  return {
    async kept(first) {
      while (!kept.has(first)) {
        if (failure) throw failure;
        await new Promise<void>(resolve => {
          wake = resolve;
        });
      }
    },
    async stop() {
      leave.abort();
      await Promise.all(runs);
      signal.removeEventListener('abort', stop);
    },
  };
}

/** The progress of all lanes as one. */
function progressOf(
  terminal: Terminal,
  lanes: number,
  { count, piece }: Pick<Pieces<never>, 'count' | 'piece'>,
) {
  const pieces = Array.from({ length: lanes }, () => 0);
  const items = Array.from({ length: lanes }, () => 0);
  let bar: Progress | undefined;
  return {
    heard(lane: number, { piece: kept, progress }: Told) {
      if (kept !== undefined) pieces[lane]! += 1;
      if (!progress) return;
      const { label, unit, done, total } = progress;
      const first = (lane + pieces[lane]! * lanes) * piece;
      const inside = Math.min(Math.max((done * count) / total - first, 0), piece);
      items[lane] = pieces[lane]! * piece + inside;
      const sum = items.reduce((a, b) => a + b, 0);
      bar ??= terminal.progress(label, unit);
      bar.update(Math.floor((sum * total) / count), total);
    },
    above: (write: () => void) => (bar ? bar.above(write) : write()),
    stop: () => bar?.stop(),
  };
}
