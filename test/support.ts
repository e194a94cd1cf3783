import type { RunGraph } from '../src/autodiff/check.ts';
import type { Attributes, Graph } from '../src/graph/ir.ts';
import { createRuntime } from '../src/runtime/node.ts';
import { type DType, float32, sizeOf, type Tensor, toNumbers } from '../src/tensor/tensor.ts';

const runtime = await createRuntime({ threads: 1 });

/** Runs a graph at each of the points on one thread. */
export const runGraph: RunGraph = async (graph, points) => {
  const session = await runtime.load(graph);
  const results = [];
  for (const point of points) results.push(await session.run(point));
  await session.dispose();
  return results;
};

/** L2 norm of the difference over L2 norm of the reference; the shapes must agree. */
export function relativeError(got: Tensor, want: Tensor): number {
  if (got.shape.join() !== want.shape.join())
    throw new Error(`shape [${got.shape}], expected [${want.shape}]`);
  const [a, b] = [toNumbers(got), toNumbers(want)];
  const difference = Math.sqrt(a.reduce((sum, value, i) => sum + (value - b[i]!) ** 2, 0));
  const norm = Math.sqrt(b.reduce((sum, value) => sum + value ** 2, 0));
  return difference / Math.max(norm, 1e-30);
}

/** What the work throws. */
export function thrownBy(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}

/** A graph of one node, written as a file would hold it: nothing inferred, nothing folded. */
export function singleNode(
  op: string,
  inputs: Readonly<Record<string, Tensor>>,
  attributes: Attributes = {},
  { dtype = 'float32', rank = 0, opset = 17 }: { dtype?: DType; rank?: number; opset?: number } = {},
): Graph {
  const names = Object.keys(inputs);
  return {
    name: op,
    opset,
    inputs: names.map(name => ({ name, dtype: inputs[name]!.dtype, shape: inputs[name]!.shape })),
    outputs: [{ name: 'y', dtype, shape: Array.from({ length: rank }, (_, i) => `y${i}`) }],
    initializers: new Map(),
    nodes: [{ op, name: 'node', inputs: names, outputs: ['y'], attributes }],
    metadata: new Map(),
  };
}

/** Numbers of both signs without a pattern. */
export const wave = (...shape: number[]) =>
  float32(
    shape,
    Array.from({ length: sizeOf(shape) }, (_, i) => 2 * Math.sin(5 * i + 1)),
  );

/** The graph with the named inputs as weights. */
export function frozen(graph: Graph, weights: Readonly<Record<string, Tensor>>): Graph {
  const inputs = graph.inputs.filter(({ name }) => !(name in weights));
  return { ...graph, inputs, initializers: new Map(Object.entries(weights)) };
}
