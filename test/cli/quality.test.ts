import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadModel } from '../../src/diffusion/load.ts';
import { createModel, saveModel } from '../../src/diffusion/model.ts';
import { gaussianDenoiser } from '../../src/diffusion/oracle.ts';
import { writeNpy } from '../../src/tensor/npy.ts';
import { normals } from '../../src/tensor/random.ts';
import { float32 } from '../../src/tensor/tensor.ts';
import { seedbed } from './in-process.ts';

let folder: string;
const at = (name: string) => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'seedbed-quality-'));
  await writeFile(at('model.onnx'), saveModel(gaussianDenoiser(1, [1, 3, 3], 4)));
  // Pixels of .5 and .1 times N(0, 1), standardised N(0, .25): the model takes them for N(0, 1).
  for (const [name, count] of [
    ['learned', 400],
    ['kept', 200],
  ] as const) {
    const noise = normals({ seed: 1, purpose: name }, [count, 1, 3, 3]);
    const pixels = noise.data.map(z => Math.min(1, Math.max(0, 0.5 + 0.1 * z)));
    await writeFile(at(`${name}.npy`), writeNpy(float32(noise.shape, pixels)));
  }
});
afterAll(() => rm(folder, { recursive: true }));

test('a model that takes its data for wider than they are fails, at every level and in contrast', async () => {
  const sets = ['--learned', at('learned.npy'), '--data', at('kept.npy'), '--count', '100'];
  const { code, out } = await seedbed(
    'quality',
    at('model.onnx'),
    ...sets,
    '--sampler-grid',
    'logSnr',
    '--threads',
    '1',
    '--out',
    at('out'),
    '--into',
    at('measured.onnx'),
  );
  expect(code).toBe(0);
  expect(out).toMatch(/^FAILS {3}sees as much as the best linear denoiser/m);
  expect(out).toMatch(/^FAILS {3}has their contrast/m);
  expect(out).toMatch(/^passes {2}has the brightness/m);
  const report = JSON.parse(await readFile(join(at('out'), 'quality.json'), 'utf8'));
  expect(report).toMatchObject({ command: 'quality', count: 100, rng: 0 });
  const [before, after] = [await loadModel(at('model.onnx')), await loadModel(at('measured.onnx'))];
  expect(after.hash).toBe(before.hash);
  expect(after.info.sampler).toEqual({ ...before.info.sampler, grid: 'logSnr' });
  expect(after.info.training).toEqual({
    quality: { count: 100, features: report.features, conditions: report.conditions },
  });
  expect(report.levels.map(({ time }: { time: number }) => time)).toHaveLength(10);
  // Of N(0, .25) seen by the best denoiser of N(0, 1): what it keeps, s of s^2 + n^2 = 1, errs by (1 - s^2)^2 / 4 + s^2 n^2.
  const { network } = report.levels.find(({ time }: { time: number }) => time === 0.5);
  const s2 = Math.cos((Math.acos(0.95) + Math.acos(0.02)) / 2) ** 2;
  expect(Math.abs(network / ((1 - s2) ** 2 / 4 + s2 * (1 - s2)) - 1)).toBeLessThan(0.1);
});

test('a model that does not say what it learned from is refused before any work', async () => {
  const { code, err } = await seedbed('quality', at('model.onnx'), '--out', at('none'));
  expect(code).toBe(2);
  expect(err).toMatch(/does not say what it learned from. Name that by --learned/);
});

test.each([
  ['a folder that was not split', 'pics'],
  ['the test part of a set', 'mnist:test'],
])('of a model that learned from %s pictures that it did not learn have to be named', async (_, data) => {
  const { graph, info } = gaussianDenoiser(1, [1, 3, 3], 4);
  await writeFile(at('own.onnx'), saveModel(createModel(graph, { ...info, training: { data } })));
  const { code, err } = await seedbed('quality', at('own.onnx'), '--out', at('none'));
  expect(code).toBe(2);
  expect(err).toMatch(/Name pictures that it did not learn by --data/);
});

test('what a model held out is not counted as learned, by whichever way its set is named', async () => {
  const { graph, info } = gaussianDenoiser(1, [1, 3, 3], 4);
  const training = { data: 'learned.npy', config: { heldOut: 100 } };
  await writeFile(at('own.onnx'), saveModel(createModel(graph, { ...info, training })));
  const sets = ['--learned', at('learned.npy'), '--data', at('kept.npy'), '--count', '20'];
  const { code } = await seedbed('quality', at('own.onnx'), ...sets, '--threads', '1', '--out', at('own'));
  expect(code).toBe(0);
  const { learned } = JSON.parse(await readFile(join(at('own'), 'quality.json'), 'utf8'));
  expect(learned).toBe('learned.npy[0:300]');
});
