import { readdirSync, readFileSync } from 'node:fs';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import {
  type GraphProto,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  SparseTensorProtoSchema,
  type TensorProto,
} from 'onnx-buf';
import { describe, expect, test } from 'vitest';
import { differentiate } from '../../src/autodiff/differentiate.ts';
import { isSeedbedError, type SeedbedError } from '../../src/errors.ts';
import type { Graph } from '../../src/graph/ir.ts';
import { parseModel, serializeModel } from '../../src/graph/protobuf.ts';
import { SUPPORTED_OPS } from '../../src/graph/replay.ts';
import { float32, int64, type Tensor, tensor, zeros } from '../../src/tensor/tensor.ts';
import { thrownBy } from '../support.ts';

const folder = new URL('../fixtures/golden/', import.meta.url);
const golden = readdirSync(folder).filter(name => name.endsWith('.onnx'));
const read = (name: string) => new Uint8Array(readFileSync(new URL(name, folder)));

describe('a graph survives writing and reading', () => {
  test('with every kind of attribute, element type, dimension and optional input', () => {
    const graph: Graph = {
      name: 'everything',
      opset: 17,
      inputs: [{ name: 'x', dtype: 'float32', shape: ['N', 3, 0] }],
      outputs: [{ name: 'y', dtype: 'int64', shape: [] }],
      initializers: new Map<string, Tensor>([
        ['scalar', float32([], [0.5])],
        ['empty', zeros('float32', [0, 2])],
        ['halves', tensor('float16', [2], Uint16Array.of(0x3c00, 0xc000))],
        ['wide', tensor('int64', [2], BigInt64Array.of(2n ** 63n - 1n, -1n))],
        ['mask', tensor('bool', [3], Uint8Array.of(1, 0, 1))],
        ['double', tensor('float64', [1], Float64Array.of(Math.PI))],
      ]),
      nodes: [
        {
          op: 'Resize',
          name: 'größer',
          inputs: ['x', '', 'scalar'],
          outputs: ['y', ''],
          attributes: {
            integer: -7,
            real: { float: 0.25 },
            text: 'half_pixel',
            nothing: '',
            integers: [1, -2, 3],
            none: [],
            reals: { floats: [0.5, -1.5] },
            texts: ['a', 'ü'],
            weight: int64([1, 2, 3, 4], [2, 2]),
          },
        },
      ],
      metadata: new Map([['seedbed.model', '{"image": [3, 32, 32]}']]),
    };
    expect(parseModel(serializeModel(graph), 'everything.onnx')).toEqual(graph);
  });

  test.each(golden)('%s', name => {
    const graph = parseModel(read(name), name);
    expect(parseModel(serializeModel(graph), name)).toEqual(graph);
  });
});

describe('what is not read is refused in words', () => {
  const model = () => fromBinary(ModelProtoSchema, read('conv_3x3.onnx'));
  const bytes = (changed: ModelProto) => toBinary(ModelProtoSchema, changed);
  const withOpset = (version: bigint) =>
    bytes({ ...model(), opsetImport: [{ ...model().opsetImport[0]!, version }] });
  const withGraph = (part: Partial<GraphProto>) =>
    bytes({ ...model(), graph: { ...model().graph!, ...part } });
  const withWeight = (part: Partial<TensorProto>) =>
    withGraph({ initializer: [{ ...model().graph!.initializer[0]!, ...part }] });
  const sparse = create(SparseTensorProtoSchema);
  const withNode = (part: Partial<NodeProto>) =>
    withGraph({ node: [{ ...model().graph!.node[0]!, ...part }] });

  test.each<[string, Uint8Array, string, RegExp]>([
    ['operator set 12', withOpset(12n), 'Unsupported', /operator set 12; Seedbed reads 13 to 26\. Export it/],
    ['operator set 27', withOpset(27n), 'Unsupported', /operator set 27; Seedbed reads 13 to 26\. Export it/],
    ['no bytes', new Uint8Array(), 'BadFile', /not an ONNX file/],
    ['a picture', Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a), 'BadFile', /not an ONNX file/],
    ['no graph', bytes(create(ModelProtoSchema, { irVersion: 8n })), 'BadFile', /holds no graph/],
    [
      'a foreign operator',
      withNode({ domain: 'com.microsoft' }),
      'Unsupported',
      /domain 'com\.microsoft'.* take the file from before, or quantise with quant_format=/,
    ],
    [
      'an own operator',
      withNode({ domain: 'mine' }),
      'Unsupported',
      /domain 'mine'.* Export the model without it/,
    ],
    ['sparse weights', withGraph({ sparseInitializer: [sparse] }), 'Unsupported', /sparse weights .* dense/],
    [
      'weights cut short',
      withWeight({ rawData: new Uint8Array(4) }),
      'BadFile',
      /initializer '.+': .*data has 4/,
    ],
    ['a negative size', withWeight({ dims: [-1n] }), 'BadFile', /impossible shape \[-1\]/],
    ['weights of text', withWeight({ dataType: 8 }), 'Unsupported', /element type number 8 \(text\)/],
    ['weights in float8', withWeight({ dataType: 17 }), 'Unsupported', /\(float8\) .* export .* float16/],
  ])('%s', (_, file, kind, message) => {
    const error = thrownBy(() => parseModel(file, 'a.onnx')) as SeedbedError;
    expect(error).toMatchObject({ name: 'SeedbedError', kind });
    expect(error.message).toMatch(message);
    expect(error.message).toMatch(/^a\.onnx: /);
  });
});

test('weights of more than one file holds are refused before they are written', () => {
  // As large as they say only in words: the memory is shared.
  const data = { length: 2 ** 29, byteLength: 2 ** 31 } as Float32Array<ArrayBuffer>;
  const large: Tensor = { dtype: 'float32', shape: [2 ** 29], data };
  const graph = { ...parseModel(read('conv_3x3.onnx'), 'conv'), initializers: new Map([['w', large]]) };
  expect(() => serializeModel(graph)).toThrow(
    /its weights take 2147483648 bytes, one ONNX file holds 2147483647/,
  );
});

describe('nothing but errors of Seedbed comes of', () => {
  const numRuns = Number(process.env.FUZZ_RUNS ?? 300);
  const part = fc.double({ min: 0, max: 0.999, noNaN: true });
  const refusesOrWorks = (work: () => Graph) => {
    try {
      const graph = work();
      differentiate(graph, { of: 'y', wrt: graph.inputs.map(i => i.name) });
    } catch (error) {
      if (!isSeedbedError(error)) throw error;
    }
  };

  test('a file that ends early', () => {
    const cut = (name: string, keep: number) => {
      const bytes = read(name);
      refusesOrWorks(() => parseModel(bytes.subarray(0, keep * bytes.length), name));
    };
    fc.assert(fc.property(fc.constantFrom(...golden), part, cut), { numRuns });
  });

  test('a file with wrong bytes', () => {
    const spoil = (name: string, wrong: readonly (readonly [number, number])[]) => {
      const bytes = read(name);
      for (const [place, byte] of wrong) bytes[Math.floor(place * bytes.length)] = byte;
      refusesOrWorks(() => parseModel(bytes, name));
    };
    const wrong = fc.array(fc.tuple(part, fc.nat(255)), { minLength: 1, maxLength: 6 });
    fc.assert(fc.property(fc.constantFrom(...golden), wrong, spoil), { numRuns });
  });

  test('a well-formed file that makes no sense', () => {
    const numbers = fc.constantFrom(-(2 ** 31), -7, -1, 0, 1, 2, 3, 2 ** 31, 2 ** 53 - 1);
    const value = fc.oneof(
      numbers,
      fc.array(numbers, { maxLength: 5 }),
      fc.record({ float: fc.float() }),
      fc.constantFrom('linear', 'reflect', 'SAME_UPPER', 'add', 'ij->i'),
      fc.array(numbers, { maxLength: 4 }).map(v => int64(v)),
    );
    const attribute = fc.constantFrom(
      ...[
        'axis',
        'axes',
        'perm',
        'pads',
        'strides',
        'dilations',
        'kernel_shape',
        'group',
        'to',
        'mode',
        'auto_pad',
      ],
      ...[
        'value',
        'value_ints',
        'equation',
        'num_groups',
        'blocksize',
        'ceil_mode',
        'output_padding',
        'keepdims',
      ],
    );
    const nonsense = fc.record({
      at: part,
      op: fc.option(fc.constantFrom(...SUPPORTED_OPS), { nil: undefined }),
      attributes: fc.dictionary(attribute, value, { maxKeys: 3 }),
      keep: fc.nat(4),
      integers: fc.option(fc.array(numbers, { minLength: 1, maxLength: 4 }), { nil: undefined }),
    });
    fc.assert(
      fc.property(fc.constantFrom(...golden), nonsense, (name, { at, op, attributes, keep, integers }) => {
        const graph = parseModel(read(name), name);
        const index = Math.floor(at * graph.nodes.length);
        const nodes = graph.nodes.map((node, i) =>
          i === index
            ? {
                ...node,
                op: op ?? node.op,
                inputs: node.inputs.slice(0, keep),
                attributes: { ...node.attributes, ...attributes },
              }
            : node,
        );
        const initializers = new Map(
          [...graph.initializers].map(([key, t]) => [
            key,
            integers && t.dtype === 'int64' ? int64(integers) : t,
          ]),
        );
        refusesOrWorks(() => parseModel(serializeModel({ ...graph, nodes, initializers }), name));
      }),
      { numRuns },
    );
  });
});
