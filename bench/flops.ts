import { GraphBuilder, type Value } from '../src/graph/builder.ts';
import { type Graph, intOf, type Node } from '../src/graph/ir.ts';
import { bindInputs, replay } from '../src/graph/replay.ts';
import { sizeOf } from '../src/tensor/tensor.ts';

/**
 * Floating point operations of one run of a graph: 2 for each multiplication with its addition, in convolutions and
 * matrix products (Gemm and FusedMatMul among them); all other operators count nothing.
 * @param sizes sizes of open dimensions by name.
 * @example countFlops(model.graph, { N: 1 })
 */
export function countFlops(graph: Graph, sizes: Readonly<Record<string, number>> = {}): number {
  const b = new GraphBuilder(graph.name);
  replay(b, graph, bindInputs(b, graph, sizes), graph.name, (node, operands) =>
    node.op === 'FusedMatMul' ? [plainProduct(b, node, operands)] : undefined,
  );
  return b.nodes.reduce((sum, node) => sum + flopsOf(b, node), 0);
}

function flopsOf(b: GraphBuilder, node: Node): number {
  const [first, second] = node.inputs as [Value, Value];
  const output = node.outputs[0]!;
  switch (node.op) {
    case 'Conv': // an output element takes a product for each tap and input channel of its group
      return 2 * sizeOf(b.shape(output)) * sizeOf(b.shape(second).slice(1));
    case 'ConvTranspose': // the same, seen from the input
      return 2 * sizeOf(b.shape(first)) * sizeOf(b.shape(second).slice(1));
    case 'MatMul':
      return 2 * sizeOf(b.shape(output)) * b.shape(first).at(-1)!;
    default:
      return 0;
  }
}

/** ONNX Runtime's FusedMatMul as the plain product that it stands for; its factor `alpha` changes no shape. */
function plainProduct(b: GraphBuilder, { attributes }: Node, [x, y]: readonly Value[]): Value {
  const swapped = (value: Value, flag: string) => {
    const axes = b.shape(value).map((_, i) => i);
    const [row, column] = axes.splice(-2) as [number, number];
    return intOf(attributes, flag, 0) === 1 ? b.transpose(value, [...axes, column, row]) : value;
  };
  return b.matmul(swapped(x!, 'transA'), swapped(y!, 'transB'));
}
