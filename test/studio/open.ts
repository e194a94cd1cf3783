import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import type { BrowserContext, Page } from 'playwright-core';
import { studioApp } from '../../src/cli/studio.ts';
import { launch } from '../browser/chromium.ts';

/** The studio, served as `seedbed studio` serves it, and a browser. */
export interface Studio {
  /** Opens a room in a page of its own, with what the browser keeps of the others; device WebAssembly unless the address says otherwise. */
  open(hash: string): Promise<Page>;
  /** Opens it in another browser, which keeps nothing of this one. @param before what is done to the page before it opens. */
  openElsewhere(hash: string, before?: (page: Page) => Promise<void>): Promise<Page>;
  /** What pages said that they should not: errors, breaches of the policy, requests to elsewhere. */
  readonly complaints: string[];
  /** Where it is served. */
  readonly address: string;
  close(): Promise<void>;
}

/** How the studio is opened. */
interface Opening {
  /** Further flags of the browser. */
  readonly flags?: readonly string[];
  /** Whether it keeps the studio's files, as people's browsers do. */
  readonly keepsOffline?: boolean;
}

export async function openStudio(
  folder: string,
  { flags = [], keepsOffline = false }: Opening = {},
): Promise<Studio> {
  const server = createServer(getRequestListener(onOneThread(studioApp(folder).fetch)));
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const browser = await launch(flags);
  const profile = () =>
    browser.newContext({
      viewport: { width: 1280, height: 860 },
      serviceWorkers: keepsOffline ? 'allow' : 'block',
    });
  const context = await profile();
  const complaints: string[] = [];
  const openIn = async (context: BrowserContext, hash: string, before?: (page: Page) => Promise<void>) => {
    const page = await context.newPage();
    await before?.(page);
    page.on('pageerror', error => complaints.push(`${hash}: ${error.message}`));
    page.on('console', message => {
      if (message.type() === 'error') complaints.push(`${hash}: ${message.text()}`);
    });
    page.on('request', request => {
      if (!request.url().startsWith(address) && !/^(data|blob):/.test(request.url()))
        complaints.push(`${hash}: asked for ${request.url()}`);
    });
    await page.goto(`${address}${onWasm(hash)}`);
    return page;
  };
  return {
    complaints,
    address,
    open: hash => openIn(context, hash),
    openElsewhere: async (hash, before) => openIn(await profile(), hash, before),
    async close() {
      await browser.close();
      server.closeAllConnections();
      server.close();
    },
  };
}

/** Serves the studio so that its engine takes one core, and two test files at a time run as fast as one. */
function onOneThread(fetch: (request: Request) => Response | Promise<Response>) {
  return async (request: Request) => {
    if (!/worker[^/]*\.js$/.test(request.url)) return fetch(request);
    const { status, headers, body } = await fetch(new Request(request.url));
    if (!body) return new Response(null, { status, headers });
    const text = await new Response(body).text();
    headers.delete('content-length');
    return new Response(`Object.defineProperty(navigator, 'hardwareConcurrency', { value: 1 });\n${text}`, {
      status,
      headers,
    });
  };
}

function onWasm(hash: string): string {
  return hash.includes('device=') ? hash : `${hash}${hash.includes('?') ? '&' : '?'}device=wasm`;
}

/** Follows a link within a page, whose engine goes on; waits until the room shows its first result. */
export async function visit(page: Page, hash: string): Promise<void> {
  await page.evaluate(to => location.assign(to), onWasm(hash));
  // A link that was followed becomes a step of the history as soon as the page has heard of it.
  await page.waitForFunction(() => history.state?.at !== undefined);
  await shown(page);
}

/** Waits until a room shows its first result. */
export async function shown(page: Page): Promise<void> {
  await page.waitForSelector('[data-stage=found]', { timeout: 90_000 });
}

/** Waits until nothing is being worked on. */
export async function still(page: Page): Promise<void> {
  // What was asked for begins after the page has looked whether it is kept.
  await page.waitForTimeout(100);
  await page.waitForSelector('.tasks[data-working="0"]', { state: 'attached', timeout: 90_000 });
}

/** A number that a room shows. */
export async function value(page: Page, name: string, at = 0): Promise<number> {
  return Number.parseFloat(await page.locator(`[data-value=${name}]`).nth(at).innerText());
}

/** The grey values, 0 to 255, of the canvas with this label, as soon as there is one. */
export async function greys(page: Page, label: string): Promise<number[]> {
  const canvas = page.locator(`[aria-label="${label}"] canvas`).first();
  await canvas.waitFor({ state: 'attached', timeout: 90_000 });
  return canvas.evaluate((canvas: HTMLCanvasElement) => {
    const { data } = canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height);
    return [...data].filter((_, i) => i % 4 === 0);
  });
}

/** Drops files on the page. */
export async function drop(
  page: Page,
  files: readonly { name: string; bytes: ArrayLike<number> }[],
): Promise<void> {
  // Text goes to the page many times as fast as numbers.
  await page.evaluate(
    files => {
      const dataTransfer = new DataTransfer();
      for (const { name, text } of files)
        dataTransfer.items.add(new File([Uint8Array.from(atob(text), letter => letter.charCodeAt(0))], name));
      dispatchEvent(new DragEvent('drop', { dataTransfer, bubbles: true, cancelable: true }));
    },
    files.map(({ name, bytes }) => ({ name, text: Buffer.from(Uint8Array.from(bytes)).toString('base64') })),
  );
}
