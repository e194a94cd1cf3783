import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { hashesOfModels, type OpenLab, openLab } from '../../src/cli/lab.ts';
import { saveModel } from '../../src/diffusion/model.ts';
import { gaussianDenoiser } from '../../src/diffusion/oracle.ts';
import { SIZES } from '../../src/experiments/paper/lab.ts';
import { EXPERIMENTS } from '../../src/experiments/paper/reproduction.ts';
import { createRuntime } from '../../src/runtime/node.ts';
import { sizeOf } from '../../src/tensor/tensor.ts';
import { type Marks, marksIn, NO_MARKS } from '../../src/work/marks.ts';
import { unfinishedIn } from '../../src/work/unfinished.ts';
import { idxOf } from '../data/sets.ts';
import { SHAPE, scalingEmbedder } from '../experiments/lab.ts';
import { seedbed as run } from './in-process.ts';

let folder: string;
const at = (...names: string[]) => join(folder, ...names);
const seedbed = (...args: string[]) => run('reproduce', ...args, '--threads', '1');

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'seedbed-reproduce-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** Every row of the reproduction, as it was promised. */
const ROWS = [
  ...Array.from({ length: 19 }, (_, i) => `fig${i + 1}`),
  ...['table1', 'table2', 'spectrum', 'noisy-seed', 'connected', 'straight', 'retrain', 'blocks', 'border'],
  ...['identifiable', 'rescaled', 'schedules', 'level-input', 'distances', 'canonical', 'training-size'],
  ...['agreement', 'halves'],
  'sheet',
  'split-or-descent',
];

test('there is an experiment for every figure, table and claim, each named once', () => {
  expect(EXPERIMENTS.map(({ name }) => name).sort()).toEqual([...ROWS].sort());
});

test('lists them, and explains itself with an example', async () => {
  const list = await seedbed('list');
  expect(list.code).toBe(0);
  for (const { name, title } of EXPERIMENTS)
    expect(list.out).toMatch(new RegExp(`${name} +${title.slice(0, 10)}`));
  const help = await seedbed('--help');
  expect(help.out).toContain('Example: seedbed reproduce');
});

test('writes a report with every claim, its verdict and its pictures', async () => {
  const { code, err } = await seedbed('fig6', 'fig8', '--out', at('plots'));
  expect(err).toBe('');
  expect(code).toBe(0);
  const report = JSON.parse(await readFile(at('plots', 'report.json'), 'utf8'));
  const page = await readFile(at('plots', 'README.md'), 'utf8');
  expect(report.results.map((r: { name: string }) => r.name)).toEqual(['fig6', 'fig8']);
  expect(report.omitted).toEqual([]);
  for (const { claims, pictures } of report.results) {
    expect(claims.length).toBeGreaterThan(0);
    for (const { paper, ours, control, because } of claims)
      for (const words of [paper, ours, control, because]) expect(page).toContain(words);
    for (const { file } of pictures) {
      const { width = 0 } = await sharp(at('plots', `${file}.png`)).metadata();
      expect(width).toBeGreaterThan(400);
      expect(page).toContain(`(${file}.png)`);
    }
  }
  expect((await readdir(at('plots'))).filter(name => name.startsWith('.'))).toEqual([]);
});

test('shards of it, merged, give the same files as one run, times apart', async () => {
  expect((await seedbed('fig6', 'fig8', '--out', at('a'))).code).toBe(0);
  for (const shard of ['1/3', '0/3', '2/3'])
    expect((await seedbed('fig6', 'fig8', '--out', at('b'), '--shard', shard)).code).toBe(0);
  expect(await run('merge', at('b'), '--threads', '1')).toMatchObject({ code: 0, err: '' });
  for (const name of await readdir(at('a'))) {
    const [a, b] = await Promise.all(['a', 'b'].map(out => readFile(at(out, name), 'utf8')));
    const timeless = (text: string) => text.replaceAll(/"seconds": [\d.]+/g, '');
    expect(timeless(b!), name).toBe(timeless(a!));
  }
});

test.each([
  [['fig99'], 2, /there is no experiment fig99; there are all, fig1, /],
  [['fig8', '--models', 'nowhere', '--full', '--json', '--rng', 'x'], 2, /expected a whole number/],
])('says what is wrong with %j', async (args, code, message) => {
  const result = await seedbed(...args, '--out', at('wrong'));
  expect(result.code).toBe(code);
  expect(result.err).toMatch(message);
});

test('an experiment without its data or model says what is missing and the command that makes it', async () => {
  const result = await seedbed(
    'retrain',
    '--models',
    at('empty'),
    '--data-dir',
    at('empty'),
    '--out',
    at('x'),
  );
  expect(result.code).toBe(1);
  expect(result.err).toContain(
    'seedbed train denoiser --config configs/reproduction/mnist-small.json --out runs/mnist-small-2 --rng 2',
  );
});

test('what stands in the way, and what leaves claims open, is told before anything is measured', async () => {
  const [models, set] = [at('others'), at('sets', 'fashion-mnist')];
  const denoiser = gaussianDenoiser(0.5, SHAPE, 2);
  const written = {
    [join(models, 'fashion-mnist.onnx')]: saveModel(denoiser),
    [join(models, 'fashion-mnist-embedder.onnx')]: saveModel(
      scalingEmbedder(gaussianDenoiser(0.4, SHAPE, 2), 1),
    ),
    [join(set, 'train-images-idx3-ubyte')]: idxOf(SHAPE, new Uint8Array(64)),
    [join(set, 't10k-images-idx3-ubyte')]: idxOf(SHAPE, new Uint8Array(64)),
  };
  for (const folder of [models, set]) await mkdir(folder, { recursive: true });
  for (const [path, bytes] of Object.entries(written)) await writeFile(path, bytes);
  const args = ['--models', models, '--data-dir', at('sets'), '--out', at('ahead')];
  const misfit = await seedbed('fig8', 'canonical', ...args);
  expect(misfit).toMatchObject({ code: 1, out: '' });
  expect(misfit.err).toMatch(/canonical: embedder fashion-mnist-embedder was trained for denoiser \w+, but/);
  const unmeasured = await seedbed('schedules', ...args);
  expect(unmeasured.code).toBe(0);
  expect(unmeasured.err).toBe(
    'fashion-mnist has not been held against its gate: what is claimed of it will stay open\n',
  );
});

test('goes on with what an interrupted run left, and not with that of another', async () => {
  await seedbed('fig8', '--out', at('whole'));
  const {
    results,
    command,
    seedbed: made,
    rng,
    sizes,
  } = JSON.parse(await readFile(at('whole', 'report.json'), 'utf8'));
  const unfinished = at('resumed', '.unfinished-reproduce');
  await mkdir(unfinished, { recursive: true });
  const about = { command, seedbed: made, rng, sizes, models: await hashesOfModels({ rng }) };
  await writeFile(join(unfinished, 'about.json'), JSON.stringify(about));
  const sheets = [{ file: 'kept', caption: 'kept from before' }];
  const kept = { ...results[0], sheets, used: [] };
  await writeFile(join(unfinished, 'numbers-fig8.json'), JSON.stringify(kept));
  await writeFile(join(unfinished, 'kept.png'), await readFile(at('whole', 'fig8.png')));
  const again = (...more: string[]) => seedbed('fig8', '--out', at('resumed'), ...more);
  expect((await again()).err).toContain('holds unfinished work');
  expect((await again('--resume', '--rng', '1')).err).toContain('another command');
  await mkdir(at('models'));
  await writeFile(at('models', 'mnist.onnx'), 'another model');
  expect((await again('--resume', '--models', at('models'))).err).toContain('another command');
  expect((await again('--resume')).code).toBe(0);
  expect(await readFile(at('resumed', 'README.md'), 'utf8')).toContain('kept from before');
});

test('what experiments share is made once and kept; what was spoilt since is refused by its name', async () => {
  const place = {
    runtime: await createRuntime({ threads: 1 }),
    terminal: { signal: new AbortController().signal },
    unfinished: { path: (name: string) => at('kept', name), remove: async () => {} },
    marks: NO_MARKS,
    progress: () => {},
  };
  const lab = await openLab(place, { rng: 0, models: at('kept') }, SIZES.default);
  const number = (value: number) =>
    lab.kept('shared', z.object({ value: z.number() }), async () => ({ value }));
  await mkdir(at('kept'));
  expect([await number(1), await number(2)]).toEqual([{ value: 1 }, { value: 1 }]);
  await writeFile(at('kept', 'shared.json'), '{"value": "one"}');
  await expect(number(3)).rejects.toThrow(at('kept', 'shared.json'));
});

test('two that want the same clouds begin with different ones, and find each once', async () => {
  const runtime = await createRuntime({ threads: 1 });
  const [models, set] = [at('cloud-models'), at('cloud-sets', 'fashion-mnist')];
  for (const folder of [models, set]) await mkdir(folder, { recursive: true });
  await writeFile(join(models, 'fashion-mnist.onnx'), saveModel(gaussianDenoiser(0.5, SHAPE, 2)));
  const pixels = Uint8Array.from({ length: 3 * sizeOf(SHAPE) }, (_, i) => (i * 7919) % 256);
  for (const file of ['train-images-idx3-ubyte', 't10k-images-idx3-ubyte'])
    await writeFile(join(set, file), idxOf([3, ...SHAPE.slice(1)], pixels));
  const unfinished = unfinishedIn(at('clouds'));
  const taken: string[] = [];
  const shared: Marks = {
    ...marksIn(unfinished),
    async take(name) {
      const free = await marksIn(unfinished).take(name);
      if (free) taken.push(name);
      return free;
    },
  };
  const sizes = { ...SIZES.default, clouds: { pictures: 3, seeds: 4 } };
  /** How often it was told how far the finding has come, by the folder in which it goes on. */
  const told: Record<string, number> = { clouds: 0, alone: 0 };
  const open = (out: string, marks: Marks) =>
    openLab(
      {
        ...{ runtime, terminal: { signal: new AbortController().signal } },
        ...{ unfinished: unfinishedIn(at(out)), marks, progress: () => void told[out]!++ },
      },
      { rng: 0, models, dataDir: at('cloud-sets') },
      sizes,
    );
  const latents = (lab: OpenLab) =>
    lab.eachPicture('fashion-mnist', 3, async index => (await lab.cloud('fashion-mnist', index)).latent);
  const labs = await Promise.all([open('clouds', shared), open('clouds', shared)]);
  const [one, other] = await Promise.all(labs.map(latents));
  expect(one).toEqual(other);
  expect(one).toEqual(await latents(await open('alone', NO_MARKS)));
  expect(taken.filter(name => name.startsWith('at-')).slice(0, 2)).toEqual([
    'at-fashion-mnist-0',
    'at-fashion-mnist-1',
  ]);
  expect(told.clouds).toBe(told.alone);
});

test('writes page and plots again from saved numbers, and says so where they are not there', async () => {
  await seedbed('fig6', 'fig8', '--out', at('said'));
  const names = await readdir(at('said'));
  const before = await Promise.all(names.map(name => readFile(at('said', name), 'utf8')));
  for (const name of names.filter(one => one !== 'report.json')) await rm(at('said', name));
  expect((await seedbed('--report', at('said'))).code).toBe(0);
  for (const [i, name] of names.entries())
    expect(await readFile(at('said', name), 'utf8'), name).toBe(before[i]);

  const report = JSON.parse(await readFile(at('said', 'report.json'), 'utf8'));
  const write = (results: unknown) =>
    writeFile(at('said', 'report.json'), JSON.stringify({ ...report, results }));
  await write([{ ...report.results[0], numbers: { curves: 'none' } }]);
  expect((await seedbed('--report', at('said'))).err).toContain('measure them again: seedbed reproduce fig6');
  await write([{ name: 'fig6', claims: [] }]);
  expect((await seedbed('--report', at('said'))).err).toContain('does not hold the numbers');
  expect((await seedbed('fig6', '--report', at('said'))).err).toContain(
    '--report takes neither names nor --out',
  );
  expect((await seedbed('--report', at('said'), '--out', at('other'))).err).toContain('neither names nor');
  expect((await seedbed()).err).toContain("name experiments such as fig12, or 'all'");
});
