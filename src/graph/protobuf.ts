import { create, toBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema, OperatorSetIdProtoSchema, StringStringEntryProtoSchema } from 'onnx-buf';
import { SeedbedError } from '../errors.ts';
import { type ExternalFiles, readMessage } from './external.ts';
import { inlineFunctions } from './functions.ts';
import { readGraph, writeGraph } from './graph-proto.ts';
import { type Graph, READ_OPSETS } from './ir.ts';

/**
 * Reads an ONNX file, operator sets 13 to 26, into a graph: bfloat16 is widened to float32, functions that the file
 * defines are written out, and nodes are put in order.
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
    throw new SeedbedError('BadFile', 'not an ONNX file: it holds no graph', { at: file });
  const opset = Number(model.opsetImport.find(o => o.domain === '' || o.domain === 'ai.onnx')?.version ?? 0n);
  if (opset < READ_OPSETS.from || opset > READ_OPSETS.to) {
    throw new SeedbedError(
      'Unsupported',
      `operator set ${opset}; Seedbed reads ${READ_OPSETS.from} to ${READ_OPSETS.to}. Export it again with one of these`,
      { at: file },
    );
  }
  graph.node = inlineFunctions(graph.node, model.functions, file);
  const metadata = new Map(model.metadataProps.map(entry => [entry.key, entry.value]));
  return { ...readGraph(graph, { file, opset, files, constants: new Map() }), metadata };
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
    graph: writeGraph(graph),
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
