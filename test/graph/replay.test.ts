import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { GraphBuilder } from '../../src/graph/builder.ts';
import type { Attributes, Graph } from '../../src/graph/ir.ts';
import { bind, replay } from '../../src/graph/replay.ts';
import { float32, int64, type Tensor, tensor, toNumbers } from '../../src/tensor/tensor.ts';
import { frozen, runGraph, singleNode, thrownBy, wave } from '../support.ts';

test('Trilu makes a causal mask of minus infinities', async () => {
  const x = float32([3, 3], new Array(9).fill(-Infinity));
  const [got] = await runGraph(bind(singleNode('Trilu', { x }, {}, { rank: 2 })), [{ x }]);
  const all = -Infinity;
  expect(toNumbers(got!.y!)).toEqual([all, all, all, 0, all, all, 0, 0, all]);
});

test('Trilu of truth values leaves those of its triangle, of more than are folded too', async () => {
  const size = 65;
  const x = tensor('bool', [size, size], new Uint8Array(size * size).fill(1));
  const [got] = await runGraph(bind(singleNode('Trilu', { x }, { upper: 0 }, { rank: 2 })), [{ x }]);
  expect(toNumbers(got!.y!)).toEqual(
    Array.from({ length: size * size }, (_, i) => (i % size <= Math.floor(i / size) ? 1 : 0)),
  );
});

/** A graph whose output is its only node's second. */
function secondOutput(op: string, inputs: Readonly<Record<string, Tensor>>): Graph {
  const graph = singleNode(op, inputs);
  const [node] = graph.nodes;
  return {
    ...graph,
    outputs: [{ name: 'second', dtype: 'float32', shape: [2, 1] }],
    nodes: [{ ...node!, outputs: ['y', 'second'] }],
  };
}

test('a remainder of large real numbers is exact, of either sign', async () => {
  const x = float32([3], [1e7, -1e7, 7.5]);
  const by = float32([1], [0.75]);
  const rest = async (attributes: Attributes) => {
    const [got] = await runGraph(bind(singleNode('Mod', { x, by }, attributes, { rank: 1 })), [{ x, by }]);
    return toNumbers(got!.y!);
  };
  expect(await rest({ fmod: 1 })).toEqual([0.25, -0.25, 0]);
  expect(await rest({})).toEqual([0.25, 0.5, 0]);
});

test('the largest integer, which exporters write for "to the end", stays the largest', () => {
  const end = { value_ints: [2 ** 63] };
  const b = new GraphBuilder('end');
  const graph = singleNode('Constant', {}, end, { dtype: 'int64', rank: 1 });
  const { y } = replay(b, { ...graph, nodes: [{ ...graph.nodes[0]!, inputs: [] }] }, {});
  expect(b.known(y!)!.data).toEqual(BigInt64Array.of(2n ** 63n - 1n));
  const x = b.input('x', 'float32', [5]);
  expect(b.shape(b.slice(x, 0, 2, 2 ** 63))).toEqual([3]);
});

test('a part of a shape, and a long Range, have lengths that are known', () => {
  const b = new GraphBuilder('lengths');
  const x = b.input('x', 'float32', ['N', 3, 8, 8]);
  expect(b.shape(b.op('Shape', [x], { start: 0, end: 2 }))).toEqual([2]);
  expect(toNumbers(b.known(b.op('Shape', [x], { start: -2 }))!)).toEqual([8, 8]);
  const [from, to, step] = [0, 10_000, 2].map(value => b.constant(int64([value], [])));
  expect(b.shape(b.op('Range', [from!, to!, step!]))).toEqual([5000]);
});

/** What says that Dropout is in training mode. */
const truth = tensor('bool', [], Uint8Array.of(1));

const REDUCTIONS = ['ReduceLogSumExp', 'ReduceMax', 'ReduceMean', 'ReduceMin', 'ReduceProd', 'ReduceSum'];

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
    ['edge', 17, fc.integer({ min: -1, max: 5 })],
    ['wrap', 19, fc.integer({ min: -1, max: 2 })],
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
    'recurrent layers',
    singleNode('LSTM', { x: wave(2) }),
    /LSTM 'node': this operator is not supported.* recurrent layers/,
  ],
  [
    'loops',
    singleNode('Loop', { x: wave(2) }),
    /Loop .* this operator is not supported.* write the loop out before the export/,
  ],
  [
    'random numbers',
    singleNode('RandomNormalLike', { x: wave(2) }),
    /RandomNormalLike .* make them an input/,
  ],
  ['operators that ONNX does not have', singleNode('Magic', { x: wave(2) }), /Magic .* Supported are: Abs, /],
  [
    'Dropout in training mode',
    frozen(singleNode('Dropout', { x: wave(2), r: float32([], [0.5]), t: truth }), { t: truth }),
    /Dropout 'node': it is in training mode .* evaluation mode/,
  ],
  [
    'the largest of several scattered values',
    singleNode('ScatterND', { x: wave(2), i: int64([0], [1, 1]), u: wave(1) }, { reduction: 'max' }),
    /ScatterND 'node': its reduction 'max'/,
  ],
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
    'a Resize of a region of interest',
    singleNode('Resize', { x: wave(2) }, { coordinate_transformation_mode: 'tf_crop_and_resize' }),
    /'tf_crop_and_resize', is not supported; crop with Slice/,
  ],
  [
    'the statistics of a LayerNormalization',
    secondOutput('LayerNormalization', { x: wave(2, 3), scale: wave(3) }),
    /'second' is a further output of an operator of which Seedbed gives the first alone/,
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
