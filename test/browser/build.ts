import { execFileSync } from 'node:child_process';
import { utimesSync } from 'node:fs';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { isBuilt, ROOT } from '../built.ts';
import { CHROMIUM } from './chromium.ts';

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
  if (!CHROMIUM || isBuilt(BUILT, SOURCES)) return;
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
