import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium, type Page } from 'playwright-core';
import { build, preview } from 'vite';

/** The browser that the tests drive: CHROMIUM, or where Debian's package puts it. */
export const CHROMIUM = [process.env.CHROMIUM, '/usr/bin/chromium'].find(path => path && existsSync(path));

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export interface Served {
  readonly page: Page;
  /** Addresses outside the page's own server that it asked for; there must be none. */
  readonly foreign: readonly string[];
  close(): Promise<void>;
}

/** Bundles page/ with the library as it is packed, serves it as Seedbed's pages are served, and opens it. */
export async function openPage(): Promise<Served> {
  execFileSync('npx', ['tsc', '-p', 'tsconfig.build.json'], {
    cwd: ROOT,
    shell: process.platform === 'win32',
  });
  const outDir = await mkdtemp(join(tmpdir(), 'seedbed-page-'));
  const root = join(ROOT, 'test/browser/page');
  await build({
    configFile: false,
    logLevel: 'warn',
    root,
    resolve: { alias: { seedbed: join(ROOT, 'dist/index.js') } },
    worker: { format: 'es' },
    build: { outDir, emptyOutDir: true, target: 'es2023', assetsInlineLimit: 0, chunkSizeWarningLimit: 1e4 },
  });
  const server = await preview({
    configFile: false,
    logLevel: 'silent',
    appType: 'mpa',
    root,
    build: { outDir },
    preview: {
      host: '127.0.0.1',
      port: 0,
      headers: {
        'Cross-Origin-Opener-Policy': 'same-origin',
        'Cross-Origin-Embedder-Policy': 'require-corp',
      },
    },
  });
  const browser = await chromium.launch({
    executablePath: CHROMIUM!,
    args: [
      '--no-sandbox',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--no-first-run',
      '--disable-quic',
      '--enable-unsafe-webgpu',
      '--use-webgpu-adapter=swiftshader',
    ],
  });
  const page = await browser.newPage();
  const address = server.resolvedUrls!.local[0]!;
  const foreign: string[] = [];
  page.on('request', request => {
    if (!request.url().startsWith(address) && !/^(data|blob):/.test(request.url()))
      foreign.push(request.url());
  });
  await page.goto(address);
  await page.waitForFunction('globalThis.seedbed');
  const close = async () => {
    await browser.close();
    await server.close();
    await rm(outDir, { recursive: true });
  };
  return { page, foreign, close };
}
