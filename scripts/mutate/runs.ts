import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { keptPicture } from '../../src/cli/evaluate.ts';
import { journalIn } from '../../src/cli/journal.ts';
import { main } from '../../src/cli/main.ts';
import { inPieces, jsonCodec, openUnfinished, tensorCodec } from '../../src/cli/unfinished.ts';
import { embed } from '../../src/embedding/embed.ts';
import type { Journal } from '../../src/embedding/embedding.ts';
import { RECIPES } from '../../src/embedding/recipes.ts';
import { SeedbedError } from '../../src/errors.ts';
import { createRuntime } from '../../src/runtime/node.ts';
import { float32 } from '../../src/tensor/tensor.ts';
import { type Mutate, mutateBytes } from './bytes.ts';
import { mutateJsonFile, mutateSafetensors, orBytes } from './formats.ts';
import type { Kind, Prepared } from './kinds.ts';
import { denoiserConfig, latent, oracle } from './samples.ts';

// Work that was stopped and goes on: the folder of a training run, and what other commands have done so far.

/** Runs a command. @throws {SeedbedError} what it says, unless that is a fault of Seedbed's own. */
async function command(...args: string[]): Promise<void> {
  let said = '';
  const write = process.stderr.write;
  process.stderr.write = ((text: string) => {
    said += text;
    return true;
  }) as typeof write;
  const code = await main([...args, '--threads', '1', '--quiet']).finally(() => {
    process.stderr.write = write;
  });
  if (said.includes("fault of Seedbed's own")) throw new Error(said);
  if (code !== 0) throw new SeedbedError('BadFile', said);
}

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
      await command('train', 'denoiser', '--config', config, '--out', out);
      const sound = await Promise.all(
        RUN_FILES.map(async name => [name, await readFile(join(out, name))] as const),
      );
      const restore = () =>
        Promise.all(
          sound.map(([name, bytes]) => (name === file ? undefined : writeFile(join(out, name), bytes))),
        );
      const read = async () => {
        await restore();
        await command('train', 'denoiser', '--resume', '--out', out, '--minutes', '0.00001');
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

/** A file in which a command keeps what it has done, spoilt, and the command gone on with. */
function kept(
  name: string,
  reader: string,
  file: string,
  mutate: Mutate,
  names: readonly string[],
  goOn: (out: string) => Promise<unknown>,
): Kind {
  return {
    name,
    reader,
    mutate: orBytes(mutate),
    async prepare(folder): Promise<Prepared> {
      await mkdir(folder);
      await goOn(folder);
      const path = join(folder, `.unfinished-${ABOUT.command}`, file);
      return { samples: [await readFile(path)], path, read: () => goOn(folder), names };
    },
  };
}

const ABOUT = { command: 'embed', model: oracle.hash, rng: 0 };
const SHAPE = oracle.info.shape;
const RESULT = {
  image: 0,
  start: 0,
  mse: 0.1,
  psnr: 10,
  mseBefore: 0.2,
  converged: false,
  latentVariance: 1,
  evaluations: 4,
};
const signal = new AbortController().signal;
const runtime = createRuntime({ threads: 1 });

async function embedWith(journal: Journal): Promise<void> {
  const picture = float32([1, ...SHAPE], new Float32Array(64).fill(0.5));
  const recipe = { ...RECIPES.seedbed, iterations: 3 };
  await embed(await runtime, oracle, picture, { method: 'descent', recipe, journal });
}

async function goOnEmbedding(out: string): Promise<void> {
  await embedWith(journalIn(await openUnfinished({ out, resume: true }, ABOUT)));
}

/** Goes on within a batch: its state is kept at every iteration, and the batch itself never. */
async function goOnDescending(out: string): Promise<void> {
  const journal = journalIn(await openUnfinished({ out, resume: true }, ABOUT));
  await embedWith({
    ...journal,
    due: () => true,
    finished: async () => undefined,
    finish: async () => {},
  });
}

async function goOnDecoding(out: string): Promise<void> {
  const unfinished = await openUnfinished({ out, resume: true }, ABOUT);
  await inPieces(unfinished, { count: 2, piece: 2, signal, codec: tensorCodec(SHAPE) }, async () => latent);
}

async function goOnEvaluating(out: string): Promise<void> {
  const unfinished = await openUnfinished({ out, resume: true }, ABOUT);
  const results = ['a', 'b'].map(name => ({ ...RESULT, name }));
  await inPieces(
    unfinished,
    { count: 2, piece: 2, signal, codec: jsonCodec(keptPicture) },
    async () => results,
  );
}

/** What is right in itself may name a set that is not there, or contradict the checkpoint; these are then named. */
const ELSEWHERE = [
  ...['known data set', 'has the splits', 'cannot read', '/etc/passwd'],
  ...['checkpoint.safetensors', 'configuration'],
];

export const RUN_KINDS: readonly Kind[] = [
  runFile('command.json', mutateJsonFile, ELSEWHERE),
  runFile('config.json', mutateJsonFile, ELSEWHERE),
  runFile('checkpoint.safetensors', mutateSafetensors, []),
  runFile('log.jsonl', mutateBytes, []),
  kept(
    'unfinished command',
    'openUnfinished',
    'about.json',
    mutateJsonFile,
    ['.unfinished-embed'],
    goOnEmbedding,
  ),
  kept('unfinished descent', 'journalIn', 'descent-0.safetensors', mutateSafetensors, [], goOnDescending),
  kept('unfinished batch', 'journalIn', 'batch-0.safetensors', mutateSafetensors, [], goOnEmbedding),
  kept('unfinished decoding', 'inPieces', 'piece-0', mutateSafetensors, [], goOnDecoding),
  kept('unfinished evaluation', 'inPieces', 'piece-0', mutateJsonFile, [], goOnEvaluating),
];
