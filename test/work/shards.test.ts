import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { jsonCodec } from '../../src/work/kept.ts';
import { inShards, openShard } from '../../src/work/shards.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'seedbed-shards-'));
});
afterAll(() => rm(folder, { recursive: true }));

const said = { seedbed: '1.0.0', args: ['sample'], about: { command: 'sample', rng: 1 } };
const pieces = { count: 4, piece: 2, codec: jsonCodec(z.number()), signal: new AbortController().signal };

test('a shard opens at any moment of its being finished elsewhere', async () => {
  for (let round = 0; round < 20; round++) {
    const out = join(folder, `${round}`);
    const open = () => openShard({ out }, { index: 0, of: 1 }, said);
    let finished = false;
    const finishing = inShards(await open(), pieces, async (first, last) => [first, last - 1]).finally(() => {
      finished = true;
    });
    while (!finished) await Promise.all(Array.from({ length: 8 }, open));
    await finishing;
    expect((await open()).shard?.done).toBe(true);
  }
});
