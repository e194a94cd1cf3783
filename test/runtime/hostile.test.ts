import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { gunzip, readJson, readText } from '../../src/runtime/files.ts';
import { decodeImage, encodePng } from '../../src/runtime/images.ts';
import { untar } from '../../src/runtime/tar.ts';
import { float32 } from '../../src/tensor/tensor.ts';
import { readOrRefused, spoilt } from '../hostile.ts';
import { tarOf } from './tar.ts';

let folder: string;
const at = (name: string) => join(folder, name);
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'seedbed-hostile-'));
});
afterAll(() => rm(folder, { recursive: true }));

describe('a round trip keeps', () => {
  test('any bytes through gzip', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 500 }), async bytes => {
        expect(Buffer.from(bytes).equals(await gunzip(gzipSync(bytes)))).toBe(true);
      }),
    );
  });

  test('the files of an archive', () => {
    const path = fc
      .array(fc.stringMatching(/^[a-z]{1,8}$/), { minLength: 1, maxLength: 4 })
      .map(parts => parts.join('/'));
    const files = fc.array(fc.record({ path, bytes: fc.uint8Array({ maxLength: 1100 }) }));
    fc.assert(
      fc.property(files, written => {
        expect([...untar(tarOf(written), 'x.tar')]).toEqual(written);
      }),
    );
  });

  test('the pixels of a PNG', async () => {
    const picture = fc
      .tuple(fc.constantFrom(1, 3), fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 }))
      .chain(([c, h, w]) =>
        fc.uint8Array({ minLength: c * h * w, maxLength: c * h * w }).map(bytes =>
          float32(
            [c, h, w],
            Float32Array.from(bytes, byte => byte / 255),
          ),
        ),
      );
    await fc.assert(
      fc.asyncProperty(picture, async pixels => {
        expect((await decodeImage(await encodePng(pixels), 'x.png')).pixels).toEqual(pixels);
      }),
    );
  });
});

describe('spoilt, it is read or refused by name:', () => {
  const unpacked = tarOf([
    { path: '././@LongLink', type: 'L', bytes: Buffer.from(`${'a'.repeat(120)}.png\0`) },
    { path: 'a', bytes: new Uint8Array(600) },
    { path: 'pax', type: 'x', bytes: Buffer.from('15 path=b.png\n') },
    { path: 'b', bytes: new Uint8Array(10) },
  ]);

  test('an archive', async () => {
    await fc.assert(
      fc.asyncProperty(spoilt(unpacked), async bytes => {
        const files = await readOrRefused('x.tar', () => [...untar(bytes, 'x.tar')]);
        for (const { path } of files ?? []) expect(path.split(/[/\\]/)).not.toContain('..');
      }),
      { numRuns: 500 },
    );
  });

  test('gzip', async () => {
    await fc.assert(
      fc.asyncProperty(
        spoilt(gzipSync(unpacked)),
        async bytes => void (await readOrRefused('x.gz', () => gunzip(bytes, { name: 'x.gz' }))),
      ),
      { numRuns: 200 },
    );
  });

  test.each(['png', 'jpeg', 'webp'] as const)('%s', async format => {
    const noise = Uint8Array.from({ length: 192 }, (_, i) => (i * i) % 251);
    const sound = await sharp(noise, { raw: { width: 8, height: 8, channels: 3 } })
      .toFormat(format)
      .toBuffer();
    await fc.assert(
      fc.asyncProperty(
        spoilt(sound),
        fc.constantFrom({}, { size: [4, 6] as const, fit: 'squeeze' as const, channels: 1 as const }),
        async (bytes, options) => {
          const decoded = await readOrRefused(`x.${format}`, () =>
            decodeImage(bytes, `x.${format}`, options),
          );
          expect(decoded?.pixels.data.every(value => value >= 0 && value <= 1)).not.toBe(false);
        },
      ),
      { numRuns: 150 },
    );
  });

  test('JSON', async () => {
    const sound = Buffer.from(JSON.stringify({ a: [1, { b: 'c' }], d: null }));
    await fc.assert(
      fc.asyncProperty(spoilt(sound), async bytes => {
        await writeFile(at('x.json'), bytes);
        await readOrRefused('x.json', () => readJson(at('x.json')));
      }),
      { numRuns: 100 },
    );
    await writeFile(at('deep.json'), '['.repeat(1e5) + ']'.repeat(1e5));
    await expect(readJson(at('deep.json'))).rejects.toThrow(/deep\.json is not JSON: it is nested deeper/);
  });
});

test('gzip unpacks to a hundred times its size and 64 MiB, and no more', async () => {
  const packed = gzipSync(new Uint8Array(2 ** 27));
  await expect(gunzip(packed, { name: 'x.gz' })).rejects.toThrow(
    `cannot unpack x.gz: it unpacks to more than ${2 ** 26 + 100 * packed.length} bytes`,
  );
  expect((await gunzip(packed, { name: 'x.gz', maxBytes: 2 ** 27 })).length).toBe(2 ** 27);
});

test('text too long for a string is refused by its size', async () => {
  const file = await open(at('long.json'), 'w');
  await file.truncate(2 ** 30);
  await file.close();
  for (const read of [readText, readJson])
    await expect(read(at('long.json'))).rejects.toThrow(
      /long\.json holds 1073741824 bytes, more than the 268435456/,
    );
});
