import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import * as api from '../../src/index.ts';
import { cut, SHEET } from '../../studio/src/engine/sheet.ts';
import { CHROMIUM } from '../browser/chromium.ts';
import { leave } from './expect.ts';
import { drop, openStudio, type Studio, shown, value } from './open.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

test('the pictures that ship are the first of Fashion-MNIST, each by itself', async () => {
  const { across, side } = SHEET;
  const file = join(ROOT, 'studio/src/shipped/fashion-mnist-16.png');
  const sheet = await api.readPicture(file, [1, across * side, across * side]);
  const pictures = cut(sheet.data);
  // The second picture, its third row; the first of the second row of pictures, its first row.
  const at = (y: number, x: number) => sheet.data[y * across * side + x];
  expect(pictures[side ** 2 + 2 * side + 5]).toBe(at(2, side + 5));
  expect(pictures[across * side ** 2 + 7]).toBe(at(side, 7));
});

describe.skipIf(!CHROMIUM)('training on pictures in a page (needs Chromium; CHROMIUM names it)', () => {
  const STEPS = 4;
  const ADDRESS = `#/train?network=small&steps=${STEPS}`;
  /** Two pictures of one's own, and what is none. */
  const files = [
    ...['9-ankle-boot', '8-bag'].map(name => ({
      name: `${name}.png`,
      bytes: readFileSync(join(ROOT, `examples/fashion-mnist/${name}.png`)),
    })),
    { name: 'notes.txt', bytes: [1, 2, 3] },
  ];
  let studio: Studio;
  let page: Page;
  beforeAll(async () => {
    studio = await openStudio(inject('studio'));
    page = await studio.open(ADDRESS);
    await shown(page);
  }, 120_000);
  afterAll(() => studio?.close());

  const bring = async (to: Page) => {
    await drop(to, files);
    await to.waitForSelector('.notice:has-text("No pictures that this browser reads: notes.txt.")');
    await to.click('.notice button');
    await to.waitForSelector('option:text("2 pictures, 16x16")', { state: 'attached' });
  };
  const main = (of: Page, text: string) =>
    of.waitForSelector(`button.main:text("${text}")`, { timeout: 90_000 });
  const model = async (of: Page) => {
    const waiting = of.waitForEvent('download');
    await of.click('text=Model .onnx');
    return new Uint8Array(readFileSync(await (await waiting).path()));
  };

  test('a network learns one’s own pictures, shows what it grows, and finds their seeds', async () => {
    await bring(page);
    await page.click('button.main');
    await main(page, 'Trained');
    for (const step of [1, STEPS]) expect(await page.locator(`[data-look="${step}"] canvas`).count()).toBe(8);
    expect(await value(page, 'step')).toBe(STEPS);
    await page.waitForSelector('[data-seeds=found]', { timeout: 90_000 });
    const { info } = await api.loadModel(await model(page));
    expect(info.shape).toEqual([1, 16, 16]);
    expect(info.training).toMatchObject({ data: expect.stringMatching(/^set-/), steps: STEPS });
  }, 180_000);

  test('paused, reloaded and gone on with, it comes to the same bits', async () => {
    const other = await studio.openElsewhere(ADDRESS);
    await shown(other);
    await bring(other);
    // Paused before its first step, it has nothing to go on with, and begins anew.
    await other.click('button.main');
    await other.click('button:text("Pause")');
    await main(other, 'Train');
    await other.click('button.main');
    await other.waitForFunction(
      () => Number(document.querySelector('[data-value=step]')?.textContent) >= 1,
      undefined,
      { timeout: 90_000 },
    );
    await other.click('button:text("Pause")');
    await main(other, 'Go on');
    const paused = await value(other, 'step');
    expect(paused).toBeLessThan(STEPS);
    await other.reload();
    await main(other, 'Go on');
    expect(await value(other, 'step')).toBe(paused);
    await other.click('button.main');
    await main(other, 'Trained');
    const same = Buffer.compare(await model(other), await model(page)) === 0;
    expect(same, 'the same bits').toBe(true);
    await other.context().close();
  }, 180_000);

  test('the trained model is used in the other rooms', async () => {
    await page.click('text=Use it in the other rooms');
    await page.waitForSelector('.notice:has-text("is open, without an embedder")');
    await page.click('.notice button');
    expect(await page.locator('footer select >> nth=0').inputValue()).not.toBe('fashion-mnist');
  }, 60_000);

  test('it holds what every room holds, and no page complained', async () => {
    await leave(page, 'train');
    expect(studio.complaints).toEqual([]);
  }, 120_000);
});
