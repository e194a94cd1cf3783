import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';
import { build, type InlineConfig, preview } from 'vite';

/** The browser that the tests drive: CHROMIUM, or where Debian's package puts it. */
export const CHROMIUM = [process.env.CHROMIUM, '/usr/bin/chromium'].find(path => path && existsSync(path));

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

const FLAGS = [
  '--no-sandbox',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
  '--disable-quic',
  '--enable-unsafe-webgpu',
  '--use-webgpu-adapter=swiftshader',
];

/** Starts the browser, without a window. @param flags further ones. */
export function launch(flags: readonly string[] = []): Promise<Browser> {
  return chromium.launch({ executablePath: CHROMIUM!, args: [...FLAGS, ...flags] });
}

/** What threads need: a page that no other origin shares memory with. */
const ISOLATION = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
};

export interface Opened {
  readonly page: Page;
  /** Addresses outside the page's own server that it asked for; there must be none. */
  readonly foreign: readonly string[];
  close(): Promise<void>;
}

/** test/browser/page/, which holds the public API as it is built, under the name `seedbed`. */
export const TEST_PAGE: InlineConfig = {
  root: join(ROOT, 'test/browser/page'),
  resolve: { alias: { seedbed: join(ROOT, 'dist/index.js') } },
};

/** Opens the test page in Chromium. */
export async function openTestPage(): Promise<Opened> {
  const opened = await openPage(TEST_PAGE);
  await opened.page.waitForFunction('globalThis.seedbed');
  return opened;
}

/** Bundles a page and opens it in Chromium. */
export async function openPage(config: InlineConfig): Promise<Opened> {
  const { address, close: stop } = await servePage(config);
  const browser = await launch();
  const page = await browser.newPage();
  const foreign: string[] = [];
  page.on('request', request => {
    if (!request.url().startsWith(address) && !/^(data|blob):/.test(request.url()))
      foreign.push(request.url());
  });
  await page.goto(address);
  const close = async () => {
    await browser.close();
    await stop();
  };
  return { page, foreign, close };
}

/** Bundles a page with Vite as docs/browser.md says, and serves it isolated. */
export async function servePage(
  config: InlineConfig,
): Promise<{ readonly address: string; close(): Promise<void> }> {
  const outDir = await mkdtemp(join(tmpdir(), 'seedbed-page-'));
  const shared = { ...config, configFile: false, build: { outDir } } as const;
  await build({
    ...shared,
    logLevel: 'warn',
    worker: { format: 'es' },
    build: { outDir, emptyOutDir: true, chunkSizeWarningLimit: 1e4 },
  });
  const server = await preview({
    ...shared,
    logLevel: 'silent',
    appType: 'mpa',
    preview: { host: '127.0.0.1', port: 0, headers: ISOLATION },
  });
  const close = async () => {
    await server.close();
    await rm(outDir, { recursive: true });
  };
  return { address: server.resolvedUrls!.local[0]!, close };
}
