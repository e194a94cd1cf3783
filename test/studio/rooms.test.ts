import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import * as api from '../../src/index.ts';
import { concatRows, rows } from '../../src/tensor/tensor.ts';
import { CHROMIUM } from '../browser/chromium.ts';
import { furthest, leave } from './expect.ts';
import { drop, greys, openStudio, type Studio, shown, still, value, visit } from './open.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

describe.skipIf(!CHROMIUM)(
  'what the studio does with seeds, networks and models (needs Chromium; CHROMIUM names it)',
  () => {
    let studio: Studio;
    /** All rooms are opened in one page, by links: its engine starts once. */
    let page: Page;
    let model: api.Denoiser;
    let embedder: api.Embedder;
    beforeAll(async () => {
      studio = await openStudio(inject('studio'));
      page = await studio.open('#/walk?pictures=8-bag,3-dress&path=lerp&seeds=quick');
      model = await api.loadModel(api.SHIPPED_DENOISER);
      embedder = await api.loadEmbedder(api.SHIPPED_EMBEDDER);
    }, 120_000);
    afterAll(() => studio?.close());

    const picture = (name: string) =>
      api.readPicture(join(ROOT, `examples/fashion-mnist/${name}.png`), model);

    test('Walk goes from picture to picture through pixels and seeds', async () => {
      await visit(page, '#/walk?pictures=8-bag,3-dress&path=lerp&seeds=quick');
      const pixels = await Promise.all([picture('8-bag'), picture('3-dress')]);
      const found = await api.embed(model, concatRows(pixels), { method: 'embedder', embedder });
      const [from, to] = [rows(found.latent, 0, 1), rows(found.latent, 1, 2)];
      const middle = await api.decode(model, api.interpolateSeeds(from, to, 0.5, 'lerp'));
      expect(furthest(await greys(page, 'Grown, 5 of 9'), middle)).toBeLessThan(1);
      const mixed = api.float32(
        pixels[0]!.shape,
        pixels[0]!.data.map((v, i) => (v + pixels[1]!.data[i]!) / 2),
      );
      expect(furthest(await greys(page, 'Pixels, 5 of 9'), mixed)).toBeLessThan(1);
      for (const [button, magic] of [
        ['Strip .png', 'PNG'],
        ['Animation .gif', 'GIF89a'],
      ] as const) {
        const waiting = page.waitForEvent('download');
        await page.click(`text=${button}`);
        const bytes = readFileSync(await (await waiting).path());
        expect(bytes.subarray(0, 6).toString('latin1')).toContain(magic);
        expect(bytes.length).toBeGreaterThan(2000);
      }
      await leave(page, 'walk');
    }, 120_000);

    test('Cloud measures the shipped seeds at once, and new ones join', async () => {
      await visit(page, '#/cloud?average=16');
      const file = join(ROOT, 'studio/src/shipped/ankle-boot-cloud.safetensors');
      const { latent } = api.readSeeds(new Uint8Array(readFileSync(file)), file);
      const { correlation } = api.cloudStatistics(latent);
      expect(await value(page, 'count')).toBe(256);
      expect(await value(page, 'correlation')).toBeCloseTo(correlation, 3);
      const mean = new Float32Array(1024).map(
        (_, i) =>
          Array.from({ length: 16 }, (_, k) => latent.data[1024 * k + i]!).reduce((a, b) => a + b) / 16,
      );
      const grown = await api.decode(model, api.float32([1, 1, 32, 32], mean));
      const [error] = api.meanSquaredErrors(grown, await picture('9-ankle-boot'));
      await page.waitForFunction(
        () => document.querySelector('[data-value=mean-error]')!.textContent !== '…',
      );
      expect(await value(page, 'mean-error')).toBeCloseTo(error!, 4);

      await page.click('text=Find eight more');
      await page.waitForFunction(
        () => Number(document.querySelector('[data-value=count]')!.textContent) > 256,
        undefined,
        {
          timeout: 90_000,
        },
      );
      await page.waitForSelector('text=found here');

      // Seeds that are sought still when another picture is chosen do not join its cloud.
      await page.click('[data-picture="8-bag"]');
      await page.waitForFunction(
        () => Number(document.querySelector('[data-value=count]')!.textContent) === 2,
        undefined,
        { timeout: 90_000 },
      );
      await page.waitForFunction(() =>
        /\d/.test(document.querySelector('[data-value=mean-error]')!.textContent!),
      );
      expect(await value(page, 'mean-error')).toBeLessThan(0.02);
      await drop(page, [{ name: 'boot.safetensors', bytes: readFileSync(file) }]);
      await page.waitForSelector('.notice.trouble:has-text("choose that picture first")');
      await page.click('.notice.trouble button');

      // Seeds as the command line writes them name the picture's file; those of another sampler grow other pictures.
      const { latent: dropped } = await api.sample(model, { count: 1, rng: 8 });
      const written = (steps: number) =>
        api.writeSeeds(dropped, {
          ...{ model: model.hash, rng: 0, createdBy: 'seedbed', method: { name: 'split' } },
          sampler: { ...model.info.sampler, steps },
          images: [{ name: '8-bag.png' }],
        });
      await drop(page, [{ name: 'fifty.safetensors', bytes: written(50) }]);
      await page.waitForSelector('.notice.trouble:has-text("seeds of sampler \'ddim\' of 50 steps")');
      await page.click('.notice.trouble button');
      await drop(page, [{ name: 'bag.safetensors', bytes: written(model.info.sampler.steps) }]);
      await page.waitForSelector('.notice:has-text("1 seeds of bag.safetensors joined the cloud")');
      await page.click('.notice:has-text("joined the cloud") button');
      await page.click('[aria-label^="Stop: Finding seeds"]');
      await leave(page, 'cloud');
    }, 180_000);

    test('Same seed compares the shipped networks, and one that is dropped', async () => {
      await visit(page, '#/networks?rng=3');
      const { latent, pictures } = await api.sample(model, { count: 6, rng: 3 });
      for (const [i, name] of ['fashion-mnist-small', 'fashion-mnist-small-se'].entries()) {
        const other = await api.loadModel(join(ROOT, `models/reproduction/${name}.onnx`));
        const { ratio } = api.compareGrown(pictures, await api.decode(other, latent));
        expect(Math.abs((await value(page, 'ratio', i)) / ratio.mean - 1)).toBeLessThan(0.05);
      }
      const gaussian = api.gaussianDenoiser(1, [1, 32, 32]);
      await drop(page, [{ name: 'gaussian.onnx', bytes: api.saveModel(gaussian) }]);
      await page.waitForSelector('text=gaussian.onnx is open');
      await page.waitForFunction(() => document.querySelectorAll('[data-network]').length === 4, undefined, {
        timeout: 90_000,
      });
      expect(await page.locator('.notice.trouble').count()).toBe(0);
      await page.click('.notice:has-text("gaussian.onnx is open") button');
      await leave(page, 'networks');
    }, 180_000);

    test('Gravity learns circles within seconds, and follows a seed', async () => {
      await visit(page, '#/gravity');
      expect(await value(page, 'miss')).toBeLessThan(0.12);
      const way = async () => (await page.getAttribute('.plane .way', 'points'))!.split(' ');
      expect(await way()).toHaveLength(21);
      const slider = page.getByLabel('Steps of the sampler');
      await slider.fill('8');
      await page.waitForFunction(
        () => document.querySelector('.plane .way')!.getAttribute('points')!.split(' ').length === 9,
      );
      const before = await way();
      await page.focus('.plane');
      await page.keyboard.press('ArrowLeft');
      await page.waitForFunction(
        before => document.querySelector('.plane .way')!.getAttribute('points') !== before,
        before.join(' '),
      );
      await page.keyboard.press('Enter');
      await page.waitForSelector('.plane .chosen');
      expect(await page.locator('.plane .embedding rect').count()).toBeGreaterThan(10);

      // Seeds that a schedule throws out of sight are told of, with the reason.
      await page.selectOption('.controls select', 'cosine');
      await page.getByLabel(/^Steps of the sampler/).fill('60');
      await page.waitForSelector('text=seeds land out of sight', { timeout: 60_000 });
      await page.selectOption('.controls select', 'continuousCosine');
      await page.waitForSelector('text=seeds land out of sight', { state: 'detached', timeout: 60_000 });

      // Points of one's own, chosen in the middle of another training.
      await page.click('text=Moons');
      await page.waitForSelector('.task');
      await page.click('text=Your own');
      await still(page);
      const box = (await page.locator('.plane').boundingBox())!;
      for (const [x, y] of [
        [0.3, 0.3],
        [0.7, 0.6],
      ] as const)
        await page.mouse.click(box.x + x * box.width, box.y + y * box.height);
      await page.click('button.main');
      await shown(page);
      expect(await value(page, 'miss')).toBeLessThan(0.3);
      expect(await page.locator('.notice').allInnerTexts()).toEqual([]);
      await leave(page, 'gravity');
    }, 180_000);

    test('a tiny model of one’s own on WebGPU grows what Node grows', async () => {
      const noise = api.float32(
        [16, 1, 8, 8],
        Float32Array.from({ length: 1024 }, (_, i) => ((i * 37) % 101) / 101),
      );
      const tiny = await api.trainDenoiser(noise, {
        network: { kind: 'unet', channels: [8], blocks: 1, embedding: 8 },
        schedule: 'continuousCosine',
        training: { loss: 'mae', learningRate: 0.001, batch: 16, steps: 3 },
      });
      await visit(page, '#/embed?picture=8-bag');
      await drop(page, [{ name: 'tiny.onnx', bytes: api.saveModel(tiny) }]);
      await page.waitForSelector('text=tiny.onnx is open');
      const { latent, pictures } = await api.sample(tiny, { count: 1, rng: 1 });
      await drop(page, [{ name: 'seed.npy', bytes: api.writeNpy(latent) }]);
      await page.waitForSelector('text=seeds of seed.npy', { timeout: 90_000 });
      const canvas = '[aria-label="what the model grows from the seed"] canvas';
      await page.waitForSelector(canvas, { timeout: 90_000 });
      await still(page);
      // Only the seed is to be grown on WebGPU, which a driver in software does slowly; its picture is drawn anew.
      await page.locator(canvas).evaluate(drawn => drawn.setAttribute('data-before', ''));
      await page.selectOption('footer select >> nth=1', 'webgpu');
      await page.waitForFunction(() => location.hash.includes('device=webgpu'));
      await page.waitForSelector(`${canvas}:not([data-before])`, { timeout: 90_000 });
      await still(page);
      expect(furthest(await greys(page, 'what the model grows from the seed'), pictures)).toBeLessThan(1);
      // It did not fall back to WebAssembly, which would say so.
      expect(page.url()).toContain('device=webgpu');
      expect(await page.locator('.notice.trouble').count()).toBe(0);
    }, 240_000);

    test('no page complained, asked elsewhere, or broke its own policy', () => {
      expect(studio.complaints).toEqual([]);
    });
  },
);
