import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TestProject } from 'vitest/node';
import { CHROMIUM } from './chromium.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

declare module 'vitest' {
  export interface ProvidedContext {
    /** The studio as it is built from the sources; empty where there is no browser to open it. */
    studio: string;
  }
}

/** Builds what the tests open in a browser, once for all of them. */
export default function setup(project: TestProject): (() => void) | undefined {
  project.provide('studio', '');
  if (!CHROMIUM) return undefined;
  const folder = mkdtempSync(join(tmpdir(), 'seedbed-studio-'));
  const npx = (...args: string[]) =>
    execFileSync('npx', args, { cwd: ROOT, shell: process.platform === 'win32', stdio: 'pipe' });
  npx('tsc', '-p', 'tsconfig.build.json');
  npx('vite', 'build', 'studio', '--outDir', folder, '--emptyOutDir', '--logLevel', 'error');
  project.provide('studio', folder);
  return () => rmSync(folder, { recursive: true });
}
