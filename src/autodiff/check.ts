import type { Graph } from '../graph/ir.ts';
import { fillNormal } from '../tensor/random.ts';
import { float32, sizeOf, type Tensor, toNumbers } from '../tensor/tensor.ts';
import { differentiate } from './differentiate.ts';

type Values = Readonly<Record<string, Tensor>>;

/** Runs a graph once at each of several points: from its inputs by name to its outputs by name. */
export type RunGraph = (graph: Graph, points: readonly Values[]) => Promise<readonly Values[]>;

export interface CheckOptions {
  /** The output to differentiate, float32. */
  readonly of: string;
  /** The inputs with respect to which, float32. */
  readonly wrt: readonly string[];
  /** The point: a value for every input of the graph. No value may lie within `step` of a kink or jump. */
  readonly at: Values;
  /** How far central differences step to either side; 1e-2 unless given, right for smooth values near 1. */
  readonly step?: number;
}

/**
 * Compares a graph's gradient with central differences, (f(x + step) - f(x - step)) / (2 step) for each element x
 * in turn, both multiplied by the same random cotangent.
 * @returns the norm of the difference over that of the central differences, the largest over `wrt`. Gradients
 * under a thousandth of the cotangent count as that large. Below 1e-2 is agreement in float32.
 * @example
 * const run: RunGraph = async (graph, points) => {
 *   const session = await runtime.load(graph);
 *   const results = [];
 *   for (const point of points) results.push(await session.run(point));
 *   await session.dispose();
 *   return results;
 * };
 * await checkGradient(run, graph, { of: 'y', wrt: ['x'], at: { x: float32([2], [0.5, -1]) } });
 */
export async function checkGradient(run: RunGraph, graph: Graph, options: CheckOptions): Promise<number> {
  const { of, wrt, at, step = 1e-2 } = options;
  const gradient = differentiate(graph, { of, wrt });
  const { shape } = gradient.inputs.find(input => input.name === `grad/${of}`)!;
  const cotangent = float32(shape as number[], new Float32Array(sizeOf(shape as number[])));
  fillNormal({ seed: 0, purpose: 'gradient check' }, 0, 0, cotangent.data);
  const [analytic] = await run(gradient, [{ ...at, [`grad/${of}`]: cotangent }]);

  const errors = wrt.map(async name => {
    const elements = at[name]!.data.length;
    const points = Array.from({ length: 2 * elements }, (_, i) =>
      move(at, name, i >> 1, i % 2 === 0 ? step : -step),
    );
    const results = await run(graph, points);
    const numeric = Array.from({ length: elements }, (_, i) => {
      const [above, below] = [2 * i, 2 * i + 1];
      // The step that float32 really took.
      const width = Number(points[above]![name]!.data[i]) - Number(points[below]![name]!.data[i]);
      return dot(cotangent, subtract(results[above]![of]!, results[below]![of]!)) / width;
    });
    const found = toNumbers(analytic![`grad/${name}`]!);
    const floor = 1e-3 * norm(toNumbers(cotangent));
    return norm(found.map((value, i) => value - numeric[i]!)) / Math.max(norm(numeric), floor);
  });
  return Math.max(0, ...(await Promise.all(errors)));
}

function move(at: Values, name: string, element: number, by: number): Values {
  const data = Float32Array.from(toNumbers(at[name]!));
  data[element]! += by;
  return { ...at, [name]: float32(at[name]!.shape, data) };
}

function subtract(a: Tensor, b: Tensor): number[] {
  const right = toNumbers(b);
  return toNumbers(a).map((value, i) => value - right[i]!);
}

function dot(a: Tensor, b: readonly number[]): number {
  return toNumbers(a).reduce((sum, value, i) => sum + value * b[i]!, 0);
}

function norm(values: readonly number[]): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
}
