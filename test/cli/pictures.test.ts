import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fingerprint, openFor, readPictures } from '../../src/cli/pictures.ts';
import { openDataset } from '../../src/data/open.ts';
import { loadModel, SHIPPED_DENOISER } from '../../src/index.ts';
import { writeNpy } from '../../src/tensor/npy.ts';
import { float32, type Tensor, tensor } from '../../src/tensor/tensor.ts';
import { zipOf } from '../tensor/zip.ts';

const model = await loadModel(SHIPPED_DENOISER);
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'seedbed-pictures-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function put(name: string, bytes: Uint8Array): Promise<string> {
  await writeFile(join(folder, name), bytes);
  return join(folder, name);
}

/** Reads arrays as commands do, and gives what was said of them. */
async function read(...paths: string[]) {
  const notes: string[] = [];
  return { ...(await readPictures(paths, model, 'crop', text => notes.push(text))), notes };
}

const of = (shape: number[]) =>
  tensor('uint8', shape, new Uint8Array(shape.reduce((a, b) => a * b)).fill(51));
const archive = (arrays: Record<string, Tensor>) =>
  zipOf(Object.entries(arrays).map(([name, t]) => ({ path: `${name}.npy`, bytes: writeNpy(t), method: 8 })));

test('a data set is known again by its pixels, those in its middle too', async () => {
  const set = async (grey: number) => {
    const array = of([9, 28, 28]);
    array.data.fill(grey, 4 * 784, 5 * 784);
    return fingerprint(await openDataset(await put('middle.npy', writeNpy(array))));
  };
  expect(await set(51)).toBe(await set(51));
  expect(await set(51)).not.toBe(await set(52));
});

describe('arrays given as pictures', () => {
  test('of bytes, with or without an axis of channels, alone or alone in an archive, are divided by 255', async () => {
    const three = await put('three.npy', writeNpy(of([2, 28, 28])));
    const four = await put('four.npy', writeNpy(of([1, 1, 28, 28])));
    const packed = await put('packed.npz', archive({ images: of([1, 28, 28]), labels: of([1]) }));
    const { images, names, notes } = await read(three, four, packed);
    expect([images.shape, names]).toEqual([
      [4, 1, 28, 28],
      ['three.npy#0', 'three.npy#1', 'four.npy#0', 'packed.npz#0'],
    ]);
    expect(images.data.every(value => value === Math.fround(0.2))).toBe(true);
    expect(notes).toEqual(
      ['three.npy', 'four.npy', 'packed.npz'].map(name => `${name}: bytes from 0 to 255 divided by 255`),
    );
  });

  test('of one name in several folders are told apart by their paths', async () => {
    const bytes = writeNpy(of([1, 28, 28]));
    await mkdir(join(folder, 'other'));
    const [one, other, third] = [
      await put('same.npy', bytes),
      await put('other/same.npy', bytes),
      await put('own.npy', bytes),
    ];
    expect((await read(one, other, third)).names).toEqual([`${one}#0`, `${other}#0`, 'own.npy#0']);
  });

  test('in [0,1] are taken as they are, without a word', async () => {
    const array = float32([1, 1, 28, 28], new Float32Array(784).fill(0.3));
    const { images, notes } = await read(await put('a.npy', writeNpy(array)));
    expect([images.data, notes]).toEqual([array.data, []]);
  });

  test('that do not fit, or of which it is not plain which, are refused', async () => {
    await expect(read(await put('b.npy', writeNpy(of([1, 32, 32]))))).rejects.toThrow(
      /b\.npy: expected pictures \[n, 1,28,28\], got \[1,32,32\]/,
    );
    const splits = await put('mnist.npz', archive({ x_train: of([2, 28, 28]), x_test: of([1, 28, 28]) }));
    await expect(read(splits)).rejects.toThrow(
      /holds x_train uint8 \[2,28,28\], x_test uint8 \[1,28,28\]; .* --data \S*mnist\.npz:test reads/,
    );
    const notes: string[] = [];
    const set = await openFor(`${splits}:test`, model, { note: text => notes.push(text) });
    expect([set.length, notes]).toEqual([1, ['mnist.npz:test: bytes from 0 to 255 divided by 255']]);
  });
});
