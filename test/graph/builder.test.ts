import { describe, expect, test } from 'vitest';
import { GraphBuilder } from '../../src/graph/builder.ts';
import { keepOutputs } from '../../src/graph/nodes.ts';
import { bind } from '../../src/graph/replay.ts';
import { float32, int64, toNumbers } from '../../src/tensor/tensor.ts';
import { runGraph, thrownBy } from '../support.ts';

describe('a built graph', () => {
  test('runs as its example says', async () => {
    const b = new GraphBuilder('double');
    const x = b.input('x', 'float32', ['N', 3]);
    const graph = b.build({ y: b.add(x, x) });
    const [results] = await runGraph(graph, [{ x: float32([1, 3], [1, 2, 3]) }]);
    expect(results!.y).toEqual(float32([1, 3], [2, 4, 6]));
  });

  test('holds only what its outputs need', () => {
    const b = new GraphBuilder('lean');
    const x = b.input('x', 'float32', [2]);
    b.mul(x, b.constant(float32([2], [1, 2]), 'unused'));
    const graph = b.build({ y: b.add(x, b.constant(float32([2], [3, 4]), 'used')), z: b.neg(x) });
    expect(graph.nodes.map(node => node.op)).toEqual(['Add', 'Neg', 'Identity', 'Identity']);
    expect([...graph.initializers.keys()]).toEqual(['used']);

    const half = keepOutputs(graph, name => name === 'z');
    expect(half.nodes.map(node => node.op)).toEqual(['Neg', 'Identity']);
    expect(half.outputs.map(o => o.name)).toEqual(['z']);
    expect(half.initializers.size).toBe(0);
  });

  test('names every node and value once', () => {
    const b = new GraphBuilder('names');
    const x = b.input('Neg_0', 'float32', [1]);
    for (let i = 0; i < 3; i++) b.op('Neg', [x], {}, { name: 'Neg_1' });
    for (let i = 0; i < 3; i++) b.neg(x);
    expect(new Set(b.nodes.map(node => node.name)).size).toBe(6);
    expect(new Set(['Neg_0', ...b.nodes.flatMap(node => node.outputs)]).size).toBe(7);
  });

  test('has no node that names more outputs than its operator has', () => {
    const b = new GraphBuilder('outputs');
    const x = b.input('x', 'float32', [1]);
    expect(thrownBy(() => b.node('Neg', [x], {}, { name: 'down.0', outputs: ['y', 'z'] }))).toMatchObject({
      kind: 'BadFile',
      message: "Neg 'down.0': names 2 outputs, but has 1",
    });
  });

  test('may have a constant among its outputs', async () => {
    const b = new GraphBuilder('shape');
    const x = b.input('x', 'float32', [2, 3]);
    const s = b.op('Shape', [x], {}, { outputs: ['s'] });
    const graph = b.build({ s, y: b.reshape(x, [6]), z: b.cast(s, 'float32') });
    expect(graph.initializers.has('s')).toBe(false);
    const [results] = await runGraph(graph, [{ x: float32([2, 3], [1, 2, 3, 4, 5, 6]) }]);
    expect(results!.s).toEqual(int64([2, 3]));
    expect(results!.z).toEqual(float32([2], [2, 3]));
    // Read again, it is the same graph.
    expect(bind(graph).outputs).toEqual(graph.outputs);
  });

  test('may use a constant that is also an output', async () => {
    const b = new GraphBuilder('both');
    const x = b.input('x', 'float32', [2]);
    const w = b.constant(float32([2], [3, 4]), 'w');
    const graph = b.build({ y: b.add(x, w), w });
    const [results] = await runGraph(graph, [{ x: float32([2], [1, 1]) }]);
    expect([toNumbers(results!.y!), toNumbers(results!.w!)]).toEqual([
      [4, 5],
      [3, 4],
    ]);
  });

  test('shares equal scalars and vectors, and tells -0 from 0', () => {
    const b = new GraphBuilder('shared');
    expect(b.scalar(0.5)).toBe(b.scalar(0.5));
    expect(b.ints([1, 2])).toBe(b.ints([1, 2]));
    expect(b.scalar(-0)).not.toBe(b.scalar(0));
  });

  test('computes nothing ahead of time from a variable', () => {
    const b = new GraphBuilder('variable');
    const frozen = b.constant(float32([2, 1], [1, 2]), 'frozen');
    const learned = b.variable(float32([2, 1], [1, 2]), 'learned');
    b.transpose(frozen, [1, 0]);
    b.transpose(learned, [1, 0]);
    expect(b.nodes.map(node => node.inputs)).toEqual([['learned']]);
  });
});

describe('names of inputs and outputs', () => {
  test('are theirs: values inside that have them are called otherwise', async () => {
    const b = new GraphBuilder('inner');
    const x = b.input('x', 'float32', [2]);
    const w = b.constant(float32([2], [10, 20]), 'z');
    const [v] = b.node('Add', [x, w], {}, { outputs: ['v'] });
    const [y] = b.node('Mul', [v!, v!], {}, { outputs: ['y'] });
    const given = b.input('v', 'float32', [2]);
    const graph = b.build({ y: b.sub(y!, given), z: v!, square: y! });
    expect(graph.inputs.map(({ name }) => name)).toEqual(['x', 'v']);
    const [results] = await runGraph(graph, [{ x: float32([2], [1, 2]), v: float32([2], [1, 4]) }]);
    expect(toNumbers(results!.z!)).toEqual([11, 22]);
    expect(toNumbers(results!.square!)).toEqual([121, 484]);
    expect(toNumbers(results!.y!)).toEqual([120, 480]);
  });

  test('leave the builder as it was', () => {
    const b = new GraphBuilder('twice');
    const x = b.input('x', 'float32', [2]);
    const y = b.neg(x);
    expect(b.build({ y }).nodes.map(({ op }) => op)).toEqual(b.build({ y }).nodes.map(({ op }) => op));
  });
});

describe('refused', () => {
  const build = (use: (b: GraphBuilder) => unknown) => {
    const b = new GraphBuilder('mine');
    b.input('x', 'float32', ['N', 2]);
    return () => use(b);
  };

  test.each<[string, () => unknown, string, RegExp]>([
    [
      'two inputs of one name',
      build(b => b.input('x', 'float32', [])),
      'BadFile',
      /'mine': two inputs are named 'x'/,
    ],
    ['a value that nothing makes', build(b => b.neg('ghost')), 'BadFile', /'mine': 'ghost' is used before/],
    [
      'an input as an output',
      build(b => b.build({ x: 'x' })),
      'BadArgument',
      /'mine': output 'x' is an input/,
    ],
    [
      'an open dimension as a number',
      build(b => b.shape('x')),
      'BadShape',
      /value 'x': dimension 'N' .*--bind N=1/,
    ],
    [
      'a fraction of a dimension',
      build(b => b.input('y', 'float32', [1.5])),
      'BadShape',
      /impossible shape \[1\.5\]/,
    ],
  ])('%s', (_, work, kind, message) => {
    expect(thrownBy(work)).toMatchObject({
      name: 'SeedbedError',
      kind,
      message: expect.stringMatching(message),
    });
  });
});
