import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { openStudio, type Studio, shown, still } from '../../test/studio/open.ts';
import { judge, kept, type Soaked } from './memory.ts';

const FOLDER = fileURLToPath(new URL('../../studio/dist', import.meta.url));
/** Samples of memory over all requests. */
const SAMPLES = 50;
/** Has the browser measure at once and not when it next collects what is unused. */
const AT_ONCE = '--enable-blink-features=ForceEagerMeasureMemory';

/** Asks the studio's server for its files, and its page for the seeds of pictures. */
export async function soakStudio(count: number): Promise<Soaked[]> {
  const studio = await openStudio(FOLDER, { flags: [AT_ONCE] });
  try {
    const server = await soakServer(studio, count);
    const page = await studio.open('#/embed?method=embedder');
    await shown(page);
    await still(page);
    const soaked = [server, await soakPage(page, count)];
    if (studio.complaints.length > 0) throw new Error(studio.complaints.join('\n'));
    return soaked;
  } finally {
    await studio.close();
  }
}

async function soakServer({ address }: Studio, count: number): Promise<Soaked> {
  const files = ['', ...readdirSync(`${FOLDER}/assets`).map(name => `assets/${name}`)];
  const samples: number[] = [];
  for (let i = 0; i < count; i++) {
    const answer = await fetch(`${address}${files[i % files.length]}`);
    if (!answer.ok) throw new Error(`${answer.url}: ${answer.status}`);
    await answer.arrayBuffer();
    if (i % Math.ceil(count / SAMPLES) === 0) samples.push(await kept());
  }
  return judge(
    "the studio's server",
    `${count} requests`,
    'kept by the process that asks and answers',
    samples,
  );
}

async function soakPage(page: Page, count: number): Promise<Soaked> {
  const pictures = await page.locator('[data-picture]').evaluateAll(all => all.map(e => e.dataset.picture!));
  const samples: number[] = [];
  for (let i = 0; i < count; i++) {
    // The page opened with the last.
    await page.click(`[data-picture="${pictures[i % pictures.length]}"]`);
    await shown(page);
    await still(page);
    if (i % Math.ceil(count / SAMPLES) === 0) samples.push(await memoryOf(page));
  }
  return judge("the studio's page", `${count} pictures`, 'of the page and its worker', samples);
}

/** Bytes that a page and its workers hold, WebAssembly's memory included. */
async function memoryOf(page: Page): Promise<number> {
  const { bytes } = await page.evaluate(() =>
    (
      performance as unknown as { measureUserAgentSpecificMemory(): Promise<{ bytes: number }> }
    ).measureUserAgentSpecificMemory(),
  );
  return bytes;
}
