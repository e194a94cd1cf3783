import { toFloat32 } from '../tensor/tensor.ts';
import { ONNX_DTYPES } from './dtypes.ts';
import { type Attribute, type Attributes, type Graph, isTensor, type Node, type ValueInfo } from './ir.ts';

/**
 * A graph that computes in float16 as one that computes in float32: its float16 weights, constants, inputs and outputs
 * become float32, exactly, and what was cast to float16 stays in float32, so intermediate values are no longer rounded.
 * Casts of float16 weights to float32 go. Other graphs stay as they are.
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
  const casts = castsOfWeights(graph);
  const weightOf = (value: string) => casts.get(value) ?? value;
  return {
    ...graph,
    inputs: graph.inputs.map(widenInfo),
    outputs: graph.outputs.map(widenInfo),
    initializers: new Map(
      [...graph.initializers].map(([name, t]) => [name, t.dtype === 'float16' ? toFloat32(t) : t]),
    ),
    nodes: graph.nodes
      .filter(node => !isCast(node, 'float32') || !casts.has(node.outputs[0]!))
      .map(node => ({
        ...node,
        inputs: node.inputs.map(weightOf),
        attributes: isCast(node, 'float16') ? { to: ONNX_DTYPES.float32 } : widenTensors(node.attributes),
      })),
  };
}

/** What casts of float16 weights to float32 give, unless it is an output of the graph, and the weights' names. */
function castsOfWeights({ nodes, initializers, outputs }: Graph): ReadonlyMap<string, string> {
  const kept = new Set(outputs.map(({ name }) => name));
  return new Map(
    nodes
      .filter(node => isCast(node, 'float32') && initializers.get(node.inputs[0]!)?.dtype === 'float16')
      .filter(node => !kept.has(node.outputs[0]!))
      .map(node => [node.outputs[0]!, node.inputs[0]!]),
  );
}

function isCast({ op, attributes }: Node, to: 'float16' | 'float32'): boolean {
  return op === 'Cast' && attributes.to === ONNX_DTYPES[to];
}

function widenInfo(info: ValueInfo): ValueInfo {
  return info.dtype === 'float16' ? { ...info, dtype: 'float32' } : info;
}

function widenTensors(attributes: Attributes): Attributes {
  const widened = (value: Attribute) =>
    isTensor(value) && value.dtype === 'float16' ? toFloat32(value) : value;
  return Object.fromEntries(Object.entries(attributes).map(([name, value]) => [name, widened(value)]));
}
