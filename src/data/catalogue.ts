import { SeedbedError } from '../errors.ts';

export type Split = 'train' | 'test';
/** Whether a folder's name says which part of a set it holds. */
export const isSplit = (name: string): name is Split => name === 'train' || name === 'test';

/** A file of a data set as its publisher gives it. */
export interface CatalogueFile {
  readonly name: string;
  readonly bytes: number;
  readonly md5: string;
  /** Of what the .gz holds, which stays the same however it is packed. */
  readonly unpackedSha256?: string;
}

/** What Seedbed knows of a data set by name. */
export interface CatalogueEntry {
  readonly name: string;
  readonly title: string;
  readonly kind: 'images' | 'points';
  /** Of one item: [C, H, W] or [D]. */
  readonly shape: readonly number[];
  readonly licence: string;
  /** Items in each split. */
  readonly splits: Readonly<Record<Split, number>>;
  /** Where the files can be had, each followed by a file's name; the first that answers will do. */
  readonly sources: readonly string[];
  /** None for a set that is computed. */
  readonly files: readonly CatalogueFile[];
}

const IDX_SPLITS = { train: 60_000, test: 10_000 };

/** The data sets that go by a name. */
export const CATALOGUE: readonly CatalogueEntry[] = [
  {
    name: 'mnist',
    title: 'MNIST handwritten digits',
    kind: 'images',
    shape: [1, 28, 28],
    licence: 'usually given as CC BY-SA 3.0',
    splits: IDX_SPLITS,
    sources: [
      'https://ossci-datasets.s3.amazonaws.com/mnist/',
      'https://storage.googleapis.com/cvdf-datasets/mnist/',
    ],
    files: [
      {
        name: 'train-images-idx3-ubyte.gz',
        bytes: 9912422,
        md5: 'f68b3c2dcbeaaa9fbdd348bbdeb94873',
        unpackedSha256: 'ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db',
      },
      {
        name: 'train-labels-idx1-ubyte.gz',
        bytes: 28881,
        md5: 'd53e105ee54ea40749a09fcbcd1e9432',
        unpackedSha256: '65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5',
      },
      {
        name: 't10k-images-idx3-ubyte.gz',
        bytes: 1648877,
        md5: '9fb629c4189551a2d022fa330f9573f3',
        unpackedSha256: '0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7',
      },
      {
        name: 't10k-labels-idx1-ubyte.gz',
        bytes: 4542,
        md5: 'ec29112dd5afa0611ce80d1b7f02629c',
        unpackedSha256: 'ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2',
      },
    ],
  },
  {
    name: 'fashion-mnist',
    title: 'Fashion-MNIST pictures of clothes',
    kind: 'images',
    shape: [1, 28, 28],
    licence: 'MIT',
    splits: IDX_SPLITS,
    sources: [
      'http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/',
      'https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/',
    ],
    files: [
      {
        name: 'train-images-idx3-ubyte.gz',
        bytes: 26421880,
        md5: '8d4fb7e6c68d591d4c3dfef9ec88bf0d',
        unpackedSha256: 'c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888',
      },
      {
        name: 'train-labels-idx1-ubyte.gz',
        bytes: 29515,
        md5: '25c81989df183df01b3e8a0aad5dffbe',
        unpackedSha256: 'bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9',
      },
      {
        name: 't10k-images-idx3-ubyte.gz',
        bytes: 4422102,
        md5: 'bef4ecab320f06d8554ea6380940ec79',
        unpackedSha256: '5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b',
      },
      {
        name: 't10k-labels-idx1-ubyte.gz',
        bytes: 5148,
        md5: 'bb300cfdad3c16e7a12a480ee83cd310',
        unpackedSha256: '0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34',
      },
    ],
  },
  {
    name: 'cifar10',
    title: 'CIFAR-10 small photographs in ten classes',
    kind: 'images',
    shape: [3, 32, 32],
    licence: 'none stated; customarily passed on, cite Krizhevsky 2009',
    splits: { train: 50_000, test: 10_000 },
    sources: ['https://www.cs.toronto.edu/~kriz/'],
    files: [{ name: 'cifar-10-binary.tar.gz', bytes: 170052171, md5: 'c32a1d4ab5d03f1284b67883e8d87530' }],
  },
  {
    name: 'circles',
    title: 'Two circles in the plane, computed',
    kind: 'points',
    shape: [2],
    licence: 'free of rights',
    splits: IDX_SPLITS,
    sources: [],
    files: [],
  },
  {
    name: 'moons',
    title: 'Two half moons in the plane, computed',
    kind: 'points',
    shape: [2],
    licence: 'free of rights',
    splits: IDX_SPLITS,
    sources: [],
    files: [],
  },
];

/** The entry of a name, if there is one. */
export function findEntry(name: string): CatalogueEntry | undefined {
  return CATALOGUE.find(entry => entry.name === name);
}

/** The entry of a name. @throws {SeedbedError} BadArgument when there is none, with the names there are. */
export function entryOf(name: string): CatalogueEntry {
  const entry = findEntry(name);
  if (entry) return entry;
  const names = CATALOGUE.map(known => known.name).join(', ');
  throw new SeedbedError('BadArgument', `there is no data set called ${name}; there are ${names}`);
}
