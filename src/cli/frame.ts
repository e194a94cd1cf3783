import type { SeedbedError } from '../errors.ts';
import { writeAtomic } from '../runtime/files.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { Work } from '../work/shards.ts';
import { version } from './files.ts';
import { openRuntime, type RuntimeFlags } from './options.ts';
import { openWork, type WorkFlags } from './shards.ts';
import { openTerminal, type Terminal, type TerminalFlags } from './terminal.ts';

/** A command under way. */
export interface Frame {
  readonly command: string;
  readonly terminal: Terminal;
  /** The runtime that the flags ask for. */
  runtime(): Promise<Runtime>;
  /**
   * Opens the work that --resume and --shard speak of; it goes when the command is done.
   * @param about all that decides its results.
   */
  open(flags: WorkFlags, about: Readonly<Record<string, unknown>>): Promise<Work>;
  /** What the command found, behind its version and name and the seconds that it took until now, shards' included. */
  report<Found extends object>(found: Found): Report<Found>;
}

export type Report<Found> = { seedbed: string; command: string; seconds: number } & Found;

/** What a command ends with. */
export interface Done {
  /** The document of --json. */
  readonly report: object;
  /** Where the report is written, too. */
  readonly file?: string;
  /** What is said of it. */
  readonly lines?: readonly string[];
  /** Why the command fails all the same, when everything is written and said. */
  readonly fault?: SeedbedError | undefined;
}

/**
 * Runs a command: its report is written, what was kept of unfinished work goes, and what there is to say is said.
 * @param run does the work; gives nothing where it was a shard, whose results wait for the others.
 */
export async function runReported(
  command: string,
  flags: RuntimeFlags & TerminalFlags,
  run: (frame: Frame) => Promise<Done | undefined>,
): Promise<void> {
  const started = performance.now();
  const terminal = openTerminal(flags);
  const seedbed = await version();
  let runtime: Promise<Runtime> | undefined;
  let work: Work | undefined;
  const done = await run({
    command,
    terminal,
    runtime() {
      runtime ??= openRuntime(terminal, flags);
      return runtime;
    },
    async open(which, about) {
      work = await openWork(which, { command, ...about }, terminal);
      return work;
    },
    report(found) {
      const seconds = (performance.now() - started) / 1000 + (work?.seconds ?? 0);
      return { seedbed, command, seconds, ...found };
    },
  });
  if (!done) return;
  const { report, file, lines = [], fault } = done;
  if (file !== undefined) await writeAtomic(file, `${JSON.stringify(report, null, 2)}\n`);
  await work?.remove();
  for (const line of lines) terminal.line(line);
  terminal.json(report);
  if (fault) throw fault;
}
