import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openDataset } from '../../src/data/open.ts';
import { encodePng } from '../../src/runtime/images.ts';
import { writeNpy } from '../../src/tensor/npy.ts';
import { float32, tensor, zeros } from '../../src/tensor/tensor.ts';
import { tarOf } from '../runtime/tar.ts';
import { zipOf } from '../tensor/zip.ts';
import { idxOf } from './sets.ts';

let root: string;
const at = (name: string) => join(root, name);
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'seedbed-kinds-'));
});
afterAll(() => rm(root, { recursive: true }));

async function put(name: string, bytes: Uint8Array): Promise<string> {
  await mkdir(dirname(at(name)), { recursive: true });
  await writeFile(at(name), bytes);
  return at(name);
}

const picture = async (value: number) => {
  const pixels = zeros('float32', [1, 2, 2]);
  pixels.data.fill(value / 255);
  return encodePng(pixels);
};
const bytes = (shape: number[], from = 0) =>
  tensor(
    'uint8',
    shape,
    Uint8Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => from + i),
  );
const npz = (arrays: Record<string, ReturnType<typeof bytes>>, method: 0 | 8 = 0) =>
  zipOf(
    Object.entries(arrays).map(([name, array]) => ({ path: `${name}.npy`, bytes: writeNpy(array), method })),
    { zip64: true },
  );

describe('an archive is what its unpacked folder is', () => {
  const pack = {
    tar: (files: { path: string; bytes: Uint8Array }[]) => tarOf(files),
    'tar.gz': (files: { path: string; bytes: Uint8Array }[]) => gzipSync(tarOf(files)),
    zip: (files: { path: string; bytes: Uint8Array }[]) =>
      zipOf(files.map(f => ({ ...f, method: 8 as const }))),
  };
  test.each(Object.entries(pack))(
    '.%s: hidden files are left out, the last of equal names counts',
    async (ending, of) => {
      const files = [
        { path: 'pics/10.png', bytes: await picture(10) },
        { path: 'pics/._10.png', bytes: new Uint8Array(180) },
        { path: '__MACOSX/pics/2.png', bytes: new Uint8Array(180) },
        { path: 'pics/.ipynb_checkpoints/0-checkpoint.png', bytes: await picture(99) },
        { path: 'pics/2.png', bytes: await picture(2) },
        { path: 'pics/train/3.png', bytes: await picture(4) },
        { path: 'pics/train/3.png', bytes: await picture(3) },
        { path: '.hidden.png', bytes: await picture(98) },
      ];
      for (const { path, bytes } of files) await put(`as-${ending}/${path}`, bytes);
      const archive = await put(`as.${ending}`, of(files));
      for (const split of ['', ':train']) {
        const [folder, packed] = [
          await openDataset(at(`as-${ending}`) + split),
          await openDataset(archive + split),
        ];
        const all = Array.from({ length: folder.length }, (_, i) => i);
        expect(all.map(packed.itemName)).toEqual(all.map(folder.itemName));
        expect(packed.length).toBe(folder.length);
        expect(await packed.read(all)).toEqual(await folder.read(all));
      }
      const set = await openDataset(archive);
      expect([0, 1, 2].map(set.itemName)).toEqual(['pics/2.png', 'pics/10.png', 'pics/train/3.png']);
    },
  );

  test('a path that leads outside is refused', async () => {
    const path = await put('evil.zip', zipOf([{ path: '../evil.png', bytes: await picture(1) }]));
    await expect(openDataset(path)).rejects.toThrow('cannot unpack evil.zip: ../evil.png leads outside it');
  });
});

describe('arrays', () => {
  test('of bytes are divided by 255, with a word', async () => {
    const set = await openDataset(await put('bytes.npy', writeNpy(bytes([2, 3, 2], 244))));
    expect([set.shape, set.length, set.itemName(1)]).toEqual([[1, 3, 2], 2, 'bytes.npy/1']);
    expect(set.changes).toEqual(['bytes from 0 to 255 divided by 255']);
    expect((await set.read([1])).data[5]).toBe(1);
  });

  test('in [0,1] are taken as they are, with channels first or plainly last', async () => {
    const first = float32(
      [1, 3, 2, 2],
      [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11].map(i => i / 16),
    );
    const set = await openDataset(await put('floats.npy', writeNpy(first)));
    expect([set.changes, (await set.read([0])).data]).toEqual([[], first.data]);
    const last = float32(
      [1, 2, 2, 3],
      [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11].map(i => i / 16),
    );
    const turned = await openDataset(await put('last.npy', writeNpy(last)));
    expect([turned.changes, turned.shape]).toEqual([['channels put first'], [3, 2, 2]]);
    expect((await turned.read([0])).data).toEqual(first.data);
  });

  test.each<[string, Uint8Array, RegExp]>([
    [
      'seeds',
      writeNpy(float32([1, 1, 1, 2], [0.5, -2])),
      /lie in \[0,1\], or are bytes .* element 1 .* is -2/,
    ],
    ['vectors', writeNpy(bytes([2, 2])), /expected pictures \[N, C, H, W\] .* got uint8 \[2,2\]/],
    ['points in space', writeNpy(bytes([2, 3])), /got uint8 \[2,3\]/],
    ['two channels', writeNpy(bytes([1, 2, 2, 2])), /got uint8 \[1,2,2,2\]/],
    ['nothing', writeNpy(bytes([0, 2, 2].map((d, i) => (i ? d : 1)).slice(0, 1))), /got uint8 \[1\]/],
    ['no items', writeNpy(float32([0, 2, 2], [])), /got float32 \[0,2,2\]/],
  ])('of %s are refused', async (name, contents, message) => {
    await expect(openDataset(await put(`${name}.npy`, contents))).rejects.toThrow(message);
  });

  test("Keras' mnist.npz, with its splits", async () => {
    const arrays = {
      x_train: bytes([3, 2, 2]),
      y_train: bytes([3]),
      x_test: bytes([1, 2, 2]),
      y_test: bytes([1]),
    };
    const path = await put('mnist.npz', npz(arrays, 8));
    expect((await openDataset(path)).length).toBe(3);
    expect((await openDataset(`${path}:train`)).length).toBe(3);
    const test = await openDataset(`${path}:test`);
    expect([test.name, test.length, test.changes?.length]).toEqual(['mnist.npz:test', 1, 1]);
    const half = await put('half.npz', npz({ x_train: bytes([3, 2, 2]) }));
    await expect(openDataset(`${half}:test`)).rejects.toThrow(
      /half\.npz has no array x_test or test_images; it holds x_train uint8 \[3,2,2\]/,
    );
  });

  test('of one archive: the only one that can be pictures, or a question', async () => {
    const one = await put('one.npz', npz({ images: bytes([3, 2, 2]), labels: bytes([3]) }));
    expect((await openDataset(one)).length).toBe(3);
    const two = await put('two.npz', npz({ a: bytes([3, 2, 2]), b: bytes([1, 2, 2]) }));
    await expect(openDataset(two)).rejects.toThrow(
      /holds a uint8 \[3,2,2\], b uint8 \[1,2,2\]; which .* numpy\.save\('pictures\.npy', numpy\.load\('\S*two\.npz'\)\['NAME'\]\)/,
    );
  });
});

describe('EMNIST and QMNIST under their own names', () => {
  // One picture of 2 x 3, stored column by column.
  const stored = idxOf([1, 3, 2], [0, 51, 102, 153, 204, 255]);

  test('EMNIST is turned upright, with a word, in its folder, its archive and alone', async () => {
    const name = 'emnist-letters-train-images-idx3-ubyte.gz';
    const alone = await put(`emnist/${name}`, gzipSync(stored));
    await put('emnist/emnist-letters-train-labels-idx1-ubyte.gz', gzipSync(idxOf([1], [1])));
    const archive = await put('gzip.zip', zipOf([{ path: `gzip/${name}`, bytes: gzipSync(stored) }]));
    for (const place of [at('emnist'), `${at('emnist')}:letters:train`, alone, archive]) {
      const set = await openDataset(place);
      expect([set.shape, set.changes?.[0]]).toEqual([[1, 2, 3], expect.stringContaining('turned upright')]);
      const { data } = await set.read([0]);
      expect(Array.from(data, value => Math.round(value * 5))).toEqual([0, 2, 4, 1, 3, 5]);
    }
    await expect(openDataset(`${at('emnist')}:test`)).rejects.toThrow(/holds nothing to read as test/);
  });

  test('of several parts of EMNIST it is asked which', async () => {
    for (const part of ['balanced', 'mnist'])
      for (const [split, count] of [
        ['train', 2],
        ['test', 1],
      ] as const)
        await put(
          `parts/emnist-${part}-${split}-images-idx3-ubyte`,
          idxOf([count, 1, 1], new Array(count).fill(0)),
        );
    await expect(openDataset(at('parts'))).rejects.toThrow(
      `${at('parts')} holds of EMNIST: balanced, mnist; say which: ${at('parts')}:balanced`,
    );
    await expect(openDataset(`${at('parts')}:test`)).rejects.toThrow(
      `say which: ${at('parts')}:balanced:test`,
    );
    const set = await openDataset(`${at('parts')}:mnist:test`);
    expect([set.name, set.length]).toEqual(['parts:mnist:test', 1]);
    await expect(openDataset(`${at('parts')}:digits`)).rejects.toThrow(/balanced, mnist; say which/);
  });

  test('QMNIST is read as it is, beside its labels', async () => {
    const files = { train: 3, test: 2, test50k: 1 };
    for (const [name, count] of Object.entries(files))
      await put(
        `qmnist/qmnist-${name}-images-idx3-ubyte.gz`,
        gzipSync(idxOf([count, 1, 1], new Array(count).fill(7))),
      );
    expect((await openDataset(at('qmnist'))).length).toBe(3);
    expect((await openDataset(`${at('qmnist')}:test`)).length).toBe(2);
    await expect(openDataset(`${at('qmnist')}:letters`)).rejects.toThrow(
      'holds no part of EMNIST; leave out :letters',
    );
  });
});

describe('a file is known by what it holds', () => {
  test.each(['gif', 'tiff', 'avif', 'webp', 'jpeg'] as const)(
    'a picture of kind %s is read by any name',
    async kind => {
      const image = sharp({ create: { width: 16, height: 16, channels: 3, background: '#808080' } });
      const set = await openDataset(await put(`picture-${kind}`, await image.toFormat(kind).toBuffer()));
      expect([set.shape, (await set.read([0])).shape]).toEqual([
        [3, 16, 16],
        [1, 3, 16, 16],
      ]);
    },
  );

  test('a folder holds pictures of all kinds', async () => {
    const image = sharp({ create: { width: 8, height: 8, channels: 3, background: '#808080' } });
    for (const kind of ['gif', 'tiff', 'avif', 'webp', 'jpeg', 'png'] as const)
      await put(`kinds/picture.${kind}`, await image.toFormat(kind).toBuffer());
    expect((await openDataset(at('kinds'))).length).toBe(6);
  });

  test('pictures in folders of their classes have labels, and go by turns through the classes', async () => {
    for (const [path, grey] of [
      ['dog/1.png', 10],
      ['dog/2.png', 11],
      ['cat/1.png', 20],
      ['cat/2.png', 21],
      ['cat/10.png', 22],
    ] as const)
      await put(`pets/train/${path}`, await picture(grey));
    const set = await openDataset(`${at('pets')}:train`);
    const all = Array.from({ length: set.length }, (_, i) => i);
    expect(all.map(set.itemName)).toEqual(
      ['cat/1', 'dog/1', 'cat/2', 'dog/2', 'cat/10'].map(name => `train/${name}.png`),
    );
    expect(await set.labels!()).toEqual(Uint8Array.of(0, 1, 0, 1, 0));
    const greys = (await set.read(all)).data.filter((_, i) => i % (set.shape[1]! * set.shape[2]!) === 0);
    expect(Array.from(greys, grey => Math.round(255 * grey))).toEqual([20, 10, 21, 11, 22]);
    // What does not all lie in folders of one place has no classes, and keeps its order.
    await put('pets/train/3.png', await picture(30));
    const mixed = await openDataset(`${at('pets')}:train`);
    expect([mixed.labels, mixed.itemName(0)]).toEqual([undefined, 'train/3.png']);
  });

  test('of classes of different sizes every part of the pictures has some', async () => {
    for (let i = 0; i < 12; i++) await put(`uneven/many/${i}.png`, await picture(i));
    for (let i = 0; i < 4; i++) await put(`uneven/few/${i}.png`, await picture(100 + i));
    const labels = await (await openDataset(at('uneven'))).labels!();
    for (let from = 0; from < 16; from += 4)
      expect(labels.slice(from, from + 4).filter(label => label === 0)).toHaveLength(1);
  });

  const text = (words: string) => Buffer.from(words.padEnd(64), 'latin1');
  test.each<[string, Uint8Array, string]>([
    ['x.bmp', text('BM\x46\0\0\0\0\0\0\0\x36'), 'is a BMP picture; convert it to PNG'],
    [
      'data_batch_1',
      Buffer.from('\x80\x03}q\x00.', 'latin1'),
      'is a Python pickle; reading one may run any program',
    ],
    ['x.h5', text('\x89HDF\r\n'), 'is an HDF5 file; save its pictures by numpy.save'],
    ['train-images-idx3-ubyte.xz', text('\xfd7zXZ\0'), 'is an xz file; unpack it first'],
    ['train-images-idx3-ubyte', text('<!DOCTYPE html>'), 'is a web page; fetch the file itself again'],
    ['x.tar.bz2', text('BZh9'), 'is a bzip2 file; unpack it first'],
    ['x.txt', text('hello'), 'is of no known kind'],
  ])('%s is named for what it is, with what is read instead', async (name, contents, message) => {
    const opened = openDataset(await put(name, contents));
    await expect(opened).rejects.toThrow(`${at(name)} ${message}`);
    await expect(opened).rejects.toThrow(
      /Read as a data set are PNG, JPEG, WebP, GIF, TIFF and AVIF pictures, \.tar/,
    );
    await expect(opened).rejects.not.toThrow(/not an IDX file/);
  });

  test('a folder of what is not read says what it holds', async () => {
    await put('python/batches.meta', Buffer.from('\x80\x02}q\x01.', 'latin1'));
    await put('python/data_batch_1', Buffer.from('\x80\x02}q\x01.', 'latin1'));
    await expect(openDataset(at('python'))).rejects.toThrow(
      /holds nothing to read; sought .* It holds batches\.meta, a Python pickle; .* the binary version, .* and 1 more/,
    );
  });
});

const cases = fileURLToPath(new URL('../../../shared/cases/', import.meta.url));
describe.skipIf(!existsSync(cases))('files of other programs (../shared/cases)', () => {
  test.each<[string, number, string]>([
    ['archive/mac.tgz', 2, 'pics/0.png'],
    ['unread/mnist.npz:test', 10, 'mnist.npz:test/0'],
    ['unread/img_align.zip', 3, 'img_align_celeba/000000.jpg'],
    ['unread/emnist:letters', 40, 'emnist:letters/0'],
  ])('%s is read', async (spec, length, name) => {
    const set = await openDataset(cases + spec);
    expect([set.length, set.itemName(0), set.shape]).toEqual([length, name, [1, 28, 28]]);
    await set.read([length - 1]);
  });
});
