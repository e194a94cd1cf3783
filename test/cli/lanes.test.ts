import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { saveModel } from '../../src/diffusion/model.ts';
import { gaussianDenoiser } from '../../src/diffusion/oracle.ts';
import { writeNpy } from '../../src/tensor/npy.ts';
import { normals } from '../../src/tensor/random.ts';
import { float32 } from '../../src/tensor/tensor.ts';
import { idxOf } from '../data/sets.ts';
import { scalingEmbedder } from '../experiments/lab.ts';
import { breaksAbove } from './broken.ts';
import { seedbed } from './in-process.ts';
import { PROGRAM } from './program.ts';

const SHAPE = [1, 8, 8];
let folder: string;
const at = (...names: string[]) => join(folder, ...names);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'seedbed-lanes-'));
  await writeFile(at('model.onnx'), saveModel(gaussianDenoiser(1, SHAPE, 3)));
  const pixels = normals({ seed: 3, purpose: 'pictures' }, [72, ...SHAPE]).data.map(z => 0.5 + 0.1 * z);
  await writeFile(at('pictures.npy'), writeNpy(float32([72, ...SHAPE], pixels)));
  await writeFile(at('one.npy'), writeNpy(float32([1, ...SHAPE], pixels.subarray(0, 64))));
});
afterAll(() => rm(folder, { recursive: true }));

const embed = () => ['embed', at('pictures.npy'), '--model', at('model.onnx'), '--batch', '16'];

/** Runs a command in a process of its own, with all cores; it is sent a signal once its words match. */
function start(words: string[], { signal, when }: { signal?: 'SIGINT'; when?: RegExp } = {}) {
  const { OMP_NUM_THREADS: _, ...env } = process.env;
  const child = spawn(process.execPath, [...PROGRAM, ...words], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said = { out: '', err: '' };
  for (const [stream, key] of [
    [child.stdout, 'out'],
    [child.stderr, 'err'],
  ] as const)
    stream.on('data', chunk => {
      const before = when?.test(said[key]);
      said[key] += chunk;
      if (signal && !before && when?.test(said[key])) child.kill(signal);
    });
  return new Promise<{ code: number | null; out: string; err: string }>(resolve =>
    child.once('close', code => resolve({ code, ...said })),
  );
}

describe.skipIf(availableParallelism() < 2)('work in several processes (needs two cores)', () => {
  test('gives what one process of one thread gives, is stopped by one signal, and goes on', async () => {
    const alone = await seedbed(...embed(), '--threads', '1', '--out', at('alone'));
    expect(alone).toMatchObject({ code: 0 });
    const stopped = await start([...embed(), '--out', at('lanes')], { signal: 'SIGINT', when: /PSNR/ });
    expect(stopped.err).toMatch(/^in \d+ processes of one thread each/m);
    expect(stopped).toMatchObject({ code: 130, err: expect.stringMatching(/with --resume goes on/) });
    expect(await start([...embed(), '--out', at('lanes'), '--resume'])).toMatchObject({ code: 0 });
    for (const name of ['seeds.safetensors', 'seeds.npy', 'embedding.png'])
      expect(await readFile(join(at('lanes'), name)), name).toEqual(await readFile(join(at('alone'), name)));
    expect((await readdir(at('lanes'))).filter(name => name.startsWith('.'))).toEqual([]);
  }, 60_000);

  test.each([
    ['evaluate', () => ['--data', at('pictures.npy'), '--method', 'naive']],
    ['cloud', () => [at('one.npy'), '--count', '72', '--method', 'split']],
  ])('%s gives the same files', async (command, words) => {
    const all = [command, ...words(), '--model', at('model.onnx')];
    expect(await seedbed(...all, '--threads', '1', '--out', at(`${command}-alone`))).toMatchObject({
      code: 0,
    });
    const lanes = await start([...all, '--out', at(`${command}-lanes`)]);
    expect(lanes).toMatchObject({
      code: 0,
      err: expect.stringMatching(/^in \d+ processes of one thread each/m),
    });
    const [alone, together] = [at(`${command}-alone`), at(`${command}-lanes`)];
    const names = (await readdir(alone)).sort();
    expect((await readdir(together)).sort()).toEqual(names);
    for (const name of names) {
      const [here, there] = [await readFile(join(alone, name)), await readFile(join(together, name))];
      const untimed = (bytes: Buffer) => bytes.toString('latin1').replace(/"seconds": ?[\d.e-]+/g, '');
      expect(untimed(there), name).toBe(untimed(here));
    }
    if (command !== 'evaluate') return;
    const { results, inversion } = JSON.parse(await readFile(join(alone, 'evaluation.json'), 'utf8'));
    expect(results.map(({ image }: { image: number }) => image)).toEqual(
      Array.from({ length: 72 }, (_, i) => i),
    );
    expect(inversion).toMatchObject({ interior: { solver: 'naive' } });
  });

  test('reproduce gives the same report, whoever measured what', async () => {
    const [models, set] = [at('models'), at('sets', 'fashion-mnist')];
    await mkdir(models);
    await mkdir(set, { recursive: true });
    const denoiser = gaussianDenoiser(0.5, SHAPE, 2);
    await writeFile(join(models, 'fashion-mnist.onnx'), saveModel(denoiser));
    await writeFile(join(models, 'fashion-mnist-embedder.onnx'), saveModel(scalingEmbedder(denoiser, 1)));
    const pixels = Uint8Array.from({ length: 32 * 64 }, (_, i) => (i * 7919) % 256);
    for (const file of ['train-images-idx3-ubyte', 't10k-images-idx3-ubyte'])
      await writeFile(join(set, file), idxOf([32, 8, 8], pixels));
    const words = [
      'reproduce',
      'canonical',
      'distances',
      'fig8',
      '--models',
      models,
      '--data-dir',
      at('sets'),
    ];
    const alone = await seedbed(...words, '--threads', '1', '--out', at('report-alone'));
    const lanes = await start([...words, '--out', at('report-lanes')]);
    expect(lanes).toMatchObject({
      code: 0,
      err: expect.stringMatching(/^in \d+ processes of one thread each/m),
    });
    expect(lanes.out.replace(/3 experiments in .*/, '')).toBe(alone.out.replace(/3 experiments in .*/, ''));
    const names = (await readdir(at('report-alone'))).sort();
    expect((await readdir(at('report-lanes'))).sort()).toEqual(names);
    for (const name of names) {
      const [here, there] = await Promise.all(
        ['alone', 'lanes'].map(out => readFile(at(`report-${out}`, name), 'latin1')),
      );
      const untimed = (text: string) => text.replaceAll(/"seconds": [\d.]+/g, '');
      expect(untimed(there!), name).toBe(untimed(here!));
    }
  }, 120_000);

  test('says what ended one of them, and leaves the folder free', async () => {
    await writeFile(at('broken.onnx'), saveModel(breaksAbove(-1, SHAPE)));
    const words = (model: string) => [
      'embed',
      at('pictures.npy'),
      '--model',
      at(model),
      '--batch',
      '16',
      '--method',
      'naive',
    ];
    const { code, err } = await start([...words('broken.onnx'), '--out', at('broken')]);
    expect({ code, err }).toEqual({ code: 2, err: expect.stringMatching(/\nseedbed: .*is not a number/) });
    expect(await readdir(at('broken'))).toEqual([]);
  });
});
