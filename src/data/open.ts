import { SeedbedError } from '../errors.ts';
import { baseName, exists, isDirectory, joinPath, readBytes, userDataDir } from '../runtime/files.ts';
import { type FileKind, fileKind, kindInWords } from '../runtime/kind.ts';
import type { ImageOptions } from '../runtime/picture.ts';
import { readNpy } from '../tensor/npy.ts';
import { readNpz } from '../tensor/npz.ts';
import { arrayDataset, picturesOfSplit } from './arrays.ts';
import type { CatalogueEntry, Split } from './catalogue.ts';
import { CATALOGUE, findEntry, isSplit } from './catalogue.ts';
import { cifarImages } from './cifar.ts';
import type { Dataset } from './dataset.ts';
import { imageFiles, isImageName } from './folder.ts';
import { EMNIST_PARTS, type EmnistPart, publishedIdx, publishedImages } from './published.ts';
import { type FileSource, sourcesIn, sourcesInArchive, unpacked } from './sources.ts';
import { syntheticPoints } from './synthetic.ts';

/** Where to look for a set, and the shape that pictures in files of their own are brought to. */
export interface OpenOptions extends ImageOptions {
  /** Looked in first, for a folder of the set's name. */
  readonly dataDir?: string | undefined;
}

/** Where systems install data sets, in folders of their names. */
const SYSTEM_FOLDERS = ['/usr/local/share/datasets', '/usr/share/datasets'];

/**
 * Opens a data set: by a name of the catalogue (`fashion-mnist`), found in `dataDir`, the user's data folder or
 * the system's; or by a path to a folder with a set's own files, a folder of pictures, or a file: IDX, CIFAR-10
 * binary, an array of pictures (.npy, .npz), a .tar, .tar.gz or .zip of what a folder may hold, one picture. Either may
 * end in `:train` or `:test`; a name means `:train`. Before that a folder of EMNIST may say which part: `:letters`.
 * @throws {SeedbedError} Machine when the set is not on this machine, BadArgument for an unknown name or split or
 * a shape that the set does not have, BadFile when a file is damaged or of a kind that is not read.
 * @example const pictures = await openDataset('fashion-mnist:test')
 */
export async function openDataset(spec: string, options: OpenOptions = {}): Promise<Dataset> {
  const { place, part, split } = splitSpec(spec);
  const entry = findEntry(place);
  const dataset = await (entry
    ? openEntry(entry, split ?? 'train', options)
    : openPath(place, { part, split }, options));
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

/** What follows a path: which part of EMNIST, which split. */
interface Wanted {
  readonly part: EmnistPart | undefined;
  readonly split: Split | undefined;
}
const SPEC = new RegExp(`^(.+?)(?::(${EMNIST_PARTS.join('|')}))?(?::(train|test))?$`);

function splitSpec(spec: string): Wanted & { place: string } {
  const [, place = spec, part, split] = SPEC.exec(spec) ?? [];
  const [, name = place, other = part] = /^([^:]+):(.*)$/.exec(place) ?? [];
  if (!findEntry(name) || other === undefined)
    return { place, part: part as EmnistPart | undefined, split: split as Split | undefined };
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
    const found = await publishedImages(`${name}:${split}`, await sourcesIn(folder), { split }, folder);
    if (found) return found;
  }
  const message = `the ${split} images of ${name} were not found in ${places.join(', ')}`;
  throw new SeedbedError('Machine', `${message}. Fetch them with: seedbed data fetch ${name}`);
}

async function openPath(path: string, wanted: Wanted, options: OpenOptions): Promise<Dataset> {
  if (!(await exists(path))) {
    const names = CATALOGUE.map(entry => entry.name).join(', ');
    throw new SeedbedError(
      'BadArgument',
      `${path} is neither a file or folder nor a known data set (${names})`,
    );
  }
  const name = [baseName(path), wanted.part, wanted.split].filter(Boolean).join(':');
  if (await isDirectory(path)) return openFiles(path, name, await sourcesIn(path), wanted, options);
  return openFile(path, name, wanted, options);
}

/** A set's own files, in a folder or an archive, or else pictures. */
async function openFiles(
  path: string,
  name: string,
  sources: readonly FileSource[],
  { part, split }: Wanted,
  options: OpenOptions,
): Promise<Dataset> {
  const published = await publishedImages(name, sources, { part, split: split ?? 'train' }, path);
  return published ?? pictures(path, name, sources, split, options);
}

/** A file that is opened as a data set. */
interface OneFile {
  readonly path: string;
  /** Of the set. */
  readonly name: string;
  readonly source: FileSource;
  /** Unpacked. */
  readonly bytes: Uint8Array;
  readonly wanted: Wanted;
  readonly options: OpenOptions;
}

/** A format of files: by what one is known, its kind or, of damaged files and CIFAR-10's records, its name; and what reads it. */
interface Format {
  recognises(kind: string | undefined, path: string): boolean;
  reads(file: OneFile): Dataset | Promise<Dataset>;
  /** Whether a split of it may be asked for. */
  readonly splits?: boolean;
}

const PICTURES = ['png', 'jpeg', 'webp', 'gif', 'tiff', 'avif'];
const isCifar = (path: string) => /\.bin$/i.test(path);

const FORMATS: Readonly<Record<string, Format>> = {
  'PNG, JPEG, WebP, GIF, TIFF and AVIF pictures': {
    recognises: (kind = '') => PICTURES.includes(kind),
    reads: ({ name, source, options }) =>
      imageFiles(name, [{ ...source, read: () => unpacked(source) }], options),
  },
  '.tar, .tar.gz and .zip archives of them': {
    splits: true,
    recognises: (kind, path) =>
      kind === 'zip' || kind === 'tar' || (!kind && /\.(tar|tgz|tar\.gz)$/i.test(path)),
    reads({ path, name, source, bytes, wanted, options }) {
      const sources = sourcesInArchive(bytes, source.name);
      const isNpz = sources.length > 0 && sources.every(file => file.name.endsWith('.npy'));
      if (!isNpz) return openFiles(path, name, sources, wanted, options);
      return arrayDataset(name, picturesOfSplit(readNpz(bytes, path), path, wanted.split), path);
    },
  },
  'arrays (.npy, .npz)': {
    recognises: kind => kind === 'npy',
    reads: ({ path, name, bytes }) => arrayDataset(name, readNpy(bytes, path), path),
  },
  'IDX (train-images-idx3-ubyte)': {
    recognises: (kind, path) =>
      !isCifar(path) && (kind === 'idx' || (!kind && /idx\d|ubyte/.test(baseName(path)))),
    reads: ({ path, name, bytes }) => publishedIdx(bytes, path, name),
  },
  'CIFAR-10 (.bin) files': {
    recognises: (kind, path) => isCifar(path) && (!kind || kind === 'idx'),
    reads: ({ path, name, bytes }) => cifarImages([{ bytes, file: path }], name),
  },
};

/** A file by what it holds, whatever its name. */
async function openFile(path: string, name: string, wanted: Wanted, options: OpenOptions): Promise<Dataset> {
  const source: FileSource = { name: baseName(path), read: () => readBytes(path) };
  const bytes = await unpacked(source);
  const kind = fileKind(bytes);
  const format = Object.values(FORMATS).find(({ recognises }) => recognises(kind?.name, path));
  const asked = wanted.part ?? wanted.split;
  if (asked && !format?.splits)
    throw new SeedbedError('BadArgument', `${path} is one file and has no splits; leave out :${asked}`);
  if (!format) throw unread(path, kind);
  return format.reads({ path, name, source, bytes, wanted, options });
}

function unread(path: string, kind: FileKind | undefined): SeedbedError {
  const names = Object.keys(FORMATS);
  const read = `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
  const fault = kind ? `is ${kindInWords(kind)}` : 'is of no known kind';
  return new SeedbedError('BadFile', `${path} ${fault}. Read as a data set are ${read}`);
}

/** The pictures among the files; of a split, those whose outermost folder of a split's name is of this one. */
async function pictures(
  path: string,
  name: string,
  sources: readonly FileSource[],
  split: Split | undefined,
  options: OpenOptions,
): Promise<Dataset> {
  const inSplit = (source: FileSource) =>
    !split ||
    source.name
      .split('/')
      .slice(0, -1)
      .find(folder => isSplit(folder)) === split;
  const files = sources.filter(source => isImageName(source.name) && inSplit(source));
  if (files.length > 0) return imageFiles(name, files, options);
  const sought =
    'IDX (train-images-idx3-ubyte), CIFAR-10 (data_batch_1.bin), PNG, JPEG, WebP, GIF, TIFF and AVIF files';
  throw new SeedbedError(
    'BadFile',
    `${path} holds nothing to read${split ? ` as ${split}` : ''}; sought were ${sought}${await others(sources)}`,
  );
}

/** What the first files are, for messages. */
async function others(sources: readonly FileSource[]): Promise<string> {
  const [first, ...rest] = sources;
  if (!first) return '';
  const kind = await first.read().then(fileKind, () => undefined);
  const more = rest.length > 0 ? `, and ${rest.length} more` : '';
  return `. It holds ${first.name}${kind ? `, ${kindInWords(kind)}` : ''}${more}`;
}
