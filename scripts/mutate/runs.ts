import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Mutate, mutateBytes } from './bytes.ts';
import { mutateJsonFile, mutateSafetensors, orBytes } from './formats.ts';
import { command, type Kind, type Prepared } from './kind.ts';
import { denoiserConfig } from './samples.ts';

const RUN_FILES = ['command.json', 'config.json', 'checkpoint.safetensors', 'log.jsonl'];

/** A run's folder in which one file is spoilt, and the run gone on with. */
function runFile(file: string, mutate: Mutate, names: readonly string[]): Kind {
  return {
    name: `${file} of a run`,
    reader: 'train --resume',
    mutate: orBytes(mutate),
    async prepare(folder): Promise<Prepared> {
      await mkdir(folder);
      const config = join(folder, 'config.json');
      const out = join(folder, 'run');
      await writeFile(config, JSON.stringify(denoiserConfig));
      await command('train', 'denoiser', '--config', config, '--out', out, '--threads', '1');
      const sound = await Promise.all(
        RUN_FILES.map(async name => [name, await readFile(join(out, name))] as const),
      );
      const restore = () =>
        Promise.all(
          sound.map(([name, bytes]) => (name === file ? undefined : writeFile(join(out, name), bytes))),
        );
      const read = async () => {
        await restore();
        await command(
          'train',
          'denoiser',
          '--resume',
          '--out',
          out,
          '--minutes',
          '0.00001',
          '--threads',
          '1',
        );
      };
      return {
        samples: sound.filter(([name]) => name === file).map(([, bytes]) => bytes),
        path: join(out, file),
        read,
        names,
      };
    },
  };
}

/** What is right in itself may name a set that is not there, or contradict the checkpoint; these are then named. */
const ELSEWHERE = [
  ...['known data set', 'has the splits', 'cannot read', '/etc/passwd'],
  ...['checkpoint.safetensors', 'configuration'],
];

/** Training that was stopped and goes on. */
export const RUN_KINDS: readonly Kind[] = [
  runFile('command.json', mutateJsonFile, ELSEWHERE),
  runFile('config.json', mutateJsonFile, ELSEWHERE),
  runFile('checkpoint.safetensors', mutateSafetensors, []),
  runFile('log.jsonl', mutateBytes, []),
];
