import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { messageOf } from '../../errors.ts';
import { exists, joinPath, listFolders, readJson, readText, writeAtomic } from '../../runtime/files.ts';
import type { Ended, Runner } from '../runner.ts';

/** One picture on its way to its seed. */
export interface Job {
  readonly id: string;
  readonly state: 'waiting' | 'working' | 'done' | 'failed';
  /** Of one that failed: why. */
  readonly reason?: string;
  /** Of one that failed: whether by the machine, not by the picture, so that the service's next start tries again. */
  readonly passing?: boolean;
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
/** Exit codes that say that the picture cannot be embedded, by whatever machine. */
const PICTURES_FAULT: readonly number[] = [2, 3];
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
  const jobs = new FolderJobs(folder, words, most, runner);
  for (const id of (await exists(folder)) ? await listFolders(folder) : [])
    if ((await jobs.find(id))?.state === 'waiting') jobs.take(id);
  return jobs;
}

class FolderJobs implements Jobs {
  readonly counts: Counts = { waiting: 0, done: 0, failed: 0, refused: 0, seconds: 0 };
  private readonly folder: string;
  private readonly words: readonly string[];
  private readonly most: number;
  private readonly runner: Runner;
  private readonly queue: string[] = [];
  private readonly leave = new AbortController();
  private readonly waitedFor = new Map<string, Set<() => void>>();
  /** Why jobs failed that are tried again when the service is started the next time. */
  private readonly broken = new Map<string, string>();
  private working: string | undefined;
  /** Pictures that are being written, and have their places already. */
  private coming = 0;
  private work = Promise.resolve();

  constructor(folder: string, words: readonly string[], most: number, runner: Runner) {
    this.folder = folder;
    this.words = words;
    this.most = most;
    this.runner = runner;
  }

  file(id: string, name: string): string {
    return joinPath(this.folder, id, name);
  }

  async find(id: string): Promise<Job | undefined> {
    const at = (name: string) => this.file(id, name);
    if (!isId(id) || !(await exists(at(PICTURE)))) return undefined;
    if (await exists(at(FAILED))) return { id, state: 'failed', reason: await readText(at(FAILED)) };
    if (await exists(at('report.json'))) {
      const { results } = reportSchema.parse(await readJson(at('report.json')));
      return { id, state: 'done', results };
    }
    const reason = this.broken.get(id);
    if (reason !== undefined) return { id, state: 'failed', reason, passing: true };
    return { id, state: id === this.working ? 'working' : 'waiting' };
  }

  async add(picture: Uint8Array): Promise<Job | undefined> {
    if (this.queue.length + this.coming >= this.most) {
      this.counts.refused++;
      return undefined;
    }
    const id = randomUUID();
    this.coming++;
    await writeAtomic(this.file(id, PICTURE), picture).finally(() => this.coming--);
    this.take(id);
    return this.find(id);
  }

  async settled(id: string, seconds: number): Promise<Job | undefined> {
    // It may end while it is looked for.
    let end = () => {};
    const ended = new Promise<void>(resolve => {
      end = resolve;
    });
    const waiting = this.waitedFor.get(id) ?? new Set();
    this.waitedFor.set(id, waiting.add(end));
    const timer = setTimeout(end, seconds * 1000);
    try {
      const job = await this.find(id);
      if (!job || job.state === 'done' || job.state === 'failed') return job;
      await ended;
      return await this.find(id);
    } finally {
      clearTimeout(timer);
      waiting.delete(end);
      if (waiting.size === 0) this.waitedFor.delete(id);
    }
  }

  get wait(): number {
    const finished = this.counts.done + this.counts.failed;
    return Math.ceil(finished > 0 ? this.counts.seconds / finished : 10);
  }

  async stop(): Promise<void> {
    this.leave.abort();
    for (const id of this.waitedFor.keys()) this.tell(id);
    await this.work;
    this.runner.close();
  }

  /** Puts a job at the end of the queue. */
  take(id: string): void {
    this.queue.push(id);
    this.counts.waiting = this.queue.length;
    this.work = this.work.then(() => this.doNext());
  }

  /** Lets go whoever waits for a job. */
  private tell(id: string): void {
    for (const end of this.waitedFor.get(id) ?? []) end();
  }

  private async doNext(): Promise<void> {
    const { counts, leave } = this;
    const id = this.queue.shift();
    counts.waiting = this.queue.length;
    if (id === undefined || leave.signal.aborted) return;
    this.working = id;
    const begun = performance.now();
    const picture = this.file(id, PICTURE);
    const command = [...this.words, picture, '--out', joinPath(this.folder, id), '--fresh'];
    try {
      const ended = await this.runner.run(command, leave.signal);
      // What was stopped is begun again when the service is.
      if (leave.signal.aborted && ended.code !== 0) return;
      await this.note(id, ended, picture);
    } catch (error) {
      this.broken.set(id, messageOf(error));
      counts.failed++;
    } finally {
      this.working = undefined;
      counts.seconds += (performance.now() - begun) / 1000;
      this.tell(id);
    }
  }

  /** Notes what became of a job; a fault of the machine's is no fault of the picture's, and not kept. */
  private async note(id: string, { code, said }: Ended, picture: string): Promise<void> {
    const reason = said.replaceAll(` ${picture}`, '');
    if (PICTURES_FAULT.includes(code)) await writeAtomic(this.file(id, FAILED), reason);
    else if (code !== 0) this.broken.set(id, reason);
    this.counts[code === 0 ? 'done' : 'failed']++;
  }
}
