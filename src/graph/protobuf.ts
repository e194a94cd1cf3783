import { create, toBinary } from '@bufbuild/protobuf';
import {
  type AttributeProto,
  AttributeProtoSchema,
  AttributeProto_AttributeType as AttributeType,
  GraphProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  OperatorSetIdProtoSchema,
  StringStringEntryProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from 'onnx-buf';
import { SeedbedError } from '../errors.ts';
import { dtypeFromOnnx, ONNX_DTYPES } from './dtypes.ts';
import { type ExternalFiles, readMessage } from './external.ts';
import type { Attribute, Graph, Node, ValueInfo } from './ir.ts';
import { isTensor, READ_OPSETS } from './ir.ts';
import { readTensor, writeTensor } from './tensor-proto.ts';

/**
 * Reads an ONNX file, operator sets 13 to 26, into a graph.
 * @param file the name that messages give the file.
 * @param files where weights lie in other files, those that {@link externalFiles} names; none unless given.
 * @throws {SeedbedError} BadFile when the bytes are not an ONNX model, Unsupported for what Seedbed leaves out.
 * @group Files
 * @example
 * import { readFile } from 'node:fs/promises';
 * import { parseModel, SHIPPED_DENOISER } from 'seedbed';
 * const graph = parseModel(await readFile(SHIPPED_DENOISER), 'fashion-mnist.onnx');
 * console.log(graph.opset, graph.inputs.map(input => input.name)); // prints 17 [ 'x', 'noise_variance' ]
 */
export function parseModel(bytes: Uint8Array, file: string, files: ExternalFiles = new Map()): Graph {
  const model = readMessage(bytes, file);
  const { graph } = model;
  if (!graph || model.irVersion === 0n)
    throw new SeedbedError('BadFile', `${file}: not an ONNX file: it holds no graph`);
  if (model.functions.length > 0) {
    throw new SeedbedError(
      'Unsupported',
      `${file}: model-local functions are not supported; inline them first`,
    );
  }
  if (graph.sparseInitializer.length > 0)
    throw new SeedbedError(
      'Unsupported',
      `${file}: sparse weights are not supported; save them as dense ones`,
    );
  const opset = Number(model.opsetImport.find(o => o.domain === '' || o.domain === 'ai.onnx')?.version ?? 0n);
  if (opset < READ_OPSETS.from || opset > READ_OPSETS.to) {
    throw new SeedbedError(
      'Unsupported',
      `${file}: operator set ${opset}; Seedbed reads ${READ_OPSETS.from} to ${READ_OPSETS.to}. Export it again with one of these`,
    );
  }
  const initializers = new Map(
    graph.initializer.map(t => [t.name, readTensor(t, `${file}: initializer '${t.name}'`, files)]),
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
      const attributes = Object.fromEntries(
        node.attribute.map(a => [a.name, readAttribute(a, where, files)]),
      );
      return { op: node.opType, name, inputs: node.input, outputs: node.output, attributes };
    }),
    metadata: new Map(model.metadataProps.map(entry => [entry.key, entry.value])),
  };
}

/**
 * A graph as the bytes of an ONNX file (IR version 8), which any tool opens that knows its operator set.
 * @throws {SeedbedError} Unsupported when the weights take more than the 2 GiB that one such file holds.
 * @group Files
 * @example
 * import { writeFile } from 'node:fs/promises';
 * import { GraphBuilder, serializeModel } from 'seedbed';
 * const b = new GraphBuilder('double');
 * const x = b.input('x', 'float32', ['N', 3]);
 * await writeFile('double.onnx', serializeModel(b.build({ y: b.add(x, x) })));
 */
export function serializeModel(graph: Graph): Uint8Array {
  requireFitting(graph);
  const domains = [...new Set(graph.nodes.flatMap(({ domain }) => domain ?? []))];
  const model = create(ModelProtoSchema, {
    irVersion: 8n,
    producerName: 'seedbed',
    opsetImport: [
      create(OperatorSetIdProtoSchema, { domain: '', version: BigInt(graph.opset) }),
      ...domains.map(domain => create(OperatorSetIdProtoSchema, { domain, version: 1n })),
    ],
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
          domain: node.domain ?? '',
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

/** The most bytes of one message of the format, 2 GiB; ONNX Runtime takes a graph as one. */
const MOST_MESSAGE = 2 ** 31 - 1;

function requireFitting(graph: Graph): void {
  let bytes = 0;
  for (const { data } of graph.initializers.values()) bytes += data.byteLength;
  if (bytes <= MOST_MESSAGE) return;
  throw new SeedbedError(
    'Unsupported',
    `graph '${graph.name}': its weights take ${bytes} bytes, one ONNX file holds ${MOST_MESSAGE} at most. Use a smaller model`,
  );
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

function readAttribute(a: AttributeProto, where: string, files: ExternalFiles): Attribute {
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
      if (a.t) return readTensor(a.t, `${where}, attribute '${a.name}'`, files);
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
