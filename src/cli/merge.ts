import type { Command } from 'commander';
import { readRun } from '../work/run.ts';
import { type RuntimeFlags, withRuntime } from './options.ts';
import { type TerminalFlags, withTerminal } from './terminal.ts';

/** @param run runs a command by its words. */
export function addMerge(program: Command, run: (args: string[]) => Promise<unknown>): void {
  withTerminal(withRuntime(program.command('merge')))
    .description(
      'put the shards of a command together: what one machine would have given, seeds, report and figures, bit for bit',
    )
    .argument('<folder>', 'the --out of the shards')
    .addHelpText('after', '\nExample: seedbed merge out\nThe guide: docs/many-machines.md')
    .action(async (folder: string, { device, threads, json, quiet }: RuntimeFlags & TerminalFlags) => {
      const { args } = await readRun(folder);
      await run([
        ...args,
        ...['--merged', '--out', folder],
        ...(device === undefined ? [] : ['--device', device]),
        ...(threads === undefined ? [] : ['--threads', String(threads)]),
        ...(json ? ['--json'] : []),
        ...(quiet ? ['--quiet'] : []),
      ]);
    });
}
