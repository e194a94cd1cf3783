import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Setting, Task } from './results.ts';

/** What a measured process answers to a command. */
interface Answer {
  readonly name?: string;
  readonly error?: string;
  readonly flops?: number;
  readonly seconds?: number;
  readonly bytes?: number;
  readonly heldOut?: number;
}

/**
 * A process that is measured, in any language. It says its name in a first line, and then answers each command, a line
 * of JSON, with another: `prepare` makes a task ready in place of the one before, `run` takes steps of it and says how
 * long they took, `heldOut` says the loss of what has learned so far, `peak` the most memory that the process has held.
 */
export class Peer {
  private readonly child: ChildProcess;
  private readonly lines: AsyncIterator<string>;
  private readonly closed: Promise<number | string | null>;
  private complaints = '';
  name = '';

  private constructor(command: readonly string[]) {
    const [program, ...args] = command as [string, ...string[]];
    this.child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    this.lines = createInterface({ input: this.child.stdout! })[Symbol.asyncIterator]();
    this.closed = new Promise(resolve => {
      this.child.once('error', error => resolve(error.message));
      this.child.once('close', (code, signal) => resolve(signal ?? code));
    });
    this.child.stdin!.on('error', () => {}); // it has ended, which the next answer tells
    this.child.stderr!.on('data', (text: Buffer) => {
      this.complaints = (this.complaints + text).slice(-2000);
    });
  }

  /** Starts a process. @throws {Error} with its last words where it does not come up. */
  static async start(command: readonly string[], seconds = 120): Promise<Peer> {
    const peer = new Peer(command);
    peer.name = (await peer.answer(seconds)).name!;
    return peer;
  }

  async prepare(task: Task, setting: Setting, seconds?: number): Promise<void> {
    await this.ask({ prepare: { task, ...setting } }, seconds);
  }

  /** @returns how long so many steps took, and their floating point operations where the side counts them. */
  async run(steps: number, seconds?: number): Promise<{ seconds: number; flops: number }> {
    const answer = await this.ask({ run: steps }, seconds);
    return { seconds: answer.seconds!, flops: answer.flops ?? 0 };
  }

  async heldOut(): Promise<number> {
    return (await this.ask({ heldOut: true })).heldOut!;
  }

  async peakBytes(): Promise<number> {
    return (await this.ask({ peak: true })).bytes!;
  }

  async stop(): Promise<void> {
    this.child.stdin!.end();
    const late = setTimeout(() => this.child.kill('SIGKILL'), 20_000);
    await this.closed;
    clearTimeout(late);
  }

  private ask(command: object, seconds = 600): Promise<Answer> {
    this.child.stdin!.write(`${JSON.stringify(command)}\n`);
    return this.answer(seconds);
  }

  private async answer(seconds: number): Promise<Answer> {
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      this.child.kill('SIGKILL');
    }, seconds * 1000);
    try {
      for (;;) {
        const { value, done } = await this.lines.next();
        if (late) throw new Error(`no answer within ${seconds} s`);
        if (done) throw new Error(`it ended (${await this.closed}): ${lastWords(this.complaints)}`);
        if (!value.startsWith('{')) continue;
        const answer = JSON.parse(value) as Answer;
        if (answer.error) throw new Error(answer.error);
        return answer;
      }
    } finally {
      clearTimeout(timer);
    }
  }
}

/** The line that names the error, or else the last one. */
function lastWords(text: string): string {
  const lines = text.trim().split('\n');
  return lines.findLast(line => /Error\b/.test(line)) ?? (lines.at(-1) || 'it said nothing');
}
