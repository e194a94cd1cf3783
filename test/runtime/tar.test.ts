import { describe, expect, test } from 'vitest';
import { untar } from '../../src/runtime/tar.ts';
import { tarOf } from './tar.ts';

const list = (archive: Uint8Array) =>
  Array.from(untar(archive, 'a.tar'), ({ path, bytes }) => [path, bytes.length]);

describe('untar', () => {
  test('gives the files in order, folders left out', () => {
    const archive = tarOf([
      { path: 'set/', type: '5', bytes: new Uint8Array(0) },
      { path: './set/a.png', bytes: new Uint8Array(700) },
      { path: 'set/b.png', bytes: new Uint8Array(0) },
    ]);
    expect(list(archive)).toEqual([
      ['set/a.png', 700],
      ['set/b.png', 0],
    ]);
  });

  test('long names, as GNU and as pax write them', () => {
    const encode = (text: string) => new TextEncoder().encode(text);
    const archive = tarOf([
      { path: '././@LongLink', type: 'L', bytes: encode(`${'a'.repeat(150)}.png\0`) },
      { path: 'short', bytes: new Uint8Array(1) },
      { path: 'pax', type: 'x', bytes: encode('18 path=b/long.png\n') },
      { path: 'short', bytes: new Uint8Array(2) },
    ]);
    expect(list(archive)).toEqual([
      [`${'a'.repeat(150)}.png`, 1],
      ['b/long.png', 2],
    ]);
  });

  test('links give the files that they name, whatever comes first', () => {
    const none = new Uint8Array(0);
    const archive = tarOf([
      { path: 'set/last.png', type: '2', target: 'first.png', bytes: none },
      { path: 'set/first.png', type: '2', target: './../all/a.png', bytes: none },
      { path: 'all/a.png', bytes: new Uint8Array(3) },
      { path: 'set/same.png', type: '1', target: './all/a.png', bytes: none },
      { path: 'set/lost.png', type: '2', target: '/elsewhere/a.png', bytes: none },
    ]);
    expect(list(archive)).toEqual([
      ['all/a.png', 3],
      ['set/first.png', 3],
      ['set/same.png', 3],
      ['set/last.png', 3],
    ]);
  });

  test.each(['../evil', 'a/../../evil', '/etc/evil'])('the path %s is refused', path => {
    expect(() => list(tarOf([{ path, bytes: new Uint8Array(1) }]))).toThrow(/leads outside/);
  });

  test('a cut archive and one that is none are told', () => {
    const archive = tarOf([{ path: 'a', bytes: new Uint8Array(2000) }]);
    expect(() => list(archive.subarray(0, 1024))).toThrow(/cut short/);
    // Between two files.
    expect(() => list(archive.subarray(0, 2560))).toThrow(/cut short: the mark of its end is missing/);
    expect(() => list(new Uint8Array(1024).fill(65))).toThrow(/no tar archive/);
  });
});
