import { fileURLToPath } from 'node:url';
import { configDefaults, defineConfig } from 'vitest/config';

const source = (path: string) => fileURLToPath(new URL(`src/${path}`, import.meta.url));
const below = (folders: string) => [`test/${folders}/**/*.test.ts`];

const IN_BROWSER = below('{browser,studio}');
/** They work in a folder of their own, look at the whole package, or put a module in another's place. */
const APART = [...below('docs'), 'test/*.test.ts', 'test/cli/{options,queue,verify}.test.ts'];

export default defineConfig({
  // The tests run the sources; "#platform" in package.json and the examples' 'seedbed' name what is built.
  resolve: { alias: { '#platform': source('runtime/node.ts'), seedbed: source('index.ts') } },
  test: {
    testTimeout: 60_000,
    hookTimeout: 60_000,
    env: { OMP_NUM_THREADS: '1' },
    // Commands and pages take one thread each, so that files run two at a time: the runtime's threads spin while they wait.
    projects: [
      // Their files change nothing outside themselves: one process imports for all of them.
      {
        extends: true,
        test: {
          name: 'plain',
          include: ['test/**/*.test.ts'],
          exclude: [...configDefaults.exclude, ...APART, ...IN_BROWSER],
          isolate: false,
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      { extends: true, test: { name: 'apart', include: APART, maxWorkers: 2, sequence: { groupOrder: 0 } } },
      // What a browser opens is built only when one of these runs.
      {
        extends: true,
        test: {
          name: 'browser',
          include: IN_BROWSER,
          globalSetup: ['test/browser/build.ts'],
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
    ],
  },
});
