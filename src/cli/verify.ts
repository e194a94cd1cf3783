import type { Command } from 'commander';
import { SeedbedError } from '../errors.ts';
import type { Row } from '../experiments/verify/row.ts';
import { type Done, type Frame, runReported } from './frame.ts';
import { type RngFlags, type RuntimeFlags, withRng, withRuntime } from './options.ts';
import { type TerminalFlags, withTerminal } from './terminal.ts';

type Flags = RngFlags & RuntimeFlags & TerminalFlags;

export function addVerify(program: Command): void {
  withTerminal(withRng(withRuntime(program.command('verify'))))
    .description('check samplers, methods and statistics on this machine against closed-form answers')
    .addHelpText('after', '\nExample: seedbed verify')
    .action((flags: Flags) => runReported('verify', flags, frame => run(frame, flags)));
}

async function run(frame: Frame, { rng }: Flags): Promise<Done> {
  const { terminal } = frame;
  const { verify } = await import('../experiments/verify/verify.ts');
  const runtime = await frame.runtime();
  const progress = terminal.progress('verifying', 'checks');
  terminal.line(`${''.padEnd(WIDTH)} ${'expected'.padEnd(11)} measured`);
  const results = await verify(runtime, {
    rng,
    signal: terminal.signal,
    onRows(title, rows, done, total) {
      progress.above(() => {
        terminal.line(`\n${title}`);
        for (const row of rows) terminal.line(lineOf(row));
      });
      progress.update(done, total);
    },
  }).finally(() => progress.stop());
  const rows = results.flatMap(check => check.rows);
  const off = rows.filter(({ passed }) => !passed);
  const report = frame.report({ device: runtime.device, rng, results });
  const fault = `${off.length} of ${rows.length} are otherwise than expected: ${off.map(({ what }) => what).join('; ')}`;
  return {
    report,
    lines: [
      `\n${rows.length - off.length} of ${rows.length} as expected, ${report.seconds.toFixed(0)} s on ${runtime.device}`,
    ],
    fault: off.length > 0 ? new SeedbedError('Machine', fault) : undefined,
  };
}

const WIDTH = 68;

/** `naive    0.89831    0.89831    ok`, and what would have passed where it did not. */
function lineOf({ what, expected, got, low, high, passed }: Row): string {
  const verdict = passed ? 'ok' : `OFF: ${digits(low)} to ${digits(high)} would do`;
  return `  ${what.padEnd(WIDTH - 2)} ${digits(expected).padEnd(11)} ${digits(got).padEnd(11)} ${verdict}`;
}

function digits(value: number): string {
  return value === 0 || Math.abs(value) >= 1e-3
    ? String(Number(value.toPrecision(5)))
    : value.toExponential(1);
}
