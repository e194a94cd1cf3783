import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { gaussianDenoiser } from '../../src/diffusion/oracle.ts';
import { embed } from '../../src/embedding/embed.ts';
import { pictureAddress, startNoise } from '../../src/embedding/starts.ts';
import { createRuntime } from '../../src/runtime/node.ts';
import { concatRows, float32, rows, takeRows } from '../../src/tensor/tensor.ts';
import { relativeError } from '../support.ts';

const picture = (levels: readonly number[]) =>
  float32(
    [1, 1, 4, 4],
    levels.map(level => level / 255),
  );

test('a picture is addressed by the first bits of the sha256 of its pixels', () => {
  const levels = Array.from({ length: 16 }, (_, i) => 16 * i);
  // 52 bits are 13 hexadecimal digits: five of the first word, which is little-endian, and the second.
  const hex = bytesToHex(sha256(Uint8Array.from(levels)));
  const word = (at: number) =>
    Number.parseInt(
      hex
        .slice(at, at + 8)
        .match(/../g)!
        .reverse()
        .join(''),
      16,
    );
  expect(pictureAddress(picture(levels))).toBe((word(0) % 2 ** 20) * 2 ** 32 + word(8));
  // What is less than half a level apart is one picture.
  expect(pictureAddress(picture(levels.map(level => level + 0.4)))).toBe(pictureAddress(picture(levels)));
  expect(pictureAddress(picture(levels.toReversed()))).not.toBe(pictureAddress(picture(levels)));
});

test('points are addressed by their own numbers', () => {
  expect(pictureAddress(float32([1, 2], [3, -4]))).not.toBe(pictureAddress(float32([1, 2], [3, -5])));
});

test('the noise of an address differs in its upper bits too', () => {
  const [low, high] = [5, 5 + 2 ** 40].map(image => startNoise(0, [8], [{ image, start: 0 }]).data);
  expect(low).not.toEqual(high);
});

test('pictures that are compared may share their noise', async () => {
  const runtime = await createRuntime({ threads: 1 });
  const model = gaussianDenoiser(0.5);
  const [one, other] = [picture(new Array(16).fill(100)), picture(new Array(16).fill(101))];
  const seedOf = async (images: typeof one, noiseOf?: typeof one) =>
    (await embed(model, images, { runtime, method: 'split', noiseOf })).latent;
  const apart = async (noiseOf?: typeof one) =>
    relativeError(await seedOf(other, noiseOf), await seedOf(one, noiseOf));
  expect(await seedOf(one, one)).toEqual(await seedOf(one));
  expect(await apart(one)).toBeLessThan(await apart());
  await expect(seedOf(one, concatRows([one, other]))).rejects.toThrow(
    /noiseOf: .*\[1,1,4,4\], got \[2,1,4,4\]/,
  );
});

test("a picture's seeds depend on nothing but the picture and rng", async () => {
  const runtime = await createRuntime({ threads: 1 });
  const model = gaussianDenoiser(0.5);
  const level = fc.integer({ min: 0, max: 255 });
  const four = fc.array(fc.array(level, { minLength: 16, maxLength: 16 }), { minLength: 4, maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(four, fc.shuffledSubarray([0, 1, 2, 3], { minLength: 1 }), async (all, chosen) => {
      const images = concatRows(all.map(picture));
      const options = { method: 'split', starts: 2, batch: 3 } as const;
      const { latent } = await embed(model, images, { runtime, ...options });
      const some = await embed(model, takeRows(images, chosen), { runtime, ...options });
      chosen.forEach((from, at) => {
        expect(rows(some.latent, 2 * at, 2 * at + 2)).toEqual(rows(latent, 2 * from, 2 * from + 2));
      });
    }),
    { numRuns: 6 },
  );
});
