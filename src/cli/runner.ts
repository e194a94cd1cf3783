import { type ChildProcess, spawn } from 'node:child_process';
import type { Command } from 'commander';

/** How a command ended. */
export interface Ended {
  /** Its exit code; 1 where its process was killed. */
  readonly code: number;
  /** The last that it said: from the line that says what was wrong, where there is one. */
  readonly said: string;
}

/** A process of its own in which commands run one after the other, as this program runs them. */
export interface Runner {
  /**
   * @param signal asks the command to stop in order.
   * @param onTold given what the command tells on the way, by `process.send`.
   */
  run(words: readonly string[], signal: AbortSignal, onTold?: (told: unknown) => void): Promise<Ended>;
  close(): void;
}

/** What is kept of a command's words; and milliseconds in which the last of them arrive. */
const KEPT = 2000;
const LATE = 100;

/** @param folder from where the commands see paths. */
export function createRunner(folder: string): Runner {
  let child: ChildProcess | undefined;
  let said = '';

  function started(): ChildProcess {
    if (child?.connected) return child;
    // The program that this one is; Ctrl-C reaches it through this one alone.
    const program = [...process.execArgv, process.argv[1]!, 'runner'];
    child = spawn(process.execPath, program, {
      cwd: folder,
      detached: process.platform !== 'win32',
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    child.stderr!.on('data', chunk => {
      said = (said + String(chunk)).slice(-KEPT);
    });
    return child;
  }

  return {
    async run(words, signal, onTold = () => {}) {
      said = '';
      const own = started();
      const stop = () => void own.kill('SIGTERM');
      signal.addEventListener('abort', stop, { once: true });
      const code = await new Promise<number | undefined>((done, failed) => {
        own.on('message', message => (typeof message === 'number' ? done(message) : onTold(message)));
        own.once('exit', () => done(undefined));
        own.once('error', failed);
        own.send(words);
      }).finally(() => signal.removeEventListener('abort', stop));
      own.removeAllListeners('message').removeAllListeners('exit').removeAllListeners('error');
      if (code !== 0) await new Promise(done => setTimeout(done, LATE));
      return { code: code ?? 1, said: lastOf(said) || `its process was killed (${own.signalCode})` };
    },
    close: () => void (child?.connected && child.disconnect()),
  };
}

/** What was said last: all lines from the last that names a fault, or the last line. */
export function lastOf(said: string): string {
  const lines = said.trim().split('\n');
  const fault = lines.findLastIndex(line => /^(seedbed|error): /.test(line));
  return lines
    .slice(fault < 0 ? -1 : fault)
    .join('\n')
    .replace(/^(seedbed|error): /, '');
}

/** Adds the command that such a process runs. @param main runs a command by its words, and gives its exit code. */
export function addRunner(program: Command, main: (args: string[]) => Promise<number>): void {
  program.command('runner', { hidden: true }).action(
    () =>
      new Promise<void>(done => {
        let running = false;
        process.on('message', async (words: string[]) => {
          running = true;
          const code = await main(words);
          running = false;
          if (process.connected) process.send!(code);
          else done();
        });
        // Who started it is gone: what is in hand is kept.
        process.on('disconnect', () => (running ? process.kill(process.pid, 'SIGTERM') : done()));
        process.channel?.ref();
      }),
  );
}
