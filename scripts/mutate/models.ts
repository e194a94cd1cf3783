import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { differentiate } from '../../src/autodiff/differentiate.ts';
import { parseDenoiserConfig, parseEmbedderConfig } from '../../src/diffusion/config.ts';
import { samplerGrid } from '../../src/diffusion/grid.ts';
import { asDenoiser, asEmbedder, readModel } from '../../src/diffusion/model.ts';
import { ratesAt } from '../../src/diffusion/schedule.ts';
import { createEncoder } from '../../src/embedding/finders.ts';
import { decode } from '../../src/embedding/sampling.ts';
import { parseModel, serializeModel } from '../../src/graph/protobuf.ts';
import { buildNetwork } from '../../src/nn/networks.ts';
import { readBytes, readJson } from '../../src/runtime/files.ts';
import { createRuntime } from '../../src/runtime/node.ts';
import { readOnnxFile } from '../../src/runtime/onnx-file.ts';
import { normals } from '../../src/tensor/random.ts';
import { type Mutate, mutateBytes } from './bytes.ts';
import * as foreign from './foreign.ts';
import { mutateJsonFile, mutateModel, mutateOnnx, orBytes } from './formats.ts';
import { command, type Kind, kind } from './kind.ts';
import { mutateMessage } from './protobuf.ts';
import * as samples from './samples.ts';

const runtime = createRuntime({ threads: 1 });

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
  await decode(model, latent, { runtime: await runtime, sampler: { ...model.info.sampler, steps: 1 } });
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

/** One file of several in a folder, spoilt. @param file its path there. */
function among(
  name: string,
  reader: string,
  file: string,
  mutate: Mutate,
  files: () => Readonly<Record<string, Uint8Array>>,
  read: (folder: string) => Promise<unknown>,
  names: readonly string[] = [],
): Kind {
  return {
    name,
    reader,
    mutate: orBytes(mutate),
    async prepare(folder) {
      const all = files();
      for (const [path, bytes] of Object.entries(all)) {
        await mkdir(dirname(join(folder, path)), { recursive: true });
        await writeFile(join(folder, path), bytes);
      }
      return { samples: [all[file]!], path: join(folder, file), read: () => read(folder), names };
    },
  };
}

const readWithWeights = async (folder: string) => {
  const { bytes, files } = await readOnnxFile(join(folder, 'model.onnx'));
  parseModel(bytes, join(folder, 'model.onnx'), files);
};
const importFolder = (folder: string) => command('import', folder, '--out', join(folder, 'imported.onnx'));
const importDescribed = (folder: string) =>
  command(
    ...['import', join(folder, 'unet.onnx'), '--config', join(folder, 'model.json')],
    ...['--out', join(folder, 'imported.onnx')],
  );
/** What a description says may contradict the graph, which is then named, or name a file that is not there. */
const DESCRIBED = ['unet.onnx', 'cannot read'];

/** Graphs, models, their weights and what describes them. */
export const MODEL_KINDS: readonly Kind[] = [
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
  among(
    'graph with weights elsewhere',
    'readOnnxFile',
    'model.onnx',
    mutateMessage,
    foreign.external,
    readWithWeights,
  ),
  among(
    'weights (.onnx.data)',
    'readOnnxFile',
    'model.onnx.data',
    mutateBytes,
    foreign.external,
    readWithWeights,
  ),
  among(
    'description (model.json)',
    'import --config',
    'model.json',
    mutateJsonFile,
    foreign.described,
    importDescribed,
    DESCRIBED,
  ),
  among(
    'scheduler_config.json',
    'import',
    'scheduler/scheduler_config.json',
    mutateJsonFile,
    foreign.diffusers,
    importFolder,
    ['unet/model.onnx'],
  ),
  among(
    'config.json of diffusers',
    'import',
    'unet/config.json',
    mutateJsonFile,
    foreign.diffusers,
    importFolder,
    ['unet/model.onnx'],
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
];
