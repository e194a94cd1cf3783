/**
 * Measures how the studio opens and stops, in Chromium: first paint, first picture, first seed, and what is sent before that,
 * unthrottled and at 10 Mbit/s as DevTools throttles; and how soon a model whose every evaluation takes long is stopped. Writes
 * docs/studio/start.md: npm run studio:measure
 */
import { writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { cpus, loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { getRequestListener } from '@hono/node-server';
import type { Browser, Page } from 'playwright-core';
import { studioApp } from '../src/cli/studio.ts';
import { saveModel } from '../src/index.ts';
import { launch } from '../test/browser/chromium.ts';
import { drop } from '../test/studio/open.ts';
import { slowDenoiser } from '../test/studio/slow.ts';

const at = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const RUNS = 3;
/** Megabits a second, and milliseconds to the server and back: a 4G network as WebPageTest has it. */
const SLOW = { megabits: 10, latency: 170 };
const TIMEOUT = { timeout: 300_000 };

/** What is measured of an opening, in milliseconds; and bytes that the server had sent. */
interface Opening {
  readonly paint: number;
  readonly picture: number;
  readonly seed: number;
  readonly bytes: number;
}

/** Bytes that a server has sent, over all connections. */
function counted(server: Server): () => number {
  const sockets = new Set<{ readonly bytesWritten: number }>();
  server.on('connection', socket => sockets.add(socket));
  return () => [...sockets].reduce((sum, { bytesWritten }) => sum + bytesWritten, 0);
}

/** Notes in the page when a picture and a seed are drawn for the first time. */
async function watch(page: Page): Promise<void> {
  await page.addInitScript(() => {
    const seen: Record<string, number> = {};
    Object.assign(globalThis, { seen });
    new MutationObserver(() => {
      if (document.querySelector('.stage canvas')) seen.picture ??= performance.now();
      if (document.querySelector('[data-stage=found]')) seen.seed ??= performance.now();
    }).observe(document, { childList: true, subtree: true, attributes: true });
  });
}

async function opening(
  browser: Browser,
  address: string,
  sent: () => number,
  slow: boolean,
): Promise<Opening> {
  const context = await browser.newContext({ serviceWorkers: 'allow' });
  try {
    const page = await context.newPage();
    if (slow) {
      const throughput = (SLOW.megabits * 1e6) / 8;
      const devtools = await context.newCDPSession(page);
      await devtools.send('Network.enable');
      await devtools.send('Network.emulateNetworkConditions', {
        ...{ offline: false, latency: SLOW.latency },
        ...{ downloadThroughput: throughput, uploadThroughput: throughput },
      });
    }
    await watch(page);
    const before = sent();
    await page.goto(address);
    await page.waitForSelector('[data-stage=found]', TIMEOUT);
    const bytes = sent() - before;
    // What is there may not have been painted yet.
    await page.waitForFunction(() => performance.getEntriesByName('first-contentful-paint').length > 0);
    return await page.evaluate(bytes => {
      const { seen } = globalThis as unknown as { seen: { picture: number; seed: number } };
      return { paint: performance.getEntriesByName('first-contentful-paint')[0]!.startTime, ...seen, bytes };
    }, bytes);
  } finally {
    await context.close();
  }
}

/** From nothing to the seed of a picture of one's own, dropped when the engine is there; nothing is fetched for later. */
async function ownPicture(browser: Browser, address: string, sent: () => number) {
  const context = await browser.newContext({ serviceWorkers: 'block' });
  try {
    const page = await context.newPage();
    const before = sent();
    const begun = performance.now();
    await page.goto(address);
    await page.waitForSelector('main[data-ready=yes]', TIMEOUT);
    const ready = performance.now() - begun;
    const png = await page.evaluate(async () => {
      const canvas = new OffscreenCanvas(28, 28);
      canvas.getContext('2d')!.fillRect(9, 4, 10, 20);
      return [...new Uint8Array(await (await canvas.convertToBlob()).arrayBuffer())];
    });
    const dropped = performance.now();
    await drop(page, [{ name: 'own.png', bytes: png }]);
    await page.waitForSelector('[data-picture^=own-][aria-pressed=true]', TIMEOUT);
    await page.waitForSelector('[data-stage=found]', TIMEOUT);
    return { ready, seed: performance.now() - dropped, bytes: sent() - before };
  } finally {
    await context.close();
  }
}

/** How long a model's work says nothing, how soon it is stopped, and when the shipped model has a seed after that. */
async function stopping(browser: Browser, address: string) {
  const context = await browser.newContext({ serviceWorkers: 'block' });
  try {
    const page = await context.newPage();
    await page.goto(address);
    await page.waitForSelector('main[data-ready=yes]', TIMEOUT);
    await drop(page, [{ name: 'slow.onnx', bytes: saveModel(slowDenoiser()) }]);
    const seeking = '[data-task="Finding the seed"]';
    await page.waitForSelector(seeking, TIMEOUT);
    const begun = performance.now();
    await page.waitForSelector(`${seeking} .note:not(:empty)`, TIMEOUT);
    const silent = performance.now() - begun;
    await page.waitForSelector(`${seeking} .note >> text=/about .* in all/`, TIMEOUT);
    const note = await page.locator(`${seeking} .note`).innerText();
    await page.waitForTimeout(1500);
    const pressed = performance.now();
    await page.click(`${seeking} button`);
    await page.waitForSelector('text=stopped before its end', TIMEOUT);
    const stopped = performance.now();
    await page.selectOption('footer select >> nth=0', 'fashion-mnist');
    await page.click('[data-picture="3-dress"]');
    await page.waitForSelector('main[data-ready=yes]', TIMEOUT);
    await page.waitForSelector('[data-stage=found]', TIMEOUT);
    return { silent, note, stop: stopped - pressed, again: performance.now() - stopped };
  } finally {
    await context.close();
  }
}

const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[values.length >> 1]!;
/** What a task says that it will cost. */
const foretold = (note: string) => /about [^·]* in all/.exec(note)?.[0] ?? note;
const seconds = (ms: number) => `${(ms / 1000).toFixed(2)} s`;
const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(2)} MB`;

const server = createServer(getRequestListener(studioApp(at('studio/dist')).fetch));
const sent = counted(server);
await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/#/embed?device=wasm`;
const load = loadavg()[0]!;
const browser = await launch();
try {
  const rows: string[] = [];
  for (const slow of [false, true]) {
    const runs: Opening[] = [];
    for (let i = 0; i < RUNS; i++) runs.push(await opening(browser, address, sent, slow));
    const of = (name: keyof Opening) => median(runs.map(run => run[name]));
    const network = slow ? `${SLOW.megabits} Mbit/s, ${SLOW.latency} ms` : 'none between';
    rows.push(
      `| ${network} | ${seconds(of('paint'))} | ${seconds(of('picture'))} | ${seconds(of('seed'))} | ${megabytes(of('bytes'))} |`,
    );
  }
  const own = await ownPicture(browser, address, sent);
  const stop = await stopping(browser, address);
  const [{ model }, version] = [cpus()[0]!, browser.version()];
  const page = `# How the studio opens

Written by \`npm run studio:measure\`: Chromium ${version} without a window, ${cpus().length} cores (${model}), whose load was ${load.toFixed(1)} when it began; medians of ${RUNS} openings of Embed by
browsers that keep nothing yet. The network is throttled as DevTools does it. First picture and seed are when the page holds them,
which may be before it has painted; sent is all that the server had sent by then, the shipped seeds and what was begun for later among it.

| network | first paint | first picture | its seed | sent before the seed |
| --- | --- | --- | --- | --- |
${rows.join('\n')}

The first pictures, their seeds by split inversion and what grows from them ship with the studio (\`npm run studio:start\` finds them); the runtime and the model are fetched behind them.
Runtime (WebAssembly) and model were there after ${seconds(own.ready)} without a network between; a picture of one's own that was dropped then had its seed by the embedder ${seconds(own.seed)} later. Until then
${megabytes(own.bytes)} were sent, without the files that are fetched after that to open offline.

## How it stops
A network of 1,000 matrix products of 256 x 256 is opened. Its work said nothing for ${seconds(stop.silent)}, and then what it does and, once one evaluation was measured, "${foretold(stop.note)}". *Stop*,
pressed in the middle of an evaluation, had ended it after ${seconds(stop.stop)}; the engine, begun anew, worked with the shipped model ${seconds(stop.again)} after that.
`;
  writeFileSync(at('docs/studio/start.md'), page);
  process.stdout.write(page);
} finally {
  await browser.close();
  server.closeAllConnections();
  server.close();
}
