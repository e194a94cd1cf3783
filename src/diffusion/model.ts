import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import { z } from 'zod';
import { SeedbedError } from '../errors.ts';
import { ONNX_DTYPES } from '../graph/dtypes.ts';
import type { Graph } from '../graph/ir.ts';
import { parseModel, serializeModel } from '../graph/protobuf.ts';
import { bytesOf, toFloat16, toFloat32 } from '../tensor/tensor.ts';

const schedule = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('continuousCosine'),
    maxSignalRate: z.number().gt(0).lte(1),
    minSignalRate: z.number().gt(0).lt(1),
  }),
  z.object({
    kind: z.literal('linearBeta'),
    timesteps: z.int().gt(0),
    betaStart: z.number().gt(0).lt(1),
    betaEnd: z.number().gt(0).lt(1),
  }),
  z.object({
    kind: z.literal('scaledLinearBeta'),
    timesteps: z.int().gt(0),
    betaStart: z.number().gt(0).lt(1),
    betaEnd: z.number().gt(0).lt(1),
  }),
  z.object({ kind: z.literal('cosineBeta'), timesteps: z.int().gt(0) }),
  z.object({ kind: z.literal('alphaBar'), values: z.array(z.number().gt(0).lt(1)).min(2) }),
]);

const sampler = z.object({
  kind: z.literal('ddim'),
  steps: z.int().gt(0),
  grid: z.literal('linspace'),
  start: z.object({ diffusionTime: z.literal(1) }),
  final: z.literal('x0'),
});

const common = {
  seedbed: z.literal(1),
  name: z.string(),
  shape: z.array(z.int().gt(0)),
  range: z.object({
    from: z.tuple([z.number(), z.number()]),
    mean: z.array(z.number()),
    std: z.array(z.number().gt(0)),
  }),
  padding: z.int().gte(0),
  sampler,
  training: z.record(z.string(), z.unknown()).optional(),
};

const denoiserInfo = z.object({
  ...common,
  kind: z.literal('denoiser'),
  inputs: z.object({ image: z.string(), level: z.string() }),
  output: z.string(),
  predicts: z.literal('epsilon'),
  level: z.literal('noiseVariance'),
  schedule,
});

const embedderInfo = z.object({
  ...common,
  kind: z.literal('embedder'),
  inputs: z.object({ image: z.string() }),
  output: z.literal('latent'),
  denoiser: z.string().length(64),
});

/** A sampler's description, checked. */
export const samplerSchema = sampler;
/** A configuration's schedule, checked. */
export const scheduleSchema = schedule;
export type SamplerInfo = z.infer<typeof sampler>;
/** What a denoiser's file says of itself (the format's page in docs/formats.md). */
export type DenoiserInfo = z.infer<typeof denoiserInfo>;
export type EmbedderInfo = z.infer<typeof embedderInfo>;
export type ModelInfo = DenoiserInfo | EmbedderInfo;

/** A network with all that is needed to use it: one ONNX file. */
export interface Model<Info extends ModelInfo = ModelInfo> {
  readonly graph: Graph;
  readonly info: Info;
  /** sha256 over weights, nodes and numeric conventions, 64 hex digits: which model a seed belongs to. */
  readonly hash: string;
}
export type Denoiser = Model<DenoiserInfo>;
export type Embedder = Model<EmbedderInfo>;

/** The sampler of the paper: ten DDIM steps evenly spaced in time, ending in the last predicted x0. */
export function ddim(steps: number): SamplerInfo {
  return { kind: 'ddim', steps, grid: 'linspace', start: { diffusionTime: 1 }, final: 'x0' };
}

/** A model from a graph and its description. */
export function createModel<Info extends ModelInfo>(graph: Graph, info: Info): Model<Info> {
  return { graph, info, hash: modelHash(graph, info) };
}

/** A model as the bytes of one ONNX file; `half` stores the weights as float16, rounding them. */
export function saveModel(model: Model, half = false): Uint8Array {
  const graph = half ? halveWeights(model.graph) : model.graph;
  return serializeModel({ ...graph, metadata: new Map([['seedbed', JSON.stringify(model.info)]]) });
}

/**
 * Reads a model from the bytes of an ONNX file that Seedbed wrote.
 * @throws {SeedbedError} BadFile when the file is damaged or does not describe itself.
 */
export function readModel(bytes: Uint8Array, file: string): Model {
  const graph = widenWeights(parseModel(bytes, file));
  const text = graph.metadata.get('seedbed');
  if (text === undefined) {
    throw new SeedbedError(
      'BadFile',
      `${file}: an ONNX file, but not a Seedbed model: its metadata has no entry 'seedbed'`,
    );
  }
  let described: unknown;
  try {
    described = JSON.parse(text);
  } catch (cause) {
    throw new SeedbedError('BadFile', `${file}: its metadata entry 'seedbed' is not JSON`, { cause });
  }
  const parsed = z.discriminatedUnion('kind', [denoiserInfo, embedderInfo]).safeParse(described);
  if (!parsed.success) {
    throw new SeedbedError(
      'BadFile',
      `${file}: its description is not valid:\n${z.prettifyError(parsed.error)}`,
    );
  }
  checkSignature(graph, parsed.data, file);
  return createModel(graph, parsed.data);
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
      ? { range, padding, level: info.level, predicts: info.predicts, schedule: info.schedule }
      : { range, padding };
  hash.update(text.encode(JSON.stringify(sorted(conventions))));
  return bytesToHex(hash.digest());
}

/** Plain data with the keys of its objects in order, so that equal data has equal JSON. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (ArrayBuffer.isView(value)) return Array.from(value as unknown as ArrayLike<number | bigint>, Number);
  if (typeof value !== 'object' || value === null) return value;
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
    nodes: [...casts, ...graph.nodes.map(node => ({ ...node, inputs: node.inputs.map(rename) }))],
  };
}

/** The reverse: float16 weights become float32 under their own names, and the casts go. */
function widenWeights(graph: Graph): Graph {
  const casts = new Map(
    graph.nodes
      .filter(
        node =>
          node.op === 'Cast' &&
          node.attributes.to === ONNX_DTYPES.float32 &&
          graph.initializers.get(node.inputs[0]!)?.dtype === 'float16',
      )
      .map(node => [node.outputs[0]!, node.inputs[0]!]),
  );
  const widened = new Set(casts.values());
  const rename = (name: string) => casts.get(name) ?? name;
  return {
    ...graph,
    initializers: new Map(
      [...graph.initializers].map(([name, t]) => [name, widened.has(name) ? toFloat32(t) : t]),
    ),
    nodes: graph.nodes
      .filter(node => !casts.has(node.outputs[0]!))
      .map(node => ({ ...node, inputs: node.inputs.map(rename) })),
  };
}
