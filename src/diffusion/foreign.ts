import { z } from 'zod';
import { inPlace, isSeedbedError, SeedbedError, saying } from '../errors.ts';
import type { Dim, Graph, Node, ValueInfo } from '../graph/ir.ts';
import { renameValues } from '../graph/nodes.ts';
import { int64, type Tensor } from '../tensor/tensor.ts';
import { channelsFirst } from './channels-last.ts';
import { closeInputs, inputInWords, requireFurther, sizeFurther } from './further-inputs.ts';
import { samplerGrid } from './grid.ts';
import { type Denoiser, type DenoiserInfo, denoiserSchema } from './info.ts';
import { acceptModel } from './model.ts';
import { ownBatch } from './network.ts';
import { preconditioned, preconditioningSchema } from './preconditioning.ts';
import { samplerSchema } from './sampler-info.ts';

/**
 * What a third-party model says of itself, a JSON file beside it: a {@link DenoiserInfo}, and what is worked into the graph
 * when it is imported.
 * @group Models
 * @useDeclaredType
 */
export type ForeignInfo = z.infer<typeof foreignSchema>;

const { inputs, range } = denoiserSchema.shape;
/** Strict, so that a misspelt field is named and not passed over. */
const foreignSchema = z.strictObject({
  ...denoiserSchema.shape,
  seedbed: z.literal(1).default(1),
  kind: z.literal('denoiser').default('denoiser'),
  padding: z.int().gte(0).default(0),
  inputs: inputs.strict(),
  range: range.strict().refine(({ from }) => from === null || from[0] < from[1], '"from" does not rise'),
  sampler: samplerSchema.strict(),
  /** The channels of the output that are the prediction, where it has more (learned variances): consecutive ones. */
  outputChannels: z
    .array(z.int().gte(0))
    .min(1)
    .refine(list => list.every((channel, i) => channel === list[0]! + i), 'must be consecutive')
    .optional(),
  /** What stands around the network in the denoiser that is described, where the graph is without it (Karras et al. 2022). */
  preconditioning: preconditioningSchema.optional(),
  /** Further inputs of the graph that are held fixed, each the name of a .npy file; `conditions` names those that stay open. */
  fixedInputs: z.record(z.string(), z.string()).default({}),
});

/**
 * Reads the description of a third-party model. Nothing is guessed: what is missing is asked for by name.
 * @param file the name that messages give the description.
 * @throws {SeedbedError} BadFile naming every field that is missing or wrong.
 * @group Models
 * @example
 * import { isSeedbedError, parseForeignInfo } from 'seedbed';
 * try {
 *   parseForeignInfo({ name: 'mine', predicts: 'noise' }, 'model.json');
 * } catch (error) {
 *   if (isSeedbedError(error)) console.log(error.kind, error.message.includes('schedule')); // prints BadFile true
 * }
 */
export function parseForeignInfo(description: unknown, file: string): ForeignInfo {
  const parsed = foreignSchema.safeParse(description);
  if (parsed.success) return parsed.data;
  const said = parsed.error.issues.map(({ path, message }) => {
    const name = path.map(part => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`)).join('');
    if (name === '') return message;
    return isThere(description, path) ? `'${name.slice(1)}': ${message}` : `'${name.slice(1)}' is missing`;
  });
  throw new SeedbedError(
    'BadFile',
    `does not describe a denoiser: ${said.join('; ')}. docs/bring-your-own-model.md explains every field`,
    { at: file },
  );
}

function isThere(value: unknown, path: readonly PropertyKey[]): boolean {
  const found = path.reduce<unknown>(
    (at, part) => (at as Record<PropertyKey, unknown> | null)?.[part],
    value,
  );
  return found !== undefined;
}

/**
 * Makes a Seedbed model of a graph from elsewhere: further inputs that are no conditions become constants, of the output the
 * channels that are the prediction are kept, pictures whose channels are last are transposed, and the description goes into the
 * file.
 * @param given as it was read. @param fixed the values of the further inputs by name, for one picture: their shape without the first axis, or with 1 there.
 * @param file the name that messages give the graph.
 * @throws {SeedbedError} BadFile or Unsupported, naming node, operator, shape or field, when graph and description do not fit.
 * @group Models
 * @example
 * import { readFile } from 'node:fs/promises';
 * import { importDenoiser, loadModel, parseForeignInfo, parseModel, SHIPPED_DENOISER } from 'seedbed';
 * const { info } = await loadModel(SHIPPED_DENOISER); // stands for what you write of a model of your own
 * const graph = parseModel(await readFile(SHIPPED_DENOISER), 'unet.onnx');
 * const model = importDenoiser(graph, parseForeignInfo(info, 'model.json'), new Map(), 'unet.onnx');
 * console.log(model.info.name, model.info.sampler.steps); // prints fashion-mnist-32 10
 */
export function importDenoiser(
  given: Graph,
  foreign: ForeignInfo,
  fixed: ReadonlyMap<string, Tensor>,
  file: string,
): Denoiser {
  const { outputChannels, preconditioning, fixedInputs: _, ...described } = foreign;
  requireNames(given, foreign, file);
  const graph = channelsFirst(given, foreign, file);
  requireFurther(graph, foreign, [...fixed.keys()], file);
  const info: DenoiserInfo = { ...described, range: unitRange(described.range) };
  inPlace(file, () => samplerGrid(info, info.sampler));
  // What its preconditioning feeds a network is checked there.
  if (!preconditioning) requireFractions(graph, info, file);
  const image = graph.inputs.find(({ name }) => name === info.inputs.image)!;
  const [declared] = image.shape;
  const accept = (count: Dim) => {
    const shape = [count, ...info.shape];
    const sized = sizeFurther(withShape(graph, image, shape, file), info, image.shape, shape);
    const closed = inPlace(file, () => closeInputs(sized, info, fixed, 'fixed input'));
    const kept = outputChannels ? keepChannels(closed, info.output, outputChannels) : closed;
    const output = preconditioning ? inPlace(file, () => preconditioned(kept, info, preconditioning)) : kept;
    const outputs: ValueInfo[] = [{ name: info.output, dtype: 'float32', shape }];
    // Of two and of three: a graph that is made for pairs takes the one and not the other.
    return acceptModel({ ...output, outputs, metadata: new Map() }, info, file, [2, 3]) as Denoiser;
  };
  try {
    return accept(typeof declared === 'string' ? declared : 'N');
  } catch (error) {
    if (!isSeedbedError(error) || error.kind === 'Unsupported') throw error;
    // Whatever the file declares, its nodes may be made for batches of one size.
    for (const count of new Set(batchesOf(graph, image))) {
      try {
        return accept(count);
      } catch (other) {
        if (!isSeedbedError(other)) throw other;
      }
    }
    const remedy = remedyFor(graph, foreign, image);
    if (remedy === undefined) throw error;
    throw saying(error, `. ${remedy}`);
  }
}

/** Sizes of batch that a graph may be made for: what inputs and outputs declare, and one picture. */
function batchesOf(graph: Graph, image: ValueInfo): number[] {
  const declared = [image, ...graph.outputs].map(({ shape }) => shape[0]);
  return [...declared.filter(count => typeof count === 'number'), 1];
}

/**
 * What to say of a model that takes batches of one size alone, though other numbers of pictures are filled up and cut.
 * @returns undefined for a model that takes any number.
 */
export function batchNote(graph: Graph, model: Denoiser): string | undefined {
  const own = ownBatch(model);
  if (own === undefined) return undefined;
  const image = graph.inputs.find(({ name }) => name === model.info.inputs.image)!;
  const [declared] = image.shape;
  const why =
    typeof declared === 'string'
      ? `declares an open first axis '${declared}', but its nodes are made for ${own} (PyTorch writes them so from an example of one)`
      : `is made for batches of ${own}`;
  return `the graph ${why}: other numbers of pictures are filled up to that and cut, which takes longer. ${openExport(image)}`;
}

function openExport({ name }: ValueInfo): string {
  return `To open it, export it from an example of two pictures with dynamic_shapes={'${name}': {0: 'N'}, ...} in torch.onnx.export, or dynamic_axes={'${name}': {0: 'N'}, ...} with dynamo=False`;
}

/** All levels but timesteps are fractions, and so are the timesteps of flow matching. */
function requireFractions(graph: Graph, { inputs, level, schedule }: DenoiserInfo, file: string): void {
  const { dtype } = graph.inputs.find(({ name }) => name === inputs.level)!;
  if (dtype === 'float32' || (level === 'timestep' && schedule.kind !== 'flow')) return;
  const what =
    level === 'timestep'
      ? 'but those of flow matching are fractions'
      : `but "level": "${level}" is a fraction`;
  throw new SeedbedError(
    'Unsupported',
    `its input '${inputs.level}' takes whole timesteps (${dtype}), ${what}. ${level === 'timestep' ? 'Export it with a timestep in float32' : 'Describe it with "level": "timestep", or export it with that input in float32'}`,
    { at: file },
  );
}

/** What to do about a graph that does not give a prediction for every picture of a batch; undefined where nobody knows. */
function remedyFor(graph: Graph, foreign: ForeignInfo, image: ValueInfo): string | undefined {
  const channels = graph.outputs.find(({ name }) => name === foreign.output)!.shape[1];
  const own = foreign.shape[0]!;
  if (typeof channels === 'number' && channels > own && !foreign.outputChannels)
    return `It gives ${channels} channels; say which are the prediction, such as "outputChannels": ${JSON.stringify(Array.from({ length: own }, (_, i) => i))}`;
  const [count] = image.shape;
  const isFixed = typeof count === 'number';
  return isFixed ? `It was exported for batches of ${count}. ${openExport(image)}` : undefined;
}

function requireNames(graph: Graph, { inputs, output }: ForeignInfo, file: string): void {
  const describe = (list: readonly ValueInfo[]) => list.map(inputInWords).join(', ');
  for (const [use, name] of Object.entries(inputs))
    if (!graph.inputs.some(input => input.name === name))
      throw new SeedbedError(
        'BadFile',
        `has no input '${name}' for the ${use}; it takes ${describe(graph.inputs)}. Correct inputs.${use} in the description`,
        { at: file },
      );
  if (!graph.outputs.some(({ name }) => name === output))
    throw new SeedbedError(
      'BadFile',
      `has no output '${output}'; it gives ${describe(graph.outputs)}. Correct 'output' in the description`,
      { at: file },
    );
}

/** Pixels of any range as pixels in [0,1], where (pixel - mean) / std is the same number; latents as they are. */
export function unitRange(range: DenoiserInfo['range']): DenoiserInfo['range'] {
  const { from, mean, std } = range;
  if (from === null) return range;
  const [low, high] = from;
  const width = high - low;
  return { from: [0, 1], mean: mean.map(m => (m - low) / width), std: std.map(s => s / width) };
}

/** The graph with its picture input at the size described, whatever open dimensions it was exported with. */
function withShape(graph: Graph, image: ValueInfo, whole: readonly Dim[], file: string): Graph {
  const shape = whole.slice(1);
  const theirs = image.shape.slice(1);
  const takes = `takes pictures [${theirs}]`;
  if (theirs.length !== shape.length || theirs.some((d, i) => typeof d === 'number' && d !== shape[i]))
    throw new SeedbedError(
      'BadFile',
      `${takes}, the description says [${shape}]. Correct 'shape' in the description`,
      { at: file },
    );
  if (image.dtype !== 'float32')
    throw new SeedbedError('Unsupported', `takes pictures in ${image.dtype}, not in float32`, { at: file });
  const inputs = graph.inputs.map(input => (input === image ? { ...input, shape: whole } : input));
  return { ...graph, inputs };
}

/** The graph with only these channels of its output, which keeps its name. */
function keepChannels(graph: Graph, output: string, channels: readonly number[]): Graph {
  const [from, to] = [channels[0]!, channels.at(-1)! + 1];
  const whole = `${output}/all channels`;
  const rename = (name: string) => (name === output ? whole : name);
  const bounds = { starts: int64([from]), ends: int64([to]), axes: int64([1]) };
  const named = Object.entries(bounds).map(([name, t]) => [`${output}/${name}`, t] as const);
  const slice: Node = {
    op: 'Slice',
    name: 'prediction',
    inputs: [whole, ...named.map(([name]) => name)],
    outputs: [output],
    attributes: {},
  };
  return {
    ...graph,
    initializers: new Map([...graph.initializers, ...named]),
    nodes: [...graph.nodes.map(node => renameValues(node, rename)), slice],
  };
}
