import { resolve } from 'node:path';
import type { Job } from 'bullmq';
import type { Command } from 'commander';
import { z } from 'zod';
import { SeedbedError } from '../../errors.ts';
import { exists, readJson } from '../../runtime/files.ts';
import { whole } from '../options.ts';
import { createRunner } from '../runner.ts';
import { openTerminal, type Terminal, withTerminal } from '../terminal.ts';
import { type Broker, openQueue, type QueueFlags, reachBroker, type ShardJob, withQueue } from './broker.ts';

interface Flags extends QueueFlags {
  folder: string;
  threads: number;
  json?: boolean;
  quiet?: boolean;
}

/** A shard may be handed out again so often as workers are killed over it; milliseconds between two looks at who is alive. */
const MOST_STALLED = 1_000_000;
const LOOK = 5000;
/** Milliseconds after which others are offered a shard that does not fit here. */
const LATER = 5000;

export function addWork(program: Command): void {
  withTerminal(withQueue(program.command('work')))
    .description('do shards that others submit, one after the other, until it is stopped')
    .option(
      '--folder <folder>',
      'the folder that all machines share; paths of commands are seen from it',
      '.',
    )
    .option(
      '--threads <n>',
      'threads of one operator; a worker per core with one thread each does most',
      whole(1, 1024),
      1,
    )
    .addHelpText('after', '\nExample: seedbed work --queue redis://box --folder /shared')
    .action((flags: Flags) => work(flags));
}

async function work(flags: Flags): Promise<void> {
  const terminal = openTerminal(flags);
  const broker = await reachBroker(flags);
  terminal.note(`works for ${broker.name}, project ${broker.project}, in ${resolve(flags.folder)}`);
  const misfit = await workUntilStopped(broker, flags, terminal);
  if (misfit) throw new SeedbedError('Mismatch', misfit);
  throw new SeedbedError('Interrupted', 'stopped; what was in hand is kept, and goes on here or elsewhere');
}

/** @returns why this worker can do nothing of what is in the queue; undefined where it was stopped. */
async function workUntilStopped(
  broker: Broker,
  flags: Flags,
  terminal: Terminal,
): Promise<string | undefined> {
  const { Worker, WaitingError, DelayedError, UnrecoverableError } = broker.bullmq;
  const queue = openQueue(broker);
  const refused = new Set<string>();
  let misfit: string | undefined;
  const leave = new AbortController();
  // Shards run in a process of their own: ONNX Runtime holds the event loop, and the queue would think the worker dead.
  const runner = createRunner(flags.folder);
  const worker = new Worker<ShardJob>(
    broker.project,
    async (job: Job<ShardJob>, token?: string) => {
      const giveBack = async () => {
        await job.moveToWait(token);
        return new WaitingError();
      };
      const strange = await strangeFolder(flags.folder, job.data);
      const ended = strange ? undefined : await runner.run(wordsOf(job.data, flags), leave.signal);
      const unfit = strange ?? (ended!.code === MISMATCH ? ended!.said : undefined);
      if (unfit) {
        // Runs that fit may wait behind one whose folder is gone.
        if (!refused.has(job.data.run)) terminal.note(unfit);
        refused.add(job.data.run);
        const waiting = await queue.getJobs(['waiting', 'delayed']);
        if (waiting.every(other => refused.has(other?.data.run ?? job.data.run))) {
          misfit = unfit;
          leave.abort();
          throw await giveBack();
        }
        await job.moveToDelayed(Date.now() + LATER, token);
        throw new DelayedError();
      }
      if (ended!.code === 0)
        return terminal.note(`shard ${job.data.index} of ${job.data.of} of ${job.data.out}`);
      if (leave.signal.aborted) throw await giveBack();
      throw new (ended!.code === 2 ? UnrecoverableError : Error)(ended!.said);
    },
    { connection: broker.connection, concurrency: 1, maxStalledCount: MOST_STALLED, stalledInterval: LOOK },
  );
  worker.on('error', () => {});
  worker.on('failed', (job, error) =>
    terminal.note(`shard ${job?.data.index} of ${job?.data.out} failed: ${error.message}`),
  );
  terminal.signal.addEventListener('abort', () => leave.abort());
  if (terminal.signal.aborted) leave.abort();
  if (!leave.signal.aborted)
    await new Promise(done => leave.signal.addEventListener('abort', done, { once: true }));
  await worker.close();
  await queue.close();
  runner.close();
  return misfit;
}

const wordsOf = ({ words, out, index, of }: ShardJob, { threads }: Flags) => [
  ...words,
  ...['--out', out, '--shard', `${index}/${of}`, '--threads', String(threads)],
];

/** The exit code of a shard that does not fit the run that its folder is of: another model, other data, another version. */
const MISMATCH = 3;

/** Why a folder is not the one that the run was submitted from; undefined where it is. */
async function strangeFolder(folder: string, { out, token }: ShardJob): Promise<string | undefined> {
  const path = resolve(folder, out, 'queue.json');
  const found = (await exists(path)) ? await readJson(path) : undefined;
  if (z.object({ token: z.literal(token) }).safeParse(found).success) return undefined;
  return `${path} is not what was submitted: this worker does not see the shared folder. The shard went back; start the worker with --folder`;
}
