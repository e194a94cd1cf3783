import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import { z } from 'zod';
import { SeedbedError } from '../errors.ts';
import type { ExternalFiles } from '../graph/external.ts';
import type { Graph } from '../graph/ir.ts';
import { renameValues } from '../graph/nodes.ts';
import { parseModel, serializeModel } from '../graph/protobuf.ts';
import { widen } from '../graph/widen.ts';
import { parseJson } from '../tensor/json.ts';
import { bytesOf, toFloat16 } from '../tensor/tensor.ts';
import { checkModel } from './check-model.ts';
import {
  type Autoencoder,
  autoencoderSchema,
  type Denoiser,
  denoiserSchema,
  type Embedder,
  embedderSchema,
  type Model,
  type ModelInfo,
} from './info.ts';

/** A model from a graph and its description. */
export function createModel<Info extends ModelInfo>(graph: Graph, info: Info): Model<Info> {
  return { graph, info, hash: modelHash(graph, info) };
}

/**
 * A model as the bytes of one ONNX file, its description in the metadata entry `seedbed` (docs/formats.md). What a model was bound
 * to ({@link withConditions}) becomes a part of its graph: the file grows the same pictures, but is a model of another
 * hash, to which seeds that were found before do not belong.
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
      "an ONNX file, but not a Seedbed model: its metadata has no entry 'seedbed'. 'seedbed import' makes one of it",
      { at: file },
    );
  }
  let described: unknown;
  try {
    described = parseJson(text);
  } catch (cause) {
    throw new SeedbedError('BadFile', "its metadata entry 'seedbed' is not JSON", { at: file, cause });
  }
  const parsed = z
    .discriminatedUnion('kind', [denoiserSchema, embedderSchema, autoencoderSchema])
    .safeParse(described);
  if (!parsed.success) {
    throw new SeedbedError('BadFile', `its description is not valid:\n${z.prettifyError(parsed.error)}`, {
      at: file,
    });
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
  checkModel(graph, info, file, counts);
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
    throw new SeedbedError('BadArgument', `${KINDS[model.info.kind]}; ${KINDS[kind]} is needed here`, {
      at: file,
    });
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
export function halveWeights(graph: Graph): Graph {
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
