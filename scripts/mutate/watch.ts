import { type ChildProcess, fork } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Outcome } from './worker.ts';

/** Seconds without a word after which a file is taken to hang. */
const PATIENCE = 30;

/**
 * Has a process of its own make and read the files `from` to `to` of a kind. One that ends or falls silent counts as
 * a fault of the file that it was at; another goes on behind that.
 */
export async function* watch(kind: string, rng: number, from: number, to: number): AsyncGenerator<Outcome> {
  for (let next = from; next < to; ) {
    const base = await mkdtemp(join(tmpdir(), 'seedbed-mutate-'));
    const folder = join(base, 'work');
    try {
      for await (const outcome of outcomes(kind, rng, next, to, folder)) {
        next = outcome.number + 1;
        yield outcome;
      }
    } finally {
      await rm(base, { recursive: true });
    }
  }
}

async function* outcomes(
  kind: string,
  rng: number,
  from: number,
  to: number,
  folder: string,
): AsyncGenerator<Outcome> {
  const script = fileURLToPath(new URL('worker.ts', import.meta.url));
  const child = fork(script, [kind, `${rng}`, `${from}`, `${to}`, folder], {
    execArgv: ['--import', 'tsx', '--max-old-space-size=1024'],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  let said = '';
  child.stderr!.on('data', chunk => {
    said = `${said}${chunk}`.slice(-1000);
  });
  let next: number | undefined;
  for await (const message of messages(child)) {
    if (message === 'ready') next = from;
    else if (typeof message !== 'string') {
      next = message.number + 1;
      yield message;
    } else {
      if (next === undefined) throw new Error(`sound files of kind '${kind}' cannot be read: ${said}`);
      if (next < to) yield { number: next, outcome: 'fault', text: `${message}: ${said}` };
      return;
    }
  }
}

/** What a process says, one message after the other, and at last how it ended. */
async function* messages(child: ChildProcess): AsyncGenerator<Outcome | string> {
  const arrived: (Outcome | string)[] = [];
  let wake = () => {};
  const silence = setTimeout(() => {
    arrived.push(`it hung for ${PATIENCE} s`);
    child.kill('SIGKILL');
  }, PATIENCE * 1000);
  const push = (message: Outcome | string) => {
    silence.refresh();
    arrived.push(message);
    wake();
  };
  child.on('message', message => push(message as Outcome));
  child.on('close', (code, signal) => {
    push(`the process ended by itself (${signal ?? code})`);
    clearTimeout(silence);
  });
  for (;;) {
    const message = arrived.shift();
    if (message === undefined) {
      await new Promise<void>(resolve => {
        wake = resolve;
      });
      continue;
    }
    yield message;
    if (typeof message === 'string' && message !== 'ready') return;
  }
}
