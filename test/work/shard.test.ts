import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseShard, rangeOf, shardName } from '../../src/work/shard.ts';

describe('the items of shards', () => {
  test('are whole pieces, each item once and in order, whatever the numbers', () => {
    const numbers = fc.record({
      of: fc.integer({ min: 1, max: 200 }),
      count: fc.integer({ min: 1, max: 5000 }),
      piece: fc.integer({ min: 1, max: 64 }),
    });
    fc.assert(
      fc.property(numbers, ({ of, count, piece }) => {
        const ranges = Array.from({ length: of }, (_, index) => rangeOf({ index, of }, count, piece));
        expect(ranges[0]!.from).toBe(0);
        expect(ranges.at(-1)!.to).toBe(count);
        ranges.forEach(({ from, to }, i) => {
          expect(from).toBe(i === 0 ? 0 : ranges[i - 1]!.to);
          expect(from % piece === 0 || from === count).toBe(true);
          // No shard has more than one piece more than another.
          expect(to - from).toBeLessThanOrEqual(piece * Math.ceil(Math.ceil(count / piece) / of));
        });
      }),
    );
  });

  test('names sort in order', () => {
    expect(shardName({ index: 7, of: 250 })).toBe('shard-007-of-250');
    expect(shardName({ index: 0, of: 1 })).toBe('shard-0-of-1');
    expect(shardName({ index: 9, of: 10 })).toBe('shard-9-of-10');
  });
});

describe('--shard', () => {
  const slurm = (id: number, least: number, most: number, step = 1) => ({
    SLURM_ARRAY_TASK_ID: String(id),
    SLURM_ARRAY_TASK_MIN: String(least),
    SLURM_ARRAY_TASK_MAX: String(most),
    SLURM_ARRAY_TASK_STEP: String(step),
  });

  test.each<[string, Record<string, string>, [number, number]]>([
    ['0/4', {}, [0, 4]],
    ['3/4', slurm(0, 0, 9), [3, 4]],
    ['auto', slurm(5, 0, 9), [5, 10]],
    ['auto', slurm(1, 1, 8), [0, 8]],
    ['auto', slurm(7, 1, 9, 2), [3, 5]],
    ['auto', slurm(9, 1, 10, 4), [2, 3]],
    // Three tasks of an array of ten, sent again: their numbers stay those of the ten.
    ['auto/10', slurm(7, 3, 7), [7, 10]],
    ['auto/5', { JOB_COMPLETION_INDEX: '4' }, [4, 5]],
  ])('%s with %o is shard %o', (text, environment, [index, of]) => {
    expect(parseShard(text, environment)).toEqual({ index, of });
  });

  test.each<[string, Record<string, string>, RegExp]>([
    ['4/4', {}, /4 is none of the shards 0 to 3 of 4/],
    ['1', {}, /there are 1 to 1000000 shards/],
    ['0/0', {}, /there are 1 to/],
    ['-1/3', {}, /neither a part of a whole nor auto/],
    ['auto', {}, /neither SLURM_ARRAY_TASK_ID nor JOB_COMPLETION_INDEX is set/],
    ['auto', { JOB_COMPLETION_INDEX: '2' }, /JOB_COMPLETION_INDEX does not say of how many/],
    ['auto/3', { JOB_COMPLETION_INDEX: '3' }, /3 is none of the shards 0 to 2/],
    ['auto', { SLURM_ARRAY_TASK_ID: '2' }, /there are 1 to/],
    ['auto', slurm(8, 1, 9, 2), /3.5 is none of the shards/],
  ])('%s with %o is refused', (text, environment, reason) => {
    expect(() => parseShard(text, environment)).toThrow(reason);
  });
});
