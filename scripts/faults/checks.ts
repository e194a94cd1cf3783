import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { differences, type Files, readFolder, tornFiles } from './files.ts';
import type { Report } from './report.ts';
import { type Ended, start, startAndKill, type Task } from './task.ts';

/** A task and what comes of it undisturbed. */
export interface Reference {
  readonly task: Task;
  readonly files: Files;
  readonly seconds: number;
}

/** What a check needs beside its reference. */
export interface Workshop {
  readonly report: Report;
  /** Where it writes. */
  readonly folder: string;
  /** The next random number in [0, 1). */
  draw(): number;
}

/**
 * Runs a task twice, undisturbed, to `out` and beside it.
 * @throws {Error} when it fails, as nothing can then be checked.
 */
export async function undisturbed(task: Task, out: string, report: Report): Promise<Reference> {
  const run = async (to: string) => {
    const end = await start(task, to).ended;
    if (end.code !== 0) throw new Error(unexpected(`${task.name} fails: undisturbed`, end));
    return { files: await readFolder(to), seconds: end.seconds };
  };
  const [one, other] = [await run(out), await run(`${out}-again`)];
  report.check('undisturbed: the same files', task.name, '2 runs', differences(other.files, one.files));
  return { task, files: one.files, seconds: Math.min(one.seconds, other.seconds) };
}

/** Goes on to the end. @returns what differs from the reference. */
export async function goOn(ref: Reference, out: string, besides?: RegExp): Promise<string[]> {
  return atTheEnd(ref, out, await start(ref.task, out, { resume: true }).ended, besides);
}

async function atTheEnd({ files }: Reference, out: string, end: Ended, besides?: RegExp): Promise<string[]> {
  return end.code === 0 ? differences(await readFolder(out), files, besides) : [unexpected('resumed', end)];
}

export function unexpected(how: string, { code, signal, err }: Ended): string {
  return `${how}, it ended with ${signal ?? code}: ${err.trim().split('\n').slice(-3).join(' / ')}`;
}

/**
 * Kills a task after a random time, again and again, each time going on where it was; a new run begins when one has
 * come to its end. So the kills spread over the whole of the work.
 */
export async function killed(
  ref: Reference,
  kills: number,
  { report, folder, draw }: Workshop,
): Promise<void> {
  const out = join(folder, 'killed');
  const faults: string[] = [];
  const torn: string[] = [];
  let [done, runs, read, seconds] = [0, 0, 0, 0];
  let resume = false;
  while ((done < kills || resume) && faults.length === 0) {
    const moment = done < kills ? draw() * 0.8 * ref.seconds : 1e6;
    const end = await startAndKill(ref.task, out, resume, moment);
    seconds += end.seconds;
    resume = end.signal === 'SIGKILL';
    if (resume) {
      done++;
      const seen = await tornFiles(out);
      read += seen.count;
      torn.push(...seen.torn);
    } else {
      runs++;
      faults.push(...(await atTheEnd(ref, out, end)));
      await rm(out, { recursive: true, force: true });
    }
  }
  report.check(
    'kill -9 at random moments: the same files',
    ref.task.name,
    `${done} kills, runs: ${runs}`,
    faults,
  );
  const whole = 'after each of them, every file reads whole';
  if (read > 0) report.check(whole, ref.task.name, `${read} files`, torn);
  else report.note(whole, ref.task.name, 'it keeps none');
  const lost = done > 0 ? Math.max(0, seconds - runs * ref.seconds) / done : 0;
  const cell = `${lost.toFixed(1)} of ${ref.seconds.toFixed(1)} s`;
  report.note('lost to a kill, starting again included, of a whole run', ref.task.name, cell);
}

const STOPPED = /stopped (at|after) .*; the same command with --resume goes on/;
/** Pictures of the step at which a training was stopped. */
const OF_STOP = /^samples.\d+\.png$/;

/** Sends a signal at a random moment of the work, as often as `times`; goes on, is killed, goes on to the end. */
export async function signalled(
  ref: Reference,
  signal: 'SIGINT' | 'SIGTERM',
  times: 1 | 2,
  { report, folder, draw }: Workshop,
): Promise<void> {
  const out = join(folder, 'signalled');
  const moment = () => draw() * 0.5 * ref.seconds;
  let end: Ended;
  let inTime: boolean;
  do {
    await rm(out, { recursive: true, force: true });
    end = await send(ref.task, out, signal, times, moment());
    // The work was done before the first signal, or in order again before the second.
    inTime = end.code !== 0 && (times === 1 || !STOPPED.test(end.err));
  } while (!inTime);
  const status = { SIGINT: 130, SIGTERM: 75 }[signal];
  const faults = end.code === status ? [] : [unexpected('signalled', end)];
  if (times === 1 && !STOPPED.test(end.err)) faults.push(`it does not say how to go on: ${end.err}`);
  faults.push(...(await tornFiles(out)).torn);
  await startAndKill(ref.task, out, true, moment());
  faults.push(...(await goOn(ref, out, OF_STOP)));
  await rm(out, { recursive: true, force: true });
  const [name, how] =
    times === 1 ? [signal, 'stops in order, says how to go on'] : [`${signal} twice`, 'stops at once'];
  const title = `${name}: ${how}, exit status ${status}; resumed, killed, resumed: the same files`;
  report.check(title, ref.task.name, '1 run', faults);
}

/** Runs a task until it heeds the signals; the second follows when it has said that it heard the first. */
async function send(
  task: Task,
  out: string,
  signal: NodeJS.Signals,
  times: 1 | 2,
  seconds: number,
): Promise<Ended> {
  const { child, ended } = start(task, out);
  while (!existsSync(join(out, task.begun)) && child.exitCode === null) await sleep(5);
  if (times === 2) child.stderr!.once('data', () => child.kill(signal));
  const timer = setTimeout(() => child.kill(signal), seconds * 1000);
  return ended.finally(() => clearTimeout(timer));
}
