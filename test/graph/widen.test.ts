import { describe, expect, test } from 'vitest';
import { differentiate } from '../../src/autodiff/differentiate.ts';
import { GraphBuilder } from '../../src/graph/builder.ts';
import { ONNX_DTYPES } from '../../src/graph/dtypes.ts';
import type { Graph, Node } from '../../src/graph/ir.ts';
import { parseModel, serializeModel } from '../../src/graph/protobuf.ts';
import { bind } from '../../src/graph/replay.ts';
import { widen } from '../../src/graph/widen.ts';
import {
  float32,
  int64,
  type Tensor,
  tensor,
  toFloat16,
  toFloat32,
  toNumbers,
} from '../../src/tensor/tensor.ts';
import { HAS_ONNX, python } from '../python.ts';
import { relativeError, runGraph, thrownBy } from '../support.ts';

const half = (...values: number[]) => toFloat16(float32([values.length], values));
const node = (op: string, inputs: string[], output: string, attributes: Node['attributes'] = {}): Node => ({
  op,
  name: output,
  inputs,
  outputs: [output],
  attributes,
});
const cast = (input: string, output: string, to: keyof typeof ONNX_DTYPES) =>
  node('Cast', [input], output, { to: ONNX_DTYPES[to] });

/** What `.half()` exports: float16 in, float16 weights and constants, float16 out. */
const halved: Graph = {
  name: 'halved',
  opset: 17,
  inputs: [
    { name: 'x', dtype: 'float16', shape: ['N', 3] },
    { name: 't', dtype: 'int64', shape: ['N', 1] },
  ],
  outputs: [{ name: 'y', dtype: 'float16', shape: ['N', 3] }],
  initializers: new Map<string, Tensor>([
    ['w', half(0.1, -2, 3)],
    ['shape', int64([1, 1])],
  ]),
  nodes: [
    cast('t', 'level', 'float16'),
    node('Constant', [], 'tenth', { value: toFloat16(float32([], [0.1])) }),
    node('ConstantOfShape', ['shape'], 'two', { value: half(2) }),
    node('Mul', ['x', 'w'], 'scaled'),
    node('Add', ['scaled', 'level'], 'sum'),
    cast('sum', 'wide', 'float32'),
    node('Sigmoid', ['wide'], 'squashed'),
    cast('squashed', 'narrow', 'float16'),
    node('Mul', ['narrow', 'two'], 'doubled'),
    node('Add', ['doubled', 'tenth'], 'y'),
  ],
  metadata: new Map([['made by', 'me']]),
};

test('what an EyeLike is told to be of half precision is widened with all else', async () => {
  const graph: Graph = {
    ...halved,
    inputs: [{ name: 'x', dtype: 'float16', shape: [2, 2] }],
    outputs: [{ name: 'y', dtype: 'float16', shape: [2, 2] }],
    initializers: new Map(),
    nodes: [node('EyeLike', ['x'], 'ones', { dtype: ONNX_DTYPES.float16 }), node('Add', ['x', 'ones'], 'y')],
  };
  const [got] = await runGraph(bind(widen(graph)), [{ x: float32([2, 2], [1, 2, 3, 4]) }]);
  expect(toNumbers(got!.y!)).toEqual([2, 2, 3, 5]);
});

const x = float32([2, 3], [0.5, -1, 2, 0.25, 3, -0.5]);
const t = int64([1, 2], [2, 1]);

/** The same arithmetic in double precision on the weights as float16 holds them. */
function expected(): Tensor {
  const [w, tenth] = [toNumbers(half(0.1, -2, 3)), toNumbers(half(0.1))[0]!];
  const y = toNumbers(x).map(
    (v, i) => 2 / (1 + Math.exp(-(v * w[i % 3]! + Number(t.data[i < 3 ? 0 : 1])))) + tenth,
  );
  return float32([2, 3], y);
}

describe('a graph that computes in float16', () => {
  const wide = widen(halved);

  test('has no float16 left, and the same names', () => {
    const bound = bind(wide);
    const types = [...wide.inputs, ...wide.outputs, ...bound.initializers.values()].map(v => v.dtype);
    expect(new Set(types)).toEqual(new Set(['float32', 'int64']));
    expect(wide.inputs.map(i => i.name)).toEqual(['x', 't']);
    expect(wide.metadata).toEqual(halved.metadata);
    expect([...wide.initializers.keys()]).toEqual(['w', 'shape']);
  });

  test('loses the casts between the two types', () => {
    expect(bind(wide, { N: 2 }).nodes.map(n => n.op)).toEqual([
      'Cast',
      'Mul',
      'Add',
      'Sigmoid',
      'Mul',
      'Add',
    ]);
  });

  test('gives what float32 gives, and its gradient', async () => {
    const gradient = differentiate(wide, { of: 'y', wrt: ['x'], bind: { N: 2 } });
    const ones = float32([2, 3], new Float32Array(6).fill(1));
    const [results] = await runGraph(gradient, [{ x, t, 'grad/y': ones }]);
    expect(relativeError(results!.y!, expected())).toBeLessThan(1e-6);
    const w = toNumbers(half(0.1, -2, 3));
    const slope = toNumbers(expected()).map((y, i) => {
      const s = (y - toNumbers(half(0.1))[0]!) / 2;
      return 2 * s * (1 - s) * w[i % 3]!;
    });
    expect(relativeError(results!['grad/x']!, float32([2, 3], slope))).toBeLessThan(1e-5);
  });

  test('is refused with the remedy where it is differentiated as it is', () => {
    const error = thrownBy(() => differentiate(halved, { of: 'y', wrt: ['x'], bind: { N: 2 } }));
    expect(error).toMatchObject({ kind: 'Unsupported' });
    expect(String(error)).toMatch(/is float16: .* pass the graph through widen first/);
  });
});

describe('weights that are stored in float16 and computed with in float32', () => {
  const stored: Graph = {
    ...halved,
    inputs: [{ name: 'x', dtype: 'float32', shape: [3] }],
    outputs: [{ name: 'y', dtype: 'float32', shape: [3] }],
    initializers: new Map([['w', half(0.1, -2, 3)]]),
    nodes: [cast('w', 'w.float32', 'float32'), node('Mul', ['x', 'w.float32'], 'y')],
  };

  test('go by their own names, and their casts are gone', () => {
    const wide = widen(stored);
    expect(wide.nodes).toEqual([node('Mul', ['x', 'w'], 'y')]);
    expect(wide.initializers.get('w')).toEqual(toFloat32(half(0.1, -2, 3)));
  });

  test('keep a cast that is an output of the graph', async () => {
    const wide = widen({ ...stored, outputs: [{ name: 'w.float32', dtype: 'float32', shape: [3] }] });
    const [results] = await runGraph(bind(wide), [{ x: float32([3], [1, 1, 1]) }]);
    expect(results!['w.float32']).toEqual(toFloat32(half(0.1, -2, 3)));
  });
});

test('a graph without float16 stays as it is', () => {
  const b = new GraphBuilder('plain');
  const input = b.input('x', 'float32', [3]);
  const graph = b.build({ y: b.op('Cast', [b.cast(input, 'float64')], { to: ONNX_DTYPES.float32 }) });
  expect(widen(graph)).toEqual(graph);
});

test('constants in float64 that are cast down are fine, operands of mixed types are refused in words', () => {
  const double = (name: string, value: number): [string, Tensor] => [
    name,
    tensor('float64', [], Float64Array.of(value)),
  ];
  const graph: Graph = {
    ...halved,
    inputs: [{ name: 'x', dtype: 'float32', shape: [3] }],
    outputs: [{ name: 'y', dtype: 'float32', shape: [3] }],
    initializers: new Map([double('d', 0.5)]),
    nodes: [cast('d', 'single', 'float32'), node('Mul', ['x', 'single'], 'y')],
  };
  expect(bind(graph).nodes.map(n => n.op)).toEqual(['Mul']);
  const whole = new Map([['d', int64([2], [])]]);
  const mixed = { ...graph, initializers: whole, nodes: [node('Mul', ['x', 'd'], 'y')] };
  expect(() => bind(mixed, {}, 'my.onnx')).toThrow(
    /^my\.onnx: Mul 'y': its operands have different types, float32 and int64; Seedbed computes in float32/,
  );
});

describe.skipIf(!HAS_ONNX)(
  "a file in float16 that ONNX's own library made (needs Debian's python3-onnx)",
  () => {
    const MAKE = `
import base64, numpy as np, onnx
from onnx import TensorProto as T, helper as h, numpy_helper
def constant(name, value): return h.make_node('Constant', [], [name], value=numpy_helper.from_array(np.float16(value), name))
listed = h.make_tensor('w', T.FLOAT16, [3], np.float16([0.5, -2, 65504]))
graph = h.make_graph([constant('c', 0.25), h.make_node('Mul', ['x', 'w'], ['p']), h.make_node('Add', ['p', 'c'], ['y'])], 'g',
  [h.make_tensor_value_info('x', T.FLOAT16, [3])], [h.make_tensor_value_info('y', T.FLOAT16, [3])], [listed])
model = h.make_model(graph, opset_imports=[h.make_opsetid('', 17)], ir_version=8)
onnx.checker.check_model(model, full_check=True)
print(base64.b64encode(model.SerializeToString()).decode())
`;

    test('runs in float32', async () => {
      const graph = widen(parseModel(Buffer.from(python(MAKE), 'base64'), 'half.onnx'));
      const [results] = await runGraph(bind(graph), [{ x: float32([3], [1, 1, 2]) }]);
      expect(toNumbers(results!.y!)).toEqual([0.75, -1.75, 131008.25]);
      expect(parseModel(serializeModel(graph), 'wide.onnx')).toEqual(graph);
    });
  },
);
