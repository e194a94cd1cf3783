import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import { z } from 'zod';
import { inFile, SeedbedError } from '../errors.ts';
import { GraphBuilder } from '../graph/builder.ts';
import type { ExternalFiles } from '../graph/external.ts';
import type { Dim, Graph, ValueType } from '../graph/ir.ts';
import { renameValues } from '../graph/nodes.ts';
import { parseModel, serializeModel } from '../graph/protobuf.ts';
import { replay } from '../graph/replay.ts';
import { widen } from '../graph/widen.ts';
import { parseJson } from '../tensor/json.ts';
import { bytesOf, toFloat16 } from '../tensor/tensor.ts';
import { HALVES, type Half, halfGraph } from './autoencoder.ts';
import {
  type Autoencoder,
  type AutoencoderInfo,
  autoencoderSchema,
  type Denoiser,
  type DenoiserInfo,
  denoiserSchema,
  type Embedder,
  type EmbedderInfo,
  embedderSchema,
  type Model,
  type ModelInfo,
} from './info.ts';
import { playNetwork } from './network.ts';

/** A model from a graph and its description. */
export function createModel<Info extends ModelInfo>(graph: Graph, info: Info): Model<Info> {
  return { graph, info, hash: modelHash(graph, info) };
}

/**
 * A model as the bytes of one ONNX file, its description in the metadata entry `seedbed` (docs/formats.md).
 * @param half stores weights of more than 64 numbers as float16, rounding them; the hash is that of rounded ones; false.
 * @group Files
 * @example
 * import { writeFile } from 'node:fs/promises';
 * import { loadModel, saveModel, SHIPPED_DENOISER } from 'seedbed';
 * const model = await loadModel(SHIPPED_DENOISER);
 * await writeFile('model.onnx', saveModel(model, true));
 */
export function saveModel(model: Model, half = false): Uint8Array {
  const graph = half ? halveWeights(model.graph) : model.graph;
  return serializeModel({ ...graph, metadata: new Map([['seedbed', JSON.stringify(model.info)]]) });
}

/**
 * Reads a model of any kind from the bytes of an ONNX file that Seedbed wrote; weights become float32.
 * @param file the name that messages give the file.
 * @param files the files that hold its weights, where they lie apart (see {@link externalFiles}).
 * @throws {SeedbedError} BadFile when the file is damaged or does not describe itself, Unsupported when its graph is
 * beyond Seedbed.
 * @group Files
 * @example
 * import { readFile } from 'node:fs/promises';
 * import { readModel, SHIPPED_EMBEDDER } from 'seedbed';
 * const { info } = readModel(await readFile(SHIPPED_EMBEDDER), 'fashion-mnist-embedder.onnx');
 * console.log(info.kind); // prints embedder
 */
export function readModel(bytes: Uint8Array, file: string, files: ExternalFiles = new Map()): Model {
  const graph = widen(parseModel(bytes, file, files));
  const text = graph.metadata.get('seedbed');
  if (text === undefined) {
    throw new SeedbedError(
      'BadFile',
      `${file}: an ONNX file, but not a Seedbed model: its metadata has no entry 'seedbed'. 'seedbed import' makes one of it`,
    );
  }
  let described: unknown;
  try {
    described = parseJson(text);
  } catch (cause) {
    throw new SeedbedError('BadFile', `${file}: its metadata entry 'seedbed' is not JSON`, { cause });
  }
  const parsed = z
    .discriminatedUnion('kind', [denoiserSchema, embedderSchema, autoencoderSchema])
    .safeParse(described);
  if (!parsed.success) {
    throw new SeedbedError(
      'BadFile',
      `${file}: its description is not valid:\n${z.prettifyError(parsed.error)}`,
    );
  }
  return acceptModel(graph, parsed.data, file);
}

/**
 * A model whose graph does what its description says.
 * @param counts numbers of pictures that it is tried with, as samplers and encoders will; 2 unless given.
 * @throws {SeedbedError} BadFile or Unsupported where it does not.
 */
export function acceptModel(
  graph: Graph,
  info: ModelInfo,
  file: string,
  counts: readonly number[] = [2],
): Model {
  if (info.kind === 'autoencoder') {
    checkHalves(graph, info, file);
    for (const count of counts) inFile(file, () => checkAutoencoder(graph, info, count, file));
  } else {
    checkSignature(graph, info, file);
    for (const count of counts) inFile(file, () => checkGraph(graph, info, file, count));
  }
  return createModel(graph, info);
}

/** Kinds of models as they are named in messages. */
const KINDS = {
  denoiser: 'a denoiser',
  embedder: 'an embedder',
  autoencoder: 'an autoencoder',
} satisfies Record<ModelInfo['kind'], string>;

function requireKind(model: Model, kind: ModelInfo['kind'], file: string): void {
  if (model.info.kind !== kind)
    throw new SeedbedError(
      'BadArgument',
      `${file}: ${KINDS[model.info.kind]}; ${KINDS[kind]} is needed here`,
    );
}

/** Narrows a model to a denoiser. @throws {SeedbedError} BadArgument when it is something else. */
export function asDenoiser(model: Model, file: string): Denoiser {
  requireKind(model, 'denoiser', file);
  return model as Denoiser;
}

/** Narrows a model to an embedder. @throws {SeedbedError} BadArgument when it is something else. */
export function asEmbedder(model: Model, file: string): Embedder {
  requireKind(model, 'embedder', file);
  return model as Embedder;
}

/** Narrows a model to an autoencoder. @throws {SeedbedError} BadArgument when it is something else. */
export function asAutoencoder(model: Model, file: string): Autoencoder {
  requireKind(model, 'autoencoder', file);
  return model as Autoencoder;
}

/** Numbers in, numbers out: what an autoencoder's graph takes and gives. */
function checkHalves(graph: Graph, info: AutoencoderInfo, file: string): void {
  for (const half of Object.values(HALVES)) {
    const { input, takes, output } = half(info);
    const found = graph.inputs.find(({ name }) => name === input);
    if (!found || !graph.outputs.some(({ name }) => name === output))
      throw new SeedbedError('BadFile', `${file}: has no input '${input}', or no output '${output}'`);
    if (found.shape.slice(1).join() !== takes.join())
      throw new SeedbedError(
        'BadFile',
        `${file}: says that '${input}' is [${takes}], but its input is [${found.shape.slice(1)}]`,
      );
  }
  if (info.range.from === null) throw new SeedbedError('BadFile', `${file}: its pictures have no range`);
  checkChannels(info, file);
}

/** Plays both halves on some rows. */
function checkAutoencoder(graph: Graph, info: AutoencoderInfo, count: number, file: string): void {
  for (const half of Object.keys(HALVES) as Half[]) {
    const { output, gives } = HALVES[half](info);
    const played = halfGraph({ graph, info }, half, count, file);
    const { shape: takes } = played.inputs[0]!;
    requireOutput(played.outputs[0]!, output, takes, [takes[0]!, ...gives]);
  }
}

function checkSignature(graph: Graph, info: DenoiserInfo | EmbedderInfo, file: string): void {
  const inputs = new Map(graph.inputs.map(i => [i.name, i.shape]));
  for (const [use, name] of Object.entries(info.inputs)) {
    if (!inputs.has(name))
      throw new SeedbedError(
        'BadFile',
        `${file}: says that its ${use} input is '${name}', but has: ${[...inputs.keys()].join(', ')}`,
      );
  }
  if (!graph.outputs.some(o => o.name === info.output))
    throw new SeedbedError('BadFile', `${file}: has no output '${info.output}'`);
  const shape = inputs.get(info.inputs.image)!.slice(1);
  if (shape.join() !== info.shape.join())
    throw new SeedbedError(
      'BadFile',
      `${file}: says its pictures are [${info.shape}], but its input is [${shape}]`,
    );
  checkChannels(info, file);
  if (info.shape.slice(1).some(dim => dim <= 2 * info.padding)) {
    throw new SeedbedError(
      'BadFile',
      `${file}: a padding of ${info.padding} on each side leaves nothing of pictures [${info.shape}]`,
    );
  }
}

function checkChannels({ shape, range: { mean, std } }: ModelInfo, file: string): void {
  const channels = shape[0]!;
  if (mean.length !== channels || std.length !== channels)
    throw new SeedbedError(
      'BadFile',
      `${file}: ${channels} channel(s), but ${mean.length} mean(s) and ${std.length} deviation(s)`,
    );
}

/** Plays the graph on some pictures, so that what does not fit is found with its file. */
function checkGraph(graph: Graph, info: DenoiserInfo | EmbedderInfo, file: string, count: number): void {
  const b = new GraphBuilder(graph.name);
  const shape = [count, ...info.shape];
  const image = b.input('pictures', 'float32', shape);
  const output =
    info.kind === 'denoiser'
      ? playNetwork(b, { info, graph }, image, b.scalar(1), file)
      : replay(b, graph, { [info.inputs.image]: image }, file)[info.output]!;
  requireOutput(b.type(output), info.output, shape, shape);
}

function requireOutput(
  { dtype, shape }: ValueType,
  name: string,
  takes: readonly Dim[],
  gives: readonly Dim[],
): void {
  if (dtype === 'float32' && shape.join() === gives.join()) return;
  const wanted = takes === gives ? 'of that shape' : `[${gives}]`;
  throw new SeedbedError(
    'BadFile',
    `its output '${name}' for pictures [${takes}] is ${dtype} [${shape}], not float32 ${wanted}`,
  );
}

/** sha256 as formats.md defines it: initialisers by name, nodes in order, then the numeric conventions as sorted JSON. */
export function modelHash(graph: Graph, info: ModelInfo): string {
  const hash = sha256.create();
  const text = new TextEncoder();
  for (const [name, t] of [...graph.initializers].sort(([a], [b]) => (a < b ? -1 : 1))) {
    hash.update(text.encode(JSON.stringify([name, t.dtype, t.shape])));
    hash.update(bytesOf(t));
  }
  for (const { op, inputs, outputs, attributes } of graph.nodes) {
    hash.update(text.encode(JSON.stringify([op, inputs, outputs, sorted(attributes)])));
  }
  hash.update(text.encode(JSON.stringify(sorted(conventionsOf(info)))));
  return bytesToHex(hash.digest());
}

/** What a description says of numbers, which is part of a model's hash. */
function conventionsOf(info: ModelInfo): unknown {
  const { range } = info;
  if (info.kind === 'autoencoder') return { range };
  const { padding } = info;
  if (info.kind === 'embedder') return { range, padding };
  const { level, predicts, sees, schedule } = info;
  return { range, padding, level, predicts, sees, schedule };
}

/** Plain data with the keys of its objects in order, so that equal data has equal JSON. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (ArrayBuffer.isView(value)) return Array.from(value as unknown as ArrayLike<number | bigint>, Number);
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Map) return sorted(Object.fromEntries(value));
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, v]) => [key, sorted(v)]),
  );
}

const WIDE = '.float32';

/** The graph with its larger float32 weights stored as float16 and cast back where they are used. */
function halveWeights(graph: Graph): Graph {
  const large = [...graph.initializers]
    .filter(([, t]) => t.dtype === 'float32' && t.data.length > 64)
    .map(([name]) => name);
  const stored = new Set(large);
  const casts = large.map(name => ({
    op: 'Cast',
    name: `widen ${name}`,
    inputs: [name],
    outputs: [name + WIDE],
    attributes: { to: 1 },
  }));
  const rename = (name: string) => (stored.has(name) ? name + WIDE : name);
  return {
    ...graph,
    initializers: new Map(
      [...graph.initializers].map(([name, t]) => [name, stored.has(name) ? toFloat16(t) : t]),
    ),
    nodes: [...casts, ...graph.nodes.map(node => renameValues(node, rename))],
  };
}
