import { fromBinary } from '@bufbuild/protobuf';
import {
  type GraphProto,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  type StringStringEntryProto,
  type TensorProto,
  TensorProto_DataLocation,
} from 'onnx-buf';
import { messageOf, SeedbedError } from '../errors.ts';
import { bytesPerElement, type DType, sizeOf } from '../tensor/tensor.ts';
import { checkWire } from './wire.ts';

/**
 * The bytes of the files beside an ONNX file that hold its weights, by the name that it gives them.
 * @group Files
 */
export type ExternalFiles = ReadonlyMap<string, Uint8Array>;

/**
 * The message in an ONNX file.
 * @throws {SeedbedError} BadFile when the bytes are no such message, Unsupported when it holds more than Seedbed reads.
 */
export function readMessage(bytes: Uint8Array, file: string): ModelProto {
  checkWire(bytes, file);
  try {
    return fromBinary(ModelProtoSchema, bytes, { readUnknownFields: false });
  } catch (cause) {
    throw new SeedbedError('BadFile', `not an ONNX file, or damaged (${messageOf(cause)})`, {
      at: file,
      cause,
    });
  }
}

/**
 * The files beside an ONNX file that hold its weights, as paths from its folder with forward slashes; none for most.
 * Given their bytes, {@link parseModel} reads the model.
 * @param file the name that messages give the file.
 * @throws {SeedbedError} BadFile when the bytes are not an ONNX model, or a path is absolute or leads out of the folder,
 * Unsupported when they hold more parts than Seedbed reads.
 * @group Files
 * @example
 * import { readFile } from 'node:fs/promises';
 * import { externalFiles, SHIPPED_DENOISER } from 'seedbed';
 * console.log(externalFiles(await readFile(SHIPPED_DENOISER), 'fashion-mnist.onnx')); // prints []
 */
export function externalFiles(bytes: Uint8Array, file: string): string[] {
  const { graph, functions } = readMessage(bytes, file);
  const tensors = [...(graph ? tensorsOf(graph) : []), ...functions.flatMap(({ node }) => constantsOf(node))];
  const isExternal = (t: TensorProto) => t.dataLocation === TensorProto_DataLocation.EXTERNAL;
  const locations = tensors
    .filter(isExternal)
    .map(t => locationOf(entriesOf(t.externalData), `${file}: tensor '${t.name}'`));
  return [...new Set(locations)];
}

function tensorsOf({ initializer, node }: GraphProto): TensorProto[] {
  return [...initializer, ...constantsOf(node)];
}

/** The tensors in the attributes of nodes, those of sub-graphs too. */
function constantsOf(nodes: readonly NodeProto[]): TensorProto[] {
  return nodes.flatMap(({ attribute }) =>
    attribute.flatMap(({ t, g }) => [...(t ? [t] : []), ...(g ? tensorsOf(g) : [])]),
  );
}

/**
 * The bytes of a tensor that lies in another file.
 * @throws {SeedbedError} Unsupported when that file was not given, BadFile when the tensor does not lie in it.
 */
export function externalBytes(
  external: readonly StringStringEntryProto[],
  dtype: DType,
  shape: readonly number[],
  where: string,
  files: ExternalFiles,
): Uint8Array {
  const entries = entriesOf(external);
  const location = locationOf(entries, where);
  const bytes = files.get(location);
  if (!bytes) {
    throw new SeedbedError(
      'Unsupported',
      `its data lies in another file, '${location}', which was not read with it: open the model by its ` +
        'path on Node, or save the model as one file',
      { at: where },
    );
  }
  const size = sizeOf(shape) * bytesPerElement(dtype);
  const offset = countOf(entries, 'offset', 0, where);
  const length = countOf(entries, 'length', size, where);
  if (length !== size) {
    throw new SeedbedError(
      'BadFile',
      `${dtype} [${shape}] takes ${size} bytes, the file says that ${length} lie in '${location}'. Export the model again`,
      { at: where },
    );
  }
  if (offset + length > bytes.length) {
    throw new SeedbedError(
      'BadFile',
      `its ${length} bytes from byte ${offset} do not lie in '${location}', which has ${bytes.length}. ` +
        'Fetch or export both files again',
      { at: where },
    );
  }
  return bytes.subarray(offset, offset + length);
}

type Entries = ReadonlyMap<string, string>;

function entriesOf(external: readonly StringStringEntryProto[]): Entries {
  return new Map(external.map(({ key, value }) => [key, value]));
}

/** The other file's path, which stays inside the model's folder whatever the model says. */
function locationOf(entries: Entries, where: string): string {
  const location = entries.get('location') ?? '';
  const isInside =
    location !== '' && !/^\/|^[a-z]:|[\\\0]/i.test(location) && !location.split('/').includes('..');
  if (isInside) return location;
  throw new SeedbedError(
    'BadFile',
    `its data lies in '${location}', which is not a path inside the model's folder. ` +
      'Put that file beside the model and name it there, or save the model as one file',
    { at: where },
  );
}

function countOf(entries: Entries, key: string, fallback: number, where: string): number {
  const text = entries.get(key);
  if (text === undefined) return fallback;
  const count = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(count)) return count;
  throw new SeedbedError('BadFile', `the ${key} of its data is '${text}', not a number of bytes`, {
    at: where,
  });
}
