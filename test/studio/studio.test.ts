import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import * as api from '../../src/index.ts';
import { decodeImage } from '../../src/runtime/images.ts';
import { concatRows, type Floats, rows } from '../../src/tensor/tensor.ts';
import { CHROMIUM } from '../browser/chromium.ts';
import { largeJpeg } from '../pictures.ts';
import { drop, greys, openStudio, type Studio, shown, still, value } from './open.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
type Room = 'embed' | 'edit' | 'walk' | 'cloud' | 'networks' | 'gravity';

describe.skipIf(!CHROMIUM)('the studio in a browser (needs Chromium; CHROMIUM names it)', () => {
  let studio: Studio;
  let model: api.Denoiser;
  let embedder: api.Embedder;
  beforeAll(async () => {
    studio = await openStudio(inject('studio'));
    model = await api.loadModel(api.SHIPPED_DENOISER);
    embedder = await api.loadEmbedder(api.SHIPPED_EMBEDDER);
  }, 120_000);
  afterAll(() => studio?.close());

  const picture = (name: string) => api.readPicture(join(ROOT, `examples/fashion-mnist/${name}.png`), model);

  /** The seeds that a press of "Seed .npy" downloads. */
  async function downloaded(page: Page): Promise<Floats> {
    const waiting = page.waitForEvent('download');
    await page.click('text=Seed .npy');
    const path = await (await waiting).path();
    return api.readSeeds(new Uint8Array(readFileSync(path)), 'seed.npy').latent;
  }

  /** Closes a room's page, after what holds in every room as the test leaves it: see `accessible` and `forgiving`. */
  async function leave(page: Page, room: Room): Promise<void> {
    await forgiving(page, room);
    await accessible(page);
    await page.close();
  }

  /** What cannot be read is told in words. */
  async function forgiving(page: Page, room: Room): Promise<void> {
    const picture =
      room === 'gravity' ? /drop it in another room/ : /is not a picture that this browser reads/;
    for (const [name, words] of [
      ['holiday.png', picture],
      ['model.onnx', /model\.onnx/],
      ['seeds.safetensors', /seeds\.safetensors/],
      ['seeds.npy', /seeds\.npy/],
      ['project.json', /project\.json is no project of the studio/],
    ] as const) {
      await drop(page, [{ name, bytes: [...Buffer.from('this is no such file')] }]);
      const notice = page.locator('.notice.trouble', { hasText: words });
      await notice.waitFor({ timeout: 30_000 });
      expect(await notice.innerText()).not.toMatch(/unforeseen|undefined|at \w+ \(/);
      await notice.locator('button').click();
    }
  }

  /** It breaks no rule of accessibility, in light and dark, wide and narrow. */
  async function accessible(page: Page): Promise<void> {
    await still(page);
    for (const [colorScheme, width, height] of [
      ['light', 1280, 860],
      ['dark', 390, 844],
    ] as const) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height });
      const violations = await page.evaluate(`${AXE}; axe.run().then(({ violations }) => violations.map(
        ({ id, nodes }) => id + ': ' + nodes.map(node => node.target + ' ' + node.failureSummary).join('; ')))`);
      expect(violations).toEqual([]);
      const wider = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      expect(wider, 'pixels that the page is wider than the window').toBeLessThanOrEqual(0);
    }
  }

  test("Embed finds the shipped picture's seed at once, and refines it, with Node's numbers", async () => {
    const page = await studio.open('#/embed?picture=8-bag');
    await shown(page);
    const bag = await picture('8-bag');
    const once = await api.embed(model, bag, { method: 'embedder', embedder });
    expect(largest(await downloaded(page), once.latent)).toBeLessThan(1e-3);
    expect(await value(page, 'mse')).toBeCloseTo(once.results[0]!.mse, 5);

    await page.goto(page.url().replace('picture=8-bag', 'picture=8-bag&method=embedder%2Bdescent&steps=4'));
    await page.reload();
    await shown(page);
    const recipe = { ...api.RECIPES.refine, iterations: 4 };
    const refined = await api.embed(model, bag, { method: 'embedder+descent', embedder, recipe });
    expect(largest(await downloaded(page), refined.latent)).toBeLessThan(1e-3);
    expect(await value(page, 'mse')).toBeCloseTo(refined.results[0]!.mse, 5);
    expect(await page.locator('.chart svg').count()).toBe(1);
    await leave(page, 'embed');
  }, 180_000);

  test('Embed decodes a seed that is dropped, and stops when it is told to', async () => {
    const page = await studio.open('#/embed');
    await shown(page);
    const { latent, pictures } = await api.sample(model, { count: 2, rng: 5 });
    await drop(page, [{ name: 'two.npy', bytes: [...api.writeNpy(latent)] }]);
    await page.waitForSelector('text=1 of 2');
    await page.waitForSelector('[aria-label="what the model grows from the seed"] canvas', {
      timeout: 60_000,
    });
    const grown = await greys(page, 'what the model grows from the seed');
    expect(furthest(grown, rows(pictures, 0, 1))).toBeLessThan(1);

    await page.goto(page.url().replace(/#.*/, '#/embed?device=wasm&method=descent&steps=200'));
    await page.reload();
    await page.waitForSelector('[data-task="Finding the seed"] progress[value]', { timeout: 90_000 });
    await page.click('[aria-label="Stop: Finding the seed"]');
    await page.waitForSelector('.task', { state: 'detached', timeout: 30_000 });
    expect(await page.locator('.notice').count()).toBe(0);
    await page.waitForSelector('text=stopped before its end');
    await page.click('text=Refine');
    await page.waitForSelector('[data-task="Finding the seed"] progress[value]', { timeout: 90_000 });

    // The runtime changes in the middle of work, twice: the room begins again with the last.
    await page.selectOption('footer select >> nth=1', 'webgpu');
    await page.selectOption('footer select >> nth=1', 'wasm');
    await page.selectOption('.controls select', 'embedder');
    await shown(page);
    await still(page);
    expect(await page.locator('.notice').count()).toBe(0);
    await page.close();
  }, 180_000);

  test('Edit grows a picture again as the dial says, with strokes that undo, redo, and travel in the link', async () => {
    const page = await studio.open('#/edit?picture=8-bag&natural=0.7');
    await shown(page);
    await still(page);
    const dial = api.naturalness(0.7, model.info.sampler.steps);
    const { results, pictures } = await api.embed(model, await picture('8-bag'), dial);
    expect(await value(page, 'mse')).toBeCloseTo(results[0]!.mse, 3);
    expect(furthest(await greys(page, 'the drawing, grown again by the model'), pictures)).toBeLessThan(1.3);

    const box = (await page.locator('.drawing').boundingBox())!;
    await page.mouse.move(box.x + box.width * 0.3, box.y + box.height * 0.2);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.7, box.y + box.height * 0.2, { steps: 4 });
    await page.mouse.up();
    await page.waitForSelector('text=1 stroke on');
    const drawn = await greys(page, 'the picture with your strokes');
    expect(drawn[28 * 5 + 14]).toBe(255);
    await page.click('text=Undo');
    expect((await greys(page, 'the picture with your strokes'))[28 * 5 + 14]).toBe(0);
    await page.click('text=Redo');
    expect(await greys(page, 'the picture with your strokes')).toEqual(drawn);
    await page.click('text=Clear');
    expect((await greys(page, 'the picture with your strokes'))[28 * 5 + 14]).toBe(0);
    await page.click('text=Undo');
    expect(await greys(page, 'the picture with your strokes')).toEqual(drawn);

    await page.waitForTimeout(400); // the address follows, three times a second at most
    const again = await studio.open(page.url().replace(/^[^#]*/, ''));
    await shown(again);
    expect(await greys(again, 'the picture with your strokes')).toEqual(drawn);
    await again.close();

    await page.focus('.drawing');
    await page.keyboard.press('ArrowLeft');
    await page.keyboard.press(' ');
    await page.waitForSelector('text=2 strokes');
    await leave(page, 'edit');
  }, 180_000);

  test('Walk goes from picture to picture through pixels and seeds', async () => {
    const page = await studio.open('#/walk?pictures=8-bag,3-dress&path=lerp');
    await shown(page);
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
    const page = await studio.open('#/cloud?average=16');
    await shown(page);
    const file = join(ROOT, 'studio/src/shipped/ankle-boot-cloud.safetensors');
    const { latent } = api.readSeeds(new Uint8Array(readFileSync(file)), file);
    const { correlation } = api.cloudStatistics(latent);
    expect(await value(page, 'count')).toBe(256);
    expect(await value(page, 'correlation')).toBeCloseTo(correlation, 3);
    const mean = new Float32Array(1024).map(
      (_, i) => Array.from({ length: 16 }, (_, k) => latent.data[1024 * k + i]!).reduce((a, b) => a + b) / 16,
    );
    const grown = await api.decode(model, api.float32([1, 1, 32, 32], mean));
    const [error] = api.meanSquaredErrors(grown, await picture('9-ankle-boot'));
    await page.waitForFunction(() => document.querySelector('[data-value=mean-error]')!.textContent !== '…');
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
    await drop(page, [{ name: 'boot.safetensors', bytes: [...readFileSync(file)] }]);
    await page.waitForSelector('.notice.trouble:has-text("choose that picture first")');
    await page.click('.notice.trouble button');
    await page.click('[aria-label^="Stop: Finding seeds"]');
    await leave(page, 'cloud');
  }, 180_000);

  test('Same seed compares the shipped networks, and one that is dropped', async () => {
    const page = await studio.open('#/networks?rng=3');
    await shown(page);
    const { latent, pictures } = await api.sample(model, { count: 6, rng: 3 });
    for (const [i, name] of ['fashion-mnist-32-64-128', 'fashion-mnist-small-se'].entries()) {
      const other = await api.loadModel(join(ROOT, `models/reproduction/${name}.onnx`));
      const { ratio } = api.compareGrown(pictures, await api.decode(other, latent));
      expect(Math.abs((await value(page, 'ratio', i)) / ratio.mean - 1)).toBeLessThan(0.05);
    }
    const gaussian = api.gaussianDenoiser(1, [1, 32, 32]);
    await drop(page, [{ name: 'gaussian.onnx', bytes: [...api.saveModel(gaussian)] }]);
    await page.waitForSelector('text=gaussian.onnx is open');
    await page.waitForFunction(() => document.querySelectorAll('[data-network]').length === 4, undefined, {
      timeout: 90_000,
    });
    expect(await page.locator('.notice.trouble').count()).toBe(0);
    await leave(page, 'networks');
  }, 180_000);

  test('Gravity learns circles within seconds, and follows a seed', async () => {
    const page = await studio.open('#/gravity');
    await shown(page);
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

    // Points of one's own, chosen in the middle of another training.
    await page.click('button.main');
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
    expect(await page.locator('.notice').count()).toBe(0);
    await leave(page, 'gravity');
  }, 180_000);

  test('a tiny model of one’s own on WebGPU grows what Node grows', async () => {
    const noise = api.float32(
      [16, 1, 8, 8],
      Float32Array.from({ length: 1024 }, (_, i) => ((i * 37) % 101) / 101),
    );
    const tiny = await api.trainDenoiser(noise, {
      network: { kind: 'unet', channels: [8, 8], blocks: 1, embedding: 8 },
      schedule: 'continuousCosine',
      training: { loss: 'mae', learningRate: 0.001, batch: 16, steps: 3 },
    });
    const page = await studio.open('#/embed');
    await shown(page);
    await drop(page, [{ name: 'tiny.onnx', bytes: [...api.saveModel(tiny)] }]);
    await page.waitForSelector('text=tiny.onnx is open');
    const { latent, pictures } = await api.sample(tiny, { count: 1, rng: 1 });
    await drop(page, [{ name: 'seed.npy', bytes: [...api.writeNpy(latent)] }]);
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
    await page.close();
  }, 240_000);

  // Other work on the machine may stretch a task: what is slow is slow three times.
  test('the page weighs less than 0.4 MB, compressed, and keeps its own thread free', {
    timeout: 120_000,
    retry: 2,
  }, async () => {
    const page = await studio.open('#/embed?picture=8-bag');
    await shown(page);
    await still(page);
    await page.evaluate(() => {
      Object.assign(globalThis, { longest: [] });
      new PerformanceObserver(list => {
        for (const { duration } of list.getEntries())
          (globalThis as never as { longest: number[] }).longest.push(duration);
      }).observe({ type: 'longtask' });
    });
    await page.click('[data-picture="3-dress"]');
    await page.waitForTimeout(300);
    await still(page);
    // The browser counts tasks of 50 ms and more on the page's own thread.
    expect(await page.evaluate(() => (globalThis as never as { longest: number[] }).longest)).toEqual([]);
    await page.close();
    const folder = inject('studio');
    const names = readdirSync(join(folder, 'assets')).filter(
      name => /\.(js|css)$/.test(name) && !name.startsWith('ort.'),
    );
    const sizes = ['index.html', ...names.map(name => `assets/${name}`)].map(
      name => gzipSync(readFileSync(join(folder, name))).length,
    );
    expect(sizes.reduce((sum, size) => sum + size)).toBeLessThan(400_000);
  });

  test('a picture of one’s own is missed by links, told of what was done to it, and carried by projects', async () => {
    const page = await studio.open('#/embed?picture=own-deadbeef');
    await shown(page);
    expect(await page.locator('.notice').allInnerTexts()).toEqual([expect.stringContaining('its sender')]);
    await page.click('.notice button');
    await page.click('[data-picture="3-dress"]');
    await still(page);
    expect(await page.locator('.notice').count()).toBe(0);

    const wide = await largeJpeg(300, 200);
    const { changes } = await decodeImage(wide, 'wide.jpg', { size: 28, channels: 1 });
    expect(changes).toEqual(['centre-cropped', 'resized 200x200 to 28x28', 'turned to grey']);
    await drop(page, [{ name: 'wide.jpg', bytes: [...wide] }]);
    await page.waitForSelector('.notice:has-text("wide.jpg")', { timeout: 30_000 });
    // As the command line says it.
    expect(await page.locator('.notice').allInnerTexts()).toEqual([
      expect.stringContaining(`wide.jpg: ${changes.join(', ')}`),
    ]);

    const bytes = [...readFileSync(join(ROOT, 'examples/fashion-mnist/1-trouser.png'))];
    await drop(page, [{ name: 'mine.png', bytes }]);
    await page.waitForSelector('[data-picture^="own-"][aria-pressed=true][title="mine.png"]');
    await still(page);
    const mse = await value(page, 'mse');
    const waiting = page.waitForEvent('download');
    await page.click('text=Save project');
    const saved = [...readFileSync(await (await waiting).path())];
    await page.close();

    const other = await studio.open('#/gravity');
    await other.waitForSelector('main[data-ready=yes]');
    await drop(other, [{ name: 'studio.seedbed.json', bytes: saved }]);
    await other.waitForSelector('h1:has-text("Embed")');
    await other.waitForSelector('[data-picture^="own-"][aria-pressed=true]');
    await shown(other);
    expect(await value(other, 'mse')).toBe(mse);
    await other.close();
  }, 120_000);

  test('no page complained, asked elsewhere, or broke its own policy', () => {
    expect(studio.complaints).toEqual([]);
  });
});

/** The largest difference of two tensors. */
function largest(a: Floats, b: Floats): number {
  expect(a.shape).toEqual(b.shape);
  return a.data.reduce((most, v, i) => Math.max(most, Math.abs(v - b.data[i]!)), 0);
}

/** The largest difference of grey values shown, 0 to 255, from a picture's pixels in [0,1]. */
function furthest(shown: readonly number[], { data }: Floats): number {
  expect(shown).toHaveLength(data.length);
  return shown.reduce(
    (most, v, i) => Math.max(most, Math.abs(v - 255 * Math.min(1, Math.max(0, data[i]!)))),
    0,
  );
}
