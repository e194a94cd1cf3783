import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cifarImages, parseCifar } from '../../src/data/cifar.ts';
import { idxImages, parseIdx } from '../../src/data/idx.ts';
import { openDataset } from '../../src/data/open.ts';
import { readOrRefused, spoilt } from '../hostile.ts';
import { tarOf } from '../runtime/tar.ts';
import { cifarOf, idxOf } from './sets.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'seedbed-hostile-'));
});
afterAll(() => rm(folder, { recursive: true }));

const bytesOfLength = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });

describe('a round trip keeps', () => {
  test('the numbers of an IDX file', () => {
    const file = fc
      .array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 5 })
      .chain(shape => fc.tuple(fc.constant(shape), bytesOfLength(shape.reduce((a, b) => a * b, 1))));
    fc.assert(
      fc.property(file, ([shape, values]) => {
        const { shape: read, data } = parseIdx(idxOf(shape, values), 'x');
        expect([read, Array.from(data as Uint8Array)]).toEqual([shape, Array.from(values)]);
      }),
    );
  });

  test('the labels and pixels of CIFAR-10', () => {
    const file = fc.tuple(fc.array(fc.nat(9), { minLength: 1, maxLength: 3 }), bytesOfLength(3072));
    fc.assert(
      fc.property(file, ([labels, pixels]) => {
        const read = parseCifar(
          cifarOf(labels, i => pixels[i]!),
          'x',
        );
        expect(Array.from(read.labels)).toEqual(labels);
        expect(Buffer.concat(labels.map(() => pixels)).equals(read.pixels)).toBe(true);
      }),
      { numRuns: 30 },
    );
  });
});

describe('spoilt, it is read or refused by name:', () => {
  const idx = idxOf([2, 2, 3], [0, 1, 2, 3, 4, 5, 250, 251, 252, 253, 254, 255]);
  const cifar = cifarOf([1, 2], i => i % 256);
  const archive = tarOf([{ path: 'cifar-10-batches-bin/data_batch_1.bin', bytes: cifar }]);

  test('IDX', async () => {
    await fc.assert(
      fc.asyncProperty(spoilt(idx), async bytes => {
        const set = await readOrRefused('x-idx3', () => idxImages(bytes, 'x-idx3', 'set'));
        if (set)
          expect((await set.read([set.length - 1])).data.length).toBe(set.shape.reduce((a, b) => a * b));
      }),
      { numRuns: 500 },
    );
  });

  test('CIFAR-10', async () => {
    await fc.assert(
      fc.asyncProperty(spoilt(cifar), async bytes => {
        await readOrRefused('x.bin', () => cifarImages([{ bytes, file: 'x.bin' }], 'set').read([0]));
      }),
      { numRuns: 100 },
    );
  });

  test('an archive, in its packing and in what is packed', async () => {
    const path = join(folder, 'x.tar.gz');
    const files = fc.oneof(
      spoilt(gzipSync(archive)),
      spoilt(archive).map(bytes => gzipSync(bytes)),
    );
    await fc.assert(
      fc.asyncProperty(files, async bytes => {
        await writeFile(path, bytes);
        // What lies in the archive goes by its own name.
        const set = await readOrRefused('x.tar.gz', () => openDataset(path).catch(inside));
        await set?.read([0]);
      }),
      { numRuns: 200 },
    );
  });

  test('a path in an archive that leads outside is refused before anything is read', async () => {
    const path = join(folder, 'evil.tar.gz');
    await writeFile(path, gzipSync(tarOf([{ path: '../../evil.png', bytes: new Uint8Array(9) }])));
    await expect(openDataset(path)).rejects.toThrow(
      'cannot unpack evil.tar.gz: ../../evil.png leads outside it',
    );
  });
});

/** An error that names the file inside x.tar.gz, named as one of it. */
function inside(error: Error): never {
  if (error.message.includes('data_batch_1.bin')) error.message += ' (in x.tar.gz)';
  throw error;
}

describe('little that unpacks to much is refused:', () => {
  test('gzip', async () => {
    const path = join(folder, 'x-idx3-ubyte.gz');
    await writeFile(path, gzipSync(new Uint8Array(2 ** 27)));
    await expect(openDataset(path)).rejects.toThrow(
      /cannot unpack x-idx3-ubyte\.gz: it unpacks to more than \d+ bytes/,
    );
  });

  test('a picture, kept at its own size', async () => {
    const path = join(folder, 'large.png');
    const black = sharp({ create: { width: 4200, height: 4100, channels: 3, background: '#000' } });
    await writeFile(path, await black.toColourspace('b-w').png().toBuffer());
    await expect(openDataset(path)).rejects.toThrow(
      /large\.png is 4200x4100, too large to learn from as it is\. Say which size/,
    );
    const set = await openDataset(path, { size: 4, channels: 1 });
    expect((await set.read([0])).shape).toEqual([1, 1, 4, 4]);
  });
});
