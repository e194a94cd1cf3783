import type { RunGraph } from '../src/autodiff/check.ts';
import { createRuntime } from '../src/runtime/node.ts';
import { type Tensor, toNumbers } from '../src/tensor/tensor.ts';

const runtime = createRuntime({ threads: 1 });

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
  if (got.shape.join() !== want.shape.join()) throw new Error(`shape [${got.shape}], expected [${want.shape}]`);
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
