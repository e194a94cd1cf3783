import { existsSync } from 'node:fs';
import { cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openConversion } from '../../src/diffusion/conversion.ts';
import { decode } from '../../src/embedding/sampling.ts';
import { type Denoiser, loadAutoencoder, loadModel, readSeeds, withAutoencoder } from '../../src/index.ts';
import { strangeness } from '../../src/quality/strangeness.ts';
import { decodeImage } from '../../src/runtime/images.ts';
import { createRuntime } from '../../src/runtime/node.ts';
import { readNpy } from '../../src/tensor/npy.ts';
import { normals } from '../../src/tensor/random.ts';
import { readSafetensors } from '../../src/tensor/safetensors.ts';
import { average, meanSquaredErrors, psnr } from '../../src/tensor/statistics.ts';
import { type Floats, rows, toFloat32 } from '../../src/tensor/tensor.ts';
import { seedbed } from './in-process.ts';

const FIXTURE = fileURLToPath(new URL('../fixtures/latent-diffusion', import.meta.url));
const BAG = fileURLToPath(new URL('../../examples/fashion-mnist/8-bag.png', import.meta.url));
const STEPS = '10';

const runtime = await createRuntime({ threads: 1 });
const { tensors } = readSafetensors(await readFile(join(FIXTURE, 'reference.safetensors')), 'reference');
const recorded = (name: string) => tensors.get(name) as Floats;

let folder: string;
let model: Denoiser;
const at = (...parts: string[]) => join(folder, ...parts);
const own = (...out: string[]) => ['--model', at('model.onnx'), '--out', at(...out)];
const array = async (...parts: string[]) => toFloat32(readNpy(await readFile(at(...parts)), 'array'));

/** The largest difference between two arrays. */
function farthest(a: Floats, b: Floats): number {
  expect(a.shape).toEqual(b.shape);
  return a.data.reduce((most, value, i) => Math.max(most, Math.abs(value - b.data[i]!)), 0);
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'seedbed-latent-diffusion-'));
  const args = ['--sampler-steps', STEPS, '--out', at('model.onnx')];
  const { code, out } = await seedbed('import', FIXTURE, ...args);
  expect(code).toBe(0);
  expect(out).toContain("model.onnx: 'latent-diffusion', latents [4,8,8], predicts epsilon");
  expect(out).toContain('model-autoencoder.onnx: pictures [1,32,32] to latents [4,8,8] and back');
  const autoencoder = await loadAutoencoder(at('model-autoencoder.onnx'));
  model = withAutoencoder(await loadModel(at('model.onnx')), autoencoder);
});
afterAll(() => rm(folder, { recursive: true }));

test("latents and pictures are those of diffusers' own pipeline", async () => {
  const { autoencoder: _, ...bare } = model;
  const latents = await decode(bare, recorded('seeds'), { runtime });
  expect(farthest(latents, recorded('latents'))).toBeLessThan(1e-4);
  const pictures = await decode(model, recorded('seeds'), { runtime });
  expect(farthest(pictures, recorded('pictures'))).toBeLessThan(1e-4);
});

test("the encoder's mean and the decoder are diffusers'", async () => {
  const { toNetwork, toPictures } = openConversion(runtime, model, 2);
  expect(farthest(await toNetwork(recorded('seen')), recorded('encoded'))).toBeLessThan(1e-4);
  expect(farthest(await toPictures(recorded('encoded')), recorded('reconstructed'))).toBeLessThan(1e-4);
});

test('pictures are embedded through the autoencoder, with the error of latents and what it alone loses', async () => {
  const { code, out } = await seedbed('embed', BAG, ...own('bag'));
  expect(code).toBe(0);
  expect(out).toMatch(/squared error 0\.\d+, PSNR .* by the autoencoder alone; of latents 0\.\d+, PSNR/);
  const report = JSON.parse(await readFile(at('bag', 'report.json'), 'utf8'));
  const [{ mse, psnr: ratio, latents }] = report.results;
  expect(ratio).toBeCloseTo(psnr(mse), 6);
  expect(latents.psnr).toBeGreaterThan(30);
  expect(mse).toBeLessThan(latents.floor + 2e-3);
  const { provenance } = readSeeds(await readFile(at('bag', 'seeds.safetensors')), 'seeds');
  expect(provenance!.method.autoencoder).toBe(model.autoencoder!.hash);

  expect((await seedbed('decode', at('bag', 'seeds.safetensors'), ...own('again'))).code).toBe(0);
  const { pixels } = await decodeImage(await readFile(BAG), BAG, {
    size: [32, 32],
    channels: 1,
    fit: 'crop',
  });
  const grown = await array('again', 'pictures.npy');
  expect(grown.shape).toEqual([1, 1, 32, 32]);
  const [error] = meanSquaredErrors(grown, { ...grown, data: Float32Array.from(pixels.data) });
  expect(error).toBeCloseTo(mse, 5);
});

test('latents fitted through the decoder come nearer to the picture than the autoencoder alone', async () => {
  const { code, err } = await seedbed('embed', BAG, '--through-decoder', ...own('fitted'));
  expect([code, err]).toEqual([0, expect.not.stringContaining('seedbed:')]);
  const [{ mse, latents }] = JSON.parse(await readFile(at('fitted', 'report.json'), 'utf8')).results;
  expect(mse).toBeLessThan(0.7 * latents.floor);
  const { provenance } = readSeeds(await readFile(at('fitted', 'seeds.safetensors')), 'seeds');
  expect(provenance!.method.throughDecoder).toBe(true);
  const shipped = await seedbed('embed', BAG, '--through-decoder', '--out', at('refused'));
  expect([shipped.code, shipped.err]).toEqual([2, expect.stringContaining('has no autoencoder')]);
});

test('sample and cloud give pictures', async () => {
  const sampled = await seedbed('sample', '--count', '2', '--sampler-steps', '4', ...own('sampled'));
  expect(sampled.out).toMatch(/^2 pictures: .*pictures\.png/);
  expect((await array('sampled', 'pictures.npy')).shape).toEqual([2, 1, 32, 32]);
  const few = ['--count', '2', '--sampler-steps', '4'];
  const cloud = await seedbed('cloud', BAG, ...few, ...own('cloud'));
  expect([cloud.code, cloud.out]).toEqual([0, expect.not.stringContaining('of latents')]);
  expect((await array('cloud', 'picture.npy')).shape).toEqual([1, 1, 32, 32]);
});

test('a race is of pictures, through the autoencoder, as embed is', async () => {
  const few = ['--sampler-steps', '4', '--method', 'naive'];
  await seedbed('embed', BAG, ...few, ...own('naive'));
  const model = at('model.onnx');
  const { code } = await seedbed(
    'race',
    model,
    BAG,
    ...few.slice(0, 2),
    '--methods',
    'naive',
    '--out',
    at('race'),
  );
  expect(code).toBe(0);
  const report = async (...parts: string[]) => JSON.parse(await readFile(at(...parts), 'utf8'));
  const [alone] = (await report('naive', 'report.json')).results;
  const raced = await report('race', 'race.json');
  expect(raced.results).toHaveLength(1);
  expect(raced.results[0].mse.mean).toBeCloseTo(alone.mse, 6);
  expect(raced.autoencoder).toMatch(/^[0-9a-f]{64}$/);
});

test('quality measures errors of latents, and compares decoded pictures', async () => {
  const few = ['--sampler-steps', '4'];
  for (const [out, count, rng] of [
    ['learned', '300', '0'],
    ['kept', '40', '1'],
  ] as const)
    await seedbed('sample', '--count', count, '--rng', rng, ...few, ...own(out));
  const sets = ['--learned', at('learned', 'pictures.npy'), '--data', at('kept', 'pictures.npy')];
  const { code } = await seedbed(
    'quality',
    at('model.onnx'),
    ...sets,
    ...few,
    '--rng',
    '2',
    '--out',
    at('q'),
  );
  expect(code).toBe(0);
  const report = JSON.parse(await readFile(at('q', 'quality.json'), 'utf8'));
  expect(report).toMatchObject({ count: 40, autoencoder: model.autoencoder!.hash });
  // All three are what the same model draws; the mean's error is the variance of latents.
  const { data } = await openConversion(runtime, model, 8).toNetwork(await array('kept', 'pictures.npy'));
  const latents = average(data.map(value => value ** 2)) - average(data) ** 2;
  expect(report.levels[0].mean).toBeLessThan(1.1 * latents);
  expect(report.levels[0].mean).toBeGreaterThan(0.5 * latents);
  const { grown, real } = report;
  expect(Math.abs(grown.mean / real.mean - 1)).toBeLessThan(0.1);
  expect(Math.abs(grown.variance / real.variance - 1)).toBeLessThan(0.1);
});

test('strangeness puts noise into latents, and compares decoded pictures', async () => {
  const kept = await array('kept', 'pictures.npy');
  const some = rows(kept, 0, 4);
  const own = await strangeness(model, some, { runtime });
  const noise = normals({ seed: 0, purpose: 'strange' }, some.shape).data.map(z => (z > 0 ? 1 : 0));
  const strange = await strangeness(model, { ...some, data: noise }, { runtime });
  expect(average(strange)).toBeGreaterThan(3 * average(own));
});

test('the doctor looks at the latents of pictures', async () => {
  const { code, out } = await seedbed('doctor', at('model.onnx'), BAG, '--no-round-trip');
  expect(code).toBe(0);
  expect(out).toMatch(/noise left in the pictures given.*\n(.*\n)* {2}0\.\d+ +as described/);
});

test('an autoencoder that is not exported, or not known, is left out with a reason', async () => {
  await cp(FIXTURE, at('folder'), { recursive: true });
  await rm(at('folder', 'vae_decoder'), { recursive: true });
  const { code, out, err } = await seedbed('import', at('folder'), '--out', at('bare.onnx'));
  expect(code).toBe(0);
  expect(err).toContain(
    'its autoencoder is left out, and what it grows are latents: there is no vae_decoder/model.onnx',
  );
  expect(out).toContain('latents [4,8,8]');
  expect(existsSync(at('bare-autoencoder.onnx'))).toBe(false);
});
