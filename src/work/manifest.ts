import { z } from 'zod';
import { SeedbedError } from '../errors.ts';
import { exists, joinPath, listFiles, readBytes, readJson, sha256Hex } from '../runtime/files.ts';
import { MOST_SHARDS, rangeOf, type Shard, shardName } from './shard.ts';
import type { About } from './unfinished.ts';

/** The file in a shard's folder that says what the shard is. It is written last, and its folder then moved into place. */
export const MANIFEST = 'manifest.json';

const count = z.int().gte(0);
/** What a shard is (docs/formats.md). */
const manifestSchema = z.strictObject({
  /** The version that made it. */
  seedbed: z.string(),
  /** The words that say the command again, without what says how and where it runs. */
  args: z.array(z.string()),
  /** The command and all that decides its results: hashes of model and data, settings. */
  about: z.record(z.string(), z.unknown()) as unknown as z.ZodType<About>,
  shard: z.strictObject({ index: count, of: z.int().gte(1).lte(MOST_SHARDS) }),
  /** The items that it did, of `count`, which are done `piece` at once. */
  items: z.strictObject({ from: count, to: count, count, piece: z.int().gte(1) }),
  /** What it took. */
  seconds: z.number().gte(0),
  /** sha256 of every other file in the folder. */
  files: z.record(z.string(), z.string()),
});
export type Manifest = z.infer<typeof manifestSchema>;

/** What is wrong with a shard's folder, and how to have a sound one. */
const unsound = (folder: string, fault: string) =>
  new SeedbedError('BadFile', `${fault}. Delete the folder and make that shard again`, { at: folder });

/** What the manifest in a folder says. @throws {SeedbedError} BadFile where it says nothing sensible. */
async function readManifest(folder: string): Promise<Manifest> {
  const path = joinPath(folder, MANIFEST);
  const parsed = manifestSchema.safeParse(await readJson(path));
  if (!parsed.success) throw unsound(path, `no manifest of a shard: ${z.prettifyError(parsed.error)}`);
  const { shard, items } = parsed.data;
  if (shard.index >= shard.of) throw unsound(path, `shard ${shard.index} of ${shard.of}, counted from 0`);
  const { from, to } = rangeOf(shard, items.count, items.piece);
  if (from !== items.from || to !== items.to)
    throw unsound(
      path,
      `items ${items.from} to ${items.to}, where shard ${shard.index} of ${shard.of} has ${from} to ${to} of ${items.count}`,
    );
  return parsed.data;
}

/** The sha256 of every file in a folder but its manifest. */
export async function hashesIn(folder: string): Promise<Record<string, string>> {
  const hashes: Record<string, string> = {};
  for (const name of await listFiles(folder))
    if (name !== MANIFEST) hashes[name] = sha256Hex(await readBytes(joinPath(folder, name)));
  return hashes;
}

/**
 * A shard that is whole: its manifest, every file as it was written.
 * @throws {SeedbedError} BadFile naming the file that is missing, changed or strange.
 */
export async function readShard(folder: string): Promise<Manifest> {
  const manifest = await readManifest(folder);
  const present = await hashesIn(folder);
  const names = new Set([...Object.keys(manifest.files), ...Object.keys(present)]);
  for (const name of names) {
    const path = joinPath(folder, name);
    if (!(name in present)) throw unsound(path, 'is missing');
    if (!(name in manifest.files)) throw unsound(path, 'is not of this shard');
    if (present[name] !== manifest.files[name]) throw unsound(path, 'is not what it was when it was written');
  }
  return manifest;
}

/** The shard in its place below an output folder, where it is whole; undefined where it is not there. */
export async function finishedShard(out: string, shard: Shard): Promise<Manifest | undefined> {
  const folder = joinPath(out, shardName(shard));
  return (await exists(folder)) ? readShard(folder) : undefined;
}

/**
 * Refuses work that is not the same.
 * @param ours what is wanted, `theirs` what lies in `folder`.
 * @throws {SeedbedError} Mismatch that names what differs.
 */
export function requireSame(ours: About, theirs: About, folder: string): void {
  for (const name of new Set([...Object.keys(ours), ...Object.keys(theirs)])) {
    const [a, b] = [JSON.stringify(ours[name]), JSON.stringify(theirs[name])];
    if (a !== b)
      throw new SeedbedError(
        'Mismatch',
        `${folder} is of another run: its ${name} is ${shortened(b)}, here it is ${shortened(a)}. Give --out another folder for each run`,
      );
  }
}

const shortened = (text = 'not given') => (text.length > 200 ? `${text.slice(0, 200)}...` : text);
