import fc from 'fast-check';
import sharp from 'sharp';
import { expect, test } from 'vitest';
import { chunksOf, readTags, withoutPngColour } from '../../src/runtime/picture-file.ts';
import { spoilt } from '../hostile.ts';
import { deepPng, greyProfile, largeJpeg, lyingJpeg, pngOf, withGamma, withProfile } from '../pictures.ts';

test('reads depth, channels and turning of PNG and JPEG; of others, colour of 8 bits, upright', async () => {
  const upright = { depth: 8, orientation: 1 };
  expect(readTags(await pngOf(1, 4, 4))).toEqual({ ...upright, channels: 1 });
  expect(readTags(await pngOf(4, 4, 4))).toEqual({ ...upright, channels: 4 });
  expect(readTags(await deepPng(3, 4, 4))).toEqual({ channels: 3, depth: 16, orientation: 1 });
  expect(readTags(await lyingJpeg(8, 4))).toEqual({ channels: 3, depth: 8, orientation: 6 });
  const grey = await sharp(await pngOf(1, 8, 8))
    .toColourspace('b-w')
    .jpeg()
    .toBuffer();
  expect(readTags(grey)).toEqual({ ...upright, channels: 1 });
  expect(readTags(await sharp(grey).webp().toBuffer())).toEqual({ ...upright, channels: 3 });
});

test('takes gAMA out of a PNG, and leaves all else as it is', async () => {
  const plain = withProfile(await pngOf(1, 4, 4), greyProfile(2.2));
  expect(chunksOf(withGamma(plain, 1)).has('gAMA')).toBe(true);
  expect(Buffer.from(withoutPngColour(withGamma(plain, 1)))).toEqual(plain);
  const jpeg = await largeJpeg(8, 8);
  expect(withoutPngColour(jpeg)).toBe(jpeg);
});

test.each(['PNG', 'JPEG'])('reads a damaged %s without a fault', async kind => {
  const sound = kind === 'PNG' ? withGamma(await pngOf(4, 8, 8), 1) : await lyingJpeg(8, 8);
  fc.assert(
    fc.property(spoilt(sound), bytes => {
      const { channels, depth } = readTags(bytes);
      expect(Number.isInteger(channels + depth)).toBe(true);
      expect(withoutPngColour(bytes).length).toBeLessThanOrEqual(bytes.length);
    }),
    { numRuns: 300 },
  );
});
