import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { GraphBuilder } from '../../src/graph/builder.ts';
import { ONNX_DTYPES } from '../../src/graph/dtypes.ts';
import { EVALUATORS, evaluate } from '../../src/graph/evaluate.ts';
import type { Attributes } from '../../src/graph/ir.ts';
import {
  type DType,
  float32,
  int64,
  sizeOf,
  type Tensor,
  tensor,
  toNumbers,
} from '../../src/tensor/tensor.ts';
import { relativeError, runGraph, singleNode, thrownBy } from '../support.ts';

interface Call {
  readonly inputs: readonly Tensor[];
  readonly attributes?: Attributes;
}

const integers = (shape: readonly number[], min = -9, max = 9) =>
  fc
    .array(fc.integer({ min, max }), { minLength: sizeOf(shape), maxLength: sizeOf(shape) })
    .map(v => int64(v, shape));
const reals = (shape: readonly number[], min = -9, max = 9) =>
  integers(shape, min * 8, max * 8).map(t =>
    float32(
      shape,
      toNumbers(t).map(v => v / 8),
    ),
  );
const truths = (shape: readonly number[]) =>
  integers(shape, 0, 1).map(t => tensor('bool', shape, Uint8Array.from(toNumbers(t))));
const shapes = fc.constantFrom([], [3], [2, 3]);
const calls = (...inputs: fc.Arbitrary<Tensor>[]): fc.Arbitrary<Call> =>
  fc.tuple(...inputs).map(values => ({ inputs: values }));
const unary = (min = -9) => shapes.chain(shape => calls(reals(shape, min)));
const binary = (low = -9, high = 9) =>
  fc
    .constantFrom(
      [
        [2, 3],
        [2, 3],
      ],
      [[2, 1], [3]],
      [[], [2]],
      [
        [3, 1, 2],
        [2, 1],
      ],
    )
    .chain(([a, b]) => calls(integers(a!, low, high), integers(b!, low, high)));
const one = (value: number) => int64([value]);
function reductions() {
  return fc
    .tuple(
      fc.constantFrom([3], [2, 2]).chain(shape => integers(shape, -4, 4)),
      fc.constantFrom(0, 1),
    )
    .map(([x, keepdims]) => ({ inputs: [x], attributes: { keepdims } }));
}
const CAST_TO: readonly DType[] = ['float32', 'float64', 'float16', 'int64', 'int32', 'bool'];

/** For every operator that is computed ahead of time, calls as exporters make them. */
const CALLS: Readonly<Record<string, fc.Arbitrary<Call>>> = {
  Identity: unary(),
  Cast: fc.constantFrom(...CAST_TO).chain(to =>
    fc
      .constantFrom<Tensor>(
        float32([6], [-2.5, -1, 0, 0.25, 1.75, 7]),
        int64([-3, 0, 5]),
        tensor('bool', [2], Uint8Array.of(1, 0)),
      )
      .map(x => ({
        inputs: [x],
        attributes: { to: ONNX_DTYPES[to] },
      })),
  ),
  Add: binary(),
  Sub: binary(),
  Mul: binary(),
  Div: fc.oneof(
    fc.tuple(integers([2, 3]), integers([3], 1, 4), fc.constantFrom(1, -1)).map(([a, b, sign]) => ({
      inputs: [a, int64(toNumbers(b).map(v => v * sign))],
    })),
    calls(reals([2, 3]), reals([3], 1)),
  ),
  Mod: fc
    .tuple(integers([2, 3]), integers([3], 1, 4), fc.constantFrom(1, -1), fc.constantFrom(0, 1))
    .map(([a, b, sign, fmod]) => ({
      inputs: [a, int64(toNumbers(b).map(v => v * sign))],
      attributes: { fmod },
    })),
  Pow: fc.oneof(binary(0, 4), calls(reals([3], 1), reals([]))),
  Max: fc.oneof(binary(), calls(integers([3])), calls(integers([3]), integers([]), integers([2, 1]))),
  Min: fc.oneof(binary(), calls(reals([3])), calls(reals([3]), reals([]), reals([2, 1]))),
  Equal: binary(-1, 1),
  Greater: binary(),
  GreaterOrEqual: binary(),
  Less: binary(),
  LessOrEqual: binary(),
  And: calls(truths([2, 1]), truths([3])),
  Or: calls(truths([3]), truths([2, 3])),
  Not: calls(truths([2, 3])),
  Neg: unary(),
  Abs: shapes.chain(shape => calls(integers(shape))),
  Sqrt: unary(0),
  Exp: unary(),
  Log: unary(1),
  Floor: unary(),
  Ceil: unary(),
  Round: unary(),
  Clip: fc.oneof(
    calls(integers([4]), integers([], -3, 0), integers([], 1, 4)),
    calls(reals([2, 3]), reals([], -3, 0)),
  ),
  Reciprocal: unary(1),
  Where: calls(truths([2, 1]), integers([3]), integers([2, 3])),
  Reshape: fc
    .tuple(integers([2, 3, 2]), fc.constantFrom([-1], [0, -1], [4, 3], [2, -1, 2], [0, 0, 0]))
    .map(([x, to]) => ({ inputs: [x, int64(to)] })),
  Squeeze: fc.tuple(integers([1, 3, 1]), fc.constantFrom([[0]], [[-1]], [[0, 2]], [])).map(([x, axes]) => ({
    inputs: [x, ...axes.map(a => int64(a))],
  })),
  Unsqueeze: fc.tuple(integers([2, 3]), fc.constantFrom([0], [-1], [1, 3], [3, 0])).map(([x, axes]) => ({
    inputs: [x, int64(axes)],
  })),
  Concat: fc.oneof(
    fc
      .tuple(integers([2, 2]), integers([1, 2]), integers([3, 2]))
      .map(inputs => ({ inputs, attributes: { axis: 0 } })),
    fc.tuple(integers([2, 1, 2]), integers([2, 3, 2])).map(inputs => ({ inputs, attributes: { axis: -2 } })),
  ),
  Gather: fc
    .tuple(
      integers([4, 4]),
      fc.oneof(integers([], -4, 3), integers([3], -4, 3), integers([2, 2], -4, 3)),
      fc.constantFrom(0, 1, -1),
    )
    .map(([x, indices, axis]) => ({ inputs: [x, indices], attributes: { axis } })),
  ScatterElements: fc
    .tuple(integers([5]), fc.constantFrom([0, 3], [-1, 2]), integers([2]))
    .map(([x, at, updates]) => ({ inputs: [x, int64(at), updates] })),
  ScatterND: fc
    .tuple(integers([5]), fc.constantFrom([0, 3], [-1, 2]), integers([2]))
    .map(([x, at, updates]) => ({ inputs: [x, int64(at, [2, 1]), updates] })),
  Tile: fc
    .tuple(integers([2, 3]), fc.constantFrom([1, 2], [3, 1], [2, 2]))
    .map(([x, times]) => ({ inputs: [x, int64(times)] })),
  Slice: fc
    .tuple(
      integers([4, 5]),
      fc.integer({ min: -7, max: 7 }),
      fc.integer({ min: -7, max: 7 }),
      fc.constantFrom(0, 1, -1),
      fc.constantFrom(1, -1, 2, -3),
    )
    .map(([x, ...numbers]) => ({ inputs: [x, ...numbers.map(one)] })),
  Transpose: fc
    .tuple(
      integers([2, 3, 2]),
      fc.constantFrom<Attributes>({}, { perm: [0, 1, 2] }, { perm: [2, 0, 1] }, { perm: [1, 0, 2] }),
    )
    .map(([x, attributes]) => ({ inputs: [x], attributes })),
  Expand: fc.tuple(integers([3, 1]), fc.constantFrom([3, 4], [2, 1, 4], [1, 1], [2])).map(([x, to]) => ({
    inputs: [x, int64(to)],
  })),
  ConstantOfShape: fc
    .constantFrom<Attributes>({}, { value: int64([7]) })
    .map(attributes => ({ inputs: [int64([2, 3])], attributes })),
  Range: fc
    .tuple(fc.integer({ min: -5, max: 5 }), fc.integer({ min: -5, max: 5 }), fc.constantFrom(1, 2, -1, -3))
    .map(numbers => ({ inputs: numbers.map(n => int64([n], [])) })),
  ReduceProd: reductions(),
  ReduceSum: reductions(),
  ReduceMax: reductions(),
  ReduceMin: reductions(),
};

describe('what is computed ahead of time is what the runtime computes', () => {
  test('every evaluator is tested', () => {
    expect(Object.keys(CALLS).sort()).toEqual(Object.keys(EVALUATORS).sort());
  });

  test.each(Object.keys(CALLS))('%s', async op => {
    const agrees = async ({ inputs, attributes = {} }: Call) => {
      const folded = evaluate(op, inputs, attributes)!;
      const feeds = Object.fromEntries(inputs.map((input, i) => [`x${i}`, input]));
      const graph = singleNode(op, feeds, attributes, { dtype: folded.dtype, rank: folded.shape.length });
      const [results] = await runGraph(graph, [feeds]);
      expect(folded.dtype).toBe(results!.y!.dtype);
      expect(relativeError(folded, results!.y!)).toBeLessThan(1e-6);
    };
    await fc.assert(fc.asyncProperty(CALLS[op]!, agrees), { numRuns: 15 });
  });
});

test.each([
  [-100, -1000, -1],
  [100, -1000, -2],
  [-6, -7, -1],
  [-5, -6, -3],
  [-6, 100, 1],
  [5, 100, 1],
  [0, 0, -1],
  // To the end, of a walk backwards too.
  [-1, 2 ** 31 - 1, -1],
  [3, 2 ** 31 - 1, -2],
])('a Slice from %d to %d by %d stops where the runtime stops', async (start, end, step) => {
  const inputs = [float32([5], [1, 2, 3, 4, 5]), ...[start, end, 0, step].map(one)];
  const feeds = Object.fromEntries(inputs.map((input, i) => [`x${i}`, input]));
  const [results] = await runGraph(singleNode('Slice', feeds, {}, { rank: 1 }), [feeds]);
  expect(evaluate('Slice', inputs, {})).toEqual(results!.y);
});

test("the largest integer, which exporters write for 'to the end', survives", () => {
  const end = tensor('int64', [1], BigInt64Array.of(2n ** 63n - 1n));
  const moved = evaluate('Reshape', [evaluate('Concat', [end], { axis: 0 }), int64([1])], {});
  expect(moved!.data).toEqual(end.data);
});

test("an exporter's arithmetic on a shape leaves no nodes behind", () => {
  const b = new GraphBuilder('flatten');
  const x = b.input('x', 'float32', [2, 3, 4]);
  const shape = b.op('Shape', [x]);
  const first = b.op('Gather', [shape, b.constant(int64([0], []))], { axis: 0 });
  const target = b.concat([b.op('Unsqueeze', [first, b.ints([0])]), b.ints([-1])], 0);
  const { nodes, outputs } = b.build({ y: b.op('Reshape', [x, target]) });
  expect(nodes.map(node => node.op)).toEqual(['Reshape', 'Identity']);
  expect(outputs[0]!.shape).toEqual([2, 12]);
});

test.each<[string, string, Tensor[], RegExp]>([
  ['an index outside', 'Gather', [int64([1, 2]), int64([2])], /index 2 is outside an axis of 2/],
  ['a division by zero', 'Div', [int64([1]), int64([0])], /integer arithmetic gives Infinity/],
  ['a step of zero', 'Slice', [int64([1, 2]), one(0), one(2), one(0), one(0)], /step of 0/],
  ['a squeezed axis of two', 'Squeeze', [int64([1, 2]), one(0)], /cannot squeeze axes \[0\] of \[2\]/],
  [
    'a shape that does not fit',
    'Reshape',
    [int64([1, 2, 3]), int64([2, -1])],
    /cannot reshape \[3\] to \[2,-1\]/,
  ],
])('refused: %s', (_, op, inputs, message) => {
  expect(thrownBy(() => evaluate(op, inputs, {}))).toMatchObject({
    name: 'SeedbedError',
    message: expect.stringMatching(message),
  });
});
