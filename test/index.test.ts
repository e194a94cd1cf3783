import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import * as api from '../src/index.ts';

const example = (name: string) =>
  fileURLToPath(new URL(`../examples/fashion-mnist/${name}`, import.meta.url));

describe('the public API with the shipped models', () => {
  test('embeds a real picture, refines it, and grows it again from a saved seed', async () => {
    const { embed, loadEmbedder, loadModel, readPicture, SHIPPED_DENOISER, SHIPPED_EMBEDDER } = api;
    const model = await loadModel(SHIPPED_DENOISER);
    const embedder = await loadEmbedder(SHIPPED_EMBEDDER);
    const boot = await readPicture(example('9-ankle-boot.png'), model);
    const latents = api.gaussianDenoiser(0.5, [4, 8, 8]);
    await expect(readPicture(example('9-ankle-boot.png'), latents)).rejects.toMatchObject({
      kind: 'BadShape',
    });
    const found = await embed(model, boot, { method: 'embedder+descent', embedder });
    const [result] = found.results;
    expect(result!.mse).toBeLessThan(result!.mseBefore!);
    expect(result!.psnr).toBeGreaterThan(25);
    expect(result!.evaluations).toBe(1 + 10 + api.RECIPES.refine.iterations * 20 + 10);
    // An embedder's seed lies near the mean of all seeds of the picture: it varies less than noise does.
    expect(result!.latentVariance).toBeGreaterThan(0.3);
    expect(result!.latentVariance).toBeLessThan(1.5);

    const provenance = {
      model: model.hash,
      sampler: found.sampler,
      method: found.method,
      images: [],
      rng: 0,
      createdBy: 'test',
    };
    const seeds = api.readSeeds(api.writeSeeds(found.latent, provenance), 'boot.safetensors');
    const grown = await api.decode(model, seeds.latent);
    expect(api.meanSquaredErrors(grown, found.pictures)[0]).toBeLessThan(1e-9);
  });

  test.each([
    [{ samplerSteps: 0 }, 'samplerSteps is a whole number of at least 1, at most 10000, got 0'],
    [{ samplerGrid: 'karras' }, 'samplerGrid is one of linspace, logSnr, got karras'],
  ])('a sampler that there is not, %o, is refused wherever one may be chosen', async (choice, said) => {
    const model = await api.loadModel(api.SHIPPED_DENOISER);
    const asked = choice as Pick<api.EmbedOptions, 'samplerSteps' | 'samplerGrid'>;
    const seeds = api.float32([1, 1, 32, 32], new Float32Array(1024));
    const pictures = api.float32([1, 1, 28, 28], new Float32Array(784));
    for (const use of [
      () => api.sample(model, { count: 1, ...asked }),
      () => api.decode(model, seeds, asked),
      () => api.embed(model, pictures, asked),
      () => api.openSampler(model, asked),
    ])
      await expect(use()).rejects.toMatchObject({ kind: 'BadArgument', message: said });
  });

  test('grows pictures from random seeds, the same for the same number', async () => {
    const model = await api.loadModel(api.SHIPPED_DENOISER);
    const [one, two] = [
      await api.sample(model, { count: 2, rng: 7 }),
      await api.sample(model, { count: 3, rng: 7 }),
    ];
    expect(one.pictures.shape).toEqual([2, 1, 28, 28]);
    expect(
      api.meanSquaredErrors(one.pictures, { ...one.pictures, data: two.pictures.data.slice(0, 2 * 784) }),
    ).toEqual([expect.closeTo(0, 8), expect.closeTo(0, 8)]);
  });
});
