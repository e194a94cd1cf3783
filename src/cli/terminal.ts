import { SingleBar } from 'cli-progress';
import type { Command } from 'commander';

/** Where a command's words go: results to standard output, all else to standard error. */
export interface Terminal {
  /** A line of the result; left out under --json and --quiet. */
  line(text: string): void;
  /** A remark on the way; left out under --quiet. */
  note(text: string): void;
  /** The one JSON document of --json. */
  json(value: unknown): void;
  progress(label: string, unit: string): Progress;
  /** Aborted by Ctrl-C or SIGTERM; a second Ctrl-C ends the program at once. */
  readonly signal: AbortSignal;
}

export interface Progress {
  /** @param remark such as the loss, shown beside the count. */
  update(done: number, total: number, remark?: string): void;
  /** Clears the way for lines of another kind while the work goes on. */
  above(write: () => void): void;
  stop(): void;
}

/** Progress as one process tells it to another. */
export interface ToldProgress {
  readonly label: string;
  readonly unit: string;
  readonly done: number;
  readonly total: number;
  readonly remark: string;
}

let relay: ((progress: ToldProgress) => void) | undefined;

/** Has the progress of commands told instead of shown. @param to undefined shows it again. */
export function relayProgress(to: ((progress: ToldProgress) => void) | undefined): void {
  relay = to;
}

/** Seconds between lines of progress where there is no terminal. */
const LINE_SECONDS = 10;

let interruption = new AbortController();

/** Exit codes of work that a signal stopped: that of Ctrl-C, and EX_TEMPFAIL, which tells batch systems to start it again. */
const STOPPED = { SIGINT: 130, SIGTERM: 75 } as const;
type StopSignal = keyof typeof STOPPED;

/** The exit code of a command that was stopped. */
export const interruptionCode = (): number => STOPPED[(interruption.signal.reason as StopSignal) ?? 'SIGINT'];

/** Listens for Ctrl-C and SIGTERM while a command runs. @returns what ends the listening. */
export function watchSignals(): () => void {
  const controller = new AbortController();
  interruption = controller;
  const unlisten = (['SIGINT', 'SIGTERM'] as const).map(name => {
    const stop = () => {
      if (controller.signal.aborted) process.exit(interruptionCode());
      process.stderr.write(`\n${name}: stopping after the current step; once more stops at once\n`);
      controller.abort(name);
    };
    process.on(name, stop);
    return () => process.off(name, stop);
  });
  return () => {
    for (const off of unlisten) off();
  };
}

/** What a command says, and where. */
export interface TerminalFlags {
  json?: boolean;
  quiet?: boolean;
}

/** The terminal of one command. */
export function openTerminal(options: TerminalFlags): Terminal {
  const silent = options.json || options.quiet;
  return {
    signal: interruption.signal,
    line: text => void (silent || process.stdout.write(`${text}\n`)),
    note: text => void (options.quiet || process.stderr.write(`${text}\n`)),
    json: value => void (options.json && process.stdout.write(`${JSON.stringify(value, null, 2)}\n`)),
    progress(label, unit) {
      if (relay) return told(relay, label, unit);
      if (options.quiet) return NO_PROGRESS;
      return process.stderr.isTTY ? bar(label, unit) : lines(label, unit);
    },
  };
}

const NO_PROGRESS: Progress = { update: () => {}, above: write => write(), stop: () => {} };

const told = (to: NonNullable<typeof relay>, label: string, unit: string): Progress => ({
  ...NO_PROGRESS,
  update: (done, total, remark = '') => to({ label, unit, done, total, remark }),
});

function bar(label: string, unit: string): Progress {
  const format = `${label} {bar} {percentage}% | {value}/{total} ${unit} | {rate}/s | {left} left{remark}`;
  const single = new SingleBar({
    format,
    barsize: 24,
    hideCursor: true,
    clearOnComplete: true,
    stream: process.stderr,
  });
  const clock = new Clock();
  let started = false;
  return {
    update(done, total, remark = '') {
      if (!started) single.start(total, done);
      started = true;
      single.setTotal(total);
      single.update(done, { ...clock.read(done, total), remark: remark && ` | ${remark}` });
    },
    above(write) {
      if (started) process.stderr.write('\r\x1b[K');
      write();
    },
    stop: () => single.stop(),
  };
}

function lines(label: string, unit: string): Progress {
  const clock = new Clock();
  let last = performance.now();
  return {
    update(done, total, remark = '') {
      const { rate, left } = clock.read(done, total);
      if (performance.now() - last < LINE_SECONDS * 1000) return;
      last = performance.now();
      process.stderr.write(
        `${label}: ${done}/${total} ${unit}, ${rate}/s, ${left} left${remark && `, ${remark}`}\n`,
      );
    },
    above: write => write(),
    stop: () => {},
  };
}

/** Rate and time left, from the first count seen. */
class Clock {
  private readonly started = performance.now();
  private first: number | undefined;

  read(done: number, total: number): { rate: string; left: string } {
    this.first ??= done;
    const seconds = (performance.now() - this.started) / 1000;
    const rate = (done - this.first) / Math.max(seconds, 1e-3);
    return { rate: rate.toFixed(rate < 10 ? 1 : 0), left: rate > 0 ? duration((total - done) / rate) : '?' };
  }
}

/** Seconds as people read them: 42 s, 3 min 20 s, 1 h 5 min. */
export function duration(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

/** A number of things, called as several are: 1 seed, 2 seeds. */
export function howMany(count: number, things: string): string {
  return `${count} ${count === 1 ? things.replace(/s$/, '') : things}`;
}

/** Adds --json and --quiet. */
export function withTerminal(command: Command): Command {
  return command
    .option('--json', 'one JSON document on standard output, all else on standard error')
    .option('--quiet', 'no words on the way');
}
