import { create, toBinary } from '@bufbuild/protobuf';
import {
  AttributeProtoSchema,
  AttributeProto_AttributeType as AttributeType,
  GraphProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  OperatorSetIdProtoSchema,
  StringStringEntryProtoSchema,
  type TensorProto,
  TensorProto_DataLocation,
  TensorProtoSchema,
} from 'onnx-buf';
import { describe, expect, test } from 'vitest';
import type { SeedbedError } from '../../src/errors.ts';
import { externalFiles } from '../../src/graph/external.ts';
import { isTensor } from '../../src/graph/ir.ts';
import { parseModel } from '../../src/graph/protobuf.ts';
import { bytesOf, float32, toNumbers } from '../../src/tensor/tensor.ts';
import { thrownBy } from '../support.ts';

/** A float32 tensor [2] whose data lies elsewhere, as the entries say. */
function elsewhere(name: string, entries: Readonly<Record<string, string>>): TensorProto {
  return create(TensorProtoSchema, {
    name,
    dataType: 1,
    dims: [2n],
    dataLocation: TensorProto_DataLocation.EXTERNAL,
    externalData: Object.entries(entries).map(([key, value]) =>
      create(StringStringEntryProtoSchema, { key, value }),
    ),
  });
}

/** An ONNX file with these weights, and a Constant where one is given. */
function modelOf(weights: readonly TensorProto[], constant?: TensorProto): Uint8Array {
  const value = (t: TensorProto) =>
    create(AttributeProtoSchema, { name: 'value', type: AttributeType.TENSOR, t });
  const node = constant
    ? [create(NodeProtoSchema, { opType: 'Constant', output: ['c'], attribute: [value(constant)] })]
    : [];
  return toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, {
      irVersion: 8n,
      opsetImport: [create(OperatorSetIdProtoSchema, { version: 17n })],
      graph: create(GraphProtoSchema, { name: 'g', initializer: [...weights], node }),
    }),
  );
}

const data = bytesOf(float32([5], [1, 2, 3, 4, 5]));
const files = new Map([
  ['model.onnx.data', data],
  ['parts/b.bin', data],
]);

test('a model without weights elsewhere needs no files', () => {
  expect(externalFiles(modelOf([]), 'a.onnx')).toEqual([]);
});

test('weights and constants that lie in other files are read from there', () => {
  const bytes = modelOf(
    [
      elsewhere('whole', { location: 'model.onnx.data' }),
      elsewhere('part', { location: 'model.onnx.data', offset: '4', length: '8', checksum: '?' }),
      elsewhere('other', { location: 'parts/b.bin', offset: '12' }),
    ],
    elsewhere('constant', { location: './c.bin', offset: '8' }),
  );
  expect(externalFiles(bytes, 'a.onnx')).toEqual(['model.onnx.data', 'parts/b.bin', './c.bin']);
  const { initializers, nodes } = parseModel(bytes, 'a.onnx', new Map([...files, ['./c.bin', data]]));
  expect([...initializers].map(([name, t]) => [name, toNumbers(t)])).toEqual([
    ['whole', [1, 2]],
    ['part', [2, 3]],
    ['other', [4, 5]],
  ]);
  const { value } = nodes[0]!.attributes;
  expect(isTensor(value) && toNumbers(value)).toEqual([3, 4]);
});

test('data that is not aligned to its elements is read', () => {
  const shifted = new Map([['w', Uint8Array.of(9, ...data)]]);
  const bytes = modelOf([elsewhere('w', { location: 'w', offset: '1' })]);
  expect(toNumbers(parseModel(bytes, 'a.onnx', shifted).initializers.get('w')!)).toEqual([1, 2]);
});

describe('refused by file and tensor', () => {
  const location = 'model.onnx.data';

  test.each<[string, Record<string, string>, string, RegExp]>([
    [
      'a file that was not given',
      { location: 'lost' },
      'Unsupported',
      /another file, 'lost', .*save the model as one/,
    ],
    [
      'another length than the shape takes',
      { location, length: '12' },
      'BadFile',
      /float32 \[2\] takes 8 bytes, .* 12 lie in/,
    ],
    [
      'a place behind the end',
      { location, offset: '16' },
      'BadFile',
      /8 bytes from byte 16 do not lie in 'model\.onnx\.data', which has 20/,
    ],
    ['a negative offset', { location, offset: '-4' }, 'BadFile', /the offset of its data is '-4'/],
    [
      'an offset beyond counting',
      { location, offset: '99999999999999999999' },
      'BadFile',
      /the offset of its data is/,
    ],
    ['a length in words', { location, length: 'all' }, 'BadFile', /the length of its data is 'all'/],
  ])('%s', (_, entries, kind, message) => {
    const error = thrownBy(() => parseModel(modelOf([elsewhere('w', entries)]), 'a.onnx', files));
    expect(error).toMatchObject({ name: 'SeedbedError', kind, message: expect.stringMatching(message) });
    expect((error as SeedbedError).message).toMatch(/^a\.onnx: initializer 'w': /);
  });

  test.each(['', '/etc/passwd', '../up', 'a/../../up', 'a/..', '..', 'a\\b', 'C:\\w', 'c:w', 'a\0b'])(
    "the path '%s', before anything is read",
    path => {
      const bytes = modelOf([elsewhere('w', { location: path })]);
      const refused = { name: 'SeedbedError', kind: 'BadFile' };
      const message = expect.stringMatching(/^a\.onnx: .*'w': .* not a path inside the model's folder/);
      expect(thrownBy(() => externalFiles(bytes, 'a.onnx'))).toMatchObject({ ...refused, message });
      const given = new Map([[path, data]]);
      expect(thrownBy(() => parseModel(bytes, 'a.onnx', given))).toMatchObject({ ...refused, message });
    },
  );
});
