import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import * as api from '../../src/index.ts';
import type { Floats } from '../../src/tensor/tensor.ts';
import { drop, still } from './open.ts';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
export type Room = 'embed' | 'edit' | 'walk' | 'cloud' | 'networks' | 'gravity' | 'train';

/** The seeds that a press of "Seed .npy" downloads. */
export async function downloaded(page: Page): Promise<Floats> {
  const waiting = page.waitForEvent('download');
  await page.click('text=Seed .npy');
  const path = await (await waiting).path();
  return api.readSeeds(new Uint8Array(readFileSync(path)), 'seed.npy').latent;
}

/** What holds in every room, as a test leaves it: see `accessible` and `forgiving`. */
export async function leave(page: Page, room: Room): Promise<void> {
  await forgiving(page, room);
  await accessible(page);
  await page.emulateMedia({ colorScheme: 'light' });
  await page.setViewportSize({ width: 1280, height: 860 });
}

/** What cannot be read is told in words. */
async function forgiving(page: Page, room: Room): Promise<void> {
  const picture =
    room === 'gravity' ? /drop it in another room/ : /holiday\.png: .*not a picture that this browser reads/;
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

/** Nothing hangs over the edge of the window, and pictures beside each other are large enough to see. */
async function fitting(page: Page): Promise<void> {
  // Figures are drawn anew for another width in a later turn.
  const fits = () => document.documentElement.scrollWidth <= innerWidth;
  await page.waitForFunction(fits, undefined, { timeout: 5000 }).catch(() => {});
  const [wider, least] = await page.evaluate(() => [
    document.documentElement.scrollWidth - innerWidth,
    Math.min(...[...document.querySelectorAll('.stage.three .pixels')].map(shown => shown.clientWidth)),
  ]);
  expect(wider, 'pixels that the page is wider than the window').toBeLessThanOrEqual(0);
  expect(least, 'pixels of the smallest picture').toBeGreaterThanOrEqual(140);
}

/** It breaks no rule of accessibility, in light and dark, wide and narrow. */
export async function accessible(page: Page): Promise<void> {
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
    await fitting(page);
  }
  await page.setViewportSize({ width: 320, height: 640 });
  await fitting(page);
}

/** The largest difference of two tensors. */
export function largest(a: Floats, b: Floats): number {
  expect(a.shape).toEqual(b.shape);
  return a.data.reduce((most, v, i) => Math.max(most, Math.abs(v - b.data[i]!)), 0);
}

/** The largest difference of grey values shown, 0 to 255, from a picture's pixels in [0,1]. */
export function furthest(shown: readonly number[], { data }: Floats): number {
  expect(shown).toHaveLength(data.length);
  return shown.reduce(
    (most, v, i) => Math.max(most, Math.abs(v - 255 * Math.min(1, Math.max(0, data[i]!)))),
    0,
  );
}
