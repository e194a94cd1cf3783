import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { gaussianDenoiser } from '../../src/diffusion/oracle.ts';
import { soughtCodec } from '../../src/embedding/seek.ts';
import { shortError } from '../../src/figures/text.ts';
import { float32, float64 } from '../../src/tensor/tensor.ts';
import { readOrRefused, spoilt } from '../hostile.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'seedbed-seek-'));
});
afterAll(() => rm(folder, { recursive: true }));

const codec = soughtCodec(gaussianDenoiser(1, [1, 2, 2]));
const result = {
  ...{ image: 0, start: 3, mse: 0, psnr: Number.POSITIVE_INFINITY, latentVariance: 1.1 },
  ...{ converged: false, evaluations: 20, losses: [0.5, 0.25] },
};
const found = {
  latent: float32([1, 1, 2, 2], [0.5, -1, 2, 0]),
  pictures: float32([1, 1, 2, 2], [0.5, 0, 1, 0.25]),
  results: [result],
  method: { name: 'split' },
};

test('what was found comes back whole, a perfect picture too', async () => {
  const path = join(folder, 'piece-0');
  await writeFile(path, codec.write(found));
  expect(await codec.read(path, 1)).toEqual(found);
  await expect(codec.read(path, 2)).rejects.toThrow(
    /piece-0 is damaged: .*Give --fresh instead of --resume/s,
  );
});

test('both states of a sampler that keeps two come back in double precision', async () => {
  const path = join(folder, 'pair');
  const pair = {
    latent: float64([1, 1, 2, 2], [0.1, 1, 2, 3]),
    latent2: float64([1, 1, 2, 2], [4, 5, 6, 0.7]),
  };
  await writeFile(path, codec.write({ ...found, pair }));
  expect((await codec.read(path, 1)).pair).toEqual(pair);
});

test('spoilt it is read or refused by name', async () => {
  const path = join(folder, 'piece-0');
  await writeFile(path, codec.write(found));
  const sound = await readFile(path);
  await fc.assert(
    fc.asyncProperty(spoilt(sound), async bytes => {
      await writeFile(path, bytes);
      const back = await readOrRefused(path, () => codec.read(path, 1));
      expect(back?.latent.data.every(Number.isFinite)).not.toBe(false);
    }),
    { numRuns: 300 },
  );
});

test.each([
  [0, '0'],
  [0.00021, '0.00021'],
  [0.0134, '0.013'],
  [3.2e-7, '3.2·10⁻⁷'],
  [4e-10, '4.0·10⁻¹⁰'],
])('an error of %d is captioned %s', (mse, text) => {
  expect(shortError(mse)).toBe(text);
});
