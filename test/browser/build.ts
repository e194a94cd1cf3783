import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, statSync, utimesSync } from 'node:fs';
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

/** What the library and the studio are built from. */
const SOURCES = [
  ...['src', 'studio/src', 'studio/index.html', 'studio/vite.config.ts', 'studio/delivery.ts'],
  ...['studio/tsconfig.json', 'models', 'package-lock.json', 'tsconfig.json', 'tsconfig.build.json'],
];
/** What is written last of each. */
const BUILT = ['dist/build.tsbuildinfo', 'studio/dist/index.html'];

/** Builds what the tests open in a browser, unless it is there and newer than what it is built from. */
export default function setup(project: TestProject): void {
  project.provide('studio', CHROMIUM ? join(ROOT, 'studio/dist') : '');
  if (!CHROMIUM || isBuilt()) return;
  execFileSync('npm', ['run', 'build'], {
    cwd: ROOT,
    shell: process.platform === 'win32',
    stdio: 'pipe',
    // As people build it: Vitest says that this is a test.
    env: { ...process.env, NODE_ENV: 'production' },
  });
  // The compiler leaves its file as it is where nothing but dates changed.
  const now = new Date();
  for (const path of BUILT) utimesSync(join(ROOT, path), now, now);
}

function isBuilt(): boolean {
  const built = BUILT.map(path => join(ROOT, path));
  if (!built.every(path => existsSync(path))) return false;
  const newest = Math.max(...SOURCES.map(path => newestIn(join(ROOT, path))));
  return Math.min(...built.map(changedAt)) >= newest;
}

const changedAt = (path: string) => statSync(path).mtimeMs;

/** When anything in a folder, or a file, was changed last; what was taken away changes its folder. */
function newestIn(path: string): number {
  if (!statSync(path).isDirectory()) return changedAt(path);
  return Math.max(changedAt(path), ...readdirSync(path).map(name => newestIn(join(path, name))));
}
