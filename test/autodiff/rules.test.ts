import { describe, expect, test } from 'vitest';
import { checkGradient } from '../../src/autodiff/check.ts';
import { differentiate, pushForward } from '../../src/autodiff/differentiate.ts';
import { RULES } from '../../src/autodiff/rules.ts';
import { OPS } from '../../src/graph/infer.ts';
import { float32, type Tensor, toNumbers } from '../../src/tensor/tensor.ts';
import { relativeError, runGraph } from '../support.ts';
import { ROWS } from './rows.ts';

const STEP = 1e-2;
/** What rounding and third derivatives leave; a wrong rule is off by a hundred times that. */
const TOLERANCE = 3e-4;
const cases = ROWS.map(row => [row.title, row] as const);

test('every operator with a rule has a row', () => {
  const covered = new Set(ROWS.map(row => row.op));
  expect(OPS.filter(op => typeof RULES[op] === 'function' && !covered.has(op))).toEqual([]);
});

test('no two rows are the same', () => {
  const titles = ROWS.map(row => row.title);
  expect(titles.filter((title, i) => titles.indexOf(title) !== i)).toEqual([]);
});

describe('gradients agree with central differences', () => {
  test.each(cases)('%s', async (_, { graph, at }) => {
    const error = await checkGradient(runGraph, graph, { of: 'y', wrt: Object.keys(at), at, step: STEP });
    expect(error).toBeLessThan(TOLERANCE);
  });
});

describe('so do gradients of gradients', () => {
  test.each(cases)('%s', async (_, { graph, at }) => {
    const gradient = differentiate(graph, { of: 'y', wrt: Object.keys(at) });
    const { name, shape } = gradient.inputs.at(-1)!;
    const point = { ...at, [name]: ramp(shape as number[]) };
    for (const of of Object.keys(at).map(x => `grad/${x}`)) {
      const error = await checkGradient(runGraph, gradient, {
        of,
        wrt: Object.keys(point),
        at: point,
        step: STEP,
      });
      expect(error, of).toBeLessThan(TOLERANCE);
    }
  });
});

describe('the push-forward is the derivative along a direction', () => {
  test.each(cases)('%s', async (_, { graph, at }) => {
    const wrt = Object.keys(at);
    const tangents = Object.fromEntries(wrt.map((x, i) => [`tangent/${x}`, ramp(at[x]!.shape, i)]));
    const [pushed] = await runGraph(pushForward(graph, { of: 'y', wrt }), [{ ...at, ...tangents }]);
    const [above, below] = await runGraph(
      graph,
      [STEP, -STEP].map(by => along(at, tangents, by)),
    );
    expect(above!.y!.shape).toEqual(graph.outputs[0]!.shape);
    const slope = toNumbers(above!.y!).map((value, i) => (value - toNumbers(below!.y!)[i]!) / (2 * STEP));
    expect(relativeError(pushed!['tangent/y']!, float32(above!.y!.shape, slope))).toBeLessThan(TOLERANCE);
  });
});

/** Numbers between -1 and 1 without a pattern. */
function ramp(shape: readonly number[], phase = 1): Tensor<'float32'> {
  const count = shape.reduce((product, dim) => product * dim, 1);
  return float32(
    shape,
    Array.from({ length: count }, (_, i) => Math.cos(2 * i + phase)),
  );
}

function along(at: Readonly<Record<string, Tensor>>, tangents: Readonly<Record<string, Tensor>>, by: number) {
  return Object.fromEntries(
    Object.entries(at).map(([name, x]) => {
      const direction = toNumbers(tangents[`tangent/${name}`]!);
      return [
        name,
        float32(
          x.shape,
          toNumbers(x).map((value, i) => value + by * direction[i]!),
        ),
      ];
    }),
  );
}
