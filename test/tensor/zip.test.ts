import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { unzip } from '../../src/tensor/zip.ts';
import { readOrRefused, spoilt } from '../hostile.ts';
import { zipOf } from './zip.ts';

const read = (archive: Uint8Array) =>
  unzip(archive, 'x.zip').map(({ path, read }) => [path, Array.from(read())]);
const letters = (length: number) => new Uint8Array(length).fill(97);

const anyMember = fc.record({
  path: fc.stringMatching(/^[a-z0-9_é]{1,8}(\/[a-z]{1,3})?$/),
  bytes: fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.integer({ min: 1, max: 2 ** 18 }).map(letters)),
  method: fc.constantFrom<(0 | 8)[]>(0, 8),
});

test('a round trip keeps paths, order and bytes, of stored and deflated files, in zip and in zip64', () => {
  const archive = fc.tuple(
    fc.array(anyMember, { maxLength: 4 }),
    fc.record({ zip64: fc.boolean(), comment: fc.string({ unit: 'grapheme-ascii', maxLength: 9 }) }),
  );
  fc.assert(
    fc.property(archive, ([members, options]) => {
      const found = unzip(zipOf(members, options), 'x.zip');
      expect(found.map(({ path }) => path)).toEqual(members.map(({ path }) => path));
      for (const [i, { read }] of found.entries())
        expect(Buffer.from(members[i]!.bytes).equals(read())).toBe(true);
    }),
    { numRuns: 60 },
  );
});

test('folders and links are passed over, and paths are written with forward slashes', () => {
  const bytes = Uint8Array.of(1);
  const archive = zipOf([
    { path: 'a/', bytes: new Uint8Array(0) },
    { path: './a\\b', bytes },
    { path: 'link', bytes, mode: 0o120777 },
    { path: 'c', bytes, mode: 0o100644 },
  ]);
  expect(read(archive)).toEqual([
    ['a/b', [1]],
    ['c', [1]],
  ]);
});

test('an archive that lies anywhere in memory is read', () => {
  const archive = Buffer.concat([
    Buffer.alloc(3),
    zipOf([{ path: 'a', bytes: Uint8Array.of(7), method: 8 }]),
  ]);
  expect(read(archive.subarray(3))).toEqual([['a', [7]]]);
});

describe('spoilt', () => {
  test.each([
    ['zip', false],
    ['zip64', true],
  ])('%s is read or refused by name, and never read wrongly but for its names', (_, zip64) => {
    const members = [
      { path: 'a.txt', bytes: new TextEncoder().encode('some words, some words'), method: 8 as const },
      { path: 'b.txt', bytes: new TextEncoder().encode('other words') },
    ];
    const texts = members.map(({ bytes }) => String(bytes));
    return fc.assert(
      fc.asyncProperty(spoilt(zipOf(members, { zip64 })), async bytes => {
        const found = await readOrRefused('x.zip', () => unzip(bytes, 'x.zip').map(({ read }) => read()));
        for (const contents of found ?? []) expect(['', ...texts]).toContain(String(contents));
      }),
      { numRuns: 600 },
    );
  });

  const one = { path: 'a', bytes: letters(100) };
  const sound = zipOf([one]);
  test.each<[string, Uint8Array, RegExp]>([
    ['nothing', new Uint8Array(0), /directory is missing/],
    ['a cut end', sound.subarray(0, -1), /directory is missing: it is cut short, or no zip archive/],
    ['contents that were changed', sound.with(40, 98), /x\.zip: a is damaged/],
    ['an encrypted file', zipOf([{ ...one, flags: 1 }]), /a is encrypted/],
    ['a path that leads outside', zipOf([{ ...one, path: '../a' }]), /\.\.\/a leads outside it/],
    ['an absolute path', zipOf([{ ...one, path: '/a' }]), /\/a leads outside it/],
    ['a size that is said too small', zipOf([{ ...one, method: 8, size: 9 }]), /longer than the 9 bytes/],
    ['a size that is said too large', zipOf([{ ...one, method: 8, size: 101 }]), /a is damaged/],
    ['a size beyond the memory', zipOf([{ ...one, method: 8, size: 2 ** 30 }]), /more than 671\d{5} bytes/],
    ['64-bit sizes beyond it', zipOf([{ ...one, size: 0xfffffffe }], { zip64: true }), /more than 671\d{5}/],
  ])('%s is refused', (_, archive, message) => {
    expect(() => read(archive)).toThrow(message);
    expect(() => read(archive)).toThrow(/^cannot unpack x\.zip: /);
  });

  test('another way of packing is named', () => {
    const archive = zipOf([one]);
    // Compression method 14 (LZMA), in the directory's only entry.
    const entry = archive.length - 22 - 46 - 1;
    expect(() => read(archive.with(entry + 10, 14))).toThrow(/packed by method 14; stored and deflated/);
  });

  test('a small file that unpacks to much is stopped when it outgrows its size', () => {
    const bomb = zipOf([{ path: 'a', bytes: new Uint8Array(2 ** 27), method: 8, size: 1000 }]);
    expect(bomb.length).toBeLessThan(2 ** 18);
    expect(() => read(bomb)).toThrow(/longer than the 1000 bytes that are said/);
  });
});
