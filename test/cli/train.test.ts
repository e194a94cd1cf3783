import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pairsOf } from '../../src/cli/pairs.ts';
import type { Denoiser } from '../../src/diffusion/info.ts';
import { loadEmbedder, loadModel } from '../../src/diffusion/load.ts';
import { saveModel } from '../../src/diffusion/model.ts';
import { gaussianDenoiser } from '../../src/diffusion/oracle.ts';
import type { LevelRecord } from '../../src/quality/levels.ts';
import { writeNpy } from '../../src/tensor/npy.ts';
import { normals } from '../../src/tensor/random.ts';
import { float32 } from '../../src/tensor/tensor.ts';
import { breaksAbove, counting } from './broken.ts';
import { seedbed as run } from './in-process.ts';

let folder: string;
const at = (...names: string[]) => join(folder, ...names);
const seedbed = (...args: string[]) => run(...args, '--threads', '1', '--quiet');
const SMALL = [1, 8, 8];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'seedbed-train-'));
  await writeFile(at('sound.onnx'), saveModel(gaussianDenoiser(1, SMALL, 3)));
});
afterAll(() => rm(folder, { recursive: true }));

describe('train', () => {
  const config = {
    data: 'moons',
    heldOut: 16,
    network: { kind: 'mlp', channels: [8], embedding: 4 },
    schedule: 'cosine',
    training: { loss: 'mse', learningRate: 0.01, batch: 16, steps: 2 },
  };
  const train = (out: string, ...more: string[]) => seedbed('train', 'denoiser', '--out', at(out), ...more);
  beforeAll(async () => {
    await writeFile(at('config.json'), JSON.stringify(config));
    await writeFile(at('wrong.json'), JSON.stringify({ ...config, schedule: 'stepwise' }));
  });

  test.each([
    ['a configuration', () => ['--config', at('wrong.json')], 'schedule'],
    ['data', () => ['--config', at('config.json'), '--data', at('nowhere')], 'nowhere'],
    ['a start', () => ['--config', at('config.json'), '--init', at('sound.onnx')], 'start from'],
  ])('that refuses %s leaves nothing behind', async (what, args, named) => {
    const out = `refused-${what}`;
    const refused = await train(out, ...args());
    expect(refused.err).toContain(named);
    expect([2, 3]).toContain(refused.code);
    expect(existsSync(at(out))).toBe(false);
  });

  test.each([
    ['an empty folder', {}],
    ['what a refused command once left', { 'command.json': '{"rng":0,"data":"moons"}' }],
  ])('--resume refuses %s, and says what to do', async (name, files) => {
    const out = at(name);
    await mkdir(out);
    for (const [file, text] of Object.entries(files)) await writeFile(join(out, file), text);
    for (const more of [[], ['--config', at('config.json')]]) {
      const { code, err } = await train(name, '--resume', ...more);
      expect(code).toBe(2);
      expect(err).toContain(`${out} holds no training run to go on with`);
      expect(err).toContain("Name the run's folder with --out, or drop --resume to begin one");
    }
    expect(await readdir(out)).toEqual(Object.keys(files));
  });

  test('a run remembers its command; without its configuration it asks for it', async () => {
    expect(await train('run', '--config', at('config.json'), '--rng', '3')).toEqual({
      code: 0,
      out: '',
      err: '',
    });
    expect(await train('run', '--config', at('config.json'))).toMatchObject({
      code: 2,
      err: expect.stringMatching(
        /already holds a training run. --resume goes on with it, --fresh starts again/,
      ),
    });
    const command = JSON.parse(await readFile(at('run', 'command.json'), 'utf8'));
    expect(command).toMatchObject({ rng: 3 });
    await rm(at('run', 'config.json'));
    expect(await train('run', '--resume')).toMatchObject({
      code: 2,
      err: expect.stringContaining("Give the run's --config"),
    });
    expect(await train('run', '--resume', '--config', at('config.json'), '--steps', '3')).toMatchObject({
      code: 0,
    });
    expect(await train('run', '--fresh', '--config', at('config.json'))).toMatchObject({ code: 0 });
  });

  test('says how well each level is seen, beside the best linear denoiser, in progress, log and record', async () => {
    const pictures = normals({ seed: 0, purpose: 'pictures' }, [80, ...SMALL]);
    const pixels = pictures.data.map(value => Math.min(1, Math.max(0, 0.5 + 0.1 * value)));
    await writeFile(at('pictures.npy'), writeNpy(float32(pictures.shape, pixels)));
    const network = { kind: 'unet', channels: [4], embedding: 4 };
    const own = { ...config, data: at('pictures.npy'), network, predicts: 'v' };
    await writeFile(at('pictures.json'), JSON.stringify(own));
    const words = ['--out', at('watched'), '--config', at('pictures.json'), '--threads', '1'];
    const { out } = await run('train', 'denoiser', ...words);
    const log = (await readFile(at('watched', 'log.jsonl'), 'utf8')).trim().split('\n');
    const { levels } = JSON.parse(log.at(-1)!) as { levels: LevelRecord[] };
    expect(levels.map(({ time }) => time)).toEqual([1, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1]);
    const { info } = await loadModel(at('watched', 'model.onnx'));
    expect(info.training?.levels).toEqual(levels);
    const worst = Math.max(...levels.map(level => level.network / level.linear));
    expect(out).toContain(`${worst.toPrecision(3)} of a linear model's error at t = `);
  });

  test.each(['sampler', 'pairs'] as const)(
    'an embedder learns by %s, and goes on to the same bits',
    async objective => {
      const pictures = normals({ seed: 0, purpose: 'pictures' }, [80, ...SMALL]);
      const pixels = pictures.data.map(value => Math.min(1, Math.max(0, 0.5 + 0.1 * value)));
      await writeFile(at('pictures.npy'), writeNpy(float32(pictures.shape, pixels)));
      const training = { ...config.training, steps: 40, evaluateEvery: 20, objective };
      const own = {
        ...{
          data: at('pictures.npy'),
          heldOut: 16,
          network: { kind: 'conv', channels: [4], kernels: [3, 3] },
        },
        training: { ...training, ...(objective === 'pairs' && { pairs: 64 }) },
      };
      await writeFile(at('embedder.json'), JSON.stringify(own));
      const learn = (out: string, ...more: string[]) =>
        seedbed('train', 'embedder', '--model', at('sound.onnx'), '--out', at(out), ...more);
      const words = ['--config', at('embedder.json')];
      const [whole, parts] = [`by ${objective}`, `by ${objective}, in parts`];
      expect(await learn(whole, ...words)).toMatchObject({ code: 0 });
      const log = (await readFile(at(whole, 'log.jsonl'), 'utf8')).trim().split('\n');
      const [first, last] = [log[0]!, log.at(-1)!].map(line => JSON.parse(line));
      expect(last.heldOut).toBeLessThan(first.heldOut);
      expect(last.latentVariance).toBeGreaterThan(0);
      const { info } = await loadEmbedder(at(whole, 'model.onnx'));
      expect(info).toMatchObject({
        denoiser: (await loadModel(at('sound.onnx'))).hash,
        training: { steps: 40 },
      });
      expect(existsSync(at(whole, 'pairs.safetensors'))).toBe(objective === 'pairs');
      expect(await learn(parts, ...words, '--steps', '20')).toMatchObject({ code: 0 });
      expect(await learn(parts, '--resume', '--steps', '40')).toMatchObject({ code: 0 });
      expect(await readFile(at(parts, 'model.onnx'))).toEqual(await readFile(at(whole, 'model.onnx')));
    },
  );

  test('the pairs of an embedder, stopped, go on to the same bits; what is not a number is not kept', async () => {
    const denoiser = gaussianDenoiser(1, SMALL, 3);
    const generate = async (out: string, model: Denoiser, stopBefore?: number) => {
      const { counted, signal, runs } = counting(stopBefore);
      const ignore = () => {};
      const progress = () => ({ update: ignore, above: ignore, stop: ignore });
      const terminal = { line: ignore, note: ignore, json: ignore, progress, signal };
      const wanted = { count: 70, rng: 0, out: at(out), resume: true };
      return { pairs: await pairsOf({ terminal, runtime: counted, denoiser: model }, wanted), runs: runs() };
    };
    const whole = await generate('pairs', denoiser);
    const broken = generate('stopped pairs', denoiser, 3 + 2);
    await expect(broken).rejects.toThrow('stopped after 64 of 70; the same command with --resume goes on');
    const rest = await generate('stopped pairs', denoiser);
    expect(rest.pairs).toEqual(whole.pairs);
    expect([whole.runs, rest.runs]).toEqual([9, 3]);
    await expect(generate('none', breaksAbove(-1, SMALL))).rejects.toMatchObject({ kind: 'Diverged' });
    expect(await readdir(at('none'))).toEqual([]);
  });
});
