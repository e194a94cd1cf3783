import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { differentiate } from '../../src/autodiff/differentiate.ts';
import { openDataset } from '../../src/data/open.ts';
import { parseDenoiserConfig, parseEmbedderConfig } from '../../src/diffusion/config.ts';
import { samplerGrid } from '../../src/diffusion/grid.ts';
import { asDenoiser, asEmbedder, readModel } from '../../src/diffusion/model.ts';
import { ratesAt } from '../../src/diffusion/schedule.ts';
import { decode } from '../../src/embedding/embed.ts';
import { createEncoder } from '../../src/embedding/finders.ts';
import { checkSeeds, readSeeds } from '../../src/embedding/seeds.ts';
import { parseModel, serializeModel } from '../../src/graph/protobuf.ts';
import { buildNetwork } from '../../src/nn/networks.ts';
import { readBytes, readJson } from '../../src/runtime/files.ts';
import { decodeImage } from '../../src/runtime/images.ts';
import { createRuntime } from '../../src/runtime/node.ts';
import { normals } from '../../src/tensor/random.ts';
import { readSafetensors } from '../../src/tensor/safetensors.ts';
import { type Mutate, mutateBytes } from './bytes.ts';
import * as formats from './formats.ts';
import { RUN_KINDS } from './runs.ts';
import * as samples from './samples.ts';

/** A kind of file: sound examples, how they are spoilt, and the reading of one as the command line does it. */
export interface Kind {
  readonly name: string;
  /** What reads it, for the table. */
  readonly reader: string;
  readonly mutate: Mutate;
  /** @param folder may be filled, and is the reader's alone. */
  prepare(folder: string): Promise<Prepared>;
}

export interface Prepared {
  readonly samples: readonly Uint8Array[];
  /** Where the spoilt file is put. */
  readonly path: string;
  read(path: string): Promise<unknown>;
  /** What a message may name in the file's stead: a file within it, a graph that was read from it. */
  readonly names: readonly string[];
}

function kind(
  name: string,
  reader: string,
  file: string,
  mutate: Mutate,
  examples: () => readonly Uint8Array[] | Promise<readonly Uint8Array[]>,
  read: (path: string) => Promise<unknown>,
  names: readonly string[] = [],
): Kind {
  const prepare = async (folder: string) => {
    await mkdir(folder);
    return { samples: await examples(), path: join(folder, file), read, names };
  };
  return { name, reader, mutate: formats.orBytes(mutate), prepare };
}

/** Opens a data set and reads its first and last item. */
async function readDataset(path: string): Promise<void> {
  const dataset = await openDataset(path);
  await dataset.read([0, dataset.length - 1]);
}

/** Reads a picture by itself, brought to the size that a model takes, and as a set of one, as it is. */
async function readPicture(path: string): Promise<void> {
  await decodeImage(await readBytes(path), path, { size: 4, channels: 1 });
  await readDataset(path);
}

async function readAndDecodeSeeds(path: string): Promise<void> {
  const model = samples.oracle;
  const seeds = readSeeds(await readBytes(path), path);
  checkSeeds(seeds, model, model.info.sampler, path);
  await decode(await runtime, model, seeds.latent);
}

async function readAndDifferentiate(path: string): Promise<void> {
  const graph = parseModel(await readBytes(path), path);
  const wrt = graph.inputs.filter(({ dtype }) => dtype === 'float32').map(({ name }) => name);
  const of = graph.outputs[0]?.name ?? 'y';
  serializeModel(differentiate(graph, { of, wrt, bind: { N: 1 }, file: path }));
}

async function readAndSample(path: string): Promise<void> {
  const model = asDenoiser(readModel(await readBytes(path), path), path);
  samplerGrid(model.info, model.info.sampler);
  const latent = normals({ seed: 0, purpose: 'sample' }, [2, ...model.info.shape]);
  await decode(await runtime, model, latent, { sampler: { ...model.info.sampler, steps: 1 } });
}

async function readAndEncode(path: string): Promise<void> {
  const model = asEmbedder(readModel(await readBytes(path), path), path);
  const encoder = await createEncoder(await runtime, model, 1);
  await encoder.run(normals({ seed: 0, purpose: 'picture' }, [1, ...model.info.shape]));
  await encoder.dispose();
}

async function readDenoiserConfig(path: string): Promise<void> {
  const config = parseDenoiserConfig(await readJson(path), path);
  ratesAt(config.schedule, 0.5);
  const size = 8 + 2 * config.image.padding;
  buildNetwork(config.network, { name: 'n', shape: [1, size, size], level: 'level', output: 'epsilon' }, 0);
}

async function readEmbedderConfig(path: string): Promise<void> {
  const config = parseEmbedderConfig(await readJson(path), path);
  buildNetwork(config.network, { name: 'n', shape: [1, 8, 8], level: null, output: 'latent' }, 0);
}

const runtime = createRuntime({ threads: 1 });
const { packed } = formats;
const { mutateIdx, mutateTar, mutateNpy, mutateSafetensors, mutateJsonFile, mutateModel, mutateOnnx } =
  formats;

export const KINDS: readonly Kind[] = [
  kind('IDX', 'openDataset', 'spoilt-idx3-ubyte', mutateIdx, samples.idx, readDataset),
  kind('IDX, gzip', 'openDataset', 'spoilt-idx3-ubyte.gz', packed(mutateIdx), samples.idx, readDataset),
  kind('CIFAR-10', 'openDataset', 'spoilt.bin', mutateBytes, samples.cifar, readDataset),
  kind(
    'archive of CIFAR-10',
    'openDataset',
    'spoilt.tar.gz',
    packed(mutateTar),
    samples.cifarArchive,
    readDataset,
    ['data_batch'],
  ),
  kind(
    'archive of pictures',
    'openDataset',
    'spoilt.tgz',
    packed(mutateTar),
    samples.pictureArchive,
    readDataset,
    ['.png'],
  ),
  kind('PNG', 'decodeImage', 'spoilt.png', formats.mutatePng, samples.png, readPicture),
  kind('JPEG', 'decodeImage', 'spoilt.jpg', formats.mutateJpeg, samples.jpeg, readPicture),
  kind('WebP', 'decodeImage', 'spoilt.webp', formats.mutateWebp, samples.webp, readPicture),
  kind('array (.npy)', 'readSeeds', 'spoilt.npy', mutateNpy, samples.npy, readAndDecodeSeeds),
  kind(
    'seeds (.safetensors)',
    'readSeeds',
    'spoilt.safetensors',
    mutateSafetensors,
    samples.seeds,
    readAndDecodeSeeds,
  ),
  kind(
    'tensors (.safetensors)',
    'readSafetensors',
    'spoilt.safetensors',
    mutateSafetensors,
    samples.tensors,
    async path => readSafetensors(await readBytes(path), path),
  ),
  kind('graph (.onnx)', 'differentiate', 'spoilt.onnx', mutateOnnx, samples.graphs, readAndDifferentiate),
  kind(
    'denoiser (.onnx)',
    'readModel, decode',
    'spoilt.onnx',
    mutateModel,
    samples.denoisers,
    readAndSample,
    ["graph '"],
  ),
  kind(
    'embedder (.onnx)',
    'readModel, createEncoder',
    'spoilt.onnx',
    mutateModel,
    samples.embedders,
    readAndEncode,
    ["graph '"],
  ),
  kind(
    'denoiser configuration',
    'parseDenoiserConfig',
    'spoilt.json',
    mutateJsonFile,
    samples.denoiserConfigs,
    readDenoiserConfig,
  ),
  kind(
    'embedder configuration',
    'parseEmbedderConfig',
    'spoilt.json',
    mutateJsonFile,
    samples.embedderConfigs,
    readEmbedderConfig,
  ),
  ...RUN_KINDS,
];
