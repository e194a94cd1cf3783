import { expect, test } from 'vitest';
import { gaussianDenoiser } from '../../src/diffusion/oracle.ts';
import { unlikelySeeds } from '../../src/embedding/likely.ts';
import { decode } from '../../src/index.ts';
import { normals } from '../../src/tensor/random.ts';
import { float32 } from '../../src/tensor/tensor.ts';

/** Seeds of 256 coordinates of which each has the mean square given. */
const seeds = (...squares: number[]) =>
  float32(
    [squares.length, 1, 16, 16],
    squares.flatMap(square => new Array(256).fill(Math.sqrt(square))),
  );

test.each([
  [seeds(1), undefined],
  [seeds(0.51, 1.99, 1), undefined],
  [
    seeds(0.25),
    'the seed is no likely noise: the mean square of its coordinates is 0.250, where noise has 1',
  ],
  [
    seeds(1, 1, 2.25),
    'seed 2 is no likely noise: the mean square of its coordinates is 2.25, where noise has 1',
  ],
  [
    seeds(4, 1, 0.01, 9),
    '3 of 4 seeds are no likely noise; the worst is seed 2: the mean square of its coordinates is 0.0100, where noise has 1',
  ],
  [
    seeds(0, 1e-4),
    '2 of 2 seeds are no likely noise; the worst is seed 0: the mean square of its coordinates is 0.00, where noise has 1',
  ],
])('seeds are told by their mean square, the worst of many by name', (latent, note) => {
  expect(unlikelySeeds(latent)).toBe(note);
});

test.each([
  [[2], 0.01],
  [[1, 4, 4], 0.001],
  [[1, 32, 32], 0],
])('noise of [%s] is taken for what it is', (shape, share) => {
  const latent = normals({ seed: 5, purpose: 'likely' }, [2000, ...shape]);
  const unlikely = Number(/^(\d+) of 2000/.exec(unlikelySeeds(latent) ?? '')?.[1] ?? 0);
  expect(unlikely).toBeLessThanOrEqual(share * 2000);
});

test('decode says so to who wants to know, and grows them all the same', async () => {
  const model = gaussianDenoiser(1, [1, 16, 16], 3);
  const said: string[] = [];
  const onNote = (note: string) => void said.push(note);
  const grown = await decode(model, seeds(0.25, 1), { onNote });
  expect(said).toEqual([expect.stringMatching(/^seed 0 is no likely noise: .* 0.250/)]);
  expect(grown).toEqual(await decode(model, seeds(0.25, 1)));
});
