import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { saveModel } from '../../src/diffusion/model.ts';
import { gaussianDenoiser } from '../../src/diffusion/oracle.ts';
import { loadModel, readPicture } from '../../src/index.ts';
import { bytesOfScene, pngOf } from '../pictures.ts';
import { seedbed } from './in-process.ts';

/** A model of pictures that are wider than high; a picture that fits it, a wider one, and a folder of both. */
let folder: string;
const at = (...names: string[]) => join(folder, ...names);
let model: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'seedbed-pictures-'));
  model = at('wide.onnx');
  await writeFile(model, saveModel(gaussianDenoiser(1, [3, 16, 24], 3)));
  await mkdir(at('both'));
  for (const place of [at('fits.png'), at('both', '1.png')]) await writeFile(place, await pngOf(3, 24, 16));
  for (const place of [at('wider.png'), at('both', '2.png')]) await writeFile(place, await pngOf(3, 90, 40));
});
afterAll(() => rm(folder, { recursive: true }));

const asked = (command: string, ...args: string[]) =>
  seedbed(
    command,
    ...args,
    '--threads',
    '1',
    ...(command === 'doctor' ? [] : ['--out', at(`out-${command}`)]),
  );

test.each([
  ['embed', ['fits.png'], ['--method', 'naive']],
  ['cloud', ['fits.png'], ['--count', '3', '--method', 'descent', '--iterations', '2']],
  ['interpolate', ['fits.png', 'fits.png'], ['--steps', '3', '--method', 'naive']],
  ['edit', [], ['--naturalness', '1', '--scribbled', 'fits.png']],
] as const)(
  '%s takes a picture that fits a model which is not square, as it is',
  async (command, paths, more) => {
    const places = [...paths, ...more].map(word => (word.endsWith('.png') ? at(word) : word));
    const { code, out, err } = await asked(command, ...places, '--model', model);
    expect(err.replaceAll(/.*%.*\n/g, '')).not.toContain('resized');
    expect([code, out.length > 0]).toEqual([0, true]);
  },
);

test('doctor takes it too', async () => {
  const { code, err } = await asked('doctor', model, at('fits.png'), '--no-round-trip');
  expect(err).not.toContain('resized');
  expect(code).toBeLessThan(2);
});

test('the centre is taken of another shape, or all of it on request, and either is said', async () => {
  const naive = ['--model', model, '--method', 'naive'];
  const cropped = await asked('embed', at('wider.png'), ...naive);
  expect(cropped.err).toContain('wider.png: centre-cropped, resized 60x40 to 24x16');
  const squeezed = await asked('embed', at('wider.png'), ...naive, '--fit', 'squeeze');
  expect(squeezed.err).toContain('wider.png: resized 90x40 to 24x16');
  const stretched = await asked('embed', at('wider.png'), ...naive, '--fit', 'stretch');
  expect([stretched.code, stretched.err]).toEqual([2, expect.stringContaining('crop, squeeze')]);
});

test('pictures of a folder are cropped as single ones are', async () => {
  const { code, out } = await asked(
    'embed',
    '--data',
    at('both'),
    '--model',
    model,
    '--method',
    'naive',
    '--json',
  );
  expect(code).toBe(0);
  const alone = await asked('embed', at('both', '2.png'), '--model', model, '--method', 'naive', '--json');
  const [first, second] = [JSON.parse(out).results[1], JSON.parse(alone.out).results[0]];
  expect([first.mse, first.latentVariance]).toEqual([second.mse, second.latentVariance]);
});

test('the library reads them alike', async () => {
  const wide = await loadModel(model);
  const told: string[] = [];
  const onChanges = (changes: readonly string[]) => told.push(...changes);
  const { shape, data } = await readPicture(at('fits.png'), wide, { onChanges });
  expect([shape, told]).toEqual([[1, 3, 16, 24], []]);
  const bytes = bytesOfScene(3, 24, 16);
  expect(Math.round(data[5]! * 255)).toBe(bytes[15]);
  await readPicture(at('wider.png'), wide, { onChanges });
  expect(told).toEqual(['centre-cropped', 'resized 60x40 to 24x16']);
  await readPicture(at('wider.png'), wide, { fit: 'squeeze', onChanges });
  expect(told.at(-1)).toBe('resized 90x40 to 24x16');
});
