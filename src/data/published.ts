import { SeedbedError } from '../errors.ts';
import { baseName } from '../runtime/files.ts';
import type { Split } from './catalogue.ts';
import { cifarImages } from './cifar.ts';
import type { Dataset } from './dataset.ts';
import { idxImages, idxLabels } from './idx.ts';
import { type FileSource, sourcesInArchive, unpacked } from './sources.ts';

/** The parts that EMNIST is published in. */
export const EMNIST_PARTS = ['balanced', 'byclass', 'bymerge', 'digits', 'letters', 'mnist'] as const;
export type EmnistPart = (typeof EMNIST_PARTS)[number];

/** What of a published set is wanted. */
export interface Part {
  readonly split: Split;
  /** Of EMNIST; needed where a folder holds several. */
  readonly part?: EmnistPart | undefined;
}

/**
 * The names of the sets' own files, directly in a folder (subfolders could be of other sets): of MNIST and its like, of
 * EMNIST and QMNIST, of CIFAR-10.
 */
const OWN_FILES = {
  idx: {
    train: /^(emnist-[a-z]+-|qmnist-)?train-images[^/]*ubyte(\.gz)?$/,
    test: /^(emnist-[a-z]+-|qmnist-)?(t10k|test(10k|50k)?)-images[^/]*ubyte(\.gz)?$/,
  },
  cifar: { train: /^(data_batch_\d+|[^/]*train[^/]*)\.bin$/i, test: /^[^/]*test[^/]*\.bin$/i },
} as const;
const EMNIST = /^emnist-([a-z]+)-/;
/** CIFAR-10 comes as an archive, with its files in a folder; so does EMNIST. */
const CIFAR_ARCHIVE = /^cifar-10-binary\.tar\.gz$/;
const ARCHIVED_IN = /^(cifar-10-batches-bin|gzip)\//;

/**
 * The set that a folder or archive holds in the format it was published in; undefined when it does not.
 * @param place the folder or archive, for messages.
 * @throws {SeedbedError} BadArgument when it holds several parts of EMNIST and none is asked for, BadFile when a file
 * is damaged.
 */
export async function publishedImages(
  name: string,
  sources: readonly FileSource[],
  wanted: Part,
  place: string,
): Promise<Dataset | undefined> {
  const { split } = wanted;
  const named = (pattern: RegExp) =>
    sources.filter(source => pattern.test(source.name.replace(ARCHIVED_IN, '')));
  const [idx] = ofPart(named(OWN_FILES.idx[split]), wanted, place);
  if (idx) {
    const pictures = publishedIdx(await unpacked(idx), idx.name, name);
    return { ...pictures, ...labelsBeside(idx, sources, pictures.length) };
  }
  const cifar = cifarFiles(named(OWN_FILES.cifar[split]));
  if (cifar.length > 0) {
    const read = async (source: FileSource) => ({ bytes: await source.read(), file: source.name });
    return cifarImages(await Promise.all(cifar.map(read)), name);
  }
  const [archive] = named(CIFAR_ARCHIVE);
  if (!archive) return undefined;
  return publishedImages(name, sourcesInArchive(await unpacked(archive), archive.name), wanted, place);
}

/** Files of CIFAR-10, each once where a folder holds it flat and as it was packed; those of the set's own names where there are any. */
function cifarFiles(found: readonly FileSource[]): FileSource[] {
  const once = new Map(found.toReversed().map(source => [baseName(source.name), source]));
  const files = [...once.values()].reverse();
  const own = files.filter(({ name }) => /^(data|test)_batch(_\d+)?\.bin$/i.test(baseName(name)));
  return own.length > 0 ? own : files;
}

/** The classes of an IDX file of pictures, where their file lies beside it. */
function labelsBeside(
  pictures: FileSource,
  sources: readonly FileSource[],
  count: number,
): Pick<Dataset, 'labels'> {
  const plain = (name: string) => name.replace(/\.gz$/, '');
  const wanted = plain(pictures.name).replace(/images([^/]*)idx3/, 'labels$1idx1');
  const found = sources.find(({ name }) => plain(name) === wanted && name !== pictures.name);
  return found ? { labels: async () => idxLabels(await unpacked(found), found.name, count) } : {};
}

/** The files of one part of EMNIST; all, where they are of another set. */
function ofPart(files: FileSource[], { part, split }: Part, place: string): FileSource[] {
  const partOf = ({ name }: FileSource) => EMNIST.exec(baseName(name))?.[1];
  const parts = [...new Set(files.map(partOf).filter(found => found !== undefined))];
  if (part === undefined && parts.length < 2) return files;
  const found = files.filter(file => partOf(file) === part);
  if (part !== undefined && found.length > 0) return found;
  const message =
    parts.length === 0
      ? `${place} holds no part of EMNIST; leave out :${part}`
      : `${place} holds of EMNIST: ${parts.join(', ')}; say which: ${place}:${parts[0]}${split === 'test' ? ':test' : ''}`;
  throw new SeedbedError('BadArgument', message);
}

/** The pictures of an IDX file; of EMNIST's, which are stored columns first, turned upright. */
export function publishedIdx(bytes: Uint8Array, file: string, name: string): Dataset {
  return idxImages(bytes, file, name, { columnsFirst: EMNIST.test(baseName(file)) });
}
