import type { Command } from 'commander';
import { CATALOGUE, type CatalogueEntry, entryOf } from '../data/catalogue.ts';
import { verifyDataset } from '../data/verify.ts';
import { isSeedbedError, messageOf, SeedbedError } from '../errors.ts';
import { download } from '../runtime/download.ts';
import { joinPath, userDataDir } from '../runtime/files.ts';
import { runReported } from './frame.ts';
import { type Terminal, type TerminalFlags, withTerminal } from './terminal.ts';

interface Flags extends TerminalFlags {
  dataDir: string;
}

export function addData(program: Command): void {
  const command = program.command('data').description('the data sets that go by a name');
  const shared = (sub: Command) =>
    withTerminal(sub).option(
      '--data-dir <folder>',
      'where data sets lie, each in a folder of its name',
      userDataDir(),
    );

  withTerminal(command.command('list'))
    .description('what there is, where it comes from, its licence and size')
    .addHelpText('after', '\nExample: seedbed data list')
    .action((flags: TerminalFlags) =>
      runReported('data list', flags, async ({ report }) => ({
        report: report({ results: CATALOGUE }),
        lines: CATALOGUE.flatMap(describe),
      })),
    );

  shared(command.command('fetch'))
    .description('download a data set; goes on where it was stopped')
    .argument('<name>')
    .addHelpText('after', '\nExample: seedbed data fetch fashion-mnist')
    .action((name: string, flags: Flags) =>
      runReported('data fetch', flags, async ({ terminal, report }) => {
        const entry = entryOf(name);
        const folder = joinPath(flags.dataDir, name);
        for (const file of entry.files) await fetchFile(terminal, entry, file, folder);
        const found = entry.files.length > 0 ? `in ${folder}` : 'computed; there is nothing to fetch';
        const results = entry.files.map(file => joinPath(folder, file.name));
        return { report: report({ results }), lines: [`${name} is ${found}`] };
      }),
    );

  shared(command.command('verify'))
    .description('check the files of a data set')
    .argument('<name>')
    .argument('[folder]', 'where its files are (default: the folder of its name in the data folder)')
    .addHelpText('after', '\nExample: seedbed data verify mnist ~/Downloads/mnist')
    .action((name: string, folder: string | undefined, flags: Flags) =>
      runReported('data verify', flags, async ({ report }) => {
        const results = await verifyDataset(name, folder ?? joinPath(flags.dataDir, name));
        const wrong = results.filter(result => !result.ok).length;
        const fault = `${name}: ${wrong} of ${results.length} files are missing or wrong; seedbed data fetch ${name} gets them`;
        return {
          report: report({ results }),
          lines: results.map(({ file, ok, message }) => `${ok ? 'right' : 'WRONG'}  ${file}: ${message}`),
          fault: wrong > 0 ? new SeedbedError('BadFile', fault) : undefined,
        };
      }),
    );
}

/** Tries a file's sources one after the other. */
async function fetchFile(
  terminal: Terminal,
  entry: CatalogueEntry,
  file: CatalogueEntry['files'][number],
  folder: string,
): Promise<void> {
  const failures: string[] = [];
  for (const source of entry.sources) {
    const progress = terminal.progress(file.name, 'bytes');
    try {
      const { bytes, md5, name } = file;
      const onProgress = (done: number) => progress.update(done, bytes);
      return await download(source + name, joinPath(folder, name), {
        bytes,
        md5,
        onProgress,
        signal: terminal.signal,
      });
    } catch (error) {
      if (isSeedbedError(error, 'Interrupted')) throw error;
      failures.push(messageOf(error));
    } finally {
      progress.stop();
    }
  }
  throw new SeedbedError('Machine', failures.join('\n'));
}

function describe(entry: CatalogueEntry): string[] {
  const size = entry.files.reduce((sum, file) => sum + file.bytes, 0);
  return [
    `${entry.name.padEnd(14)} ${entry.title}, [${entry.shape}], ${entry.splits.train} to train, ${entry.splits.test} to test`,
    `${''.padEnd(14)} ${size > 0 ? `${(size / 1e6).toFixed(1)} MB; ` : ''}licence: ${entry.licence}`,
    ...entry.sources.map(source => `${''.padEnd(14)} from ${source}`),
  ];
}
