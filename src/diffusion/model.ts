import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import { z } from 'zod';
import { inFile, SeedbedError } from '../errors.ts';
import { GraphBuilder } from '../graph/builder.ts';
import type { ExternalFiles } from '../graph/external.ts';
import type { Graph } from '../graph/ir.ts';
import { renameValues } from '../graph/nodes.ts';
import { parseModel, serializeModel } from '../graph/protobuf.ts';
import { replay } from '../graph/replay.ts';
import { widen } from '../graph/widen.ts';
import { parseJson } from '../tensor/json.ts';
import { bytesOf, toFloat16 } from '../tensor/tensor.ts';
import { closeInputs, furtherInputs, placeholderFor } from './further-inputs.ts';
import {
  type Denoiser,
  denoiserSchema,
  type Embedder,
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
 * Reads a model of either kind from the bytes of an ONNX file that Seedbed wrote; weights become float32.
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
  const parsed = z.discriminatedUnion('kind', [denoiserSchema, embedderSchema]).safeParse(described);
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
  checkSignature(graph, info, file);
  const closed = inFile(file, () => withPlaceholders(graph, info));
  for (const count of counts) inFile(file, () => checkPlays(closed.graph, closed.info, file, count));
  return createModel(graph, info);
}

/** The model with zeros for its conditions, so that it can be tried before it is bound. */
function withPlaceholders(graph: Graph, info: ModelInfo): { graph: Graph; info: ModelInfo } {
  if (info.kind === 'embedder' || !info.conditions) return { graph, info };
  const { conditions, ...bound } = info;
  const [count] = graph.inputs.find(({ name }) => name === info.inputs.image)!.shape;
  const open = furtherInputs(graph, info).filter(({ name }) => conditions.includes(name));
  const values = new Map(open.map(input => [input.name, placeholderFor(input, count!)]));
  return { graph: closeInputs(graph, info, values, 'condition'), info: bound };
}

/** Narrows a model to a denoiser. @throws {SeedbedError} BadArgument when it is something else. */
export function asDenoiser(model: Model, file: string): Denoiser {
  if (model.info.kind !== 'denoiser')
    throw new SeedbedError('BadArgument', `${file}: an ${model.info.kind}; a denoiser is needed here`);
  return model as Denoiser;
}

/** Narrows a model to an embedder. @throws {SeedbedError} BadArgument when it is something else. */
export function asEmbedder(model: Model, file: string): Embedder {
  if (model.info.kind !== 'embedder')
    throw new SeedbedError('BadArgument', `${file}: a ${model.info.kind}; an embedder is needed here`);
  return model as Embedder;
}

function checkSignature(graph: Graph, info: ModelInfo, file: string): void {
  const inputs = new Map(graph.inputs.map(i => [i.name, i.shape]));
  for (const [use, name] of Object.entries(info.inputs)) {
    if (!inputs.has(name))
      throw new SeedbedError(
        'BadFile',
        `${file}: says that its ${use} input is '${name}', but has: ${[...inputs.keys()].join(', ')}`,
      );
  }
  const conditions = info.kind === 'denoiser' ? (info.conditions ?? []) : [];
  const missing = conditions.find(name => !inputs.has(name));
  if (missing !== undefined)
    throw new SeedbedError(
      'BadFile',
      `${file}: says that '${missing}' is a condition, but takes: ${[...inputs.keys()].join(', ')}`,
    );
  if (!graph.outputs.some(o => o.name === info.output))
    throw new SeedbedError('BadFile', `${file}: has no output '${info.output}'`);
  const shape = inputs.get(info.inputs.image)!.slice(1);
  if (shape.join() !== info.shape.join())
    throw new SeedbedError(
      'BadFile',
      `${file}: says its pictures are [${info.shape}], but its input is [${shape}]`,
    );
  const channels = info.shape[0]!;
  if (info.range.mean.length !== channels || info.range.std.length !== channels) {
    throw new SeedbedError(
      'BadFile',
      `${file}: ${channels} channel(s), but ${info.range.mean.length} mean(s) and ${info.range.std.length} deviation(s)`,
    );
  }
  if (info.shape.slice(1).some(dim => dim <= 2 * info.padding)) {
    throw new SeedbedError(
      'BadFile',
      `${file}: a padding of ${info.padding} on each side leaves nothing of pictures [${info.shape}]`,
    );
  }
}

/** Plays the graph on some pictures, so that what does not fit is found with its file. */
export function checkPlays(graph: Graph, info: ModelInfo, file: string, count: number): void {
  const b = new GraphBuilder(graph.name);
  const shape = [count, ...info.shape];
  const image = b.input('pictures', 'float32', shape);
  const output =
    info.kind === 'denoiser'
      ? playNetwork(b, { info, graph }, image, b.scalar(1), file)
      : replay(b, graph, { [info.inputs.image]: image }, file)[info.output]!;
  const given = b.type(output);
  if (given.dtype !== 'float32' || given.shape.join() !== shape.join()) {
    throw new SeedbedError(
      'BadFile',
      `its output '${info.output}' for pictures [${shape}] is ${given.dtype} [${given.shape}], not float32 of that shape`,
    );
  }
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
  const { range, padding } = info;
  const conventions =
    info.kind === 'denoiser'
      ? {
          range,
          padding,
          level: info.level,
          predicts: info.predicts,
          sees: info.sees,
          schedule: info.schedule,
        }
      : { range, padding };
  hash.update(text.encode(JSON.stringify(sorted(conventions))));
  return bytesToHex(hash.digest());
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
