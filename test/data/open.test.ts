import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { slice } from '../../src/data/dataset.ts';
import { openDataset } from '../../src/data/open.ts';
import { verifyDataset } from '../../src/data/verify.ts';
import { isSeedbedError } from '../../src/errors.ts';
import { encodePng } from '../../src/runtime/images.ts';
import { zeros } from '../../src/tensor/tensor.ts';
import { tarOf } from '../runtime/tar.ts';
import { cifarOf, idxOf } from './sets.ts';

let root: string;
const at = (...parts: string[]) => join(root, ...parts);

async function put(name: string, bytes: Uint8Array): Promise<void> {
  await mkdir(dirname(at(name)), { recursive: true });
  await writeFile(at(name), bytes);
}

/** A PNG of one value, 0 to 255. */
const picture = async (value: number, shape = [1, 2, 2]) => {
  const pixels = zeros('float32', shape);
  pixels.data.fill(value / 255);
  return encodePng(pixels);
};

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'seedbed-open-'));
  vi.stubEnv('SEEDBED_DATA', at('user'));
  const digits = idxOf([3, 1, 2], [0, 1, 2, 3, 4, 255]);
  await put('user/mnist/train-images-idx3-ubyte.gz', gzipSync(digits));
  await put('user/mnist/train-labels-idx1-ubyte.gz', gzipSync(idxOf([3], [1, 2, 3])));
  await put('near/mnist/t10k-images-idx3-ubyte', idxOf([1, 1, 2], [9, 9]));
  const records = cifarOf([1, 2], i => i % 256);
  const archive = tarOf([
    { path: 'cifar-10-batches-bin/data_batch_2.bin', bytes: cifarOf([5], () => 222) },
    { path: 'cifar-10-batches-bin/data_batch_1.bin', bytes: records },
    { path: 'cifar-10-batches-bin/test_batch.bin', bytes: cifarOf([3], () => 0) },
    { path: 'cifar-10-batches-bin/readme.html', bytes: new Uint8Array(3) },
  ]);
  await put('user/cifar10/cifar-10-binary.tar.gz', gzipSync(archive));
  await put('cifar/train-7.bin', records);
  await put(
    'cifar/test-7.bin',
    cifarOf([3], () => 0),
  );
  for (const [name, value] of Object.entries({ 'train/10': 10, 'train/2': 2, 'test/1': 1 })) {
    await put(`pictures/${name}.png`, await picture(value));
  }
  for (const split of ['train', 'test'])
    for (const kind of ['cat', 'train'])
      for (const i of [0, 1]) await put(`kinds/${split}/${kind}/${i}.png`, await picture(i));
  for (let kind = 0; kind < 257; kind++)
    for (const i of [0, 1]) await put(`many/c${kind}/${i}.png`, await picture(i));
  await put('twice/data_batch_1.bin', records);
  await put('twice/cifar-10-batches-bin/data_batch_1.bin', records);
  await put('twice/my-train.bin', records);
  await put('pictures/readme.txt', new Uint8Array(1));
  await put('pictures.tar.gz', gzipSync(tarOf([{ path: 'a/1.png', bytes: await picture(7) }])));
  await put('mixed/1.png', await picture(1));
  await put('mixed/2.png', await picture(2, [1, 3, 2]));
  await put('tinted/1.png', await picture(1));
  await put('tinted/2.png', await picture(2, [3, 2, 2]));
  await put('empty/readme.txt', new Uint8Array(1));
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await rm(root, { recursive: true, force: true });
});

describe('by name', () => {
  test('found in the user data folder, with the train split unless said', async () => {
    const set = await openDataset('mnist');
    expect([set.name, set.shape, set.length]).toEqual(['mnist:train', [1, 1, 2], 3]);
    expect((await set.read([2])).data[1]).toBe(1);
    expect(await set.labels!()).toEqual(Uint8Array.from([1, 2, 3]));
    expect(await slice(set, 1, 3).labels!()).toEqual(Uint8Array.from([2, 3]));
    expect((await openDataset('mnist:test', { dataDir: at('near') })).labels).toBeUndefined();
  });

  test('the folder that is given comes first, and is passed over where it lacks the split', async () => {
    expect((await openDataset('mnist:test', { dataDir: at('near') })).length).toBe(1);
    expect((await openDataset('mnist:train', { dataDir: at('near') })).length).toBe(3);
  });

  test('CIFAR-10 straight from its archive, in the order of the batches', async () => {
    const train = await openDataset('cifar10');
    expect(train.length).toBe(3);
    expect(await train.labels!()).toEqual(Uint8Array.from([1, 2, 5]));
    expect((await train.read([2])).data[0]).toBeCloseTo(222 / 255);
    expect((await openDataset('cifar10:test')).length).toBe(1);
  });

  test('what is not there is said, with the places and the command', async () => {
    // Not one that a system may have installed.
    vi.stubEnv('SEEDBED_DATA', at('elsewhere'));
    const missing = openDataset('cifar10:test', { dataDir: at('near') });
    await expect(missing).rejects.toSatisfy(error => isSeedbedError(error, 'Machine'));
    await expect(missing).rejects.toThrow(
      new RegExp(`test images.*${at('near', 'cifar10')}.*${at('elsewhere')}.*seedbed data fetch cifar10`),
    );
    vi.stubEnv('SEEDBED_DATA', at('user'));
  });

  test.each(['mnist:valid', 'nowhere', 'no/such/folder:test'])(
    '%s is a mistake in what was asked',
    async spec => {
      await expect(openDataset(spec)).rejects.toSatisfy(error => isSeedbedError(error, 'BadArgument'));
    },
  );

  test('a shape that the set does not have is refused', async () => {
    await expect(openDataset('mnist', { size: 32 })).rejects.toThrow(/shape \[1,1,2\], asked for: size 32/);
    await expect(openDataset('circles', { channels: 3 })).rejects.toThrow(/channels 3/);
  });
});

describe('by path', () => {
  test.each([
    ['user/mnist', 'mnist', 3],
    ['user/mnist/train-images-idx3-ubyte.gz', 'train-images-idx3-ubyte.gz', 3],
    ['near/mnist:test', 'mnist:test', 1],
    ['near/mnist/t10k-images-idx3-ubyte', 't10k-images-idx3-ubyte', 1],
    ['user/cifar10/cifar-10-binary.tar.gz:test', 'cifar-10-binary.tar.gz:test', 1],
    ['cifar', 'cifar', 2],
    ['cifar:test', 'cifar:test', 1],
    ['twice', 'twice', 2],
    ['cifar/train-7.bin', 'train-7.bin', 2],
    ['pictures', 'pictures', 3],
    ['pictures:train', 'pictures:train', 2],
    ['pictures.tar.gz', 'pictures.tar.gz', 1],
    ['pictures/test/1.png', '1.png', 1],
  ])('%s is opened as %s', async (spec, name, length) => {
    const set = await openDataset(at(spec));
    expect([set.name, set.length]).toEqual([name, length]);
    expect((await set.read([length - 1])).shape).toEqual([1, ...set.shape]);
  });

  test('pictures keep natural order and their names, and are brought to the shape that is asked', async () => {
    const set = await openDataset(at('pictures:train'), { size: 4, channels: 3 });
    expect([set.itemName(0), set.itemName(1)]).toEqual(['train/2.png', 'train/10.png']);
    for (const _ of ['decoded', 'kept']) {
      const batch = await set.read([1, 0]);
      expect([batch.shape, batch.data[0]! * 255, batch.data[48]! * 255].flat().map(Math.round)).toEqual([
        2, 3, 4, 4, 10, 2,
      ]);
    }
  });

  test('the outermost folder says which split a picture is of, and classes are those inside', async () => {
    const set = await openDataset(at('kinds:train'));
    const names = Array.from({ length: set.length }, (_, i) => set.itemName(i));
    expect(names.sort()).toEqual(['cat/0', 'cat/1', 'train/0', 'train/1'].map(name => `train/${name}.png`));
    expect(Array.from(await set.labels!())).toHaveLength(4);
    // Both splits together have no classes: which split a picture is of is none.
    expect((await openDataset(at('pictures'))).labels).toBeUndefined();
  });

  test('more classes than a label tells apart go by turns all the same', async () => {
    const set = await openDataset(at('many'));
    expect(set.labels).toBeUndefined();
    const last = Array.from({ length: 257 }, (_, i) => set.itemName(257 + i).split('/')[0]);
    expect(new Set(last).size).toBe(257);
  });

  test('pictures that differ are refused, with the option that helps', async () => {
    await expect(openDataset(at('mixed'))).rejects.toThrow(
      /2\.png is 2x3, the first is 2x2.*image\.size in a configuration/,
    );
    expect((await openDataset(at('mixed'), { size: 2 })).length).toBe(2);
    await expect(openDataset(at('tinted'))).rejects.toThrow(
      /2\.png has 3 channels.*image\.channels in a configuration/,
    );
    expect((await openDataset(at('tinted'), { channels: 1 })).shape).toEqual([1, 2, 2]);
  });

  test.each([0, 2.5, Number.NaN])('the size %d is refused', async size => {
    await expect(openDataset(at('pictures'), { size, channels: 1 })).rejects.toSatisfy(error =>
      isSeedbedError(error, 'BadArgument'),
    );
  });

  test.each([
    ['empty', /holds nothing to read; sought were IDX/],
    ['user', /holds nothing to read/],
    ['pictures.tar.gz:test', /holds nothing to read as test/],
    ['cifar/train-7.bin:test', /is one file and has no splits/],
    ['empty/readme.txt', /readme\.txt is of no known kind\. Read as a data set are PNG/],
  ])('%s is refused', async (spec, message) => {
    await expect(openDataset(at(spec))).rejects.toThrow(message);
  });
});

describe('verifyDataset', () => {
  test('says of each file whether it is missing or another', async () => {
    const found = await verifyDataset('mnist', at('user', 'mnist'));
    expect(found.map(({ ok }) => ok)).toEqual([false, false, false, false]);
    expect(found[0]!.message).toMatch(/is not the published file: md5 [0-9a-f]{32}, expected f68b3c2d/);
    expect(found[2]!.message).toBe('is missing');
  });

  test('unpacked CIFAR-10 that is not whole is told by what is missing', async () => {
    const found = await verifyDataset('cifar10', at('cifar'));
    const message = (name: string) => found.find(({ file }) => file.endsWith(name))!.message;
    expect(message('train-7.bin')).toMatch(/^2 well-formed records; no checksum is published/);
    for (const name of ['data_batch_1.bin', 'test_batch.bin']) expect(message(name)).toBe('is missing');
    await put(
      'short/data_batch_1.bin',
      cifarOf([1, 2], i => i % 256),
    );
    const [short] = await verifyDataset('cifar10', at('short'));
    expect(short).toMatchObject({ ok: false, message: 'has 2 of 10000 records; fetch it again' });
    expect((await verifyDataset('cifar10', at('user', 'cifar10')))[0]!.ok).toBe(false);
    expect((await verifyDataset('cifar10', at('empty')))[0]!.message).toMatch(/neither the archive/);
  });

  test('computed sets need none, unknown ones are refused', async () => {
    expect((await verifyDataset('moons', '.'))[0]!.ok).toBe(true);
    await expect(verifyDataset('imagenet', '.')).rejects.toThrow(/there are mnist, fashion-mnist/);
  });
});
