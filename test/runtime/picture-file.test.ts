import { deflateSync } from 'node:zlib';
import fc from 'fast-check';
import sharp, { type Sharp } from 'sharp';
import { describe, expect, test } from 'vitest';
import { profileIn, readTags, withoutProfile } from '../../src/runtime/picture-file.ts';
import { spoilt } from '../hostile.ts';
import {
  adobeRgb,
  cmykJpeg,
  deepPng,
  largeJpeg,
  lyingJpeg,
  palettePng,
  pngOf,
  withChunk,
  withProfile,
  withSegments,
} from '../pictures.ts';

test('reads depth, channels and turning of PNG and JPEG; of others, colour of 8 bits, upright', async () => {
  const upright = { depth: 8, orientation: 1 };
  expect(readTags(await pngOf(1, 4, 4))).toEqual({ ...upright, channels: 1, colours: 1 });
  expect(readTags(await pngOf(4, 4, 4))).toEqual({ ...upright, channels: 4, colours: 3 });
  expect(readTags(await palettePng(4, 4, 4))).toEqual({ ...upright, channels: 4, colours: 3 });
  expect(readTags(await deepPng(3, 4, 4))).toEqual({ channels: 3, colours: 3, depth: 16, orientation: 1 });
  expect(readTags(await lyingJpeg(8, 4))).toEqual({ channels: 3, colours: 3, depth: 8, orientation: 6 });
  expect(readTags(await cmykJpeg(8, 4))).toEqual({ ...upright, channels: 4, colours: 4 });
  const grey = await sharp(await pngOf(1, 8, 8))
    .toColourspace('b-w')
    .jpeg()
    .toBuffer();
  expect(readTags(grey)).toEqual({ ...upright, channels: 1, colours: 1 });
  const webp = await sharp(grey).webp().toBuffer();
  expect(readTags(webp)).toEqual({ ...upright, channels: 3, colours: 3 });
});

describe('profileIn', () => {
  const profile = new Uint8Array(adobeRgb());
  const inPng = async (chunk: Uint8Array) => withChunk(await pngOf(3, 4, 4), 'iCCP', chunk);

  test('finds the profile of a PNG, JPEG, WebP and AVIF, and none where there is none', async () => {
    const png = withProfile(await pngOf(3, 8, 8), profile);
    expect(profileIn(png)).toEqual(profile);
    expect(Buffer.from(withoutProfile(png))).toEqual(await pngOf(3, 8, 8));
    const [plain, tagged] = [sharp(await pngOf(3, 8, 8)), sharp(png).keepIccProfile()];
    for (const [name, encode] of Object.entries(ENCODERS)) {
      expect(profileIn(await encode(plain).toBuffer()), name).toBeUndefined();
      const file = new Uint8Array(await encode(tagged).toBuffer());
      const { icc } = await sharp(file).metadata();
      expect(profileIn(file), name).toEqual(new Uint8Array(icc!));
    }
    expect(profileIn(await pngOf(3, 8, 8))).toBeUndefined();
    expect(profileIn(new Uint8Array())).toBeUndefined();
  });

  test('joins the parts in a JPEG, in any order; is empty where one is missing', async () => {
    const jpeg = await largeJpeg(8, 8);
    const parts = [profile.subarray(0, 100), profile.subarray(100, 300), profile.subarray(300)];
    expect(profileIn(withSegments(jpeg, parts, [1, 2, 3]))).toEqual(profile);
    expect(profileIn(withSegments(jpeg, parts, [3, 1, 2]))).toEqual(profile);
    expect(profileIn(withSegments(jpeg, parts, [1, 3]))).toEqual(new Uint8Array());
    expect(profileIn(withSegments(jpeg, parts, [1, 1, 2, 3]))).toEqual(new Uint8Array());
  });

  test('is empty where a PNG says nothing sound, or unpacks to gigabytes', async () => {
    const packed = deflateSync(profile);
    const named = (body: Uint8Array) => Buffer.concat([Buffer.from('name\0\0', 'latin1'), body]);
    expect(profileIn(await inPng(named(packed)))).toEqual(profile);
    expect(profileIn(await inPng(named(packed.subarray(0, 200))))).toEqual(new Uint8Array());
    expect(profileIn(await inPng(named(packed.fill(255, 9, 20))))).toEqual(new Uint8Array());
    expect(profileIn(await inPng(Buffer.from('no end of its name')))).toEqual(new Uint8Array());
    const bomb = deflateSync(new Uint8Array(2 ** 26));
    expect(profileIn(await inPng(named(bomb)))).toEqual(new Uint8Array());
  });
});

const ENCODERS: Record<string, (image: Sharp) => Sharp> = {
  jpeg: image => image.clone().jpeg(),
  webp: image => image.clone().webp(),
  avif: image => image.clone().avif({ effort: 0 }),
};

test.each(['PNG', 'JPEG', 'WebP', 'AVIF'])('reads a damaged %s without a fault', async kind => {
  const tagged = sharp(withProfile(await pngOf(3, 8, 8), adobeRgb())).keepIccProfile();
  const sound = await (ENCODERS[kind.toLowerCase()]?.(tagged) ?? tagged.png()).toBuffer();
  fc.assert(
    fc.property(spoilt(sound.subarray(0, 1000)), bytes => {
      const { channels, colours, depth } = readTags(bytes);
      expect(Number.isInteger(channels + colours + depth)).toBe(true);
      expect(profileIn(bytes)?.length ?? 0).toBeLessThan(2 ** 24);
    }),
    { numRuns: 300 },
  );
});
