import { existsSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { writeNpy } from '../../src/tensor/npy.ts';
import { arraysInWords, readNpz } from '../../src/tensor/npz.ts';
import { float32, tensor } from '../../src/tensor/tensor.ts';
import { readOrRefused, spoilt } from '../hostile.ts';
import { zipOf } from './zip.ts';

const member = (name: string, values: number[], method: 0 | 8 = 0) => ({
  path: `${name}.npy`,
  bytes: writeNpy(float32([values.length], values)),
  method,
});

test.each([false, true])('arrays by name, stored and deflated (zip64: %s)', zip64 => {
  const archive = zipOf([member('b', [1, 2]), member('a', [3], 8)], { zip64 });
  const npz = readNpz(archive, 'x.npz');
  expect([...npz.arrays]).toEqual([
    ['b', float32([2], [1, 2])],
    ['a', float32([1], [3])],
  ]);
  expect(arraysInWords(npz)).toBe('b float32 [2], a float32 [1]');
});

test('what is no array of numbers does not stand in the way of the others', () => {
  const text = writeNpy(tensor('uint8', [1], Uint8Array.of(1)));
  const named = Buffer.from(Buffer.from(text).toString('latin1').replace('|u1', '<U5'), 'latin1');
  const npz = readNpz(zipOf([member('a', [1]), { path: 'names.npy', bytes: named }]), 'x.npz');
  expect([...npz.arrays.keys()]).toEqual(['a']);
  expect(npz.unread.get('names')).toMatch(/x\.npz: names\.npy is not .* its elements are "<U5", text, known/);
  expect(arraysInWords(npz)).toBe('a float32 [1], names (not read)');
});

test('spoilt, it is read or refused by name', async () => {
  await fc.assert(
    fc.asyncProperty(spoilt(zipOf([member('a', [1, 2], 8)], { zip64: true })), async bytes => {
      await readOrRefused('x.npz', () => readNpz(bytes, 'x.npz'));
    }),
    { numRuns: 300 },
  );
});

const cases = new URL('../../../shared/cases/', import.meta.url);
describe.skipIf(!existsSync(cases))('files that NumPy wrote (../shared/cases)', () => {
  test.each([
    ['npy/seeds.npz', 'latent float32 [1,1,32,32]'],
    [
      'unread/mnist.npz',
      'x_train uint8 [40,28,28], y_train uint8 [40], x_test uint8 [10,28,28], y_test uint8 [10]',
    ],
  ])('%s is read', (file, words) => {
    expect(arraysInWords(readNpz(readFileSync(new URL(file, cases)), file))).toBe(words);
  });
});
