import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const source = (path: string) => fileURLToPath(new URL(`src/${path}`, import.meta.url));

export default defineConfig({
  // The tests run the sources; "#platform" in package.json and the examples' 'seedbed' name what is built.
  resolve: { alias: { '#platform': source('runtime/node.ts'), seedbed: source('index.ts') } },
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/browser/build.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
