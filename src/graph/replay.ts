import { inFile, messageOf, SeedbedError } from '../errors.ts';
import { int64, toNumbers } from '../tensor/tensor.ts';
import { normalAxis } from './broadcast.ts';
import { GraphBuilder, type Value } from './builder.ts';
import { knownValue } from './composite.ts';
import { ONNX_DTYPES } from './dtypes.ts';
import { isOp, OPS, type Op, reductionAxes } from './infer.ts';
import { type Attributes, type Dim, describeNode, type Graph, intOf, type Node, textOf } from './ir.ts';
import { LOWERINGS } from './lower.ts';
import { windowOf } from './windows.ts';

/** Every operator that Seedbed understands in a file. */
export const SUPPORTED_OPS: readonly string[] = [...OPS, ...Object.keys(LOWERINGS)].sort();

/** Reductions whose result on a single element is that element. */
const REDUCTIONS: ReadonlySet<string> = new Set<Op>([
  'ReduceMax',
  'ReduceMean',
  'ReduceMin',
  'ReduceProd',
  'ReduceSum',
]);

/** Puts other nodes in a node's place: its outputs, or undefined to leave it as it is. */
export type Rewrite = (node: Node, operands: readonly Value[]) => Value[] | undefined;

/**
 * Plays a graph's nodes into a builder: this is how a graph is loaded, bound to sizes, brought to operator set 17
 * and put inside another. Composite operators are rewritten, shape arithmetic is computed.
 * @param inputs the values that stand for the graph's inputs, and for any weights by name.
 * @param rewrite a chance to put other nodes in a node's place.
 * @param file the name that messages give the graph.
 * @returns the values of the graph's outputs, by name.
 * @throws {SeedbedError} Unsupported naming operator, node and file where an operator is not known.
 */
export function replay(
  b: GraphBuilder,
  graph: Graph,
  inputs: Readonly<Record<string, Value>>,
  file = graph.name,
  rewrite: Rewrite = () => undefined,
): Record<string, Value> {
  const values = new Map<string, Value>(Object.entries(inputs));
  for (const [name, weight] of graph.initializers) {
    if (!values.has(name)) values.set(name, b.constant(weight, freeName(b, name, weight)));
  }
  for (const node of graph.nodes) {
    try {
      const operands = node.inputs.map(input => resolve(values, input));
      const outputs = rewrite(node, operands) ?? emit(b, node, operands);
      node.outputs.forEach((output, i) => {
        if (output) values.set(output, outputs[i]!);
      });
    } catch (error) {
      // An error that nobody foresaw means that the node is not valid ONNX.
      const kind = error instanceof SeedbedError ? error.kind : 'BadFile';
      const text = messageOf(error);
      const where = text.includes(`'${node.name}'`) ? file : `${file}: ${describeNode(node)}`;
      throw new SeedbedError(kind, `${where}: ${text}`, { cause: error });
    }
  }
  return Object.fromEntries(graph.outputs.map(({ name }) => [name, resolve(values, name)]));
}

/**
 * The graph in Seedbed's plain form, with open dimensions bound: operator set 17, composite operators written out,
 * what shapes decide computed.
 * @param sizes sizes by dimension name, such as `{ N: 16 }`; dimensions not named stay open.
 * @param file the name that messages give the graph; its own unless given.
 * @throws {SeedbedError} Unsupported naming operator, node and file, BadFile when the graph is not valid ONNX,
 * BadShape when shapes do not fit.
 * @group Graphs and gradients
 * @example
 * import { bind, loadModel, SHIPPED_DENOISER } from 'seedbed';
 * const { graph } = await loadModel(SHIPPED_DENOISER);
 * console.log(graph.inputs[0].shape, bind(graph, { N: 4 }).inputs[0].shape); // prints [ 'N', 1, 32, 32 ] [ 4, 1, 32, 32 ]
 */
export function bind(graph: Graph, sizes: Readonly<Record<string, number>> = {}, file = graph.name): Graph {
  const b = new GraphBuilder(graph.name);
  return inFile(file, () => b.build(replay(b, graph, bindInputs(b, graph, sizes), file), graph.metadata));
}

/** Declares a graph's inputs in a builder, with open dimensions bound. */
export function bindInputs(
  b: GraphBuilder,
  graph: Graph,
  sizes: Readonly<Record<string, number>> = {},
): Record<string, Value> {
  const size = (dim: Dim) => (typeof dim === 'string' && Object.hasOwn(sizes, dim) ? sizes[dim]! : dim);
  return Object.fromEntries(graph.inputs.map(i => [i.name, b.input(i.name, i.dtype, i.shape.map(size))]));
}

function emit(b: GraphBuilder, node: Node, operands: readonly Value[]): Value[] {
  if (node.op === 'Identity' || castsNothing(b, node, operands) || reducesNothing(b, node, operands))
    return [operands[0]!];
  const lowering = Object.hasOwn(LOWERINGS, node.op) ? LOWERINGS[node.op] : undefined;
  if (lowering) {
    const made = lowering({ b, inputs: operands, outputs: node.outputs, attributes: node.attributes });
    return typeof made === 'string' ? [made] : [...made];
  }
  if (!isOp(node.op)) {
    throw new SeedbedError(
      'Unsupported',
      `operator ${node.op} of node '${node.name}' is not supported. Supported are: ${SUPPORTED_OPS.join(', ')}`,
    );
  }
  const plain = normaliseForm(b, node, operands);
  return b.node(node.op, plain.inputs, plain.attributes, {
    name: node.name,
    outputs: node.outputs.map(output => output && freeName(b, output)),
  });
}

/** Whether a Cast is to the type that its operand has, as widening leaves many. */
function castsNothing(b: GraphBuilder, { op, attributes }: Node, [x]: readonly Value[]): boolean {
  return op === 'Cast' && x !== undefined && attributes.to === ONNX_DTYPES[b.type(x).dtype];
}

/** Whether a reduction has no axes to reduce: operator set 17 cannot say so for all of them. */
function reducesNothing(b: GraphBuilder, { op, attributes }: Node, operands: readonly Value[]): boolean {
  return REDUCTIONS.has(op) && reductionAxes({ attributes, ...b.facts(operands) }).length === 0;
}

interface Form {
  readonly inputs: readonly Value[];
  readonly attributes: Attributes;
}

/** An operator of any of the operator sets 13 to 26 in the one form that it has in set 17. */
function normaliseForm(b: GraphBuilder, node: Node, inputs: readonly Value[]): Form {
  const { attributes } = node;
  switch (node.op) {
    case 'ReduceMax':
    case 'ReduceMean':
    case 'ReduceMin':
    case 'ReduceProd': {
      const axes = reductionAxes({ attributes, ...b.facts(inputs) });
      return { inputs: [inputs[0]!], attributes: { axes, keepdims: intOf(attributes, 'keepdims', 1) } };
    }
    case 'Split': {
      if (inputs[1]) return { inputs, attributes };
      const axis = normalAxis(intOf(attributes, 'axis', 0), b.shape(inputs[0]!).length);
      const dim = b.shape(inputs[0]!)[axis]!;
      const each = Math.ceil(dim / node.outputs.length);
      const sizes = node.outputs.map((_, i) => Math.min(each, dim - i * each));
      return { inputs: [inputs[0]!, b.ints(sizes)], attributes: { axis } };
    }
    case 'Pad':
      return normalisePad(b, inputs, attributes);
    case 'Conv':
    case 'AveragePool':
    case 'MaxPool': {
      const spatial = b.type(inputs[0]!).shape.slice(2);
      const kernel = inputs[1] ? b.shape(inputs[1]).slice(2) : undefined;
      const w = windowOf(attributes, spatial, kernel);
      const { auto_pad: _, dilations: __, ...rest } = attributes;
      const dilated = w.dilations.some(d => d !== 1);
      if (dilated && node.op !== 'Conv')
        throw new SeedbedError('Unsupported', 'dilated pooling is not supported');
      return {
        inputs,
        attributes: {
          ...rest,
          kernel_shape: w.kernel,
          strides: w.strides,
          pads: [...w.before, ...w.after],
          ...(dilated && { dilations: w.dilations }),
        },
      };
    }
    case 'Resize': {
      const { antialias, axes, keep_aspect_ratio_policy = 'stretch', ...rest } = attributes;
      if (antialias || axes || keep_aspect_ratio_policy !== 'stretch') {
        throw new SeedbedError(
          'Unsupported',
          "Resize with 'antialias', 'axes' or a 'keep_aspect_ratio_policy' other than 'stretch' is not supported",
        );
      }
      return { inputs: [inputs[0]!, '', ...inputs.slice(2)], attributes: rest };
    }
    case 'Cast':
      return { inputs, attributes: { to: intOf(attributes, 'to', 1) } };
    case 'BatchNormalization':
      if (intOf(attributes, 'training_mode', 0) === 1)
        throw new SeedbedError(
          'Unsupported',
          'training_mode=1 is not supported; export the model in evaluation mode',
        );
      return { inputs, attributes };
    default:
      return { inputs, attributes };
  }
}

/** Zero padding in operator set 17's form; other modes as gathers along each axis. */
function normalisePad(b: GraphBuilder, inputs: readonly Value[], attributes: Attributes): Form {
  const [x, padsInput, value, axesInput] = inputs as [Value, Value, Value?, Value?];
  const shape = b.type(x).shape;
  const rank = shape.length;
  const given = toNumbers(knownValue(b, padsInput, 'the width of the padding'));
  const axes = axesInput
    ? toNumbers(knownValue(b, axesInput, 'the padded axes')).map(a => normalAxis(a, rank))
    : shape.map((_, i) => i);
  const pads = new Array<number>(2 * rank).fill(0);
  axes.forEach((axis, i) => {
    pads[axis] = given[i]!;
    pads[axis + rank] = given[i + axes.length]!;
  });
  const mode = textOf(attributes, 'mode', 'constant');
  if (mode === 'constant')
    return { inputs: value ? [x, b.ints(pads), value] : [x, b.ints(pads)], attributes: {} };
  let padded = x;
  for (let axis = 0; axis < rank; axis++) {
    if (pads[axis] === 0 && pads[axis + rank] === 0) continue;
    const size = b.shape(padded)[axis]!;
    if (size + Math.abs(pads[axis]!) + Math.abs(pads[axis + rank]!) > 2 ** 20)
      throw new SeedbedError('Unsupported', `padding of ${size} elements by ${pads} in mode '${mode}'`);
    const source = Array.from({ length: size + pads[axis]! + pads[axis + rank]! }, (_, i) =>
      sourceOf(i - pads[axis]!, size, mode),
    );
    padded = b.op('Gather', [padded, b.constant(int64(source))], { axis });
  }
  return { inputs: [padded, b.ints(new Array(2 * rank).fill(0))], attributes: {} };
}

/** The element that lies at position `at` once the axis is continued by the padding's mode. */
function sourceOf(at: number, size: number, mode: string): number {
  if (mode === 'edge') return Math.min(Math.max(at, 0), size - 1);
  if (mode === 'wrap') return ((at % size) + size) % size;
  if (mode !== 'reflect') throw new SeedbedError('Unsupported', `padding mode '${mode}' is not supported`);
  const period = Math.max(1, 2 * (size - 1));
  const folded = ((at % period) + period) % period;
  return folded < size ? folded : period - folded;
}

function resolve(values: ReadonlyMap<string, Value>, name: string): Value {
  if (name === '') return '';
  const value = values.get(name);
  if (value === undefined) throw new SeedbedError('BadFile', `'${name}' is used before anything produces it`);
  return value;
}

/** The name itself where it is free or already stands for the same weight, else a new one like it. */
function freeName(b: GraphBuilder, name: string, weight?: unknown): string {
  return !b.has(name) || (weight !== undefined && b.known(name) === weight) ? name : b.fresh(name);
}
