import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import * as api from '../../src/index.ts';
import { concatRows } from '../../src/tensor/tensor.ts';
import type { Found } from '../../studio/src/engine/engine.ts';
import { foundOf, readOf } from '../../studio/src/state/names.ts';
import { parseProject } from '../../studio/src/state/project-file.ts';
import { CHROMIUM } from '../browser/chromium.ts';
import { openStudio, type Studio, shown } from './open.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const shipped = (name: string) => readFileSync(join(ROOT, 'studio/src/shipped', name), 'utf8');

test('what the studio shows first is of the shipped model: npm run studio:start makes it anew', async () => {
  const model = await api.loadModel(api.SHIPPED_DENOISER);
  const card = JSON.parse(shipped('model.json'));
  expect(card).toMatchObject({ hash: model.hash, shape: model.info.shape, steps: model.info.sampler.steps });
  const kept = new Map(parseProject(shipped('start.json'), 'start.json').kept);
  const named = (kind: string, of: readonly unknown[]) => kept.get(JSON.stringify([kind, ...of]));
  const ids = ['9-ankle-boot', '8-bag', 'paintings/leonardo-mona-lisa'];
  const found = ids.map(id => named('found', foundOf(id, model.hash, { method: 'auto' })) as Found);
  const grown = await api.decode(model, concatRows(found.map(({ latent }) => latent)));
  const told = concatRows(found.map(({ pictures }) => pictures));
  expect(Math.max(...api.meanSquaredErrors(grown, told))).toBeLessThan(1e-6);
  const { pixels } = named('read', readOf('8-bag', model.hash)) as { pixels: Found['latent'] };
  const bag = await api.readPicture(join(ROOT, 'examples/fashion-mnist/8-bag.png'), model);
  expect(pixels.data).toEqual(bag.data);
  expect(api.meanSquaredErrors(found[1]!.pictures, bag)[0]).toBeCloseTo(found[1]!.results[0]!.mse, 6);
});

describe.skipIf(!CHROMIUM)('the studio as it opens (needs Chromium; CHROMIUM names it)', () => {
  const folder = mkdtempSync(join(tmpdir(), 'seedbed-studio-'));
  let studio: Studio;
  beforeAll(async () => {
    cpSync(inject('studio'), folder, { recursive: true });
    studio = await openStudio(folder, { keepsOffline: true });
  }, 60_000);
  afterAll(async () => {
    await studio?.close();
    rmSync(folder, { recursive: true });
  });

  test.each(['embed', 'walk'])(
    '%s shows its first picture, seed and what grows without the engine',
    async room => {
      const page = await studio.openElsewhere(`#/${room}`, async page => {
        await page.route(/\.(wasm|onnx)$/, route => route.abort());
      });
      await shown(page);
      expect(await page.locator('.stage.three canvas').count()).toBe(3);
      expect(await page.locator('main').getAttribute('data-ready')).toBe('no');
      await page.context().close();
    },
    60_000,
  );

  /** What the browser keeps of the studio: names of versions, and files. */
  const keptIn = (page: Page) =>
    page.evaluate(async () => {
      const names = await caches.keys();
      const files = await Promise.all(
        names.map(async name => (await (await caches.open(name)).keys()).length),
      );
      return { names, files };
    });
  /** Waits until the browser keeps one version, whole. */
  const keeps = async (page: Page, version: RegExp) => {
    const list = readFileSync(join(folder, 'offline.js'), 'utf8').split('\n')[0]!;
    const { names } = JSON.parse(list.slice('const STUDIO = '.length, -1));
    await expect
      .poll(() => keptIn(page), { timeout: 60_000 })
      .toEqual({
        names: [expect.stringMatching(version)],
        files: [names.length],
      });
  };

  test('opens without a network after the first visit, and never an old page after an update', async () => {
    const page = await studio.openElsewhere('#/embed?picture=8-bag&method=embedder');
    await shown(page);
    await keeps(page, /^seedbed-studio \d+\.\d+\.\d+ \w+$/);
    await page.context().setOffline(true);
    await page.evaluate(() => indexedDB.deleteDatabase('seedbed-studio'));
    await page.reload();
    await page.waitForSelector('main[data-ready=yes]', { timeout: 60_000 });
    await shown(page);
    expect(await page.evaluate(() => crossOriginIsolated)).toBe(true);

    // The server has another version from now on.
    const edit = (name: string, change: (text: string) => string) => {
      const path = join(folder, name);
      writeFileSync(path, change(readFileSync(path, 'utf8')));
      rmSync(`${path}.br`);
      rmSync(`${path}.gz`);
    };
    edit('index.html', text => text.replace('<html lang="en">', '<html lang="en" data-version="next">'));
    edit('offline.js', text => text.replace(/"version":"[^"]*"/, '"version":"9.9.9 next"'));
    await page.context().setOffline(false);
    await page.reload();
    expect(await page.getAttribute('html', 'data-version')).toBe('next');
    await keeps(page, /^seedbed-studio 9\.9\.9 next$/);
    await page.context().setOffline(true);
    await page.reload();
    expect(await page.getAttribute('html', 'data-version')).toBe('next');
    await page.context().close();
  }, 180_000);
});
