import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { isBuilt, ROOT } from '../built.ts';

const fresh = isBuilt(['dist/build.tsbuildinfo'], ['src', 'tsconfig.json', 'tsconfig.build.json']);

/**
 * What Node is given to run the command line in a process of its own, from any folder: what was built, which starts in a quarter
 * of the time, or the sources where they are newer.
 */
export const PROGRAM: readonly string[] = fresh
  ? [join(ROOT, 'bin/seedbed.js')]
  : [
      '--import',
      pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href,
      join(ROOT, 'test/cli/run.ts'),
    ];

/** What {@link PROGRAM} needs of the environment. */
export const ENVIRONMENT = { TSX_TSCONFIG_PATH: join(ROOT, 'tsconfig.json') };
