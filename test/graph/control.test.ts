import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import {
  AttributeProto_AttributeType as AttributeType,
  FunctionProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  OperatorSetIdProtoSchema,
  TensorProtoSchema,
} from 'onnx-buf';
import { describe, expect, test } from 'vitest';
import { differentiate } from '../../src/autodiff/differentiate.ts';
import { ONNX_DTYPES } from '../../src/graph/dtypes.ts';
import type { Graph, Node } from '../../src/graph/ir.ts';
import { keepOutputs } from '../../src/graph/nodes.ts';
import { parseModel, serializeModel } from '../../src/graph/protobuf.ts';
import { bind } from '../../src/graph/replay.ts';
import { usesDouble, widen } from '../../src/graph/widen.ts';
import { float32, int64, type Tensor, tensor, toFloat16, toNumbers } from '../../src/tensor/tensor.ts';
import { relativeError, runGraph, thrownBy } from '../support.ts';

const node = (op: string, inputs: string[], output: string, attributes: Node['attributes'] = {}): Node => ({
  op,
  name: `node ${output}`,
  inputs,
  outputs: [output],
  attributes,
});

function graphOf(nodes: readonly Node[], weights: Readonly<Record<string, Tensor>> = {}): Graph {
  const port = (name: string) => ({ name, dtype: 'float32' as const, shape: ['N', 3] });
  return {
    name: 'graph',
    opset: 17,
    inputs: [port('x')],
    outputs: [port('y')],
    initializers: new Map(Object.entries(weights)),
    nodes,
    metadata: new Map(),
  };
}

const x = float32([2, 3], [0.5, -1, 2, 0.25, 3, -0.5]);
const run = async (graph: Graph) => (await runGraph(graph, [{ x }]))[0]!.y!;

describe('If', () => {
  /** y = 2 x for one picture, else x + shift, which lies around the branch; `squeezed` decides by the batch. */
  const branch = (nodes: Node[]): Graph => ({
    ...graphOf(nodes),
    inputs: [],
    outputs: [{ name: 'b', dtype: 'float32', shape: ['N', 3] }],
  });
  const choice = graphOf(
    [
      node('Shape', ['x'], 'sizes'),
      node('Gather', ['sizes', 'first'], 'count'),
      node('Equal', ['count', 'one'], 'alone'),
      node('If', ['alone'], 'chosen', {
        then_branch: branch([node('Add', ['x', 'x'], 'b')]),
        else_branch: branch([node('Add', ['x', 'shift'], 'b')]),
      }),
      node('Mul', ['chosen', 'shift'], 'y'),
    ],
    { first: int64([0], []), one: int64([1], []), shift: float32([3], [1, 2, 3]) },
  );

  test('takes the branch that its sizes choose, as the runtime does', async () => {
    for (const N of [1, 2]) {
      const bound = bind(choice, { N });
      expect(bound.nodes.map(({ op }) => op)).toEqual(['Add', 'Mul']);
      const part = float32([N, 3], x.data.slice(0, 3 * N));
      const [[got], [want]] = [await runGraph(bound, [{ x: part }]), await runGraph(choice, [{ x: part }])];
      expect(got!.y).toEqual(want!.y);
    }
  });

  test('is written to a file and read again, its weights and values around it kept', () => {
    const read = parseModel(serializeModel(choice), 'if.onnx');
    expect(read).toEqual(choice);
    expect([...keepOutputs(read, () => true).initializers.keys()]).toContain('shift');
  });

  test('has the gradient of its branch', async () => {
    const gradient = differentiate(choice, { of: 'y', wrt: ['x'], bind: { N: 2 } });
    const ones = float32([2, 3], new Array(6).fill(1));
    const [results] = await runGraph(gradient, [{ x, 'grad/y': ones }]);
    expect(toNumbers(results!['grad/x']!)).toEqual([1, 2, 3, 1, 2, 3]);
  });

  test('takes its own weights before those of its name around it', async () => {
    const [two, seven] = [float32([], [2]), float32([], [7])];
    const own = {
      ...branch([node('Mul', ['x', 'k'], 'b')]),
      initializers: new Map([['k', two]]),
    };
    const shadowed = graphOf(
      [
        node('Mul', ['x', 'k'], 'z'),
        node('If', ['yes'], 'chosen', { then_branch: own, else_branch: own }),
        node('Add', ['z', 'chosen'], 'y'),
      ],
      { k: seven, yes: tensor('bool', [], Uint8Array.of(1)) },
    );
    expect(await run(bind(shadowed, {}))).toEqual(await run(shadowed));
    expect(toNumbers(await run(bind(shadowed, {})))[0]).toBeCloseTo(4.5, 6);
  });

  test('whose condition depends on data is refused', () => {
    const truth = [
      node('ReduceMax', ['x'], 'top', { keepdims: 0 }),
      node('Greater', ['top', 'one'], 'alone'),
    ];
    const nodes = [...truth, ...choice.nodes.slice(3)];
    const error = thrownBy(() =>
      bind(
        { ...choice, nodes, initializers: new Map([...choice.initializers, ['one', float32([], [1])]]) },
        {},
        'a.onnx',
      ),
    );
    expect(error).toMatchObject({
      kind: 'Unsupported',
      message: expect.stringMatching(/^a\.onnx: If 'node chosen': its condition depends on data/),
    });
  });

  test('in float16 is widened in its branches, too', async () => {
    const half = toFloat16(float32([3], [1, 2, 3]));
    const graph = widen({
      ...choice,
      nodes: [node('Cast', ['half'], 'shift', { to: ONNX_DTYPES.float32 }), ...choice.nodes],
      initializers: new Map([
        ...[...choice.initializers].filter(([name]) => name !== 'shift'),
        ['half', half],
      ]),
    });
    expect(await run(bind(graph, { N: 2 }))).toEqual(await run(choice));
  });
});

describe('functions that a file defines', () => {
  type Part = MessageInitShape<typeof FunctionProtoSchema>;
  const call = (
    domain: string,
    opType: string,
    input: string[],
    output: string[],
    attribute: MessageInitShape<typeof NodeProtoSchema>['attribute'] = [],
  ) => create(NodeProtoSchema, { domain, opType, input, output, attribute });
  const file = (functions: Part[], nodes: ReturnType<typeof call>[]) => {
    const model = fromBinary(ModelProtoSchema, serializeModel(graphOf([node('Neg', ['x'], 'y')])));
    model.graph!.node = nodes;
    model.functions = functions.map(f => create(FunctionProtoSchema, { domain: 'own', ...f }));
    model.opsetImport.push(create(OperatorSetIdProtoSchema, { domain: 'own', version: 1n }));
    return toBinary(ModelProtoSchema, model);
  };
  const alpha = { name: 'alpha', type: AttributeType.FLOAT };
  const bent: Part = {
    name: 'Bent',
    input: ['a'],
    output: ['b'],
    attribute: ['alpha'],
    node: [
      call('', 'LeakyRelu', ['a'], ['inside'], [{ ...alpha, refAttrName: 'alpha' }]),
      call('', 'Neg', ['inside'], ['b']),
    ],
  };
  const twice: Part = {
    name: 'Twice',
    input: ['a'],
    output: ['b'],
    node: [
      call('own', 'Bent', ['a'], ['inside'], [{ ...alpha, f: 0.5 }]),
      call('own', 'Bent', ['inside'], ['b'], [{ ...alpha, f: 0.25 }]),
    ],
  };

  test('are written out where they are called, as the runtime does', async () => {
    const bytes = file(
      [bent, twice],
      [call('own', 'Twice', ['x'], ['mid']), call('own', 'Twice', ['mid'], ['y'])],
    );
    const graph = parseModel(bytes, 'functions.onnx');
    expect(graph.nodes.map(({ op }) => op)).toEqual(new Array(4).fill(['LeakyRelu', 'Neg']).flat());
    const leaky = (v: number, slope: number) => -(v < 0 ? slope * v : v);
    const once = (v: number) => leaky(leaky(v, 0.5), 0.25);
    expect(
      relativeError(
        await run(graph),
        float32(
          [2, 3],
          toNumbers(x).map(v => once(once(v))),
        ),
      ),
    ).toBeLessThan(1e-6);
  });

  test.each<[string, Part[], string, RegExp]>([
    [
      'that call themselves',
      [{ ...twice, node: [call('own', 'Twice', ['a'], ['b'])] }],
      'BadFile',
      /'Twice' calls itself/,
    ],
    [
      'nested to more nodes than there is room for',
      Array.from({ length: 30 }, (_, i): Part => {
        const next = i < 29 ? call('own', `F${i + 1}`, ['a'], ['b']) : call('', 'Neg', ['a'], ['b']);
        return { name: i === 0 ? 'Twice' : `F${i}`, input: ['a'], output: ['b'], node: [next, next] };
      }),
      'Unsupported',
      /more than 100000 nodes/,
    ],
  ])('%s are refused', (_, functions, kind, message) => {
    const bytes = file(functions, [call('own', 'Twice', ['x'], ['y'])]);
    expect(thrownBy(() => parseModel(bytes, 'a.onnx'))).toMatchObject({
      kind,
      message: expect.stringMatching(message),
    });
  });
});

describe('nodes in any order', () => {
  const nodes = [node('Neg', ['p'], 'q'), node('Add', ['q', 'x'], 'y'), node('Exp', ['x'], 'p')];

  test('are put in order', async () => {
    const graph = parseModel(serializeModel(graphOf(nodes)), 'casts last');
    expect(graph.nodes.map(({ op }) => op)).toEqual(['Exp', 'Neg', 'Add']);
    expect(toNumbers(await run(bind(graph, { N: 2 })))[0]).toBeCloseTo(0.5 - Math.exp(0.5), 6);
  });

  test('in a circle are refused', () => {
    const circle = [...nodes.slice(0, 2), node('Mul', ['x', 'y'], 'p')];
    expect(thrownBy(() => parseModel(serializeModel(graphOf(circle)), 'a.onnx'))).toMatchObject({
      kind: 'BadFile',
      message: expect.stringMatching(/^a\.onnx: .* uses its own output/),
    });
  });
});

test('bfloat16 weights and casts are read as float32, exactly', async () => {
  const model = fromBinary(
    ModelProtoSchema,
    serializeModel(graphOf([node('Cast', ['x'], 'c', { to: 16 }), node('Mul', ['c', 'w'], 'y')])),
  );
  const bits = Uint16Array.of(0x3f80, 0xc000, 0x3eaa); // 1, -2, 0.33203125
  const weight = { name: 'w', dataType: 16, dims: [3n] };
  for (const held of [{ rawData: new Uint8Array(bits.buffer) }, { int32Data: [...bits] }]) {
    model.graph!.initializer = [create(TensorProtoSchema, { ...weight, ...held })];
    const graph = parseModel(toBinary(ModelProtoSchema, model), 'bf16.onnx');
    expect(graph.initializers.get('w')).toEqual(float32([3], [1, -2, 0.33203125]));
    expect(toNumbers(await run(bind(graph, { N: 2 })))).toEqual([0.5, 2, 0.6640625, 0.25, -6, -0.166015625]);
  }
});

test('weights in 4 and 2 bits are read as bytes, from the lowest bits up', () => {
  const model = fromBinary(
    ModelProtoSchema,
    serializeModel(graphOf([node('Identity', ['x'], 'y')], { w: float32([5], [0, 0, 0, 0, 0]) })),
  );
  const read = (dataType: number, bytes: number[]) =>
    [{ rawData: Uint8Array.from(bytes) }, { int32Data: bytes }].map(held => {
      model.graph!.initializer = [create(TensorProtoSchema, { name: 'w', dataType, dims: [5n], ...held })];
      return parseModel(toBinary(ModelProtoSchema, model), 'bits.onnx').initializers.get('w')!;
    });
  const [UINT4, INT4, UINT2, INT2] = [21, 22, 25, 26];
  for (const w of read(UINT4, [0x10, 0xf8, 0x07]))
    expect(w).toEqual(tensor('uint8', [5], Uint8Array.of(0, 1, 8, 15, 7)));
  for (const w of read(INT4, [0x10, 0xf8, 0x07]))
    expect(w).toEqual(tensor('int8', [5], Int8Array.of(0, 1, -8, -1, 7)));
  for (const w of read(UINT2, [0b11100100, 0b10]))
    expect(w).toEqual(tensor('uint8', [5], Uint8Array.of(0, 1, 2, 3, 2)));
  for (const w of read(INT2, [0b11100100, 0b10]))
    expect(w).toEqual(tensor('int8', [5], Int8Array.of(0, 1, -2, -1, -2)));
  expect(thrownBy(() => read(INT4, [0x10, 0xf8]))).toMatchObject({ kind: 'BadFile' });
});

describe('float64', () => {
  const double = (values: number[]) => tensor('float64', [values.length], Float64Array.from(values));
  const toDouble = { to: ONNX_DTYPES.float64 };
  const want = float32(
    [2, 3],
    toNumbers(x).map((v, i) => v * [0.1, 2, -3][i % 3]!),
  );

  test('of a whole model becomes float32', async () => {
    const whole = graphOf([node('Mul', ['x', 'w'], 'y')], { w: double([0.1, 2, -3]) });
    const port = (i: Graph['inputs'][number]) => ({ ...i, dtype: 'float64' as const });
    const graph = widen({ ...whole, inputs: whole.inputs.map(port), outputs: whole.outputs.map(port) });
    expect([graph.inputs[0]!.dtype, graph.outputs[0]!.dtype, usesDouble(graph)]).toEqual([
      'float32',
      'float32',
      false,
    ]);
    expect(relativeError(await run(graph), want)).toBeLessThan(1e-6);
  });

  test('inside, where data pass through it, is computed in float32 and has a gradient', async () => {
    const nodes = [
      node('Cast', ['x'], 'wide', toDouble),
      node('Mul', ['wide', 'w'], 'scaled'),
      node('Cast', ['scaled'], 'y', { to: ONNX_DTYPES.float32 }),
    ];
    const graph = graphOf(nodes, { w: double([0.1, 2, -3]) });
    expect(usesDouble(graph)).toBe(true);
    expect(relativeError(await run(bind(graph, { N: 2 })), await run(graph))).toBeLessThan(1e-6);
    const gradient = differentiate(graph, { of: 'y', wrt: ['x'], bind: { N: 2 } });
    const [results] = await runGraph(gradient, [{ x, 'grad/y': x }]);
    expect(relativeError(results!['grad/x']!, want)).toBeLessThan(1e-6);
  });
});
