import type { Command } from 'commander';
import { CATALOGUE, type CatalogueEntry, entryOf } from '../data/catalogue.ts';
import { verifyDataset } from '../data/verify.ts';
import { isSeedbedError, messageOf, SeedbedError } from '../errors.ts';
import { download } from '../runtime/download.ts';
import { joinPath, userDataDir } from '../runtime/files.ts';
import { version } from './files.ts';
import { openTerminal, type Terminal, withTerminal } from './terminal.ts';

interface Flags {
  dataDir: string;
  json?: boolean;
  quiet?: boolean;
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
    .action(async (flags: Flags) => {
      const terminal = openTerminal(flags);
      for (const entry of CATALOGUE) for (const line of describe(entry)) terminal.line(line);
      terminal.json({ seedbed: await version(), command: 'data list', results: CATALOGUE });
    });

  shared(command.command('fetch'))
    .description('download a data set; goes on where it was stopped')
    .argument('<name>')
    .addHelpText('after', '\nExample: seedbed data fetch fashion-mnist')
    .action(async (name: string, flags: Flags) => {
      const terminal = openTerminal(flags);
      const entry = entryOf(name);
      const folder = joinPath(flags.dataDir, name);
      if (entry.files.length === 0) terminal.line(`${name} is computed; there is nothing to fetch`);
      for (const file of entry.files) await fetchFile(terminal, entry, file, folder);
      if (entry.files.length > 0) terminal.line(`${name} is in ${folder}`);
      terminal.json({
        seedbed: await version(),
        command: 'data fetch',
        results: entry.files.map(file => joinPath(folder, file.name)),
      });
    });

  shared(command.command('verify'))
    .description('check the files of a data set')
    .argument('<name>')
    .argument('[folder]', 'where its files are (default: the folder of its name in the data folder)')
    .addHelpText('after', '\nExample: seedbed data verify mnist ~/Downloads/mnist')
    .action(async (name: string, folder: string | undefined, flags: Flags) => {
      const terminal = openTerminal(flags);
      const results = await verifyDataset(name, folder ?? joinPath(flags.dataDir, name));
      for (const { file, ok, message } of results)
        terminal.line(`${ok ? 'right' : 'WRONG'}  ${file}: ${message}`);
      terminal.json({ seedbed: await version(), command: 'data verify', results });
      const wrong = results.filter(result => !result.ok).length;
      if (wrong > 0)
        throw new SeedbedError(
          'BadFile',
          `${name}: ${wrong} of ${results.length} files are missing or wrong; seedbed data fetch ${name} gets them`,
        );
    });
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
