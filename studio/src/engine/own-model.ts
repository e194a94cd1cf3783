/**
 * Models of one's own: a file that Seedbed wrote, or any ONNX file with its description, and the files that hold their weights.
 * @module
 */
import {
  type Autoencoder,
  type Denoiser,
  type Diagnosis,
  diagnose,
  type Embedder,
  type ExternalFiles,
  externalFiles,
  type Graph,
  importDenoiser,
  parseForeignInfo,
  parseModel,
  readModel,
  SeedbedError,
  withAutoencoder,
} from 'seedbed';
import { boundTo, boundToZeros, type Conditions, conditionsOf } from './conditions.ts';
import { type ModelCard, modelOf, takeDenoiser, takeEmbedder } from './open.ts';
import { running } from './runtime.ts';
import { type OnReport, watched, working } from './work.ts';

/** A model's files as a person gives them. */
export interface ModelFiles {
  readonly file: File;
  /** What describes it, where Seedbed did not write it: JSON. */
  readonly description?: File | undefined;
  /** The files that its weights lie in, where they are not in its own. */
  readonly data?: readonly File[] | undefined;
  /** What its latents are made of pictures by, where it is of latents. */
  readonly autoencoder?: File | undefined;
  /** What it is bound to, where it is conditional. */
  readonly conditions?: Conditions | undefined;
}

/** The largest model that a page is asked to hold: WebAssembly addresses 4 GiB, and a network is there several times. */
const LARGEST_MODEL = 600 * 2 ** 20;
/** The most bytes that WebGPU binds at once, unless a page asks for more. */
const LARGEST_BINDING = 128 * 2 ** 20;

const megabytes = (bytes: number) => `${Math.round(bytes / 2 ** 20)} MB`;

/** Takes up a model of one's own. */
export async function openModel(files: ModelFiles): Promise<ModelCard> {
  const { file, autoencoder, conditions } = files;
  const opened = await modelIn(files);
  if (opened.info.kind === 'denoiser') {
    const model = opened as Denoiser;
    const whole = autoencoder ? withAutoencoder(model, await autoencoderIn(autoencoder)) : model;
    return taken(conditions ? await boundTo(whole, conditions) : whole);
  }
  if (opened.info.kind === 'autoencoder')
    throw new SeedbedError(
      'Mismatch',
      `${file.name} is an autoencoder; open its denoiser together with it: NAME.onnx and NAME-autoencoder.onnx`,
    );
  const card = await takeEmbedder(opened as Embedder);
  if (card) return card;
  throw new SeedbedError(
    'Mismatch',
    `${file.name} is an embedder of a denoiser that is not open here; open its denoiser first`,
  );
}

/** What the files hold, which say what it is. */
async function modelIn(files: ModelFiles): Promise<ReturnType<typeof readModel>> {
  if (files.description) return described(files);
  const { bytes, external } = await read(files);
  return readModel(bytes, files.file.name, external);
}

async function autoencoderIn(file: File): Promise<Autoencoder> {
  const { bytes, external } = await read({ file });
  const opened = readModel(bytes, file.name, external);
  if (opened.info.kind === 'autoencoder') return opened as Autoencoder;
  throw new SeedbedError(
    'Mismatch',
    `${file.name} goes by the name of an autoencoder, and is a Seedbed ${opened.info.kind}`,
  );
}

/** The files of an ONNX file's weights, by their names without folders; none for most. */
export async function dataFilesOf(file: File): Promise<string[]> {
  return externalFiles(new Uint8Array(await file.arrayBuffer()), file.name).map(baseName);
}

/** A graph as one looks at it. */
export interface GraphCard {
  readonly inputs: readonly GraphValue[];
  readonly outputs: readonly GraphValue[];
  /** Operators and how often each is there, the most frequent first. */
  readonly operators: readonly (readonly [name: string, count: number])[];
  readonly weights: number;
  readonly opset: number;
  /** Whether it says itself what it is. */
  readonly described: boolean;
  /** The inputs that wait for a value, such as a class, where it is described. */
  readonly conditions: readonly GraphValue[];
}

/** What a graph takes or gives; open dimensions go by their names. */
export interface GraphValue {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly (number | string)[];
}

/** Looks at the graph of a file. */
export async function lookAt(files: ModelFiles): Promise<GraphCard> {
  const { bytes, external } = await read(files);
  const card = cardOfGraph(parseModel(bytes, files.file.name, external));
  if (!card.described && !files.description) return card;
  const model = await modelIn(files);
  return {
    ...{ ...card, described: true },
    conditions: model.info.kind === 'denoiser' ? plain(conditionsOf(model as Denoiser)) : [],
  };
}

/** Looks at the graph of a model that is open. */
export async function lookInside(key: string): Promise<GraphCard> {
  return cardOfGraph((await modelOf(key)).graph);
}

function cardOfGraph({ inputs, outputs, nodes, initializers, opset, metadata }: Graph): GraphCard {
  const counts = new Map<string, number>();
  for (const { op } of nodes) counts.set(op, (counts.get(op) ?? 0) + 1);
  return {
    ...{ inputs: plain(inputs), outputs: plain(outputs), opset, conditions: [] },
    described: metadata.has('seedbed'),
    operators: [...counts].sort(([, a], [, b]) => b - a),
    weights: [...initializers.values()].reduce((sum, { data }) => sum + data.length, 0),
  };
}

const plain = (values: Graph['inputs']): GraphValue[] =>
  values.map(({ name, dtype, shape }) => ({ name, dtype, shape }));

/** Looks for what is wrong with a description: the doctor. */
export async function examine(task: number, files: ModelFiles, report: OnReport): Promise<Diagnosis> {
  return working(task, report, async watch =>
    diagnose(boundToZeros(await described(files)), { runtime: watched(await running(), watch) }),
  );
}

async function described(files: ModelFiles): Promise<Denoiser> {
  const { file, description } = files;
  const { bytes, external } = await read(files);
  const info = parseForeignInfo(jsonOf(await description!.text(), description!.name), description!.name);
  return importDenoiser(parseModel(bytes, file.name, external), info, new Map(), file.name);
}

async function read({
  file,
  data = [],
}: ModelFiles): Promise<{ bytes: Uint8Array; external: ExternalFiles }> {
  const size = [file, ...data].reduce((sum, { size }) => sum + size, 0);
  if (size > LARGEST_MODEL)
    throw new SeedbedError(
      'Unsupported',
      `${file.name} is ${megabytes(size)} large; a page can work with ${megabytes(LARGEST_MODEL)}. The command line takes up to 2 GiB, and weights beside the file: npx seedbed embed --model ${file.name} picture.png, after npx seedbed import where it has a description of its own`,
    );
  const bytes = new Uint8Array(await file.arrayBuffer());
  const external = new Map<string, Uint8Array>();
  for (const location of externalFiles(bytes, file.name)) {
    const beside = data.find(({ name }) => name === baseName(location));
    if (!beside)
      throw new SeedbedError(
        'BadArgument',
        `${file.name} has its weights in ${baseName(location)}: open both together`,
      );
    external.set(location, new Uint8Array(await beside.arrayBuffer()));
  }
  return { bytes, external };
}

const baseName = (path: string) => path.slice(path.lastIndexOf('/') + 1);

function jsonOf(text: string, name: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new SeedbedError(
      'BadFile',
      `${name} is not JSON; it should describe the model (docs/bring-your-own-model.md)`,
    );
  }
}

async function taken(model: Denoiser): Promise<ModelCard> {
  const { name, conditions, range } = model.info;
  if (range.from === null && !model.autoencoder)
    throw new SeedbedError(
      'Unsupported',
      `${name} is of latents, and the studio draws pictures: open its autoencoder, NAME-autoencoder.onnx, together with it`,
    );
  if (conditions)
    throw new SeedbedError(
      'BadArgument',
      `model '${name}' is conditional, and needs a value for ${conditions.join(', ')}`,
    );
  const largest = Math.max(...[...model.graph.initializers.values()].map(({ data }) => data.byteLength));
  if ((await running()).device === 'webgpu' && largest > LARGEST_BINDING)
    throw new SeedbedError(
      'Unsupported',
      `model '${name}' has a weight of ${megabytes(largest)}; WebGPU takes ${megabytes(LARGEST_BINDING)} at once. Choose WebAssembly below, and open it again`,
    );
  return takeDenoiser(model);
}
