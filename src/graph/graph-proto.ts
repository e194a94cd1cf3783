import { create } from '@bufbuild/protobuf';
import {
  type AttributeProto,
  AttributeProtoSchema,
  AttributeProto_AttributeType as AttributeType,
  type GraphProto,
  GraphProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  type TensorProto,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from 'onnx-buf';
import { SeedbedError } from '../errors.ts';
import { int64Of, type Tensor } from '../tensor/tensor.ts';
import { BFLOAT16, dtypeFromOnnx, ONNX_DTYPES } from './dtypes.ts';
import type { ExternalFiles } from './external.ts';
import {
  type Attribute,
  type Attributes,
  type Graph,
  isGraph,
  isTensor,
  type Node,
  type ValueInfo,
} from './ir.ts';
import { inOrder } from './nodes.ts';
import { readTensor, writeTensor } from './tensor-proto.ts';

/** What reading a graph needs besides its message. */
export interface Reader {
  /** The name that messages give the file. */
  readonly file: string;
  readonly opset: number;
  readonly files: ExternalFiles;
  /** Tensors in attributes that were read: functions, written out, have them many times. */
  readonly constants: Map<TensorProto, Tensor>;
}

/** A graph without metadata, its nodes in order; a branch of an If is one, too. */
export function readGraph(graph: GraphProto, reader: Reader): Graph {
  const { file, opset, files } = reader;
  if (graph.sparseInitializer.length > 0)
    throw new SeedbedError('Unsupported', 'sparse weights are not supported; save them as dense ones', {
      at: file,
    });
  const initializers = new Map(
    graph.initializer.map(t => [t.name, readTensor(t, `${file}: initializer '${t.name}'`, files)]),
  );
  const nodes = graph.node.map((node, index) => readNode(node, index, reader));
  return {
    name: graph.name,
    opset,
    inputs: graph.input.filter(i => !initializers.has(i.name)).map(i => readValueInfo(i, reader)),
    outputs: graph.output.map(o => readValueInfo(o, reader)),
    initializers,
    nodes: inOrder(nodes, file),
    metadata: new Map(),
  };
}

export function writeGraph(graph: Graph): GraphProto {
  return create(GraphProtoSchema, {
    name: graph.name,
    input: graph.inputs.map(writeValueInfo),
    output: graph.outputs.map(writeValueInfo),
    initializer: [...graph.initializers].map(([name, t]) => writeTensor(t, name)),
    node: graph.nodes.map(node =>
      create(NodeProtoSchema, {
        opType: node.op,
        domain: node.domain ?? '',
        name: node.name,
        input: [...node.inputs],
        output: [...node.outputs],
        attribute: Object.entries(node.attributes).map(([name, value]) => writeAttribute(name, value)),
      }),
    ),
  });
}

/** What to do about an operator that is not ONNX's own. */
function remedyFor(domain: string): string {
  return domain === 'com.microsoft'
    ? 'ONNX Runtime writes it when it optimises or quantises a model: take the file from before, or quantise with quant_format=QuantFormat.QDQ'
    : 'Export the model without it';
}

function readNode(node: NodeProto, index: number, reader: Reader): Node {
  const name = node.name || `${node.opType}_${index}`;
  const where = `${reader.file}: ${node.opType} '${name}'`;
  if (node.domain !== '' && node.domain !== 'ai.onnx') {
    throw new SeedbedError(
      'Unsupported',
      `is of domain '${node.domain}'; only standard ONNX operators are supported. ${remedyFor(node.domain)}`,
      { at: where },
    );
  }
  const attributes = Object.fromEntries(node.attribute.map(a => [a.name, readAttribute(a, where, reader)]));
  return {
    op: node.opType,
    name,
    inputs: node.input,
    outputs: node.output,
    attributes: node.opType === 'Cast' ? castToRead(attributes) : attributes,
  };
}

/** bfloat16 is read as float32, so what is cast to it becomes that. */
function castToRead(attributes: Attributes): Attributes {
  return attributes.to === BFLOAT16 ? { ...attributes, to: ONNX_DTYPES.float32 } : attributes;
}

function readValueInfo(info: ValueInfoProto, { file }: Reader): ValueInfo {
  const type = info.type?.value;
  if (type?.case !== 'tensorType')
    throw new SeedbedError('Unsupported', `'${info.name}' is not a tensor`, { at: file });
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

function readAttribute(a: AttributeProto, where: string, reader: Reader): Attribute {
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
      return readConstant(a.t, `${where}, attribute '${a.name}'`, reader);
    case AttributeType.GRAPH:
      if (a.g) return readGraph(a.g, reader);
  }
  throw new SeedbedError('Unsupported', `attribute '${a.name}' is of a kind that is not supported`, {
    at: where,
  });
}

function readConstant(t: TensorProto | undefined, where: string, { files, constants }: Reader): Tensor {
  if (!t) throw new SeedbedError('BadFile', 'it holds no tensor', { at: where });
  const tensor = constants.get(t) ?? readTensor(t, where, files);
  constants.set(t, tensor);
  return tensor;
}

function writeAttribute(name: string, value: Attribute): AttributeProto {
  return create(AttributeProtoSchema, { name, ...attributeFields(value) });
}

function attributeFields(value: Attribute) {
  if (typeof value === 'number') return { type: AttributeType.INT, i: int64Of(value) };
  if (typeof value === 'string') return { type: AttributeType.STRING, s: new TextEncoder().encode(value) };
  if (isGraph(value)) return { type: AttributeType.GRAPH, g: writeGraph(value) };
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
