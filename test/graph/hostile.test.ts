import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { differentiate } from '../../src/autodiff/differentiate.ts';
import { GraphBuilder } from '../../src/graph/builder.ts';
import type { Attributes, Dim, Graph } from '../../src/graph/ir.ts';
import { parseModel, serializeModel } from '../../src/graph/protobuf.ts';
import { bind } from '../../src/graph/replay.ts';
import { type DType, float32, int64, type Tensor, tensor } from '../../src/tensor/tensor.ts';
import { readOrRefused, spoilt } from '../hostile.ts';
import { singleNode, thrownBy } from '../support.ts';

/** A graph of one node on one input of a shape that is only said, and some weights. */
function claiming(
  op: string,
  shape: readonly Dim[],
  weights: readonly Tensor[],
  attributes: Attributes = {},
): Graph {
  const graph = singleNode(op, Object.fromEntries(weights.map((t, i) => [`w${i}`, t])), attributes);
  return {
    ...graph,
    inputs: [{ name: 'x', dtype: 'float32', shape }],
    initializers: new Map(weights.map((t, i) => [`w${i}`, t])),
    nodes: graph.nodes.map(node => ({ ...node, inputs: ['x', ...node.inputs] })),
  };
}

describe('a graph of random weights and attributes', () => {
  const name = fc.string({ minLength: 1 });
  const dtypes: DType[] = ['float32', 'float64', 'int64', 'int32', 'uint8', 'bool'];
  const weight = fc
    .tuple(fc.constantFrom(...dtypes), fc.array(fc.nat(3), { maxLength: 4 }))
    .map(([dtype, shape]) => {
      const length = shape.reduce((product, dim) => product * dim, 1);
      const zeros = { float32: Float32Array, float64: Float64Array, int64: BigInt64Array, int32: Int32Array };
      return tensor(dtype, shape, new (zeros[dtype as 'float32'] ?? Uint8Array)(length) as never);
    });
  const attribute = fc.oneof(
    fc.maxSafeInteger(),
    fc.float({ noNaN: true }).map(value => ({ float: value })),
    fc.string(),
    fc.array(fc.maxSafeInteger(), { minLength: 1 }),
    fc.array(fc.float({ noNaN: true }), { minLength: 1 }).map(floats => ({ floats })),
    fc.array(fc.string(), { minLength: 1 }),
    weight,
  );
  const graph = fc.record({
    weights: fc.uniqueArray(fc.tuple(name, weight), { selector: ([key]) => key }),
    attributes: fc.dictionary(name, attribute),
    shape: fc.array(fc.oneof(fc.nat(), name), { maxLength: 5 }),
    metadata: fc.uniqueArray(fc.tuple(name, fc.string()), { selector: ([key]) => key }),
  });
  const build = ({
    weights,
    attributes,
    shape,
    metadata,
  }: typeof graph extends fc.Arbitrary<infer T> ? T : never): Graph => ({
    ...claiming('Identity', shape, [], attributes),
    inputs: [],
    initializers: new Map(weights),
    metadata: new Map(metadata),
  });

  test('comes back as it was', () => {
    fc.assert(
      fc.property(graph, parts => {
        const written = build(parts);
        expect(parseModel(serializeModel(written), 'x.onnx')).toEqual(written);
      }),
      { numRuns: 200 },
    );
  });

  test('spoilt, is read or refused by name', async () => {
    const files = graph.chain(parts => spoilt(serializeModel(build(parts))));
    await fc.assert(
      fc.asyncProperty(
        files,
        async bytes =>
          void (await readOrRefused('x.onnx', () => bind(parseModel(bytes, 'x.onnx'), {}, 'x.onnx'))),
      ),
      { numRuns: 500 },
    );
  });
});

test('the largest integer survives, which means "to the end"', () => {
  const graph = claiming('Shape', ['N', 3], [], { end: 2 ** 63, both: [-(2 ** 63), 2 ** 63] });
  const { attributes } = parseModel(serializeModel(graph), 'x.onnx').nodes[0]!;
  expect(attributes).toEqual({ end: 2 ** 63, both: [-(2 ** 63), 2 ** 63] });
});

test('messages within messages without end are refused', () => {
  let bytes: Uint8Array = new Uint8Array(0);
  // A graph in an attribute of a node of a graph ...
  for (let depth = 0; depth < 3000; depth++) {
    for (const tag of [0x0a, 0x2a, 0x32])
      bytes = Buffer.concat([Uint8Array.of(tag), varint(bytes.length), bytes]);
  }
  const file = Buffer.concat([Uint8Array.of(0x08, 8, 0x3a), varint(bytes.length), bytes]);
  expect(() => parseModel(file, 'x.onnx')).toThrow(/^x\.onnx: /);
});

/** An ONNX file with this as its graph. */
const withGraph = (bytes: Uint8Array) =>
  Buffer.concat([Uint8Array.of(0x08, 8, 0x42, 2, 16, 17, 0x3a), varint(bytes.length), bytes]);
/** A message of no bytes, again and again, as field `field`. */
const empties = (field: number, count: number) => Buffer.alloc(2 * count, Uint8Array.of(8 * field + 2, 0));

test.each<[string, Uint8Array, RegExp]>([
  ['nodes', empties(1, 8e6), /more than 100000 nodes, the most that Seedbed reads/],
  ['weights', empties(5, 8e6), /more than 100000 tensors/],
  ['shapes of values', empties(13, 8e6), /more than 1000000 nodes, attributes, names and numbers/],
  [
    'numbers',
    Buffer.concat([
      Uint8Array.of(0x2a),
      varint(2e6 + 4),
      Uint8Array.of(0x3a),
      varint(2e6),
      Buffer.alloc(2e6),
    ]),
    /more than 1000000 nodes, attributes, names and numbers/,
  ],
])('millions of %s are counted before they take memory', (_, graph, message) => {
  const before = process.memoryUsage.rss();
  const file = withGraph(graph);
  expect(() => parseModel(file, 'x.onnx')).toThrow(message);
  expect(process.memoryUsage.rss() - before).toBeLessThan(100 * 2 ** 20);
});

test('a graph of 20,000 nodes is read', () => {
  const [node] = claiming('Relu', ['N'], []).nodes;
  const graph = { ...claiming('Relu', ['N'], []), nodes: new Array(20_000).fill(node) };
  expect(parseModel(serializeModel(graph), 'x.onnx').nodes).toHaveLength(20_000);
});

function varint(value: number): Uint8Array {
  const bytes = [];
  for (let rest = value; rest > 0 || bytes.length === 0; rest = Math.floor(rest / 128))
    bytes.push((rest % 128) | (rest >= 128 ? 128 : 0));
  return Uint8Array.from(bytes);
}

describe('what a small file says takes no memory that it does not hold', () => {
  const line = (count: number, rank = 1, axis = 0) =>
    float32(
      Array.from({ length: rank }, (_, i) => (i === axis ? count : 1)),
      new Float32Array(count),
    );

  test('known operands with a large result are left to the runtime', () => {
    const b = new GraphBuilder('large');
    const [x, y, z] = [0, 1, 2].map(axis => b.constant(line(1000, 3, axis))) as [string, string, string];
    const small = b.constant(line(4096));
    for (const [op, inputs] of [
      ['Add', [x, y]],
      ['Where', [b.constant(tensor('bool', [1000, 1, 1], new Uint8Array(1000))), y, z]],
      ['Concat', new Array(100_000).fill(small)],
      ['Expand', [b.scalar(1), b.ints([40_000, 40_000])]],
      ['Gather', [b.constant(line(4096, 2, 1)), b.constant(int64(new Array(4096).fill(0)))]],
    ] as const) {
      const value = b.op(op, inputs, op === 'Concat' || op === 'Gather' ? { axis: 0 } : {});
      expect(b.known(value), op).toBeUndefined();
    }
    expect(b.known(b.add(b.constant(line(4096)), b.scalar(1))), 'a small one is computed').toBeDefined();
  });

  const huge = 2 ** 30;
  const from = int64([0]);
  test.each<[string, Graph, RegExp]>([
    ['a triangle', claiming('Trilu', [2 ** 15, 2 ** 15], []), /Trilu 'node': a mask of 32768 by 32768/],
    [
      'mirrored padding',
      claiming('Pad', [huge], [int64([1, 1])], { mode: 'reflect' }),
      /padding of 1073741824 elements/,
    ],
    [
      'a slice in steps',
      claiming('Slice', [huge], [from, int64([huge]), from, int64([2])]),
      /a slice of 536870912 places in steps of 2/,
    ],
    [
      'many axes',
      claiming('Identity', new Array(100_000).fill(1), []),
      /would have 100000 axes, more than 64/,
    ],
    [
      'many elements',
      claiming('Identity', [2 ** 16, 2 ** 16], []),
      /the shape \[65536,65536\], more than 2147483647 elements/,
    ],
    ['a size of 2^60', claiming('Identity', [2 ** 60], []), /impossible shape \[1152921504606847000\]/],
    ['a size named as a method', claiming('Relu', ['toString'], []), /dimension 'toString' of/],
  ])('%s', (_, graph, message) => {
    const read = parseModel(serializeModel(graph), 'x.onnx');
    const error = thrownBy(() => differentiate(read, { of: 'y', wrt: ['x'], file: 'x.onnx' }));
    expect(error).toMatchObject({ name: 'SeedbedError', message: expect.stringMatching(message) });
    expect((error as Error).message).toMatch(/^x\.onnx: /);
  });
});

test.each<[string, Graph, RegExp]>([
  [
    'an output that nothing gives',
    { ...claiming('Relu', [2], []), nodes: [] },
    /'y' is used before anything produces it/,
  ],
  [
    'two inputs of one name',
    {
      ...claiming('Relu', [2], []),
      inputs: [1, 2].map(size => ({ name: 'x', dtype: 'float32', shape: [size] })),
    },
    /two inputs are named 'x'/,
  ],
  [
    'a window of other axes',
    claiming('Conv', [1, 1, 5, 5], [line5()], { pads: [1, 1, 1, 1] }),
    /a window of kernel \[1,1,1\], .* does not fit 2 axes/,
  ],
  [
    'strides of 0',
    claiming('MaxPool', [1, 1, 4], [], { kernel_shape: [2], strides: [0] }),
    /a window of kernel \[2\], strides \[0\]/,
  ],
  [
    'half an axis',
    claiming('ReduceSum', [2, 2], [float32([1], [0.5])]),
    /axis 0\.5 is outside a tensor of rank 2/,
  ],
])('%s is refused by name', (_, graph, message) => {
  const error = thrownBy(() => differentiate(graph, { of: 'y', wrt: ['x'], file: 'x.onnx' }));
  expect(error).toMatchObject({ name: 'SeedbedError', message: expect.stringMatching(message) });
  expect((error as Error).message).toMatch(/^x\.onnx: /);
});

function line5(): Tensor {
  return float32([1, 1, 1, 1, 1], [1]);
}
