import { SeedbedError } from '../errors.ts';
import { joinPath, listFolders } from '../runtime/files.ts';
import { type Manifest, readShard, requireSame } from './manifest.ts';
import { identityOf, joinRun, readRun } from './run.ts';
import { type Shard, shardName } from './shard.ts';
import type { Said, Work } from './shards.ts';

/** Missing shards that a message names. */
const NAMED = 10;

/** Folders of shards below an output folder. */
export async function shardFolders(out: string): Promise<string[]> {
  return (await listFolders(out)).filter(name => /^shard-\d+-of-\d+$/.test(name));
}

/**
 * The work of all shards as work that is done: every piece is there, exactly once, and as it was written.
 * @param commandFor the command that makes a shard.
 * @throws {SeedbedError} BadArgument naming the shards that are missing and how to make them, Mismatch where shards are of
 * several runs or not of this one, BadFile where one is damaged.
 */
export async function mergedShards(
  out: string,
  said: Said,
  commandFor: (shard: Shard) => string,
): Promise<Work> {
  const { of } = await readRun(out);
  await joinRun(out, { ...said, of });
  let items: Manifest['items'] | undefined;
  const places = new Map<string, string>();
  const present = new Set<number>();
  let seconds = 0;
  for (const name of await shardFolders(out)) {
    const folder = joinPath(out, name);
    const manifest = await readShard(folder);
    items ??= manifest.items;
    requireSame(
      sharedBy({ ...manifest, ...said, items, shard: { index: 0, of } }),
      sharedBy(manifest),
      folder,
    );
    if (name !== shardName(manifest.shard))
      throw new SeedbedError(
        'BadFile',
        `${folder} says that it is ${shardName(manifest.shard)}: it was renamed or edited. Delete it and make that shard again`,
      );
    for (const file of Object.keys(manifest.files)) places.set(file, folder);
    present.add(manifest.shard.index);
    seconds += manifest.seconds;
  }
  const missing = Array.from({ length: of }, (_, index) => index).filter(index => !present.has(index));
  if (missing.length > 0) {
    const named = missing.slice(0, NAMED).map(index => `\n  ${commandFor({ index, of })}`);
    const more =
      missing.length > NAMED ? `\n  and so on: ${missing.slice(NAMED, NAMED + 20).join(', ')}` : '';
    throw new SeedbedError(
      'BadArgument',
      `${missing.length} of ${of} shards are not there. They are made by${named.join('')}${more}`,
      { at: out },
    );
  }
  return { path: name => joinPath(places.get(name) ?? out, name), remove: async () => {}, seconds };
}

/** What the shards of one run have in common. */
const sharedBy = ({ items, shard, ...run }: Manifest) => ({
  ...identityOf({ ...run, of: shard.of }),
  'number of items': items.count,
  'number of items done at once': items.piece,
});
