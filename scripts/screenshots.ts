import { mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { openStudio, shown, still } from '../test/studio/open.ts';

// Pictures of every room of the studio as it is built, or of those named, in light, in dark and at a phone's width: docs/studio/.
const ROOMS = {
  embed: '#/embed?picture=8-bag',
  edit: '#/edit?picture=7-sneaker&natural=0.6',
  walk: '#/walk',
  cloud: '#/cloud',
  networks: '#/networks?rng=3',
  gravity: '#/gravity',
  train: '#/train?network=small&steps=300',
};
const LOOKS = {
  light: { colorScheme: 'light', viewport: { width: 1280, height: 860 } },
  dark: { colorScheme: 'dark', viewport: { width: 1280, height: 860 } },
  phone: { colorScheme: 'light', viewport: { width: 390, height: 844 } },
} as const;

const root = fileURLToPath(new URL('..', import.meta.url));
const out = `${root}docs/studio`;
await mkdir(out, { recursive: true });
const studio = await openStudio(`${root}studio/dist`);
try {
  const named = process.argv.slice(2);
  for (const [room, hash] of Object.entries(ROOMS)) {
    if (named.length > 0 && !named.includes(room)) continue;
    const page = await studio.open(hash);
    await shown(page);
    if (room === 'embed') {
      await page.click('text=See it grow');
      await page.waitForSelector('[data-growth=shown]', { timeout: 90_000 });
      await page.getByLabel(/^Step \d/).fill('4');
      await page.click('text=Compare');
    }
    if (room === 'edit') {
      const { x, y, width, height } = (await page.locator('.drawing').boundingBox())!;
      await page.mouse.move(x + width * 0.2, y + height * 0.35);
      await page.mouse.down();
      await page.mouse.move(x + width * 0.75, y + height * 0.75, { steps: 12 });
      await page.mouse.up();
    }
    if (room === 'train') {
      await page.click('button.main');
      await page.waitForSelector('[data-seeds=found]', { timeout: 3_600_000 });
    }
    await still(page);
    for (const [look, { colorScheme, viewport }] of Object.entries(LOOKS)) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize(viewport);
      // A phone opens the page as it is wide.
      if (look === 'phone') {
        await page.reload();
        await shown(page);
      }
      await still(page);
      await page.waitForTimeout(500);
      const path = `${out}/${room}-${look}.png`;
      await page.screenshot({ path, fullPage: true });
      console.log(path.slice(root.length));
    }
    await page.close();
  }
} finally {
  await studio.close();
}
