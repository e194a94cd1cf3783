import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  type AttributeProto,
  AttributeProtoSchema,
  AttributeProto_AttributeType as AttributeType,
  GraphProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  NodeProtoSchema,
  OperatorSetIdProtoSchema,
  StringStringEntryProtoSchema,
  type TensorProto,
  TensorProto_DataLocation,
  TensorProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from 'onnx-buf';
import { messageOf, SeedbedError } from '../errors.ts';
import { bytesOf, sizeOf, type Tensor, tensorFromBytes, zeros } from '../tensor/tensor.ts';
import { dtypeFromOnnx, ONNX_DTYPES } from './dtypes.ts';
import type { Attribute, Graph, Node, ValueInfo } from './ir.ts';
import { isTensor, READ_OPSETS } from './ir.ts';

/**
 * Reads an ONNX file, operator sets 13 to 22 with the weights inside, into a graph.
 * @param file the name that messages give the file.
 * @throws {SeedbedError} BadFile when the bytes are not an ONNX model, Unsupported for what Seedbed leaves out.
 * @group Files
 * @example
 * import { readFile } from 'node:fs/promises';
 * import { parseModel, SHIPPED_DENOISER } from 'seedbed';
 * const graph = parseModel(await readFile(SHIPPED_DENOISER), 'fashion-mnist.onnx');
 * console.log(graph.opset, graph.inputs.map(input => input.name)); // prints 17 [ 'x', 'noise_variance' ]
 */
export function parseModel(bytes: Uint8Array, file: string): Graph {
  let model: ModelProto;
  try {
    model = fromBinary(ModelProtoSchema, bytes);
  } catch (cause) {
    throw new SeedbedError('BadFile', `${file}: not an ONNX file, or damaged (${messageOf(cause)})`, {
      cause,
    });
  }
  const graph = model.graph;
  if (!graph || model.irVersion === 0n)
    throw new SeedbedError('BadFile', `${file}: not an ONNX file: it holds no graph`);
  if (model.functions.length > 0) {
    throw new SeedbedError(
      'Unsupported',
      `${file}: model-local functions are not supported; inline them first`,
    );
  }
  const opset = Number(model.opsetImport.find(o => o.domain === '' || o.domain === 'ai.onnx')?.version ?? 0n);
  if (opset < READ_OPSETS.from || opset > READ_OPSETS.to) {
    throw new SeedbedError(
      'Unsupported',
      `${file}: operator set ${opset}; Seedbed reads ${READ_OPSETS.from} to ${READ_OPSETS.to}. Export it again with one of these`,
    );
  }
  const initializers = new Map(
    graph.initializer.map(t => [t.name, readTensor(t, `${file}: initializer '${t.name}'`)]),
  );
  return {
    name: graph.name,
    opset,
    inputs: graph.input.filter(i => !initializers.has(i.name)).map(i => readValueInfo(i, file)),
    outputs: graph.output.map(o => readValueInfo(o, file)),
    initializers,
    nodes: graph.node.map((node, index): Node => {
      const name = node.name || `${node.opType}_${index}`;
      if (node.domain !== '' && node.domain !== 'ai.onnx') {
        throw new SeedbedError(
          'Unsupported',
          `${file}: ${node.opType} '${name}' is of domain '${node.domain}'; only standard ONNX operators are supported`,
        );
      }
      const where = `${file}: ${node.opType} '${name}'`;
      const attributes = Object.fromEntries(node.attribute.map(a => [a.name, readAttribute(a, where)]));
      return { op: node.opType, name, inputs: node.input, outputs: node.output, attributes };
    }),
    metadata: new Map(model.metadataProps.map(entry => [entry.key, entry.value])),
  };
}

/**
 * A graph as the bytes of an ONNX file (IR version 8), which any tool opens that knows its operator set.
 * @group Files
 * @example
 * import { writeFile } from 'node:fs/promises';
 * import { GraphBuilder, serializeModel } from 'seedbed';
 * const b = new GraphBuilder('double');
 * const x = b.input('x', 'float32', ['N', 3]);
 * await writeFile('double.onnx', serializeModel(b.build({ y: b.add(x, x) })));
 */
export function serializeModel(graph: Graph): Uint8Array {
  const model = create(ModelProtoSchema, {
    irVersion: 8n,
    producerName: 'seedbed',
    opsetImport: [create(OperatorSetIdProtoSchema, { domain: '', version: BigInt(graph.opset) })],
    metadataProps: [...graph.metadata].map(([key, value]) =>
      create(StringStringEntryProtoSchema, { key, value }),
    ),
    graph: create(GraphProtoSchema, {
      name: graph.name,
      input: graph.inputs.map(writeValueInfo),
      output: graph.outputs.map(writeValueInfo),
      initializer: [...graph.initializers].map(([name, t]) => writeTensor(t, name)),
      node: graph.nodes.map(node =>
        create(NodeProtoSchema, {
          opType: node.op,
          name: node.name,
          input: [...node.inputs],
          output: [...node.outputs],
          attribute: Object.entries(node.attributes).map(([name, value]) => writeAttribute(name, value)),
        }),
      ),
    }),
  });
  return toBinary(ModelProtoSchema, model);
}

function readValueInfo(info: ValueInfoProto, file: string): ValueInfo {
  const type = info.type?.value;
  if (type?.case !== 'tensorType')
    throw new SeedbedError('Unsupported', `${file}: '${info.name}' is not a tensor`);
  const dims = type.value.shape?.dim ?? [];
  return {
    name: info.name,
    dtype: dtypeFromOnnx(type.value.elemType, `${file}: '${info.name}'`),
    shape: dims.map(({ value }, i) => {
      // Some exporters write an open dimension as -1.
      if (value.case === 'dimValue' && value.value >= 0n) return Number(value.value);
      return value.case === 'dimParam' && value.value ? value.value : `${info.name}_${i}`;
    }),
  };
}

function writeValueInfo(info: ValueInfo): ValueInfoProto {
  const dim = info.shape.map(size =>
    typeof size === 'number'
      ? { value: { case: 'dimValue' as const, value: BigInt(size) } }
      : { value: { case: 'dimParam' as const, value: size } },
  );
  return create(ValueInfoProtoSchema, {
    name: info.name,
    type: { value: { case: 'tensorType', value: { elemType: ONNX_DTYPES[info.dtype], shape: { dim } } } },
  });
}

/** An ONNX tensor's elements, whichever of the format's fields they lie in. */
function readTensor(t: TensorProto, where: string): Tensor {
  const dtype = dtypeFromOnnx(t.dataType, where);
  const shape = t.dims.map(Number);
  if (t.dataLocation === TensorProto_DataLocation.EXTERNAL) {
    throw new SeedbedError(
      'Unsupported',
      `${where}: its data lies in another file, which is not supported; save the model as one file`,
    );
  }
  if (shape.some(dim => !Number.isSafeInteger(dim) || dim < 0)) {
    throw new SeedbedError('BadFile', `${where}: impossible shape [${shape}]`);
  }
  try {
    if (t.rawData.length > 0 || sizeOf(shape) === 0) return tensorFromBytes(dtype, shape, t.rawData);
    const fields: ArrayLike<number | bigint>[] = [
      t.floatData,
      t.int32Data,
      t.int64Data,
      t.doubleData,
      t.uint64Data,
    ];
    const values = fields.find(field => field.length > 0) ?? [];
    if (values.length !== sizeOf(shape)) {
      throw new SeedbedError(
        'BadShape',
        `shape [${shape}] holds ${sizeOf(shape)} elements, the data has ${values.length}`,
      );
    }
    const result = zeros(dtype, shape);
    const wide = dtype === 'int64' || dtype === 'uint64';
    for (let i = 0; i < values.length; i++)
      (result.data as unknown as number[])[i] = (wide ? BigInt(values[i]!) : Number(values[i])) as number;
    return result;
  } catch (cause) {
    throw new SeedbedError('BadFile', `${where}: ${messageOf(cause)}`, { cause });
  }
}

function writeTensor(t: Tensor, name = ''): TensorProto {
  return create(TensorProtoSchema, {
    name,
    dataType: ONNX_DTYPES[t.dtype],
    dims: t.shape.map(BigInt),
    rawData: bytesOf(t),
  });
}

function readAttribute(a: AttributeProto, where: string): Attribute {
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  switch (a.type) {
    case AttributeType.FLOAT:
      return { float: a.f };
    case AttributeType.INT:
      return Number(a.i);
    case AttributeType.STRING:
      return text(a.s);
    case AttributeType.FLOATS:
      return { floats: a.floats };
    case AttributeType.INTS:
      return a.ints.map(Number);
    case AttributeType.STRINGS:
      return a.strings.map(text);
    case AttributeType.TENSOR:
      if (a.t) return readTensor(a.t, `${where}, attribute '${a.name}'`);
  }
  throw new SeedbedError(
    'Unsupported',
    `${where}: attribute '${a.name}' is of a kind that is not supported (a sub-graph, say)`,
  );
}

function writeAttribute(name: string, value: Attribute): AttributeProto {
  return create(AttributeProtoSchema, { name, ...attributeFields(value) });
}

function attributeFields(value: Attribute) {
  if (typeof value === 'number') return { type: AttributeType.INT, i: int64Of(value) };
  if (typeof value === 'string') return { type: AttributeType.STRING, s: new TextEncoder().encode(value) };
  if (isTensor(value)) return { type: AttributeType.TENSOR, t: writeTensor(value) };
  if ('float' in value) return { type: AttributeType.FLOAT, f: value.float };
  if ('floats' in value) return { type: AttributeType.FLOATS, floats: [...value.floats] };
  const list = value as readonly (number | string)[];
  return list.every(v => typeof v === 'string')
    ? list.length > 0
      ? { type: AttributeType.STRINGS, strings: list.map(v => new TextEncoder().encode(v)) }
      : { type: AttributeType.INTS, ints: [] }
    : { type: AttributeType.INTS, ints: list.map(v => int64Of(Number(v))) };
}

/** The largest integer, which exporters use for "to the end", is rounded up to 2^63 among numbers. */
function int64Of(value: number): bigint {
  const whole = BigInt(value);
  return whole < 2n ** 63n ? whole : 2n ** 63n - 1n;
}
