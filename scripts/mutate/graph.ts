import type { Attribute, Graph, Node } from '../../src/graph/ir.ts';
import { isTensor } from '../../src/graph/ir.ts';
import { parseModel, serializeModel } from '../../src/graph/protobuf.ts';
import { SUPPORTED_OPS } from '../../src/graph/replay.ts';
import { int64, type Tensor, tensor } from '../../src/tensor/tensor.ts';
import type { Mutate } from './bytes.ts';
import type { Draw } from './draw.ts';

const NUMBERS = [
  ...[-1, 0, 1, 2, 3, 4, 5, 7, 8, 16, 64, 100, 1000, 4096, 65_536, 2 ** 20, 2 ** 26],
  ...[2 ** 31 - 1, 2 ** 31, 2 ** 40, 2 ** 53 - 1, -2, -7, -(2 ** 31), -(2 ** 53) + 1],
];
const TEXTS = [
  '',
  'add',
  'linear',
  'cubic',
  'reflect',
  'edge',
  'SAME_UPPER',
  'VALID',
  'ij,jk->ik',
  'a,a->',
  '...',
];
const NAMES = [
  'axis',
  'axes',
  'perm',
  'pads',
  'strides',
  'dilations',
  'kernel_shape',
  'group',
  'to',
  'mode',
  'epsilon',
];

/** A graph that is well-formed and makes no sense: one to three of its numbers, names and operators are others. */
export const mutateGraph: Mutate = (draw, bytes) => {
  let graph = parseModel(bytes, 'sample');
  for (let left = 1 + draw.below(3); left > 0; left--) graph = draw.of(WAYS)(draw, graph);
  return serializeModel(graph);
};

const WAYS: readonly ((draw: Draw, graph: Graph) => Graph)[] = [
  (draw, graph) => ({
    ...graph,
    inputs: graph.inputs.map(input => ({
      ...input,
      shape: input.shape.map(dim => (draw.chance(30) ? size(draw) : dim)),
    })),
  }),
  (draw, graph) => ({
    ...graph,
    inputs: graph.inputs.map(input => ({
      ...input,
      shape: input.shape.toSpliced(draw.below(3), draw.below(2), size(draw)),
    })),
  }),
  (draw, graph) => withNode(draw, graph, node => ({ ...node, op: draw.of(SUPPORTED_OPS) })),
  (draw, graph) => withNode(draw, graph, node => ({ ...node, inputs: node.inputs.slice(0, draw.below(4)) })),
  (draw, graph) =>
    withNode(draw, graph, node => ({
      ...node,
      inputs: [...node.inputs.slice(0, -1), anyValue(draw, graph)],
    })),
  (draw, graph) =>
    withNode(draw, graph, node => ({
      ...node,
      inputs: new Array(draw.of([2, 5000])).fill(anyValue(draw, graph)),
    })),
  (draw, graph) =>
    withNode(draw, graph, node => ({ ...node, outputs: [...node.outputs, anyValue(draw, graph)] })),
  (draw, graph) => withNode(draw, graph, node => ({ ...node, attributes: withAttribute(draw, node) })),
  (draw, graph) => withNode(draw, graph, node => ({ ...node, attributes: withAttribute(draw, node) })),
  (draw, graph) => withWeights(draw, graph, t => numbers(draw, t)),
  (draw, graph) => withWeights(draw, graph, t => numbers(draw, t)),
  (draw, graph) =>
    withWeights(draw, graph, t =>
      tensor(t.dtype, draw.chance(50) ? [t.data.length] : [...t.shape, 1], t.data),
    ),
  (_, graph) => ({ ...graph, nodes: graph.nodes.toReversed() }),
];

const size = (draw: Draw) =>
  draw.chance(20) ? draw.of(['N', 'M', '__proto__']) : draw.of(NUMBERS.filter(n => n >= 0));

function anyValue(draw: Draw, graph: Graph): string {
  const names = [
    ...graph.inputs.map(({ name }) => name),
    ...graph.initializers.keys(),
    ...graph.nodes.flatMap(n => n.outputs),
  ];
  return draw.of(names);
}

function withNode(draw: Draw, graph: Graph, change: (node: Node) => Node): Graph {
  const at = draw.below(graph.nodes.length);
  return { ...graph, nodes: graph.nodes.with(at, change(graph.nodes[at]!)) };
}

function withAttribute(draw: Draw, { attributes }: Node): Node['attributes'] {
  const names = Object.keys(attributes);
  const name = names.length > 0 && draw.chance(80) ? draw.of(names) : draw.of(NAMES);
  return { ...attributes, [name]: attribute(draw, attributes[name]) };
}

function attribute(draw: Draw, before: Attribute | undefined): Attribute {
  if (isTensor(before) && draw.chance(70)) return numbers(draw, before);
  if (Array.isArray(before) && draw.chance(70))
    return before.map(item => (draw.chance(50) ? draw.of(NUMBERS) : item));
  const list = () => Array.from({ length: draw.below(6) }, () => draw.of(NUMBERS));
  return draw.of<() => Attribute>([
    () => draw.of(NUMBERS),
    list,
    () => draw.of(TEXTS),
    () => ({ float: draw.of([0, -1, 1e30, Number.NaN, Number.POSITIVE_INFINITY]) }),
    () => int64(list()),
  ])();
}

/** Every whole-numbered weight, or the one that is drawn; those are the shapes, axes and places. */
function withWeights(draw: Draw, graph: Graph, change: (t: Tensor) => Tensor): Graph {
  const whole = [...graph.initializers].filter(([, { dtype }]) => dtype === 'int64').map(([name]) => name);
  const name =
    whole.length > 0 && draw.chance(90) ? draw.of(whole) : draw.of(['', ...graph.initializers.keys()]);
  const before = graph.initializers.get(name);
  return before ? { ...graph, initializers: new Map(graph.initializers).set(name, change(before)) } : graph;
}

function numbers(draw: Draw, t: Tensor): Tensor {
  const data = t.data.slice();
  const at = draw.below(data.length);
  if (data instanceof BigInt64Array) data[at] = BigInt(draw.of(NUMBERS));
  else if (data instanceof Float32Array)
    data[at] = draw.of([Number.NaN, Number.POSITIVE_INFINITY, 1e38, ...NUMBERS]);
  return { ...t, data } as Tensor;
}
