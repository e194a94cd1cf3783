import { describe, expect, test } from 'vitest';
import { GraphBuilder } from '../../src/graph/builder.ts';
import type { Graph } from '../../src/graph/ir.ts';
import { exportWeights, importWeights } from '../../src/graph/weights.ts';
import { readSafetensors, writeSafetensors } from '../../src/tensor/safetensors.ts';
import { float32, int64, type Tensor, tensor, toFloat16, toNumbers } from '../../src/tensor/tensor.ts';
import { runGraph, thrownBy } from '../support.ts';

const b = new GraphBuilder('affine');
const product = b.matmul(
  b.input('x', 'float32', [1, 2]),
  b.constant(float32([2, 2], [1, 2, 3, 4]), 'weight'),
);
const graph = b.build({ y: b.reshape(b.add(product, b.constant(float32([2], [5, 6]), 'bias')), [2]) });

/** The graph's weights in a file, some of them changed; undefined takes one out. */
function fileOf(changes: Readonly<Record<string, Tensor | undefined>>): Uint8Array {
  const all = Object.entries({ ...Object.fromEntries(graph.initializers), ...changes });
  return writeSafetensors(
    Object.fromEntries(all.filter((entry): entry is [string, Tensor] => Boolean(entry[1]))),
  );
}

const run = async (g: Graph) => {
  const [results] = await runGraph(g, [{ x: float32([1, 2], [1, 1]) }]);
  return toNumbers(results!.y!);
};

test('all initialisers go out by name', () => {
  const { tensors } = readSafetensors(exportWeights(graph), 'w');
  expect(Object.fromEntries(tensors)).toEqual(Object.fromEntries(graph.initializers));
});

test('what went out comes in again, in the order of the graph', () => {
  const copy = importWeights(graph, exportWeights(graph), 'w');
  expect(copy).toEqual(graph);
  expect([...copy.initializers.keys()]).toEqual([...graph.initializers.keys()]);
});

test('other weights compute other results', async () => {
  const other = importWeights(graph, fileOf({ bias: float32([2], [0, 0]) }), 'w');
  expect(await run(graph)).toEqual([9, 12]);
  expect(await run(other)).toEqual([4, 6]);
});

test('float16 weights are widened where the graph has float32', () => {
  const stored = importWeights(graph, fileOf({ bias: toFloat16(float32([2], [0.5, -1])) }), 'w');
  expect(stored.initializers.get('bias')).toEqual(float32([2], [0.5, -1]));
});

describe('refused by name', () => {
  test.each<[string, Record<string, Tensor | undefined>, RegExp]>([
    ['a missing weight', { bias: undefined }, /it lacks 'bias'$/],
    ['a weight too many', { scale: float32([], [1]) }, /the graph has no 'scale'$/],
    [
      'another shape',
      { weight: float32([4], [1, 2, 3, 4]) },
      /'weight' is float32 \[4\], the graph's is float32 \[2,2\]/,
    ],
    ['another type', { bias: int64([5, 6]) }, /'bias' is int64 \[2\], the graph's is float32 \[2\]/],
    [
      'many weights too many',
      Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`extra.${i}`, float32([], [i])])),
      /has no 'extra\.0', .*'extra\.4' and 4 more$/,
    ],
  ])('%s', (_, changes, message) => {
    const error = thrownBy(() => importWeights(graph, fileOf(changes), 'mine.safetensors'));
    expect(error).toMatchObject({
      name: 'SeedbedError',
      kind: 'Mismatch',
      message: expect.stringMatching(message),
    });
    expect(String(error)).toMatch(/mine\.safetensors does not hold the weights of graph 'affine'/);
  });

  test('what is no safetensors file', () => {
    expect(thrownBy(() => importWeights(graph, Uint8Array.of(1, 2), 'mine'))).toMatchObject({
      kind: 'BadFile',
    });
  });
});

test('a weight of a type that is not computed with is named with it', () => {
  const text = Buffer.from(fileOf({ bias: tensor('uint8', [2], Uint8Array.of(1, 2)) })).toString('latin1');
  const file = Buffer.from(text.replace('"U8",', '"F4",').replace('[2],"data', '[4],"data'), 'latin1');
  expect(() => importWeights(graph, file, 'w')).toThrow(
    /w does not hold the weights .*: 'bias' is of type F/,
  );
});
