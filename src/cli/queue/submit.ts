import { randomUUID } from 'node:crypto';
import type { Job, Queue } from 'bullmq';
import type { Command } from 'commander';
import { z } from 'zod';
import { SeedbedError } from '../../errors.ts';
import { createAtomic, exists, joinPath, readJson, removeFolder, sha256Hex } from '../../runtime/files.ts';
import { shardFolders } from '../../work/merge.ts';
import { MOST_SHARDS } from '../../work/shard.ts';
import { whole } from '../options.ts';
import { openTerminal, type Terminal, withTerminal } from '../terminal.ts';
import { openQueue, type QueueFlags, reachBroker, type ShardJob, withQueue } from './broker.ts';

interface Flags extends QueueFlags {
  out: string;
  shards: number;
  detach?: boolean;
  status?: boolean;
  cancel?: boolean;
  json?: boolean;
  quiet?: boolean;
}

/** A shard that fails by the machine's fault is tried so often, after 5, 10, 20 and 40 s. */
const RETRIED = { attempts: 5, backoff: { type: 'exponential', delay: 5000 } };
/** Jobs that are sent at once. */
const BUNDLE = 1000;
/** Milliseconds between two looks at the folder, and looks between two at what the queue has lost. */
const LOOK = 1000;
const RESEND = 30;

/** @param run runs a command by its words. */
export function addSubmit(program: Command, run: (args: string[]) => Promise<unknown>): void {
  withTerminal(withQueue(program.command('submit')))
    .description('have a command done in shards by all who run seedbed work on a queue, and merge them')
    .argument('<words...>', 'the command, with its options')
    .requiredOption('--out <folder>', 'its --out, in the folder that all machines share')
    .requiredOption('--shards <n>', 'parts; of minutes each: docs/many-machines.md', whole(1, MOST_SHARDS))
    .option('--detach', 'send them and end')
    .option('--status', 'say how far they are')
    .option('--cancel', 'take back what no worker has begun')
    .allowUnknownOption()
    .addHelpText(
      'after',
      '\nExample: seedbed submit --queue redis://box --out out --shards 50 evaluate --data fashion-mnist:test\nThe guide: docs/many-machines.md',
    )
    .action((words: string[], flags: Flags) => submit(words, flags, run));
}

async function submit(
  words: readonly string[],
  flags: Flags,
  run: (args: string[]) => Promise<unknown>,
): Promise<void> {
  const terminal = openTerminal(flags);
  if (words.includes('--shard'))
    throw new SeedbedError('BadArgument', 'submit cuts the work itself: give --shards, not --shard');
  const broker = await reachBroker(flags);
  const queue = openQueue(broker);
  const { out, shards: of } = flags;
  const id = sha256Hex(new TextEncoder().encode(JSON.stringify({ words, out, of }))).slice(0, 16);
  const sent: Sent = { queue, id, out, of };
  try {
    const saying = (line: string, found: object) => {
      terminal.line(line);
      terminal.json({ command: 'submit', ...found });
    };
    const say = (status: Status) => saying(inWords(status), status);
    if (flags.status) return say(await statusOf(sent));
    if (flags.cancel) {
      const taken = await takeBack(sent);
      return saying(`${taken} shards taken back; those in work are finished`, { taken });
    }
    const token = await tokenIn(out, id);
    const send = async () => sendMissing(sent, { run: id, token, words, out, of });
    await forget(await jobsOf(sent, ['failed']));
    await send();
    terminal.note(`${of} shards of ${words[0]} at ${broker.name}, project ${broker.project}`);
    if (flags.detach) return say(await statusOf(sent));
    const isCancelled = async () => (await tokenOf(out))?.token !== token;
    await wait(terminal, sent, send, isCancelled);
  } finally {
    await queue.close();
  }
  await run(['merge', out, ...(flags.json ? ['--json'] : []), ...(flags.quiet ? ['--quiet'] : [])]);
}

/** A run in a queue. */
interface Sent {
  readonly queue: Queue<ShardJob>;
  readonly id: string;
  readonly out: string;
  readonly of: number;
}

const jobName = (run: string, index: number) => `${run}-${index}`;

const pathIn = (out: string) => joinPath(out, 'queue.json');
const tokenSchema = z.object({ run: z.string(), token: z.string() });

/** What lies there; undefined where nothing does, or something else. */
async function tokenOf(out: string): Promise<z.infer<typeof tokenSchema> | undefined> {
  if (!(await exists(pathIn(out)))) return undefined;
  return tokenSchema.safeParse(await readJson(pathIn(out))).data;
}

/** What lies in the output folder for workers to see that it is the same one. */
async function tokenIn(out: string, run: string): Promise<string> {
  await createAtomic(pathIn(out), JSON.stringify({ run, token: randomUUID() }));
  const found = await tokenOf(out);
  if (found?.run === run) return found.token;
  throw new SeedbedError(
    'Mismatch',
    `${out} is of another run in the queue. Give --out another folder, or delete it`,
  );
}

async function doneIn(out: string): Promise<Set<number>> {
  if (!(await exists(out))) return new Set();
  const folders = await shardFolders(out);
  return new Set(folders.map(name => Number(/^shard-(\d+)/.exec(name)![1])));
}

/** Puts every shard that is not done into the queue; one that is there already stays what it is. */
async function sendMissing({ queue, out, of }: Sent, common: Omit<ShardJob, 'index'>): Promise<void> {
  const done = await doneIn(out);
  const missing = Array.from({ length: of }, (_, index) => index).filter(index => !done.has(index));
  for (let first = 0; first < missing.length; first += BUNDLE)
    await queue.addBulk(
      missing.slice(first, first + BUNDLE).map(index => ({
        name: 'shard',
        data: { ...common, index },
        opts: { jobId: jobName(common.run, index), removeOnComplete: true, ...RETRIED },
      })),
    );
}

type State = 'waiting' | 'active' | 'delayed' | 'failed';

async function jobsOf({ queue, id }: Sent, states: State[]): Promise<Job<ShardJob>[]> {
  const jobs = await queue.getJobs(states);
  return jobs.filter(job => job?.data.run === id);
}

async function forget(jobs: readonly Job[]): Promise<void> {
  for (const job of jobs) await job.remove();
}

async function takeBack(sent: Sent): Promise<number> {
  // Who waits for them sees that they are taken back, and does not send them again.
  await removeFolder(pathIn(sent.out));
  const jobs = await jobsOf(sent, ['waiting', 'delayed', 'failed']);
  await forget(jobs);
  return jobs.length;
}

interface Status {
  readonly done: number;
  readonly of: number;
  readonly waiting: number;
  readonly active: number;
  readonly failed: number;
  readonly workers: number;
}

async function statusOf(sent: Sent): Promise<Status> {
  const count = async (...states: State[]) => (await jobsOf(sent, states)).length;
  return {
    done: (await doneIn(sent.out)).size,
    of: sent.of,
    waiting: await count('waiting', 'delayed'),
    active: await count('active'),
    failed: await count('failed'),
    workers: await sent.queue.getWorkersCount(),
  };
}

const inWords = ({ done, of, waiting, active, failed, workers }: Status) =>
  `${done} of ${of} shards done, ${active} in work, ${waiting} waiting, ${failed} failed; ${workers} workers`;

/** Waits until every shard is done or has failed for good. What the server lost when it went away is sent again. */
async function wait(
  terminal: Terminal,
  sent: Sent,
  send: () => Promise<void>,
  isCancelled: () => Promise<boolean>,
): Promise<void> {
  const { queue, out, of } = sent;
  const progress = terminal.progress('shards', 'shards');
  let failed: Job<ShardJob>[] = [];
  try {
    for (let look = 1; ; look++) {
      const done = (await doneIn(out)).size;
      failed = await jobsOf(sent, ['failed']);
      progress.update(done, of, failed.length > 0 ? `${failed.length} failed` : '');
      if (done + failed.length >= of) break;
      if (terminal.signal.aborted)
        throw new SeedbedError(
          'Interrupted',
          `${done} of ${of} shards are done, the workers go on; the same command waits again, --status and --cancel say and stop it`,
        );
      if (await isCancelled())
        throw new SeedbedError(
          'Interrupted',
          `taken back by --cancel: ${done} of ${of} shards are done; the same command sends the others again`,
        );
      if (look === 10 && (await queue.getWorkersCount()) === 0)
        progress.above(() =>
          terminal.note('nobody works on this queue yet: start seedbed work on any machine'),
        );
      if (look % RESEND === 0) await send();
      await new Promise(resolve => setTimeout(resolve, LOOK));
    }
  } finally {
    progress.stop();
  }
  if (failed.length === 0) return;
  const [first] = failed;
  // What failed each time by the machine's fault may pass by another.
  const forGood = failed.some(job => job.attemptsMade < RETRIED.attempts);
  throw new SeedbedError(
    forGood ? 'BadArgument' : 'Machine',
    `${failed.length} of ${of} shards failed. Shard ${first!.data.index}: ${first!.failedReason}. The others are done; the same command tries these again`,
  );
}
