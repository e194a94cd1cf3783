import { readdirSync, readFileSync } from 'node:fs';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { type GraphProto, type ModelProto, ModelProtoSchema, TensorProto_DataLocation } from 'onnx-buf';
import { describe, expect, test } from 'vitest';
import { differentiate } from '../../src/autodiff/differentiate.ts';
import { isSeedbedError, type SeedbedError } from '../../src/errors.ts';
import type { Graph } from '../../src/graph/ir.ts';
import { parseModel, serializeModel } from '../../src/graph/protobuf.ts';
import { float32, int64, tensor, zeros } from '../../src/tensor/tensor.ts';
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
      initializers: new Map([
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
  /** A golden file with something changed. */
  const changed = (change: (model: ModelProto, graph: GraphProto) => void) => {
    const model = fromBinary(ModelProtoSchema, read('conv_3x3.onnx'));
    change(model, model.graph!);
    return toBinary(ModelProtoSchema, model);
  };
  const opset = (version: bigint) => changed(model => void (model.opsetImport[0]!.version = version));

  test.each<[string, Uint8Array, string, RegExp]>([
    [
      'operator set 12',
      opset(12n),
      'Unsupported',
      /operator set 12; Seedbed reads 13 to 22\. Export it again/,
    ],
    [
      'operator set 23',
      opset(23n),
      'Unsupported',
      /operator set 23; Seedbed reads 13 to 22\. Export it again/,
    ],
    ['no bytes', new Uint8Array(), 'BadFile', /not an ONNX file/],
    [
      'a picture',
      Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a),
      'BadFile',
      /not an ONNX file/,
    ],
    [
      'a model without a graph',
      toBinary(ModelProtoSchema, create(ModelProtoSchema, { irVersion: 8n })),
      'BadFile',
      /holds no graph/,
    ],
    [
      'an operator of another domain',
      changed((_, g) => void (g.node[0]!.domain = 'com.microsoft')),
      'Unsupported',
      /domain 'com\.microsoft'/,
    ],
    [
      'weights in another file',
      changed((_, g) => void (g.initializer[0]!.dataLocation = TensorProto_DataLocation.EXTERNAL)),
      'Unsupported',
      /initializer '.+': its data lies in another file.*save the model as one file/,
    ],
    [
      'weights cut short',
      changed((_, g) => void (g.initializer[0]!.rawData = new Uint8Array(4))),
      'BadFile',
      /initializer '.+': .*the data has 4/,
    ],
    [
      'a weight of negative size',
      changed((_, g) => void (g.initializer[0]!.dims[0] = -1n)),
      'BadFile',
      /impossible shape \[-1,/,
    ],
    [
      'a weight of text',
      changed((_, g) => void (g.initializer[0]!.dataType = 8)),
      'Unsupported',
      /element type number 8/,
    ],
  ])('%s', (_, bytes, kind, message) => {
    const error = thrownBy(() => parseModel(bytes, 'a.onnx')) as SeedbedError;
    expect(error).toMatchObject({ name: 'SeedbedError', kind });
    expect(error.message).toMatch(message);
    expect(error.message).toMatch(/^a\.onnx: /);
  });
});

test('a damaged file raises nothing but errors of Seedbed', () => {
  const damage = fc.oneof(
    fc.record({ keep: fc.double({ min: 0, max: 1, noNaN: true }) }),
    fc.array(fc.tuple(fc.double({ min: 0, max: 0.999, noNaN: true }), fc.nat(255)), {
      minLength: 1,
      maxLength: 6,
    }),
  );
  fc.assert(
    fc.property(fc.constantFrom(...golden), damage, (name, how) => {
      const bytes = read(name);
      const damaged = 'keep' in how ? bytes.subarray(0, Math.floor(bytes.length * how.keep)) : bytes;
      if (!('keep' in how)) for (const [place, byte] of how) bytes[Math.floor(place * bytes.length)] = byte;
      try {
        const graph = parseModel(damaged, name);
        differentiate(graph, { of: 'y', wrt: graph.inputs.map(i => i.name) });
      } catch (error) {
        if (!isSeedbedError(error)) throw error;
      }
    }),
    { numRuns: Number(process.env.FUZZ_RUNS ?? 300) },
  );
});
