import { realpath, stat } from 'node:fs/promises';
import { dirname, isAbsolute, join, relative, sep } from 'node:path';
import { SeedbedError } from '../errors.ts';
import { externalFiles } from '../graph/external.ts';
import { fileFault, readBytes } from './files.ts';
import type { NamedOnnx } from './source.ts';

/** The most bytes of a model with its weights, 2 GiB: the runtime takes a graph as one message of that size at most. */
const MOST_MODEL = 2 ** 31 - 1;

/**
 * Reads an ONNX file together with the files beside it in which its weights lie, where there are any.
 * @throws {SeedbedError} BadArgument when a file is not there, BadFile when the first is not ONNX or another lies outside
 * its folder, Unsupported when they hold more than 2 GiB together, Machine when one cannot be read.
 */
export async function readOnnxFile(path: string): Promise<NamedOnnx> {
  const bytes = await readBytes(path);
  const locations = externalFiles(bytes, path);
  if (locations.length === 0) return { bytes, name: path, files: new Map() };
  const paths = await Promise.all(locations.map(location => inFolderOf(path, location)));
  await requireFitting(path, bytes.length, paths);
  const files = new Map<string, Uint8Array>();
  for (const [i, location] of locations.entries()) files.set(location, await readBytes(paths[i]!));
  return { bytes, name: path, files };
}

/** Where a file beside the model lies; links may lead to where the model itself is linked to, not elsewhere. */
async function inFolderOf(model: string, location: string): Promise<string> {
  const path = join(dirname(model), location);
  const [real, target, folder] = await Promise.all(
    [path, model, dirname(model)].map(file => realpath(file)),
  ).catch(cause => {
    throw fileFault('read', `${path}, where weights of ${model} lie`, cause);
  });
  if ([folder!, dirname(target!)].some(root => isInside(root, real!))) return path;
  throw new SeedbedError(
    'BadFile',
    `its weights lie in '${location}', a link to ${real}, outside its folder. Copy that file beside the model`,
    { at: model },
  );
}

function isInside(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}

async function requireFitting(model: string, own: number, paths: readonly string[]): Promise<void> {
  const sizes = await Promise.all(paths.map(async path => (await stat(path)).size));
  const total = sizes.reduce((sum, size) => sum + size, own);
  if (total <= MOST_MODEL) return;
  throw new SeedbedError(
    'Unsupported',
    `${model} holds ${total} bytes with the files beside it, Seedbed runs models of ${MOST_MODEL} at most. ` +
      'Use a smaller model, or export it in float16',
  );
}
