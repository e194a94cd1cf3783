import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import * as api from '../../src/index.ts';
import { decodeImage } from '../../src/runtime/images.ts';
import { CHROMIUM } from '../browser/chromium.ts';
import { largeJpeg } from '../pictures.ts';
import { drop, openStudio, type Studio, shown, value, visit } from './open.ts';
import { slowDenoiser } from './slow.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

describe.skipIf(!CHROMIUM)('the studio loses nothing (needs Chromium; CHROMIUM names it)', () => {
  let studio: Studio;
  let page: Page;
  beforeAll(async () => {
    studio = await openStudio(inject('studio'));
    page = await studio.open('#/gravity?data=drawn');
    await page.waitForSelector('main[data-ready=yes]', { timeout: 90_000 });
  }, 120_000);
  afterAll(() => studio?.close());

  const points = (of: Page) => of.locator('.plane .data circle').count();
  const point = async (of: Page, x: number, y: number) => {
    const box = (await of.locator('.plane').boundingBox())!;
    await of.mouse.click(box.x + x * box.width, box.y + y * box.height);
  };
  const reloaded = async () => {
    await page.reload();
    await shown(page);
  };

  test('what was drawn and trained outlives rooms, reloads and a crash, and is trained once', async () => {
    await point(page, 0.3, 0.3);
    await point(page, 0.7, 0.6);
    await point(page, 0.7, 0.8);
    await page.click('text=Undo');
    await expect.poll(() => points(page)).toBe(2);
    await page.click('button.main');
    await shown(page);
    const miss = await value(page, 'miss');
    const trained = async () => {
      await shown(page);
      expect(await value(page, 'miss')).toBe(miss);
      expect(await points(page)).toBe(2);
    };
    // From now on, training again would be seen.
    await page.addInitScript(() => {
      new MutationObserver(() => {
        if (document.querySelector('[data-task="Training the denoiser"]'))
          document.documentElement.dataset.trained = 'again';
      }).observe(document, { childList: true, subtree: true });
    });
    await page.click('nav >> text=Cloud');
    await page.click('nav >> text=Gravity');
    await trained();
    await reloaded();
    await trained();
    await page.goBack(); // to Cloud
    await page.waitForSelector('h1:has-text("Cloud")');
    await page.goForward();
    await trained();
    const engine = page.workers().find(worker => worker.url().includes('/worker-'))!;
    await engine.evaluate(() => reportError(new Error('a crash')));
    await page.waitForSelector('main[data-ready=no]');
    await page.waitForSelector('main[data-ready=yes]', { timeout: 90_000 });
    await trained();
    expect(await page.evaluate(() => document.documentElement.dataset.trained)).toBeUndefined();
  }, 180_000);

  test('two tabs do not tread on each other, and a project takes all rooms elsewhere', async () => {
    const other = await studio.open('#/gravity?data=drawn');
    await other.waitForSelector('main[data-ready=yes]', { timeout: 90_000 });
    await point(other, 0.5, 0.5);
    expect(await points(other)).toBe(1);
    await other.close();
    await reloaded();
    expect(await points(page)).toBe(2);
    const miss = await value(page, 'miss');

    await visit(page, '#/embed?picture=8-bag');
    const waiting = page.waitForEvent('download');
    await page.click('text=Save project');
    const bytes = readFileSync(await (await waiting).path());
    const elsewhere = await studio.openElsewhere('#/gravity?data=drawn');
    await elsewhere.waitForSelector('main[data-ready=yes]', { timeout: 90_000 });
    await drop(elsewhere, [{ name: 'studio.seedbed.json', bytes }]);
    await elsewhere.waitForSelector('h1:has-text("Embed")');
    await shown(elsewhere);
    expect(await value(elsewhere, 'mse')).toBe(await value(page, 'mse'));
    await elsewhere.click('nav >> text=Gravity');
    await shown(elsewhere);
    expect(await points(elsewhere)).toBe(2);
    expect(await value(elsewhere, 'miss')).toBe(miss);
    await elsewhere.context().close();
  }, 180_000);

  test('a picture of one’s own is missed by links, told of what was done to it, and there after a reload', async () => {
    await visit(page, '#/embed?picture=own-deadbeef');
    await page.waitForSelector('.notice:has-text("not in this browser")');
    await page.click('.notice:has-text("not in this browser") button');
    const wide = await largeJpeg(300, 200);
    const { changes } = await decodeImage(wide, 'wide.jpg', { size: 28, channels: 1 });
    expect(changes).toEqual(['centre-cropped', 'resized 200x200 to 28x28', 'turned to grey']);
    await drop(page, [{ name: 'wide.jpg', bytes: wide }]);
    // As the command line says it.
    await page.waitForSelector(`.notice:has-text("wide.jpg: ${changes.join(', ')}")`, { timeout: 30_000 });

    const bytes = readFileSync(join(ROOT, 'examples/fashion-mnist/1-trouser.png'));
    await drop(page, [{ name: 'mine.png', bytes }]);
    const mine = '[data-picture^="own-"][aria-pressed=true][title="mine.png"]';
    await page.waitForSelector(mine);
    await shown(page);
    const mse = await value(page, 'mse');
    await reloaded();
    await page.waitForSelector(mine);
    expect(await value(page, 'mse')).toBe(mse);
    expect(await page.locator('.notice:has-text("not in this browser")').count()).toBe(0);

    await page.click('text=Kept here…');
    await expect.poll(() => page.locator('[data-kept=picture]').innerText()).toBe('2');
    // Enter pressed again and again, or held, forgets nothing.
    await page.keyboard.press('Escape');
    await page.focus('text=Kept here…');
    await page.keyboard.press('Enter');
    await page.waitForSelector('dialog button:focus:has-text("Close")');
    await page.keyboard.press('Enter');
    await page.waitForSelector('dialog', { state: 'detached' });
    await page.click('text=Kept here…');
    await page.click('text=Forget all of it');
    await page.waitForSelector('dialog button:focus:has-text("Keep it")');
    await page.click('text=Forget it for good');
    await page.waitForSelector('.notice:has-text("not in this browser")');
    await page.waitForSelector('main[data-ready=yes]', { timeout: 90_000 });
  }, 180_000);

  test('a model whose every step takes long is stopped within two seconds, and all goes on', async () => {
    await drop(page, [{ name: 'slow.onnx', bytes: api.saveModel(slowDenoiser()) }]);
    await page.waitForSelector('.notice:has-text("slow.onnx is open")', { timeout: 60_000 });
    const seeking = '[data-task="Finding the seed"]';
    await page.waitForSelector(seeking);
    // It says what it does from the start, and for how long.
    await page.waitForSelector(`${seeking} .note >> text=/(building graphs|measuring|step).* · [2-9] s/`, {
      timeout: 90_000,
    });
    await page.click(`${seeking} button`);
    const stopped = performance.now();
    await page.waitForSelector('.task:not([data-task^=Reading]):not([data-task^=Starting])', {
      state: 'detached',
    });
    await page.waitForSelector('text=stopped before its end');
    expect(performance.now() - stopped).toBeLessThan(2000);
    await page.selectOption('footer select >> nth=0', 'fashion-mnist');
    await shown(page);
    await page.selectOption('footer select >> nth=0', { label: 'slow' });
    await page.waitForSelector('text=stopped before its end', { timeout: 60_000 });
  }, 180_000);

  test('no page complained', () => {
    expect(studio.complaints).toEqual([]);
  });
});
