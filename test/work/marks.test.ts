import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { inTurn, marksIn, wiped } from '../../src/work/marks.ts';
import { unfinishedIn } from '../../src/work/unfinished.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'seedbed-marks-'));
});
afterAll(() => rm(folder, { recursive: true }));

const never = new AbortController().signal;

test('one of many gets it, until it is put back or all are wiped', async () => {
  const work = unfinishedIn(join(folder, 'one'));
  const takers = Array.from({ length: 8 }, () => marksIn(work));
  const takes = async () => (await Promise.all(takers.map(marks => marks.take('it')))).filter(Boolean).length;
  expect([await takes(), await takes()]).toEqual([1, 0]);
  await takers[0]!.putBack('it');
  expect([await takes(), await takes()]).toEqual([1, 0]);
  await wiped(work);
  expect(await takes()).toBe(1);
});

test('work in turn never overlaps, goes on after a failure, and stops waiting when it is told to', async () => {
  const marks = marksIn(unfinishedIn(join(folder, 'turn')));
  let inside = 0;
  const work = (fails: boolean) => async () => {
    inside++;
    await new Promise(resolve => setTimeout(resolve, 5));
    expect(inside--).toBe(1);
    if (fails) throw new Error('it failed');
  };
  const all = [true, false, false].map(fails => inTurn(marks, 'it', never, work(fails)));
  const ends = (await Promise.allSettled(all)).map(({ status }) => status);
  expect(ends.sort()).toEqual(['fulfilled', 'fulfilled', 'rejected']);

  await marks.take('it');
  const stop = new AbortController();
  const waiting = inTurn(marks, 'it', stop.signal, work(false));
  stop.abort();
  await expect(waiting).rejects.toMatchObject({ kind: 'Interrupted' });
});
