import { type DType, float32, type Tensor, toFloat32 } from '../tensor/tensor.ts';
import { ONNX_DTYPES } from './dtypes.ts';
import {
  type Attribute,
  type Attributes,
  type Graph,
  isGraph,
  isTensor,
  type Node,
  type ValueInfo,
} from './ir.ts';

/**
 * A graph that computes in float16, or takes or gives float64, as one that computes in float32: its weights, constants,
 * inputs and outputs become float32, and what was cast to the other type stays in float32, so intermediate values are no
 * longer rounded to float16. float16 is widened exactly, float64 is rounded. Casts of float16 weights to float32 go.
 * Other graphs stay as they are.
 * @returns a graph with the same names, in which no value is float16.
 * @group Graphs and gradients
 * @example
 * import { GraphBuilder, widen } from 'seedbed';
 * const b = new GraphBuilder('double');
 * const x = b.input('x', 'float16', [3]);
 * const graph = widen(b.build({ y: b.add(x, x) }));
 * console.log(graph.inputs[0].dtype, graph.outputs[0].dtype); // prints float32 float32
 */
export function widen(graph: Graph): Graph {
  const isDouble = [...graph.inputs, ...graph.outputs].some(({ dtype }) => dtype === 'float64');
  return inSingle(graph, isDouble ? ['float16', 'float64'] : ['float16'], new Map());
}

/** What is said of such a graph where it is read. */
export const DOUBLE_NOTE = 'some of it is float64, which Seedbed rounds to float32 where it meets data';

/** Whether a graph takes, gives or holds numbers of float64, or casts some to it: Seedbed rounds them to float32. */
export function usesDouble(graph: Graph): boolean {
  return (
    [...graph.inputs, ...graph.outputs, ...graph.initializers.values()].some(
      ({ dtype }) => dtype === 'float64',
    ) ||
    graph.nodes.some(
      node =>
        gives(node, 'float64') ||
        Object.values(node.attributes).some(value =>
          isGraph(value) ? usesDouble(value) : isTensor(value) && value.dtype === 'float64',
        ),
    )
  );
}

/** @param replaced the names of weights by those of the casts of them around the graph, which are gone. */
function inSingle(graph: Graph, from: readonly DType[], replaced: ReadonlyMap<string, string>): Graph {
  const casts = new Map([...replaced, ...castsOfWeights(graph)]);
  const weightOf = (value: string) => casts.get(value) ?? value;
  const info = (i: ValueInfo): ValueInfo => (from.includes(i.dtype) ? { ...i, dtype: 'float32' } : i);
  const single = (t: Tensor): Tensor => (from.includes(t.dtype) ? rounded(t) : t);
  const attribute = (value: Attribute): Attribute => {
    if (isGraph(value)) return inSingle(value, from, casts);
    return isTensor(value) ? single(value) : value;
  };
  const attributes = (node: Node): Attributes =>
    from.some(dtype => gives(node, dtype))
      ? { ...node.attributes, [NAMED_BY[node.op]!]: ONNX_DTYPES.float32 }
      : Object.fromEntries(Object.entries(node.attributes).map(([name, value]) => [name, attribute(value)]));
  return {
    ...graph,
    inputs: graph.inputs.map(info),
    outputs: graph.outputs.map(output => ({ ...info(output), name: weightOf(output.name) })),
    initializers: new Map([...graph.initializers].map(([name, t]) => [name, single(t)])),
    nodes: graph.nodes
      .filter(node => !castsTo(node, 'float32') || !casts.has(node.outputs[0]!))
      .map(node => ({ ...node, inputs: node.inputs.map(weightOf), attributes: attributes(node) })),
  };
}

function rounded(t: Tensor): Tensor {
  return t.dtype === 'float64' ? float32(t.shape, Float32Array.from(t.data as Float64Array)) : toFloat32(t);
}

/** What casts of float16 weights to float32 give, unless it is an output of the graph, and the weights' names. */
function castsOfWeights({ nodes, initializers, outputs }: Graph): ReadonlyMap<string, string> {
  const kept = new Set(outputs.map(({ name }) => name));
  return new Map(
    nodes
      .filter(node => castsTo(node, 'float32') && initializers.get(node.inputs[0]!)?.dtype === 'float16')
      .filter(node => !kept.has(node.outputs[0]!))
      .map(node => [node.outputs[0]!, node.inputs[0]!]),
  );
}

function castsTo(node: Node, to: DType): boolean {
  return node.op === 'Cast' && gives(node, to);
}

/** By which attribute operators name the type of what they give. */
const NAMED_BY: Readonly<Record<string, string>> = { Cast: 'to', EyeLike: 'dtype' };

/** Whether an operator names this type as that of what it gives. */
function gives({ op, attributes }: Node, dtype: DType): boolean {
  const by = NAMED_BY[op];
  return by !== undefined && attributes[by] === ONNX_DTYPES[dtype];
}
