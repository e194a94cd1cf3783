import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { CATALOGUE } from '../../src/data/catalogue.ts';
import { parseIdx } from '../../src/data/idx.ts';
import { openDataset } from '../../src/data/open.ts';
import { measureStandardisation } from '../../src/data/pixels.ts';
import { verifyDataset } from '../../src/data/verify.ts';
import type { Tensor } from '../../src/tensor/tensor.ts';

const dataDir = fileURLToPath(new URL('../../../shared/data', import.meta.url));
const here = (name: string) => existsSync(`${dataDir}/${name}`);

describe.skipIf(!here('fashion-mnist'))('Fashion-MNIST', () => {
  test('has its published mean and deviation, padded by 2', async () => {
    const train = await openDataset('fashion-mnist', { dataDir });
    expect([train.shape, train.length]).toEqual([[1, 28, 28], 60_000]);
    const { mean, std } = await measureStandardisation(train, 2);
    expect(Math.abs(mean[0]! - 0.219)).toBeLessThan(1e-4);
    expect(Math.abs(std[0]! - 0.3318)).toBeLessThan(1e-4);
  });

  test('packed anew, it is still what was published', async () => {
    const found = await verifyDataset('fashion-mnist', `${dataDir}/fashion-mnist`);
    expect(found.map(({ ok }) => ok)).toEqual([true, true, true, true]);
    expect(found[0]!.message).toMatch(/as published/);
  });
});

describe.skipIf(!here('mnist'))('MNIST', () => {
  test('begins with the 5 everyone knows', async () => {
    const train = await openDataset('mnist', { dataDir });
    expect(train.length).toBe(60_000);
    const { data } = await train.read([0]);
    expect(Array.from(data.subarray(5 * 28 + 12, 5 * 28 + 18), v => Math.round(v * 255))).toEqual([
      3, 18, 18, 18, 126, 136,
    ]);
    const labels = parseIdx(
      gunzipSync(readFileSync(`${dataDir}/mnist/train-labels-idx1-ubyte.gz`)),
      'labels',
    ) as Tensor<'uint8'>;
    expect([...labels.data.subarray(0, 10)]).toEqual([5, 0, 4, 1, 9, 2, 1, 3, 1, 4]);
    expect(labels.data.reduce((count, label) => count + Number(label === 1), 0)).toBe(6742);
  });

  test('is as published', async () => {
    const found = await verifyDataset('mnist', `${dataDir}/mnist`);
    expect(found.map(({ ok, message }) => [ok, message])).toEqual(Array(4).fill([true, 'as published']));
  });
});

describe.skipIf(!here('cifar10'))('CIFAR-10', () => {
  test('opens by split', async () => {
    expect((await openDataset('cifar10:train', { dataDir })).length).toBe(8068);
    expect((await openDataset('cifar10:test', { dataDir })).length).toBe(1017);
  });
});

describe.skipIf(!here('faces'))('portraits', () => {
  test('open as a folder of pictures', async () => {
    const faces = await openDataset(`${dataDir}/faces`, { size: 32, channels: 3 });
    expect([faces.length, faces.itemName(0)]).toEqual([24, '001_03.jpg']);
    expect((await faces.read([0, 23])).shape).toEqual([2, 3, 32, 32]);
  });
});

test('the catalogue names every file with its size and checksum, and a source to fetch it from', () => {
  for (const { files, sources } of CATALOGUE) {
    expect(sources.length > 0).toBe(files.length > 0);
    for (const file of files) {
      expect(file.md5).toMatch(/^[0-9a-f]{32}$/);
      expect(file.bytes).toBeGreaterThan(0);
      if (file.unpackedSha256) expect(file.unpackedSha256).toMatch(/^[0-9a-f]{64}$/);
    }
  }
});
