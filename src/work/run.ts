import { z } from 'zod';
import { SeedbedError } from '../errors.ts';
import { createAtomic, exists, joinPath, readJson } from '../runtime/files.ts';
import { type Manifest, requireSame } from './manifest.ts';
import { MOST_SHARDS } from './shard.ts';

/** What all shards below one output folder are parts of: the first that is begun writes it there, the others must be of it. */
export type Run = Pick<Manifest, 'seedbed' | 'args' | 'about'> & { readonly of: number };

const runSchema: z.ZodType<Run> = z.strictObject({
  seedbed: z.string(),
  args: z.array(z.string()).min(1),
  about: z.looseObject({ command: z.string() }),
  of: z.int().gte(1).lte(MOST_SHARDS),
});

const pathIn = (out: string) => joinPath(out, 'run.json');

/**
 * Takes part in the run that a folder is of, or begins one there.
 * @throws {SeedbedError} Mismatch that names what differs, BadFile where somebody spoilt what says which run it is.
 */
export async function joinRun(out: string, run: Run): Promise<void> {
  const path = pathIn(out);
  if (!(await exists(path))) await createAtomic(path, `${JSON.stringify(run, null, 2)}\n`);
  requireSame(identityOf(run), identityOf(await readRun(out)), path);
}

/** The run that a folder is of. @throws {SeedbedError} BadArgument where it is of none. */
export async function readRun(out: string): Promise<Run> {
  const path = pathIn(out);
  if (!(await exists(path)))
    throw new SeedbedError(
      'BadArgument',
      `${out} holds no shards: there is no ${path}. Give the folder that was their --out`,
    );
  const parsed = runSchema.safeParse(await readJson(path));
  if (parsed.success) return parsed.data;
  throw new SeedbedError(
    'BadFile',
    `${path} does not say of what its folder holds shards: ${z.prettifyError(parsed.error)}. Delete it, and make any shard again`,
  );
}

/** What makes two runs the same. */
export const identityOf = ({ about, of, seedbed }: Run) => ({
  ...about,
  'number of shards': of,
  'version of Seedbed': seedbed,
});
