import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { GraphBuilder } from '../../src/graph/builder.ts';
import type { Attributes, Graph } from '../../src/graph/ir.ts';
import { LOWERINGS } from '../../src/graph/lower.ts';
import { bind, replay } from '../../src/graph/replay.ts';
import { float32, int64, sizeOf, type Tensor, tensor, toNumbers } from '../../src/tensor/tensor.ts';
import { relativeError, runGraph, singleNode, thrownBy } from '../support.ts';

/** Numbers of both signs without a pattern. */
const wave = (...shape: number[]) =>
  float32(
    shape,
    Array.from({ length: sizeOf(shape) }, (_, i) => 2 * Math.sin(5 * i + 1)),
  );

/** The graph with the named inputs as weights. */
function frozen(graph: Graph, weights: Readonly<Record<string, Tensor>>): Graph {
  const inputs = graph.inputs.filter(({ name }) => !(name in weights));
  return { ...graph, inputs, initializers: new Map(Object.entries(weights)) };
}

interface Case {
  readonly x: Tensor;
  /** Further operands, which are weights. */
  readonly with?: readonly Tensor[];
  readonly attributes?: Attributes;
  readonly opset?: number;
}

/** A call of every composite operator; the runtime knows it too, in the operator set given. */
const COMPOSITES: Readonly<Record<string, readonly Case[]>> = {
  CastLike: [{ x: wave(3), with: [tensor('int32', [1], Int32Array.of(0))] }],
  Celu: [{ x: wave(5) }, { x: wave(5), attributes: { alpha: { float: 0.3 } } }],
  Constant: [],
  DepthToSpace: [
    { x: wave(1, 8, 2, 3), attributes: { blocksize: 2 } },
    { x: wave(1, 8, 2, 3), attributes: { blocksize: 2, mode: 'CRD' } },
  ],
  DequantizeLinear: [
    {
      x: tensor('uint8', [2, 3], Uint8Array.of(0, 7, 255, 128, 3, 1)),
      with: [float32([], [0.5]), tensor('uint8', [], Uint8Array.of(128))],
    },
    { x: tensor('int8', [2, 3], Int8Array.of(0, 7, -1, 127, -128, 1)), with: [float32([3], [0.5, 2, -1])] },
  ],
  Dropout: [{ x: wave(4) }],
  Einsum: [{ x: wave(2, 3), with: [wave(3, 2)], attributes: { equation: 'ij,jk->ki' } }],
  Gelu: [
    { x: wave(5), opset: 20 },
    { x: wave(5), opset: 20, attributes: { approximate: 'tanh' } },
  ],
  Gemm: [
    { x: wave(2, 3), with: [wave(3, 4)] },
    {
      x: wave(3, 2),
      with: [wave(4, 3), wave(4)],
      attributes: { transA: 1, transB: 1, alpha: { float: 0.5 }, beta: { float: 2 } },
    },
  ],
  GlobalAveragePool: [{ x: wave(2, 3, 4, 2) }],
  GlobalMaxPool: [{ x: wave(2, 3, 4, 2) }],
  GroupNormalization: [
    { x: wave(2, 4, 3), with: [wave(4), wave(4)], attributes: { num_groups: 2 }, opset: 21 },
    { x: wave(2, 4, 3), with: [wave(2), wave(2)], attributes: { num_groups: 2 }, opset: 18 },
  ],
  HardSigmoid: [{ x: wave(9) }, { x: wave(9), attributes: { alpha: { float: 0.5 }, beta: { float: 0.1 } } }],
  HardSwish: [{ x: float32([5], [-4, -1, 0, 2, 5]) }],
  InstanceNormalization: [
    { x: wave(2, 3, 4), with: [wave(3), wave(3)], attributes: { epsilon: { float: 0.1 } } },
  ],
  IsNaN: [{ x: float32([3], [1, Number.NaN, Number.POSITIVE_INFINITY]) }],
  LayerNormalization: [
    { x: wave(2, 3, 4), with: [wave(4), wave(4)] },
    { x: wave(2, 3, 4), with: [wave(3, 4)], attributes: { axis: 1 } },
  ],
  Mean: [{ x: wave(2, 3), with: [wave(3), wave(1)] }],
  Mish: [{ x: wave(5), opset: 18 }],
  Mod: [
    { x: int64([-5, -4, 0, 5, 6]), with: [int64([3])] },
    { x: int64([-5, -4, 0, 5, 6]), with: [int64([-3])] },
    { x: int64([-5, -4, 0, 5, 6]), with: [int64([-3])], attributes: { fmod: 1 } },
    { x: wave(7), with: [float32([], [0.75])], attributes: { fmod: 1 } },
  ],
  PRelu: [{ x: wave(2, 3), with: [wave(3)] }],
  ReduceL1: [{ x: wave(2, 3, 2), attributes: { axes: [1] } }],
  ReduceL2: [
    { x: wave(2, 3, 2), attributes: { axes: [-1], keepdims: 0 } },
    { x: wave(2, 3), with: [int64([0])], opset: 18 },
  ],
  ReduceLogSum: [{ x: float32([2, 2], [1, 2, 3, 4]), attributes: { axes: [0] } }],
  ReduceLogSumExp: [
    { x: float32([2, 2], [1, 200, 3, -4]), attributes: { axes: [1] } },
    { x: wave(2, 3, 2), attributes: { axes: [0, -1], keepdims: 0 } },
    { x: wave(2, 3), with: [int64([0])], opset: 18 },
  ],
  ReduceSumSquare: [{ x: wave(2, 3) }],
  Selu: [{ x: wave(5) }, { x: wave(5), attributes: { alpha: { float: 2 }, gamma: { float: 0.5 } } }],
  Size: [{ x: wave(2, 3) }],
  Softsign: [{ x: wave(5) }],
  SpaceToDepth: [{ x: wave(1, 2, 4, 6), attributes: { blocksize: 2 } }],
  Sum: [{ x: wave(2, 3), with: [wave(3), wave(2, 1)] }],
  Trilu: [
    { x: wave(3, 4) },
    { x: int64([1, 2, 3, 4, 5, 6], [2, 3]) },
    { x: wave(2, 3, 3), with: [int64([-1], [])], attributes: { upper: 0 } },
  ],
  Xor: [
    {
      x: tensor('bool', [4], Uint8Array.of(0, 0, 1, 1)),
      with: [tensor('bool', [4], Uint8Array.of(0, 1, 0, 1))],
    },
  ],
};

describe('composite operators in plain ones give what the runtime gives', () => {
  test('every composite operator is tested', () => {
    expect(Object.keys(COMPOSITES).sort()).toEqual(Object.keys(LOWERINGS).sort());
  });

  const cases = Object.entries(COMPOSITES).flatMap(([op, list]) => list.map(one => [op, one] as const));
  test.each(cases)('%s %#', async (op, { x, with: weights = [], attributes = {}, opset = 17 }) => {
    const named = Object.fromEntries(weights.map((weight, i) => [`w${i}`, weight]));
    const graph = frozen(singleNode(op, { x, ...named }, attributes, { opset }), named);
    const plain = bind(graph);
    const [want] = await runGraph({ ...graph, outputs: plain.outputs }, [{ x }]);
    const [got] = await runGraph(plain, [{ x }]);
    expect(plain.outputs[0]).toMatchObject({ dtype: want!.y!.dtype, shape: want!.y!.shape });
    expect(relativeError(got!.y!, want!.y!)).toBeLessThan(1e-5);
  });
});

test('Trilu makes a causal mask of minus infinities', async () => {
  const x = float32([3, 3], new Array(9).fill(-Infinity));
  const [got] = await runGraph(bind(singleNode('Trilu', { x }, {}, { rank: 2 })), [{ x }]);
  const all = -Infinity;
  expect(toNumbers(got!.y!)).toEqual([all, all, all, 0, all, all, 0, 0, all]);
});

const REDUCTIONS = ['ReduceMax', 'ReduceMean', 'ReduceMin', 'ReduceProd', 'ReduceSum'];

test.each(REDUCTIONS)('%s over no axes leaves its operand as it is where that is asked for', async op => {
  const x = wave(2, 3);
  const operands = { axes: int64([]) };
  const node = singleNode(op, { x, ...operands }, { noop_with_empty_axes: 1 }, { rank: 2, opset: 18 });
  const [got] = await runGraph(bind(frozen(node, operands)), [{ x }]);
  expect(got!.y).toEqual(x);
});

test.each<[string, Attributes, Tensor]>([
  ['a tensor', { value: int64([1, 2]) }, int64([1, 2])],
  ['a real', { value_float: { float: 0.5 } }, float32([], [0.5])],
  ['reals', { value_floats: { floats: [1, 2] } }, float32([2], [1, 2])],
  ['an integer', { value_int: 3 }, int64([3], [])],
  ['integers', { value_ints: [3, 4] }, int64([3, 4])],
])('a Constant that is %s', (_, attributes, value) => {
  const b = new GraphBuilder('constant');
  const { y } = replay(b, singleNode('Constant', {}, attributes), {});
  expect(b.known(y!)).toEqual(value);
});

describe('padding', () => {
  const x = wave(3, 4);
  const width = fc.integer({ min: 0, max: 2 });

  test.each<[string, number, fc.Arbitrary<number>]>([
    ['constant', 17, fc.integer({ min: -1, max: 3 })],
    ['reflect', 17, width],
    ['edge', 17, fc.integer({ min: 0, max: 5 })],
    ['wrap', 19, width],
  ])('%s gives what the runtime gives', async (mode, opset, widths) => {
    const agrees = async (pads: number[], value: number) => {
      const operands = { pads: int64(pads), value: float32([], [value]) };
      const node = singleNode('Pad', { x, ...operands }, { mode }, { rank: 2, opset });
      const graph = frozen(node, operands);
      const [want] = await runGraph(graph, [{ x }]);
      const [got] = await runGraph(bind(graph), [{ x }]);
      expect(got!.y).toEqual(want!.y);
    };
    const pads = fc.array(widths, { minLength: 4, maxLength: 4 });
    await fc.assert(fc.asyncProperty(pads, fc.integer({ min: -3, max: 3 }), agrees), { numRuns: 15 });
  });

  test('of some axes only, as operator set 18 writes it', async () => {
    const operands = { pads: int64([1, 2]), value: float32([], [7]), axes: int64([-1]) };
    const graph = bind(frozen(singleNode('Pad', { x, ...operands }, {}, { opset: 18 }), operands));
    expect(graph.outputs[0]!.shape).toEqual([3, 7]);
    const [got] = await runGraph(graph, [{ x }]);
    expect(toNumbers(got!.y!).slice(0, 7)).toEqual([7, ...toNumbers(x).slice(0, 4), 7, 7]);
  });
});

describe('binding', () => {
  const b = new GraphBuilder('flat.onnx');
  const x = b.input('x', 'float32', ['N', 3]);
  const graph = b.build({ y: b.matmul(x, b.constant(wave(3, 2), 'weight')) }, new Map([['made.by', 'me']]));

  test('gives open dimensions their size everywhere and leaves the rest', () => {
    const bound = bind(graph, { N: 4, other: 7 });
    expect(bound.inputs[0]!.shape).toEqual([4, 3]);
    expect(bound.outputs[0]!.shape).toEqual([4, 2]);
    expect(bound.metadata).toEqual(graph.metadata);
    expect(bind(graph).outputs[0]!.shape).toEqual(['N', 2]);
  });

  test('a graph put into another twice shares its weights', async () => {
    const twice = new GraphBuilder('twice');
    const input = twice.input('x', 'float32', [2, 3]);
    const first = replay(twice, graph, { x: input }).y!;
    const second = replay(twice, graph, { x: twice.neg(input) }).y!;
    const whole = twice.build({ sum: twice.add(first, second), first });
    expect([...whole.initializers.keys()]).toEqual(['weight']);
    expect(whole.initializers.get('weight')).toBe(graph.initializers.get('weight'));
    const [results] = await runGraph(whole, [{ x: wave(2, 3) }]);
    expect(toNumbers(results!.sum!)).toEqual([0, 0, 0, 0]);
    expect(toNumbers(results!.first!).some(v => v !== 0)).toBe(true);
  });

  test('weights of different graphs under one name stay apart', () => {
    const both = new GraphBuilder('both');
    const input = both.input('x', 'float32', [1, 3]);
    const other: Graph = { ...graph, initializers: new Map([['weight', wave(3, 5)]]) };
    const one = replay(both, graph, { x: input }).y!;
    const two = replay(both, other, { x: input }).y!;
    expect([both.shape(one), both.shape(two)]).toEqual([
      [1, 2],
      [1, 5],
    ]);
  });

  test('something else may stand for a weight', () => {
    const learned = new GraphBuilder('learned');
    const input = learned.input('x', 'float32', [1, 3]);
    const weight = learned.input('w', 'float32', [3, 7]);
    expect(learned.shape(replay(learned, graph, { x: input, weight }).y!)).toEqual([1, 7]);
  });
});

test.each<[string, Graph, RegExp]>([
  [
    'an unknown kind of padding',
    frozen(singleNode('Pad', { x: wave(2), p: int64([1, 1]) }, { mode: 'mirror' }), { p: int64([1, 1]) }),
    /'mirror' is not supported/,
  ],
  [
    'padding that depends on data',
    singleNode('Pad', { x: wave(2), p: int64([1, 1]) }),
    /Pad 'node': the width of the padding depends on data/,
  ],
  [
    'reduced axes that depend on data',
    singleNode('ReduceMean', { x: wave(2), axes: int64([0]) }, {}, { opset: 18 }),
    /ReduceMean 'node': its axes depend on data/,
  ],
  [
    'a Resize that keeps the aspect ratio',
    singleNode('Resize', { x: wave(2) }, { keep_aspect_ratio_policy: 'not_larger' }, { opset: 18 }),
    /'keep_aspect_ratio_policy' other than 'stretch'/,
  ],
  [
    'a target shape that depends on data',
    singleNode('Reshape', { x: wave(2), shape: int64([2]) }),
    /Reshape 'node': its shape depend on data/,
  ],
  [
    'batch statistics',
    singleNode(
      'BatchNormalization',
      { x: wave(1, 2), s: wave(2), b: wave(2), m: wave(2), v: wave(2) },
      { training_mode: 1 },
    ),
    /training_mode=1 .* evaluation mode/,
  ],
  [
    'an element type without a number',
    singleNode('Cast', { x: wave(2) }, { to: 99 }),
    /element type number 99/,
  ],
])('refused, naming file and node: %s', (_, graph, message) => {
  const error = thrownBy(() => bind(graph, {}, 'my.onnx')) as Error;
  expect(error.name).toBe('SeedbedError');
  expect(error.message).toMatch(/^my\.onnx: /);
  expect(error.message).toMatch(message);
});
