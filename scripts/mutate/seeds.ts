import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { saveModel } from '../../src/diffusion/model.ts';
import { decode } from '../../src/embedding/sampling.ts';
import { checkSeeds, readSeeds } from '../../src/embedding/seeds.ts';
import { SeedbedError } from '../../src/errors.ts';
import { readBytes, readText } from '../../src/runtime/files.ts';
import { createRuntime } from '../../src/runtime/node.ts';
import { readSafetensors } from '../../src/tensor/safetensors.ts';
import { Trouble } from '../../studio/src/engine/trouble.ts';
import { parseProject } from '../../studio/src/state/project-file.ts';
import type { Mutate } from './bytes.ts';
import { mutateJsonFile, mutateNpy, mutateSafetensors, orBytes } from './formats.ts';
import { command, type Kind, kind, type Prepared } from './kind.ts';
import * as samples from './samples.ts';

const runtime = createRuntime({ threads: 1 });

const readAndDecode = (sampler: typeof samples.pairSampler) => async (path: string) => {
  const seeds = readSeeds(await readBytes(path), path);
  checkSeeds(seeds, samples.oracle, sampler, path);
  const { latent, pair } = seeds;
  await decode(samples.oracle, pair?.latent ?? latent, {
    runtime: await runtime,
    sampler,
    latent2: pair?.latent2,
  });
};

/** A project, as a page of the studio takes it up. */
async function readProject(path: string): Promise<void> {
  try {
    parseProject(await readText(path), path);
  } catch (error) {
    if (error instanceof Trouble) throw new SeedbedError('BadFile', error.message);
    throw error;
  }
}

/** One file of the first of two shards of a cloud, spoilt, and the shards merged. */
function shard(file: string, mutate: Mutate): Kind {
  return {
    name: `${file} of a shard`,
    reader: 'merge',
    mutate: orBytes(mutate),
    async prepare(folder): Promise<Prepared> {
      await mkdir(folder);
      const at = (...names: string[]) => join(folder, ...names);
      await writeFile(at('model.onnx'), saveModel(samples.oracle));
      await writeFile(at('picture.png'), await samples.modelPicture());
      const how = ['--count', '32', '--batch', '2', '--method', 'descent', '--iterations', '2'];
      const cloud = ['cloud', at('picture.png'), '--model', at('model.onnx'), ...how, '--threads', '1'];
      for (const i of [0, 1]) await command(...cloud, '--shard', `${i}/2`, '--out', at('cloud'));
      const path = at('cloud', 'shard-0-of-2', file);
      const read = () => command('merge', at('cloud'), '--threads', '1');
      return { samples: [await readFile(path)], path, read, names: ['shard-0-of-2'] };
    },
  };
}

/** Seeds, and what else holds arrays or the work of people. */
export const SEED_KINDS: readonly Kind[] = [
  kind(
    'array (.npy)',
    'readSeeds',
    'spoilt.npy',
    mutateNpy,
    samples.npy,
    readAndDecode(samples.oracle.info.sampler),
  ),
  kind(
    'seeds (.safetensors)',
    'readSeeds',
    'spoilt.safetensors',
    mutateSafetensors,
    samples.seeds,
    readAndDecode(samples.oracle.info.sampler),
  ),
  kind(
    'seeds of two states',
    'readSeeds',
    'spoilt.safetensors',
    mutateSafetensors,
    samples.pairs,
    readAndDecode(samples.pairSampler),
  ),
  kind(
    'tensors (.safetensors)',
    'readSafetensors',
    'spoilt.safetensors',
    mutateSafetensors,
    samples.tensors,
    async path => readSafetensors(await readBytes(path), path),
  ),
  shard('manifest.json', mutateJsonFile),
  shard('piece-0', mutateSafetensors),
  kind('project of the studio', 'parseProject', 'spoilt.json', mutateJsonFile, samples.projects, readProject),
];
