import { inPlace, isSeedbedError, messageOf, placed, SeedbedError } from '../errors.ts';
import { toNumbers } from '../tensor/tensor.ts';
import { GraphBuilder, type Value } from './builder.ts';
import { ONNX_DTYPES } from './dtypes.ts';
import { formOf } from './forms.ts';
import { isOp, OPS, type Op, reductionAxes } from './infer.ts';
import { type Dim, describeNode, type Graph, isGraph, type Node } from './ir.ts';
import { LOWERINGS } from './lower.ts';
import { REFUSED } from './refused.ts';

/** Every operator that Seedbed understands in a file. */
export const SUPPORTED_OPS: readonly string[] = [...OPS, ...Object.keys(LOWERINGS), 'If'].sort();

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
 * and put inside another. Composite operators are rewritten, shape arithmetic is computed, of an If the branch is taken
 * that it chooses, and what float64 would refine is computed in float32.
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
  const values = play(b, graph, new Map(Object.entries(inputs)), file, rewrite);
  return Object.fromEntries(graph.outputs.map(({ name }) => [name, resolve(values, name)]));
}

/** Plays a graph, or a branch of it, on the values around it, and gives these and its own. */
function play(
  b: GraphBuilder,
  graph: Graph,
  around: ReadonlyMap<string, Value | undefined>,
  file: string,
  rewrite: Rewrite,
  inside = false,
): ReadonlyMap<string, Value | undefined> {
  const values = new Map(around);
  // Inputs may stand for a graph's weights; a branch's own go before those around it.
  for (const [name, weight] of graph.initializers) {
    if (inside || !values.has(name)) values.set(name, b.constant(weight, freeName(b, name, weight)));
  }
  for (const node of graph.nodes) {
    try {
      const operands = node.inputs.map(input => resolve(values, input));
      const outputs =
        node.op === 'If'
          ? playBranch(b, node, operands, values, file, rewrite)
          : (rewrite(node, operands) ?? emit(b, node, narrowed(b, operands)));
      node.outputs.forEach((output, i) => {
        if (output) values.set(output, outputs[i]);
      });
    } catch (error) {
      if (isSeedbedError(error) && error.at === file) throw error;
      // An error that nobody foresaw means that the node is not valid ONNX.
      const known = isSeedbedError(error)
        ? error
        : new SeedbedError('BadFile', messageOf(error), { cause: error });
      throw placed(file, placed(describeNode(node), known));
    }
  }
  return values;
}

/** The branch of an If that its condition chooses. @throws {SeedbedError} Unsupported when that depends on data. */
function playBranch(
  b: GraphBuilder,
  { attributes }: Node,
  [condition]: readonly Value[],
  values: ReadonlyMap<string, Value | undefined>,
  file: string,
  rewrite: Rewrite,
): Value[] {
  const known = b.known(condition!);
  if (!known)
    throw new SeedbedError(
      'Unsupported',
      'its condition depends on data; export the model with the branch that it takes. If an open dimension is behind it, bind that',
    );
  const branch = attributes[toNumbers(known)[0] === 0 ? 'else_branch' : 'then_branch'];
  if (!isGraph(branch)) throw new SeedbedError('BadFile', 'it lacks a branch');
  const own = play(b, branch, values, file, rewrite, true);
  return branch.outputs.map(({ name }) => resolve(own, name));
}

/** Operands of which some are float32: those of float64, a position that was computed in it say, are rounded. */
function narrowed(b: GraphBuilder, operands: readonly Value[]): readonly Value[] {
  const dtypes = new Set(operands.map(value => value && b.type(value).dtype));
  if (!dtypes.has('float32') || !dtypes.has('float64')) return operands;
  return operands.map(value =>
    value && b.type(value).dtype === 'float64' ? b.cast(value, 'float32') : value,
  );
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
  return inPlace(file, () => b.build(replay(b, graph, bindInputs(b, graph, sizes), file), graph.metadata));
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
    throw new SeedbedError('Unsupported', `this operator is not supported${whyNot(node.op)}`);
  }
  const plain = formOf(b, node, operands);
  if (typeof plain === 'string') return [plain];
  return b.node(node.op, plain.inputs, plain.attributes, {
    name: node.name,
    outputs: node.outputs.map(output => output && freeName(b, output)),
  });
}

function whyNot(op: string): string {
  const reason = REFUSED.get(op);
  return reason ? `: ${reason}` : `. Supported are: ${SUPPORTED_OPS.join(', ')}`;
}

/** Whether a Cast is to the type that its operand has, as widening leaves many, or from float32 to float64. */
function castsNothing(b: GraphBuilder, { op, attributes }: Node, [x]: readonly Value[]): boolean {
  if (op !== 'Cast' || x === undefined) return false;
  const { dtype } = b.type(x);
  return (
    attributes.to === ONNX_DTYPES[dtype] || (dtype === 'float32' && attributes.to === ONNX_DTYPES.float64)
  );
}

/** Whether a reduction has no axes to reduce: operator set 17 cannot say so for all of them. */
function reducesNothing(b: GraphBuilder, { op, attributes }: Node, operands: readonly Value[]): boolean {
  return REDUCTIONS.has(op) && reductionAxes({ attributes, ...b.facts(operands) }).length === 0;
}

function resolve(values: ReadonlyMap<string, Value | undefined>, name: string): Value {
  if (name === '') return '';
  const value = values.get(name);
  if (value === undefined && values.has(name))
    throw new SeedbedError(
      'Unsupported',
      `'${name}' is a further output of an operator of which Seedbed gives the first alone`,
    );
  if (value === undefined) throw new SeedbedError('BadFile', `'${name}' is used before anything produces it`);
  return value;
}

/** The name itself where it is free or already stands for the same weight, else a new one like it. */
function freeName(b: GraphBuilder, name: string, weight?: unknown): string {
  return !b.has(name) || (weight !== undefined && b.known(name) === weight) ? name : b.fresh(name);
}
