import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { keptPicture } from '../../src/cli/evaluate.ts';
import { embed } from '../../src/embedding/embed.ts';
import type { Journal } from '../../src/embedding/journal.ts';
import { journalIn } from '../../src/embedding/journal-files.ts';
import { RECIPES } from '../../src/embedding/recipes.ts';
import { soughtCodec } from '../../src/embedding/seek.ts';
import { createRuntime } from '../../src/runtime/node.ts';
import { float32 } from '../../src/tensor/tensor.ts';
import { jsonCodec, tensorCodec } from '../../src/work/kept.ts';
import { inPieces, openUnfinished } from '../../src/work/unfinished.ts';
import type { Mutate } from './bytes.ts';
import { mutateJsonFile, mutateSafetensors, orBytes } from './formats.ts';
import { command, type Kind, type Prepared } from './kind.ts';
import { latent, oracle } from './samples.ts';

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
  await embed(oracle, picture, { runtime: await runtime, method: 'descent', recipe, journal });
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

/** What `cloud`, `interpolate` and `reproduce` keep of seeds that they sought. */
async function goOnSeeking(out: string): Promise<void> {
  const unfinished = await openUnfinished({ out, resume: true }, ABOUT);
  const results = [RESULT, RESULT].map(result => ({ ...result, losses: [] }));
  const found = { latent, pictures: latent, results, method: { name: 'split', tau: 0.1 } };
  await inPieces(unfinished, { count: 2, piece: 2, signal, codec: soughtCodec(oracle) }, async () => found);
}

const NUMBERS = '.unfinished-reproduce/numbers-fig8.json';

/** What an experiment found, spoilt, and the reproduction gone on with, which then needs it for its report only. */
const findings: Kind = {
  name: 'unfinished reproduction',
  reader: 'reproduce --resume',
  mutate: orBytes(mutateJsonFile),
  async prepare(folder): Promise<Prepared> {
    const at = (name: string) => join(folder, name);
    await mkdir(at('empty'), { recursive: true });
    const reproduce = (...args: string[]) => command('reproduce', ...args, '--out', folder, '--threads', '1');
    // The second cannot be run, so that what the first found stays.
    const nothing = ['--models', at('empty'), '--data-dir', at('empty')];
    await reproduce('fig8', 'retrain', ...nothing).catch(() => {});
    const [sound, about] = await Promise.all(
      [NUMBERS, '.unfinished-reproduce/about.json'].map(name => readFile(at(name))),
    );
    const read = async () => {
      await writeFile(at('.unfinished-reproduce/about.json'), about!);
      // The folder goes when the work is done; the next spoilt file needs it.
      await reproduce('fig8', '--resume').finally(() =>
        mkdir(at('.unfinished-reproduce'), { recursive: true }),
      );
    };
    return { samples: [sound!], path: at(NUMBERS), read, names: [] };
  },
};

/** Work of other commands that was stopped and goes on. */
export const UNFINISHED_KINDS: readonly Kind[] = [
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
  kept('unfinished cloud, interpolation', 'inPieces', 'piece-0', mutateSafetensors, [], goOnSeeking),
  findings,
];
