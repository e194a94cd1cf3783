import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createModel } from '../../src/diffusion/model.ts';
import { gaussianDenoiser, samplerGain } from '../../src/diffusion/oracle.ts';
import { loadModel, readSeeds, saveModel, serializeModel } from '../../src/index.ts';
import { decodeImage } from '../../src/runtime/images.ts';
import { readNpy, writeNpy } from '../../src/tensor/npy.ts';
import { psnr } from '../../src/tensor/statistics.ts';
import { float32, toFloat32, unstack } from '../../src/tensor/tensor.ts';
import { relativeError } from '../support.ts';
import { seedbed } from './in-process.ts';

const SHAPE = [4, 8, 8];
const VARIANCE = 6;

let folder: string;
const at = (...parts: string[]) => join(folder, ...parts);
const array = async (...parts: string[]) => toFloat32(readNpy(await readFile(at(...parts)), 'array'));
const report = async (...parts: string[]) => JSON.parse(await readFile(at(...parts), 'utf8'));

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'seedbed-latents-'));
  const { graph, info } = gaussianDenoiser(VARIANCE, SHAPE);
  const range = { from: null, mean: [0, 0, 0, 0], std: [1, 1, 1, 1] };
  await writeFile(at('model.onnx'), saveModel(createModel(graph, { ...info, range })));
  const { code } = await seedbed('sample', '--model', at('model.onnx'), '--count', '3', '--out', at('grown'));
  expect(code).toBe(0);
});
afterAll(() => rm(folder, { recursive: true }));

test('a description says that values are latents by a range from null', async () => {
  const { graph, info } = gaussianDenoiser(VARIANCE, SHAPE);
  const described = { ...info, range: { from: null, mean: [0.5, 0, 0, 0], std: [2, 1, 1, 1] } };
  await writeFile(at('plain.onnx'), serializeModel(graph));
  await writeFile(at('model.json'), JSON.stringify(described));
  const args = ['--config', at('model.json'), '--out', at('imported.onnx')];
  const { code, out } = await seedbed('import', at('plain.onnx'), ...args);
  expect([code, out]).toEqual([0, expect.stringContaining("'gaussian', latents [4,8,8]")]);
  expect((await loadModel(at('imported.onnx'))).info.range).toEqual(described.range);
});

test('latents grow unclipped, with their seeds and a sheet', async () => {
  const { latent: seeds } = readSeeds(await readFile(at('grown', 'seeds.safetensors')), 'seeds');
  const grown = await array('grown', 'latents.npy');
  const known = float32(
    seeds.shape,
    seeds.data.map(z => samplerGain(VARIANCE) * z),
  );
  expect(relativeError(grown, known)).toBeLessThan(1e-5);
  expect(Math.max(...grown.data)).toBeGreaterThan(2);
  const sheet = await readFile(at('grown', 'latents.png'));
  expect((await decodeImage(sheet, 'sheet', {})).pixels.shape[0]).toBe(3);
});

test('latents are embedded as they are, and come back from their seeds', async () => {
  const args = [at('grown', 'latents.npy'), '--model', at('model.onnx'), '--tau', '0.01'];
  const { code, out, err } = await seedbed('embed', ...args, '--out', at('found'));
  expect(err).toContain('three channels');
  expect(code).toBe(0);
  expect(out).toMatch(/latents.npy#0 +squared error of latents 0\.0000/);
  const { results, errorsOf } = await report('found', 'report.json');
  expect(errorsOf).toBe('latents');
  const again = await seedbed(
    'decode',
    at('found', 'seeds.safetensors'),
    ...['--model', at('model.onnx'), '--out', at('again')],
  );
  expect(again.out).toMatch(/^3 latents: .*latents\.png/);
  const [wanted, grown] = [await array('grown', 'latents.npy'), await array('again', 'latents.npy')];
  expect(relativeError(grown, wanted)).toBeLessThan(0.01);
  unstack(wanted).forEach(({ data }, i) => {
    const span = Math.max(...data) - Math.min(...data);
    expect(results[i].psnr).toBeCloseTo(psnr(results[i].mse, span), 6);
  });
});

test('a cloud, a way between, an edit and a comparison work on latents', async () => {
  const [first, second] = unstack(await array('grown', 'latents.npy'));
  await writeFile(at('first.npy'), writeNpy(first!));
  await writeFile(at('second.npy'), writeNpy(second!));
  const own = ['--model', at('model.onnx'), '--out'];
  const cloud = await seedbed('cloud', at('first.npy'), '--count', '4', ...own, at('cloud'));
  expect(cloud.err).not.toContain('seedbed:');
  expect(cloud.out).toContain('squared error of latents');
  const both = [at('first.npy'), at('second.npy')];
  const way = await seedbed('interpolate', ...both, '--steps', '3', ...own, at('way'));
  expect([way.code, way.out]).toEqual([0, expect.stringContaining('squared error of latents')]);
  const edit = await seedbed(
    'edit',
    '--scribbled',
    at('first.npy'),
    '--naturalness',
    '0',
    ...own,
    at('edit'),
  );
  expect([edit.code, edit.out]).toEqual([0, expect.stringContaining('of latents')]);
  const steps = ['--sampler-steps', '5,10', '--count', '2', '--out', at('compared')];
  expect((await seedbed('compare', at('model.onnx'), ...steps)).code).toBe(0);
});

test('the doctor finds nothing wrong, and says what its figures are of', async () => {
  const { code, out } = await seedbed('doctor', at('model.onnx'), at('grown', 'latents.npy'));
  expect(code).toBe(0);
  expect(out).toContain('noise left in the latents given');
  expect(out).toMatch(/round trip of its own samples: \d+\.\d dB of latents/);
  expect(out).toContain('nothing wrong was found');
});

test.each([
  ['a picture', 'examples/fashion-mnist/8-bag.png', 'got a picture'],
  ['latents of another size', 'small.npy', 'latents [n, 4,8,8], got [2,4,4,4]'],
  ['a number that is none', 'infinite.npy', 'element 5 of the latents is Infinity'],
])('%s is refused', async (_, name, said) => {
  await writeFile(at('small.npy'), writeNpy(float32([2, 4, 4, 4], new Float32Array(128))));
  const broken = new Float32Array(256);
  broken[5] = Number.POSITIVE_INFINITY;
  await writeFile(at('infinite.npy'), writeNpy(float32(SHAPE, broken)));
  const path = name.startsWith('examples') ? name : at(name);
  const { code, err } = await seedbed('embed', path, '--model', at('model.onnx'), '--out', at('refused'));
  expect(code).toBe(2);
  expect(err).toContain(said);
});
