import { SeedbedError } from '../errors.ts';
import {
  baseName,
  exists,
  gunzip,
  isDirectory,
  joinPath,
  listFiles,
  naturalOrder,
  readBytes,
  userDataDir,
} from '../runtime/files.ts';
import type { ImageOptions } from '../runtime/picture.ts';
import { untar } from '../runtime/tar.ts';
import type { CatalogueEntry, Split } from './catalogue.ts';
import { CATALOGUE, findEntry } from './catalogue.ts';
import { cifarImages } from './cifar.ts';
import type { Dataset } from './dataset.ts';
import type { FileSource } from './folder.ts';
import { imageFiles, isImageName } from './folder.ts';
import { idxImages } from './idx.ts';
import { syntheticPoints } from './synthetic.ts';

/** Where to look for a set, and the shape that pictures in files of their own are brought to. */
export interface OpenOptions extends ImageOptions {
  /** Looked in first, for a folder of the set's name. */
  readonly dataDir?: string | undefined;
}

/** Where systems install data sets, in folders of their names. */
const SYSTEM_FOLDERS = ['/usr/local/share/datasets', '/usr/share/datasets'];

/** The names of the sets' own files, directly in a folder; subfolders could be of other sets. */
const OWN_FILES = {
  idx: { train: /^train-images[^/]*ubyte(\.gz)?$/, test: /^(t10k|test)-images[^/]*ubyte(\.gz)?$/ },
  cifar: { train: /^(data_batch_\d+|[^/]*train[^/]*)\.bin$/i, test: /^[^/]*test[^/]*\.bin$/i },
} as const;
/** CIFAR-10 comes as an archive, with its files in a folder. */
const CIFAR_ARCHIVE = /^cifar-10-binary\.tar\.gz$/;
const CIFAR_FOLDER = /^cifar-10-batches-bin\//;

/**
 * Opens a data set: by a name of the catalogue (`fashion-mnist`), found in `dataDir`, the user's data folder or
 * the system's; or by a path to a folder with a set's own files, a folder of pictures, or a file: IDX, CIFAR-10
 * binary, .tar.gz of pictures, one picture. Either may end in `:train` or `:test`; a name means `:train`.
 * @throws {SeedbedError} Machine when the set is not on this machine, BadArgument for an unknown name or split or
 * a shape that the set does not have, BadFile when a file is damaged.
 * @example const pictures = await openDataset('fashion-mnist:test')
 */
export async function openDataset(spec: string, options: OpenOptions = {}): Promise<Dataset> {
  const { place, split } = splitSpec(spec);
  const entry = findEntry(place);
  const dataset = await (entry
    ? openEntry(entry, split ?? 'train', options)
    : openPath(place, split, options));
  const [channels, ...own] = dataset.shape;
  const size = typeof options.size === 'number' ? [options.size, options.size] : options.size;
  const wrongSize = size !== undefined && size.join() !== own.join();
  if (wrongSize || (options.channels !== undefined && options.channels !== channels)) {
    const asked = `size ${size?.join('x') ?? 'as it is'}, channels ${options.channels ?? 'as they are'}`;
    const message = `${dataset.name} has items of shape [${dataset.shape}], asked for: ${asked}`;
    throw new SeedbedError('BadArgument', `${message}. Only pictures in files of their own can be changed`);
  }
  return dataset;
}

function splitSpec(spec: string): { place: string; split: Split | undefined } {
  const [, place = spec, split] = /^(.+):(train|test)$/.exec(spec) ?? [];
  const [, name = '', other] = /^([^:]+):(.*)$/.exec(place) ?? [];
  if (!findEntry(name)) return { place, split: split as Split | undefined };
  throw new SeedbedError(
    'BadArgument',
    `${name} has the splits train and test, not "${other}"; write ${name}:test`,
  );
}

async function openEntry(entry: CatalogueEntry, split: Split, options: OpenOptions): Promise<Dataset> {
  const { name } = entry;
  if (name === 'circles' || name === 'moons') return syntheticPoints(name, split, entry.splits[split]);
  const roots = [options.dataDir, userDataDir(), ...SYSTEM_FOLDERS].filter(root => root !== undefined);
  const places = roots.map(root => joinPath(root, name));
  for (const folder of places) {
    if (!(await isDirectory(folder))) continue;
    const found = await ownFiles(`${name}:${split}`, await sourcesIn(folder), split);
    if (found) return found;
  }
  const message = `the ${split} images of ${name} were not found in ${places.join(', ')}`;
  throw new SeedbedError('Machine', `${message}. Fetch them with: seedbed data fetch ${name}`);
}

async function openPath(path: string, split: Split | undefined, options: OpenOptions): Promise<Dataset> {
  if (!(await exists(path))) {
    const names = CATALOGUE.map(entry => entry.name).join(', ');
    throw new SeedbedError(
      'BadArgument',
      `${path} is neither a file or folder nor a known data set (${names})`,
    );
  }
  const name = split ? `${baseName(path)}:${split}` : baseName(path);
  const file: FileSource = { name: baseName(path), read: () => readBytes(path) };
  const isArchive = /\.(tar\.gz|tgz)$/i.test(path);
  if (isArchive || (await isDirectory(path))) {
    const sources = await (isArchive ? sourcesInArchive(file) : sourcesIn(path));
    const own = await ownFiles(name, sources, split ?? 'train');
    return own ?? pictures(path, name, sources, split, options);
  }
  if (split)
    throw new SeedbedError('BadArgument', `${path} is one file and has no splits; leave out :${split}`);
  if (isImageName(path)) return imageFiles(name, [file], options);
  if (/\.bin$/i.test(path)) return cifarImages([{ bytes: await file.read(), file: path }], name);
  return idxImages(await unpacked(file), path, name);
}

/** The set that a folder or archive holds in the format it was published in; undefined when it does not. */
async function ownFiles(
  name: string,
  sources: readonly FileSource[],
  split: Split,
): Promise<Dataset | undefined> {
  const named = (pattern: RegExp) =>
    sources.filter(source => pattern.test(source.name.replace(CIFAR_FOLDER, '')));
  const [idx] = named(OWN_FILES.idx[split]);
  if (idx) return idxImages(await unpacked(idx), idx.name, name);
  const cifar = named(OWN_FILES.cifar[split]);
  if (cifar.length > 0) {
    const read = async (source: FileSource) => ({ bytes: await source.read(), file: source.name });
    return cifarImages(await Promise.all(cifar.map(read)), name);
  }
  const [archive] = named(CIFAR_ARCHIVE);
  return archive && ownFiles(name, await sourcesInArchive(archive), split);
}

/** The pictures among the files; of a split, those in folders of its name. */
async function pictures(
  path: string,
  name: string,
  sources: readonly FileSource[],
  split: Split | undefined,
  options: OpenOptions,
): Promise<Dataset> {
  const inSplit = (source: FileSource) => !split || source.name.split('/').slice(0, -1).includes(split);
  const files = sources.filter(source => isImageName(source.name) && inSplit(source));
  if (files.length > 0) return imageFiles(name, files, options);
  const sought = 'IDX (train-images-idx3-ubyte), CIFAR-10 (data_batch_1.bin), PNG, JPEG and WebP files';
  throw new SeedbedError(
    'BadFile',
    `${path} holds nothing to read${split ? ` as ${split}` : ''}; sought were ${sought}`,
  );
}

async function sourcesIn(folder: string): Promise<FileSource[]> {
  const names = await listFiles(folder, { recursive: true });
  return names.map(name => ({ name, read: () => readBytes(joinPath(folder, name)) }));
}

/** In the order of a folder's: CIFAR-10's archive, for one, holds its batches out of order. */
async function sourcesInArchive(archive: FileSource): Promise<FileSource[]> {
  const files = [...untar(await unpacked(archive), archive.name)];
  files.sort((a, b) => naturalOrder(a.path, b.path));
  return files.map(({ path, bytes }) => ({ name: path, read: async () => bytes }));
}

/** The contents of a file, unpacked when it is gzip by its first two bytes. */
async function unpacked(source: FileSource): Promise<Uint8Array> {
  const bytes = await source.read();
  return bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzip(bytes, { name: source.name }) : bytes;
}
