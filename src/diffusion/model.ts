import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import { z } from 'zod';
import { MOST_NUMBERS } from '../data/dataset.ts';
import { inFile, SeedbedError } from '../errors.ts';
import { GraphBuilder } from '../graph/builder.ts';
import { ONNX_DTYPES } from '../graph/dtypes.ts';
import type { Graph } from '../graph/ir.ts';
import { parseModel, serializeModel } from '../graph/protobuf.ts';
import { replay } from '../graph/replay.ts';
import { parseJson } from '../tensor/json.ts';
import { bytesOf, sizeOf, toFloat16, toFloat32 } from '../tensor/tensor.ts';

/** The most steps of a sampler, and timesteps of a schedule: what is held in memory grows with them. */
export const MOST_SAMPLER_STEPS = 10_000;
const MOST_TIMESTEPS = 100_000;

const timesteps = z.int().gt(0).lte(MOST_TIMESTEPS);

const schedule = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('continuousCosine'),
    maxSignalRate: z.number().gt(0).lte(1),
    minSignalRate: z.number().gt(0).lt(1),
  }),
  z.object({
    kind: z.literal('linearBeta'),
    timesteps,
    betaStart: z.number().gt(0).lt(1),
    betaEnd: z.number().gt(0).lt(1),
  }),
  z.object({
    kind: z.literal('scaledLinearBeta'),
    timesteps,
    betaStart: z.number().gt(0).lt(1),
    betaEnd: z.number().gt(0).lt(1),
  }),
  z.object({ kind: z.literal('cosineBeta'), timesteps }),
  z.object({
    kind: z.literal('alphaBar'),
    values: z.array(z.number().gt(0).lt(1)).min(2).max(MOST_TIMESTEPS),
  }),
]);

const sampler = z.object({
  /** Deterministic: no noise is added on the way (Song et al. 2021, sigma = 0). */
  kind: z.literal('ddim'),
  /** T, network evaluations for a picture. */
  steps: z.int().gt(0).lte(MOST_SAMPLER_STEPS),
  /** The diffusion times visited, evenly spaced: 1, (T-1)/T, ..., 1/T. */
  grid: z.literal('linspace'),
  /** The diffusion time of the seeds: 1, noise. */
  start: z.object({
    /** 1, noise. */
    diffusionTime: z.literal(1),
  }),
  /** The last step gives the clean picture that the network predicts there. */
  final: z.literal('x0'),
});

const common = {
  /** Version of the description. */
  seedbed: z.literal(1),
  /** The model's name, for people. */
  name: z.string(),
  /** Of what the network sees: [C, H, W] with the padding, or [D] for points. */
  shape: z
    .array(z.int().gt(0))
    .refine(shape => sizeOf(shape) <= MOST_NUMBERS, `holds more than ${MOST_NUMBERS} numbers`),
  /** How pixels are standardised: the network sees (pixel - mean) / std. */
  range: z.object({
    /** The least and the greatest pixel value before that. */
    from: z.tuple([z.number(), z.number()]),
    /** Mean of each channel. */
    mean: z.array(z.number()),
    /** Standard deviation of each channel. */
    std: z.array(z.number().gt(0)),
  }),
  /** Pixels added on each side of the data, such as 2 for 28 + 2 * 2 = 32. */
  padding: z.int().gte(0),
  /** The sampler used where a call names none. */
  sampler,
  /** How the model was trained: data, steps, random number seed, configuration. */
  training: z.record(z.string(), z.unknown()).optional(),
};

const denoiserInfo = z.object({
  ...common,
  /** The kind of network. */
  kind: z.literal('denoiser'),
  /** Names of the graph's inputs. */
  inputs: z.object({
    /** The noisy picture [N, ...shape], standardised. */
    image: z.string(),
    /** The noise level [N]. */
    level: z.string(),
  }),
  /** Name of the graph's output [N, ...shape]. */
  output: z.string(),
  /** What the output is: epsilon, the noise in the picture. */
  predicts: z.literal('epsilon'),
  /** What the noise level's input is fed: the noise rate squared, 1 - alpha_bar. */
  level: z.literal('noiseVariance'),
  /** How much noise there is at each diffusion time. */
  schedule,
});

const embedderInfo = z.object({
  ...common,
  /** The kind of network. */
  kind: z.literal('embedder'),
  /** Name of the graph's input. */
  inputs: z.object({
    /** The picture [N, ...shape], standardised. */
    image: z.string(),
  }),
  /** Name of the graph's output, the seeds [N, ...shape]. */
  output: z.literal('latent'),
  /** Hash of the denoiser that it finds seeds for. */
  denoiser: z.string().length(64),
});

/** A sampler's description, checked. */
export const samplerSchema = sampler;
/** A configuration's schedule, checked. */
export const scheduleSchema = schedule;
/**
 * A sampler as data: T DDIM steps evenly spaced in time, the last of which gives the predicted clean picture.
 * @group Models
 * @useDeclaredType
 */
export type SamplerInfo = z.infer<typeof sampler>;
/**
 * What a denoiser's file says of itself (docs/formats.md describes the file).
 * @group Models
 * @useDeclaredType
 */
export type DenoiserInfo = z.infer<typeof denoiserInfo>;
/**
 * What an embedding network's file says of itself (docs/formats.md describes the file).
 * @group Models
 * @useDeclaredType
 */
export type EmbedderInfo = z.infer<typeof embedderInfo>;
/**
 * What a model's file says of itself; `kind` tells which.
 * @group Models
 */
export type ModelInfo = DenoiserInfo | EmbedderInfo;

/**
 * A network with all that is needed to use it: one ONNX file.
 * @group Models
 */
export interface Model<Info extends ModelInfo = ModelInfo> {
  /** The network, its weights in float32. */
  readonly graph: Graph;
  /** What the file says of it: shapes, schedule, sampler, how pixels are standardised. */
  readonly info: Info;
  /** sha256 over weights, nodes and numeric conventions, 64 hex digits: which model a seed belongs to. */
  readonly hash: string;
}
/**
 * A network that predicts the noise in a noisy picture, given how much of it there is.
 * @group Models
 */
export type Denoiser = Model<DenoiserInfo>;
/**
 * A network that finds the seed of a picture in one pass, for one denoiser (Asperti et al. 2023, section 5.2).
 * @group Models
 */
export type Embedder = Model<EmbedderInfo>;

/** The sampler of the paper: ten DDIM steps evenly spaced in time, ending in the last predicted x0. */
export function ddim(steps: number): SamplerInfo {
  return { kind: 'ddim', steps, grid: 'linspace', start: { diffusionTime: 1 }, final: 'x0' };
}

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
 * @throws {SeedbedError} BadFile when the file is damaged or does not describe itself, Unsupported when its graph is
 * beyond Seedbed.
 * @group Files
 * @example
 * import { readFile } from 'node:fs/promises';
 * import { readModel, SHIPPED_EMBEDDER } from 'seedbed';
 * const { info } = readModel(await readFile(SHIPPED_EMBEDDER), 'fashion-mnist-embedder.onnx');
 * console.log(info.kind); // prints embedder
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
    described = parseJson(text);
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
  inFile(file, () => checkGraph(graph, parsed.data, file));
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
  if (info.shape.slice(1).some(dim => dim <= 2 * info.padding)) {
    throw new SeedbedError(
      'BadFile',
      `${file}: a padding of ${info.padding} on each side leaves nothing of pictures [${info.shape}]`,
    );
  }
}

/** Plays the graph on two pictures, as samplers and encoders will, so that what does not fit is found with its file. */
function checkGraph(graph: Graph, info: ModelInfo, file: string): void {
  const b = new GraphBuilder(graph.name);
  const shape = [2, ...info.shape];
  const image = b.input('pictures', 'float32', shape);
  const level = info.kind === 'denoiser' && { [info.inputs.level]: b.input('levels', 'float32', [2]) };
  const output = replay(b, graph, { [info.inputs.image]: image, ...level }, file)[info.output]!;
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
