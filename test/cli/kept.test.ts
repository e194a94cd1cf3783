import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { withSampler } from '../../src/diffusion/info.ts';
import { loadModel } from '../../src/diffusion/load.ts';
import { saveModel } from '../../src/diffusion/model.ts';
import { gaussianDenoiser } from '../../src/diffusion/oracle.ts';
import type { SamplerKind } from '../../src/diffusion/samplers.ts';
import { embed } from '../../src/embedding/embed.ts';
import type { EmbedOptions } from '../../src/embedding/embedding.ts';
import { journalIn, keptResult } from '../../src/embedding/journal-files.ts';
import { METHODS, type Method } from '../../src/embedding/methods.ts';
import { RECIPES } from '../../src/embedding/recipes.ts';
import { compete } from '../../src/experiments/race/race.ts';
import { createPanel } from '../../src/latent/gaussianity.ts';
import { encodePng } from '../../src/runtime/images.ts';
import { writeNpy } from '../../src/tensor/npy.ts';
import { normals } from '../../src/tensor/random.ts';
import { meanSquares } from '../../src/tensor/statistics.ts';
import { float32, rows } from '../../src/tensor/tensor.ts';
import { jsonCodec } from '../../src/work/kept.ts';
import { openUnfinished } from '../../src/work/unfinished.ts';
import { scalingEmbedder } from '../experiments/lab.ts';
import { breaksAbove, counting, runtime } from './broken.ts';
import { seedbed as run } from './in-process.ts';

let folder: string;
const at = (...names: string[]) => join(folder, ...names);
const seedbed = (...args: string[]) => run(...args, '--threads', '1', '--quiet');
const left = async (out: string) =>
  existsSync(at(out)) ? (await readdir(at(out))).filter(name => name.startsWith('.unfinished')) : [];

const SMALL = [1, 8, 8];
/** Seeds of this shape are kept in pieces of 16. */
const LARGE = [1, 32, 32];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'seedbed-kept-'));
  await writeFile(at('sound.onnx'), saveModel(gaussianDenoiser(1, SMALL, 3)));
  await writeFile(at('broken.onnx'), saveModel(breaksAbove(-1, SMALL)));
  for (const name of ['a', 'b']) {
    const pixels = normals({ seed: name.length, purpose: name }, SMALL).data.map(z => 0.5 + 0.1 * z);
    await writeFile(at(`${name}.png`), await encodePng(float32(SMALL, pixels)));
  }
});
afterAll(() => rm(folder, { recursive: true }));

describe('what is not a number', () => {
  const decoded = (...more: string[]) => seedbed('decode', at('seeds.npy'), '--out', at('grown'), ...more);

  test('is never kept: the refusal is the same every time, and the folder free for a sound model', async () => {
    const latent = normals({ seed: 0, purpose: 'sample' }, [20, ...LARGE]);
    const power = meanSquares(latent);
    // The largest of the second piece is above all others.
    const sorted = Array.from(latent.data);
    const last = 16 * 1024;
    for (let i = last; i < last + 1024; i++) sorted[i]! *= 1.4;
    await writeFile(at('seeds.npy'), writeNpy(float32(latent.shape, sorted)));
    await writeFile(at('late.onnx'), saveModel(breaksAbove(1.5, LARGE)));
    await writeFile(at('large.onnx'), saveModel(gaussianDenoiser(1, LARGE, 3)));
    expect(Math.max(...power)).toBeLessThan(1.5);
    const first = await decoded('--model', at('late.onnx'));
    expect(first.code).not.toBe(0);
    expect(first.err).toContain('the pictures are not numbers: the model or the seeds are broken');
    expect(await left('grown')).toEqual([]);
    expect(await decoded('--model', at('late.onnx'))).toEqual(first);
    expect((await decoded('--model', at('late.onnx'), '--resume')).code).toBe(first.code);
    expect(await left('grown')).toEqual([]);
    expect(existsSync(at('grown', 'pictures.npy'))).toBe(false);
    expect(await decoded('--model', at('large.onnx'))).toMatchObject({ code: 0, err: '' });
  });

  const both = () => [at('a.png'), at('b.png')];
  const commands: [string, () => string[]][] = [
    ['sample', () => ['--count', '2']],
    ['embed', both],
    ['interpolate', both],
    ['cloud', () => [at('a.png'), '--count', '4']],
    ['edit', () => ['--scribbled', at('a.png')]],
    ['evaluate', () => ['--data', folder]],
  ];
  test.each(commands)(
    '%s refuses it twice alike, and the sound model after it works',
    async (command, args) => {
      const go = (model: string) =>
        seedbed(command, ...args(), '--model', at(model), '--out', at(`of-${command}`));
      const first = await go('broken.onnx');
      expect(first.code).not.toBe(0);
      expect(first.err).toMatch(/not (a )?numbers?: the (method|model)/);
      expect(await go('broken.onnx')).toEqual(first);
      expect(await left(`of-${command}`)).toEqual([]);
      expect(await go('sound.onnx')).toMatchObject({ code: 0, err: '' });
    },
  );
});

describe('unfinished work', () => {
  const seeds = (...more: string[]) =>
    seedbed('decode', at('sound', 'seeds.safetensors'), '--out', at('held'), ...more);

  test('--force of decode is about models alone; --fresh drops what lies there', async () => {
    const sound = at('sound.onnx');
    await seedbed('sample', '--model', sound, '--count', '2', '--out', at('sound'));
    await writeFile(at('other.onnx'), saveModel(gaussianDenoiser(2, SMALL, 3)));
    const held = await openUnfinished({ out: at('held') }, { command: 'decode' });
    await writeFile(held.path('piece-0'), 'hours of work');
    const forced = await seeds('--model', at('other.onnx'), '--force');
    expect(forced).toMatchObject({ code: 2, err: expect.stringContaining('--fresh drops it') });
    expect(await readFile(held.path('piece-0'), 'utf8')).toBe('hours of work');
    const fresh = await seeds('--model', at('other.onnx'), '--fresh');
    expect(fresh).toMatchObject({ code: 3, err: expect.stringMatching(/seeds of model .*, or --force/) });
    expect(await seeds('--model', at('other.onnx'), '--fresh', '--force')).toMatchObject({ code: 0 });
  });

  test('decode says in a line which seeds are no likely noise', async () => {
    const flat = new Float32Array(3 * 64).fill(1).fill(0.1, 0, 128);
    await writeFile(at('flat.npy'), writeNpy(float32([3, ...SMALL], flat)));
    const go = ['decode', at('flat.npy'), '--model', at('sound.onnx'), '--out', at('flat')];
    const { code, err } = await run(...go, '--threads', '1');
    expect(code).toBe(0);
    expect(err).toContain(
      `${at('flat.npy')}: 2 of 3 seeds are no likely noise; the worst is seed 0: the mean square of its coordinates is 0.0100, where noise has 1\n`,
    );
  });

  test('where there is none to go on with, --resume says so', async () => {
    const { code, err } = await run('sample', '--model', at('sound.onnx'), '--resume', '--out', at('typo'));
    expect(code).toBe(0);
    expect(err).toContain(`${at('typo')} holds no unfinished work of sample: it begins anew`);
  });
});

describe('an embedding that is stopped', () => {
  const model = gaussianDenoiser(1, SMALL, 4);
  const images = float32(
    [5, ...SMALL],
    normals({ seed: 1, purpose: 'picture' }, [5, ...SMALL]).data.map(z => 0.5 + 0.1 * z),
  );
  const embedder = scalingEmbedder(model, 0.9);
  const samplers: Partial<Record<Method, readonly SamplerKind[]>> = {
    exact: ['edict', 'bdia', 'obelm', 'rex'],
    reversed: ['rfsolver', 'fireflow'],
  };
  const ways = METHODS.flatMap(method =>
    (samplers[method] ?? [undefined]).map((sampler): [string, EmbedOptions] => [
      [method, sampler].filter(Boolean).join('-'),
      {
        ...{ method, sampler, recipe: { ...RECIPES.seedbed, iterations: 3 } },
        ...(method.startsWith('embedder') && { embedder }),
      },
    ]),
  );

  test.each(ways)(
    'by %s keeps its batches, ends within one, and goes on to the same bits',
    async (name, way) => {
      const options = { ...way, batch: 2, starts: 1 };
      const whole = counting();
      const expected = await embed(model, images, { runtime: whole.counted, ...options });

      const unfinished = await openUnfinished({ out: at(`stopped-${name}`) }, { command: 'embed' });
      const late = Math.floor(whole.runs() * 0.7);
      const first = counting(late);
      const journal = () => journalIn(unfinished);
      const broken = embed(model, images, {
        runtime: first.counted,
        ...options,
        signal: first.signal,
        journal: journal(),
      });
      await expect(broken).rejects.toMatchObject({ kind: 'Interrupted' });
      // No batch is finished after the signal: descent ends with its iteration, the others at once.
      expect(first.runs()).toBeLessThanOrEqual(late + 1);
      const kept = (await readdir(unfinished.path('.'))).filter(file => file.startsWith('batch-'));
      expect(kept.length).toBeGreaterThan(0);

      const second = counting();
      const found = await embed(model, images, { runtime: second.counted, ...options, journal: journal() });
      expect(found).toEqual(expected);
      expect(second.runs(), 'finished batches are not done again').toBeLessThan(whole.runs());
    },
  );

  test('by a command goes on from its batches alone', async () => {
    const args = ['embed', at('a.png'), at('b.png'), '--model', at('sound.onnx'), '--batch', '1'];
    await seedbed(...args, '--out', at('undisturbed'));
    const original = process.stdout.write;
    // The line of the first picture comes when its batch is kept.
    process.stdout.write = ((text: string) => {
      if (String(text).includes('a.png')) process.emit('SIGINT');
      return true;
    }) as typeof process.stdout.write;
    const write = process.stderr.write;
    let err = '';
    process.stderr.write = ((text: string) => {
      err += text;
      return true;
    }) as typeof process.stderr.write;
    const { main } = await import('../../src/cli/main.ts');
    const code = await main([...args, '--threads', '1', '--out', at('parts')]).finally(() => {
      process.stdout.write = original;
      process.stderr.write = write;
    });
    expect({ code, err }).toMatchObject({ code: 130, err: expect.stringContaining('--resume goes on') });
    expect(await readdir(at('parts', '.unfinished-embed'))).toEqual(['about.json', 'piece-0']);
    // The same weights with another sampler of their own, and pictures that would be cut otherwise, are other work.
    const model = await loadModel(at('sound.onnx'));
    await writeFile(
      at('other-steps.onnx'),
      saveModel(withSampler(model, { ...model.info.sampler, steps: 2 })),
    );
    for (const changed of [
      ['--model', at('other-steps.onnx')],
      ['--fit', 'squeeze'],
    ]) {
      const resumed = await seedbed(...args, ...changed, '--resume', '--out', at('parts'));
      expect(resumed, changed.join()).toMatchObject({
        code: 3,
        err: expect.stringContaining('another command'),
      });
    }
    expect(await seedbed(...args, '--resume', '--out', at('parts'))).toMatchObject({ code: 0 });
    for (const name of ['seeds.safetensors', 'embedding.png'])
      expect(await readFile(at('parts', name)), name).toEqual(await readFile(at('undisturbed', name)));
    expect(await left('parts')).toEqual([]);
  });

  test('in a race goes on from its batches, and times only what it finds', async () => {
    const unfinished = await openUnfinished({ out: at('raced') }, { command: 'race' });
    const contestant = { family: 'split', name: 'split', options: { method: 'split' as const }, cost: 1 };
    const race = async (stopBefore?: number) => {
      const { counted, signal, runs } = counting(stopBefore);
      const settings = { rng: 0, batch: 2, signal, journal: journalIn(unfinished) };
      const panel = createPanel(SMALL);
      return {
        ...(await compete(counted, model, undefined, images, contestant, panel, settings)),
        runs: runs(),
      };
    };
    await expect(race(60)).rejects.toMatchObject({ kind: 'Interrupted' });
    const rest = await race();
    const nothing = await race();
    expect(nothing).toEqual({ ...rest, seconds: undefined, runs: 0 });
    expect(rest.seconds).toBeGreaterThan(0);
    expect(rest.runs).toBeGreaterThan(0);
  });

  test('a file of more faults than the parser holds is damaged, as any other', async () => {
    const path = at('faults.json');
    await writeFile(path, JSON.stringify([{ losses: Array(200_000).fill('none') }]));
    await expect(jsonCodec(keptResult).read(path, 1)).rejects.toMatchObject({
      kind: 'BadFile',
      message: expect.stringContaining('faults.json is damaged: '),
    });
  });

  test('keeps no batch that is not all numbers', async () => {
    const unfinished = await openUnfinished({ out: at('nothing') }, { command: 'embed' });
    const journal = journalIn(unfinished);
    const { results } = await embed(model, rows(images, 0, 1), { runtime, method: 'split' });
    const latent = float32([1, ...SMALL], new Float32Array(64).fill(Number.NaN));
    await journal.finish(0, { latent, grown: rows(images, 0, 1), results });
    expect(await journal.finished(0, [1, ...SMALL])).toBeUndefined();
  });
});
