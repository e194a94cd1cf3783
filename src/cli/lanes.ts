import { availableParallelism, totalmem } from 'node:os';
import { type Command, Option } from 'commander';
import { type ErrorKind, isSeedbedError, SeedbedError } from '../errors.ts';
import { marksIn, wiped } from '../work/marks.ts';
import { parseShard, type Shard } from '../work/shard.ts';
import type { Work } from '../work/shards.ts';
import { type DoPiece, inPieces, type Pieces, type Unfinished } from '../work/unfinished.ts';
import type { RuntimeFlags } from './options.ts';
import { createRunner } from './runner.ts';
import { inPart, type ShardFlags } from './shards.ts';
import { type Progress, relayProgress, type Terminal, type ToldProgress } from './terminal.ts';

/**
 * A lane is a process of this program that does parts of a command's work, on a thread of its own, as long as there are some that
 * no other lane has taken: small operations of a network do not use two threads well (docs/many-machines.md). Which process did a
 * part is not seen in its bytes.
 */
export interface LaneFlags extends ShardFlags, RuntimeFlags {
  /** This process is the i-th lane of n; another one waits for it. */
  lane?: Shard;
}

/** Memory that a process is granted, in bytes. */
const MEMORY = 4 * 2 ** 30;

/** What a lane tells the process that waits for it. */
export type Told = {
  /** The part that it begins. */
  readonly begun?: number;
  /** How far it is. */
  readonly progress?: ToldProgress;
  /** A part that is kept. */
  readonly kept?: number;
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

/** Work in numbered parts, which any process can do. */
interface Parts<T> {
  readonly count: number;
  /** Does a part, or reads it where it is kept. */
  readonly part: (index: number) => Promise<T>;
}

/** The processes that share some work, and the threads of each. */
interface Lanes {
  readonly lanes: number;
  readonly threads: number;
}

/** One lane where a person said how the work shall run, or there is but one part. */
export function lanesFor({ shard, merged, threads, device }: LaneFlags, parts: number): Lanes {
  const cores = availableParallelism();
  const asked = shard || merged || threads !== undefined || (device !== undefined && device !== 'cpu');
  const lanes = asked ? 1 : Math.max(1, Math.min(cores, parts, Math.floor(totalmem() / MEMORY)));
  return { lanes, threads: Math.max(1, Math.floor(cores / lanes)) };
}

/** As a lane, does the parts that no other has taken, and tells of each. What it cannot do is told to the process that waits, which clears up. */
export async function beLane<T>(work: Unfinished, { count, part }: Parts<T>): Promise<void> {
  const marks = marksIn(work);
  try {
    for (let index = 0; index < count; index++) {
      if (!(await marks.take(`part-${index}`))) continue;
      tell({ begun: index });
      await part(index);
      tell({ kept: index });
    }
  } catch (error) {
    if (isSeedbedError(error)) tell({ failed: { kind: error.kind, message: error.message } });
    throw error;
  }
}

/**
 * Starts lanes, and takes what they have kept, part by part, in order, as it comes.
 * @param heard told what each of them tells.
 */
export async function fromLanes<T>(
  terminal: Terminal,
  { flags, work }: { flags: LaneFlags; work: Unfinished },
  { lanes, threads }: Lanes,
  { count, part }: Parts<T>,
  heard: (lane: number, told: Told) => void,
): Promise<T[]> {
  terminal.note(`in ${lanes} processes of ${threads === 1 ? 'one thread' : `${threads} threads`} each`);
  await wiped(work);
  const words = [...flags.args, '--out', flags.out, '--resume', '--quiet', '--threads', String(threads)];
  const running = startLanes(terminal, lanes, words, heard);
  const done: T[] = [];
  try {
    for (let index = 0; index < count; index++) {
      await running.kept(index);
      done.push(await part(index));
    }
    return done;
  } finally {
    // The others have stopped writing when what they kept goes.
    await running.stop();
    await wiped(work);
  }
}

/**
 * Does the pieces that fall to this process, in lanes where that is faster.
 * @returns all pieces; undefined where it was a shard or a lane: its results wait for the others.
 */
export async function inLanes<T>(
  terminal: Terminal,
  flags: LaneFlags,
  work: Work,
  pieces: Pieces<T>,
  doPiece: DoPiece<T>,
): Promise<T[] | undefined> {
  const { count, piece, onPiece = () => {} } = pieces;
  const parts = Math.ceil(count / piece);
  const one = async (own: Unfinished, told: Pieces<T>, does: DoPiece<T>, index: number) => {
    const range = { from: index * piece, to: Math.min((index + 1) * piece, count) };
    const [done] = await inPieces(own, told, does, range);
    return done!;
  };
  if (flags.lane) {
    const [own, silent] = [
      { ...work, remove: async () => {} },
      { ...pieces, onPiece: () => {} },
    ];
    await beLane(work, { count: parts, part: index => one(own, silent, doPiece, index) });
    return undefined;
  }
  const how = lanesFor(flags, parts);
  if (how.lanes === 1) return inPart(terminal, work, pieces, doPiece);
  const shown = progressOf(terminal, pieces);
  const above = {
    ...pieces,
    onPiece: (done: T, first: number) => shown.above(() => onPiece(done, first)),
  };
  const part = (index: number) => one(work, above, doneByLane, index);
  try {
    return await fromLanes(terminal, { flags, work }, how, { count: parts, part }, shown.heard);
  } catch (error) {
    if (isSeedbedError(error, 'Diverged')) await work.remove();
    throw error;
  } finally {
    shown.stop();
  }
}

const doneByLane = () => Promise.reject(new SeedbedError('Machine', 'what another process did is not there'));

/** Lanes in work. */
interface Running {
  /** Waits until a part is kept. @throws {SeedbedError} where a lane fails before it is. */
  kept(part: number): Promise<void>;
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
      const { kept: part, failed: fault = failed } = told as Told;
      failed = fault;
      if (part !== undefined) kept.add(part);
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
    async kept(part) {
      while (!kept.has(part)) {
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

/** The progress of all lanes as one, in items. */
function progressOf(terminal: Terminal, { count, piece }: Pick<Pieces<never>, 'count' | 'piece'>) {
  /** Of each part that was begun, the items that are done. */
  const done = new Map<number, number>();
  const inHand = new Map<number, number>();
  let bar: Progress | undefined;
  return {
    heard(lane: number, { begun, kept, progress }: Told) {
      if (begun !== undefined) inHand.set(lane, begun);
      if (kept !== undefined) done.set(kept, Math.min(piece, count - kept * piece));
      const part = inHand.get(lane);
      if (!progress || part === undefined) return;
      const { label, unit, done: reached, total } = progress;
      done.set(part, Math.min(Math.max((reached * count) / total - part * piece, 0), piece));
      const sum = [...done.values()].reduce((a, b) => a + b, 0);
      bar ??= terminal.progress(label, unit);
      bar.update(Math.floor((sum * total) / count), total);
    },
    above: (write: () => void) => (bar ? bar.above(write) : write()),
    stop: () => bar?.stop(),
  };
}
