import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Setting, Task } from '../results.ts';

/** A task made ready. */
export interface Work<Result = unknown> {
  step(): Promise<Result>;
  /** The held-out loss, of what learns. */
  heldOut?(): Promise<number>;
  dispose(): Promise<unknown>;
}

/**
 * Answers commands as bench/peer.ts sends them, until its standard input ends.
 * @param flops the floating point operations done so far.
 */
export async function serve(
  name: string,
  prepare: (task: Task, setting: Setting) => Promise<Work>,
  flops: () => number,
): Promise<void> {
  const say = (answer: object) => process.stdout.write(`${JSON.stringify(answer)}\n`);
  say({ name });
  let work: Work | undefined;
  for await (const line of createInterface({ input: process.stdin })) {
    try {
      const command = JSON.parse(line) as {
        prepare?: Setting & { task: Task };
        run?: number;
        heldOut?: true;
      };
      if (command.prepare) {
        await work?.dispose();
        work = await prepare(command.prepare.task, command.prepare);
        say({});
      } else if (command.run) {
        const [started, before] = [performance.now(), flops()];
        for (let step = 0; step < command.run; step++) await work!.step();
        say({ seconds: (performance.now() - started) / 1000, flops: flops() - before });
      } else if (command.heldOut) {
        say({ heldOut: await work!.heldOut!() });
      } else {
        say({ bytes: peakBytes() });
      }
    } catch (error) {
      say({ error: error instanceof Error ? error.message : String(error) });
    }
  }
}

/** The most memory that this process has held. Linux's own record leaves out what the parent held before the start. */
function peakBytes(): number {
  try {
    const [, kilobytes] = /VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))!;
    return Number(kilobytes) * 1024;
  } catch {
    return process.resourceUsage().maxRSS * 1024;
  }
}

/**
 * Work from a loop that runs by itself: each round it awaits `turn`, and a step lets it go on until it asks again.
 * @param loop ends with what `turn` rejects with once the work is disposed of.
 */
export async function byRounds(loop: (turn: () => Promise<void>) => Promise<unknown>): Promise<Work> {
  const stopped = new Error('stopped');
  let arrive = () => {};
  let fail: (error: unknown) => void = () => {};
  let go = () => {};
  let stop = () => {};
  const arrival = () =>
    new Promise<void>((resolve, reject) => {
      arrive = resolve;
      fail = reject;
    });
  const first = arrival();
  const ended = loop(() => {
    const turn = new Promise<void>((resolve, reject) => {
      go = resolve;
      stop = () => reject(stopped);
    });
    arrive();
    return turn;
  }).catch(error => {
    if (error !== stopped) fail(error);
  });
  await first;
  return {
    step() {
      const next = arrival();
      go();
      return next;
    },
    dispose() {
      stop();
      return ended;
    },
  };
}
