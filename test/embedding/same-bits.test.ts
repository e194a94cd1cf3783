import { expect, test } from 'vitest';
import type { DenoiserRecipe } from '../../src/diffusion/config.ts';
import { trainDenoiser } from '../../src/diffusion/train-in-memory.ts';
import { embed } from '../../src/embedding/embed.ts';
import { decode } from '../../src/embedding/sampling.ts';
import { createRuntime } from '../../src/runtime/node.ts';
import { normals } from '../../src/tensor/random.ts';
import { float32, rows } from '../../src/tensor/tensor.ts';
import { relativeError } from '../support.ts';

// What docs/same-bits.md says of Seedbed's own networks, on a small one.

const pixels = normals({ seed: 1, purpose: 'picture' }, [24, 1, 16, 16]);
const images = float32(
  pixels.shape,
  pixels.data.map(z => Math.min(1, Math.max(0, 0.5 + 0.2 * z))),
);
const recipe: DenoiserRecipe = {
  network: { kind: 'unet', channels: [8, 16], blocks: 1, embedding: 16 },
  schedule: 'continuousCosine',
  training: { loss: 'mse', learningRate: 0.01, batch: 8, steps: 4 },
};
const [one, two] = await Promise.all([1, 2].map(threads => createRuntime({ threads })));
const model = await trainDenoiser(images, recipe, { runtime: one! });
const latent = normals({ seed: 0, purpose: 'sample' }, [5, 1, 16, 16]);
const found = await embed(model, rows(images, 0, 5), { runtime: one!, method: 'split', batch: 4 });

test('a training gives the same weights on one thread and on two', async () => {
  const again = await trainDenoiser(images, recipe, { runtime: two! });
  expect(again.hash).toBe(model.hash);
  expect(again.graph.initializers).toEqual(model.graph.initializers);
});

test.each([
  ['on two threads', two!, 4],
  ['one at a time', one!, 1],
  ['one at a time on two threads', two!, 1],
])('pictures and seeds are the same bits %s', async (_, runtime, batch) => {
  expect(await decode(model, latent, { runtime, batch })).toEqual(
    await decode(model, latent, { runtime: one! }),
  );
  const again = await embed(model, rows(images, 0, 5), { runtime, method: 'split', batch });
  expect(again.latent).toEqual(found.latent);
  expect(again.pictures).toEqual(found.pictures);
});

test('WebAssembly is near, not the same', async () => {
  const wasm = await createRuntime({ device: 'wasm', threads: 1 });
  const grown = await decode(model, latent, { runtime: wasm });
  expect(relativeError(grown, await decode(model, latent, { runtime: one! }))).toBeLessThan(1e-5);
  const { latent: near } = await embed(model, rows(images, 0, 1), { runtime: wasm, method: 'split' });
  expect(relativeError(near, rows(found.latent, 0, 1))).toBeLessThan(1e-5);
});
