import { DATA_KINDS } from './data.ts';
import type { Kind } from './kind.ts';
import { MODEL_KINDS } from './models.ts';
import { RUN_KINDS } from './runs.ts';
import { SEED_KINDS } from './seeds.ts';
import { UNFINISHED_KINDS } from './unfinished.ts';

/** Every kind of file that Seedbed reads. */
export const KINDS: readonly Kind[] = [
  ...DATA_KINDS,
  ...SEED_KINDS,
  ...MODEL_KINDS,
  ...RUN_KINDS,
  ...UNFINISHED_KINDS,
];
