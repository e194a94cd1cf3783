import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { exists, joinPath, listFolders, readJson, readText, writeAtomic } from '../../runtime/files.ts';
import type { Runner } from '../runner.ts';

/** One picture on its way to its seed. */
export interface Job {
  readonly id: string;
  readonly state: 'waiting' | 'working' | 'done' | 'failed';
  /** Of one that failed: why. */
  readonly reason?: string;
  /** Of one that is done: what `embed` reports of its seed; of an array, of each picture's. */
  readonly results?: readonly Readonly<Record<string, unknown>>[];
}

/** Pictures and what became of them: a folder each. */
export interface Jobs {
  /** Takes a picture in; undefined where too many wait. */
  add(picture: Uint8Array): Promise<Job | undefined>;
  /** The job as it stands; undefined where there is none. */
  find(id: string): Promise<Job | undefined>;
  /** The job when it is done or has failed, or after some seconds as it stands. */
  settled(id: string, seconds: number): Promise<Job | undefined>;
  /** The path of one of a job's files. */
  file(id: string, name: string): string;
  readonly counts: Counts;
  /** Seconds until there is room for another, about. */
  readonly wait: number;
  /** Ends when what is in hand has been given up. */
  stop(): Promise<void>;
}

/** What happened since the start. */
export interface Counts {
  waiting: number;
  done: number;
  failed: number;
  refused: number;
  /** Seconds of work. */
  seconds: number;
}

const PICTURE = 'picture';
const FAILED = 'failed.txt';
const reportSchema = z.object({ results: z.array(z.record(z.string(), z.unknown())).min(1) });
const isId = (id: string) => /^[0-9a-f-]{36}$/.test(id);

/**
 * Jobs in a folder. What waited when the service last stopped is taken up again.
 * @param words the command, and its options, that finds the seed of a picture.
 * @param most jobs that may wait.
 */
export async function openJobs(
  folder: string,
  words: readonly string[],
  most: number,
  runner: Runner,
): Promise<Jobs> {
  const at = (id: string, name: string) => joinPath(folder, id, name);
  const counts: Counts = { waiting: 0, done: 0, failed: 0, refused: 0, seconds: 0 };
  const queue: string[] = [];
  const leave = new AbortController();
  const settled = new Map<string, () => void>();
  let working: string | undefined;
  let work = Promise.resolve();

  async function find(id: string): Promise<Job | undefined> {
    if (!isId(id) || !(await exists(at(id, PICTURE)))) return undefined;
    if (await exists(at(id, FAILED))) return { id, state: 'failed', reason: await readText(at(id, FAILED)) };
    if (await exists(at(id, 'report.json'))) {
      const { results } = reportSchema.parse(await readJson(at(id, 'report.json')));
      return { id, state: 'done', results };
    }
    return { id, state: id === working ? 'working' : 'waiting' };
  }

  async function doNext(): Promise<void> {
    const id = queue.shift();
    counts.waiting = queue.length;
    if (id === undefined || leave.signal.aborted) return;
    working = id;
    const begun = performance.now();
    const { code, said } = await runner.run(
      [...words, at(id, PICTURE), '--out', joinPath(folder, id), '--fresh'],
      leave.signal,
    );
    working = undefined;
    // What was stopped is begun again when the service is.
    if (leave.signal.aborted && code !== 0) return;
    if (code !== 0) await writeAtomic(at(id, FAILED), said.replaceAll(` ${at(id, PICTURE)}`, ''));
    counts[code === 0 ? 'done' : 'failed']++;
    counts.seconds += (performance.now() - begun) / 1000;
    settled.get(id)?.();
    settled.delete(id);
  }

  function take(id: string): void {
    queue.push(id);
    counts.waiting = queue.length;
    work = work.then(doNext);
  }

  for (const id of (await exists(folder)) ? await listFolders(folder) : [])
    if ((await find(id))?.state === 'waiting') take(id);

  const jobs: Jobs = {
    counts,
    get wait() {
      const finished = counts.done + counts.failed;
      return Math.ceil(finished > 0 ? counts.seconds / finished : 10);
    },
    find,
    file: at,
    async add(picture) {
      if (queue.length >= most) {
        counts.refused++;
        return undefined;
      }
      const id = randomUUID();
      await writeAtomic(at(id, PICTURE), picture);
      take(id);
      return find(id);
    },
    async settled(id, seconds) {
      const job = await find(id);
      if (!job || job.state === 'done' || job.state === 'failed') return job;
      await new Promise<void>(resolve => {
        const timer = setTimeout(resolve, seconds * 1000);
        settled.set(id, () => {
          clearTimeout(timer);
          resolve();
        });
      });
      return find(id);
    },
    async stop() {
      leave.abort();
      await work;
      runner.close();
    },
  };
  return jobs;
}
