import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  // The tests run the sources, package.json's "#platform" names what is built.
  resolve: { alias: { '#platform': fileURLToPath(new URL('src/runtime/node.ts', import.meta.url)) } },
  test: { include: ['test/**/*.test.ts'], testTimeout: 60_000, hookTimeout: 60_000 },
});
