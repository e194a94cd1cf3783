import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { saveModel } from '../../src/diffusion/model.ts';
import { gaussianDenoiser } from '../../src/diffusion/oracle.ts';
import { encodePng } from '../../src/runtime/images.ts';
import { writeNpy } from '../../src/tensor/npy.ts';
import { normals } from '../../src/tensor/random.ts';
import { float32 } from '../../src/tensor/tensor.ts';
import { seedbed as run } from './in-process.ts';
import { PROGRAM } from './program.ts';

let folder: string;
const at = (...names: string[]) => join(folder, ...names);
const seedbed = (...args: string[]) => run(...args, '--threads', '1', '--quiet');

const SHAPE = [1, 8, 8];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'seedbed-shards-'));
  for (const [name, mean] of [
    ['model', 0],
    ['other', 0.1],
  ] as const)
    await writeFile(at(`${name}.onnx`), saveModel(gaussianDenoiser(1 + mean, SHAPE, 3)));
  const pixels = normals({ seed: 3, purpose: 'pictures' }, [140, ...SHAPE]).data.map(z => 0.5 + 0.1 * z);
  await writeFile(at('pictures.npy'), writeNpy(float32([140, ...SHAPE], pixels)));
  await writeFile(at('one.npy'), writeNpy(float32([1, ...SHAPE], pixels.subarray(0, 64))));
});
afterAll(() => rm(folder, { recursive: true }));

const model = () => ['--model', at('model.onnx')];
const evaluate = () => ['evaluate', '--data', at('pictures.npy'), '--method', 'naive', ...model()];
const sample = () => ['sample', '--count', '1500', ...model()];
const COMMANDS: Record<string, () => string[]> = {
  evaluate,
  sample,
  embed: () => ['embed', at('pictures.npy'), '--method', 'naive', '--batch', '16', ...model()],
  'embed items': () => [
    'embed',
    '--data',
    at('pictures.npy'),
    '--method',
    'naive',
    '--from',
    '3',
    '--to',
    '60',
    ...model(),
  ],
  'embed two states': () => [
    'embed',
    at('one.npy'),
    at('one.npy'),
    '--method',
    'exact',
    '--sampler',
    'bdia',
    '--batch',
    '1',
    ...model(),
  ],
  cloud: () => [
    'cloud',
    at('one.npy'),
    '--method',
    'descent',
    '--iterations',
    '3',
    '--count',
    '40',
    ...model(),
  ],
  race: () => ['race', at('model.onnx'), at('one.npy'), '--methods', 'naive,fixed point'],
  frontier: () => ['frontier', at('model.onnx'), at('one.npy')],
};

/** Runs a command in a process of its own. */
function start(words: string[]): Promise<{ code: number | null; err: string }> {
  const child = spawn(process.execPath, [...PROGRAM, ...words], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let err = '';
  child.stderr.on('data', chunk => {
    err += chunk;
  });
  return new Promise(resolve => child.once('close', code => resolve({ code, err })));
}

/** Files in a folder; what a report says of time is left out. */
async function contents(out: string): Promise<Record<string, unknown>> {
  const names = (await readdir(at(out), { withFileTypes: true })).filter(
    entry => entry.isFile() && entry.name !== 'run.json',
  );
  const files: Record<string, unknown> = {};
  for (const { name } of names) {
    const bytes = await readFile(at(out, name));
    if (/race-time|race\.md/.test(name)) continue;
    files[name] = name.endsWith('.json')
      ? JSON.parse(bytes.toString(), (key, value) => (/seconds/i.test(key) ? 0 : value))
      : bytes.toString('base64');
  }
  return files;
}

describe.each(Object.entries(COMMANDS))('%s', (name, words) => {
  test('in shards, merged, gives what one machine gives, whatever the number of shards', async () => {
    const out = name.replaceAll(' ', '-');
    expect(await seedbed(...words(), '--out', at(out))).toMatchObject({ code: 0, err: '' });
    const whole = await contents(out);
    for (const of of [3, 7]) {
      const parts = `${out}-${of}`;
      // In any order, and one of them delivered twice.
      for (const index of [
        2,
        0,
        ...Array.from({ length: of }, (_, i) => i).filter(i => i !== 2),
        of - 1,
      ].slice(0, of + 2))
        expect(await seedbed(...words(), '--out', at(parts), '--shard', `${index}/${of}`)).toMatchObject({
          code: 0,
        });
      expect(await seedbed('merge', at(parts))).toMatchObject({ code: 0, err: '' });
      expect(await contents(parts)).toEqual(whole);
    }
  });
});

describe('shards that are not as they should be', () => {
  const shards = async (out: string, which = ['0/3', '1/3', '2/3'], words = evaluate()) => {
    for (const shard of which)
      expect((await seedbed(...words, '--out', at(out), '--shard', shard)).code).toBe(0);
  };
  const refused = async (out: string, status: 2 | 3, ...said: (string | RegExp)[]) => {
    const { code, err } = await seedbed('merge', at(out));
    expect(code).toBe(status);
    for (const text of said) expect(err).toMatch(text);
  };
  beforeAll(() => shards('sound'));
  const copied = async (out: string) => cp(at('sound'), at(out), { recursive: true });

  test('missing ones are named, with the command that makes them', async () => {
    await copied('missing');
    await rm(at('missing', 'shard-1-of-3'), { recursive: true });
    const { code, err } = await seedbed('merge', at('missing'));
    expect(code).toBe(2);
    expect(err).toContain('1 of 3 shards are not there');
    const again = err.split('\n').find(line => line.includes('--shard 1/3'))!;
    const words = again.trim().split(' ').slice(1);
    expect((await seedbed(...words)).code).toBe(0);
    expect((await seedbed('merge', at('missing'))).code).toBe(0);
  });

  test('of a folder into which a picture was put, or of another --fit', async () => {
    const pictures = at('folder');
    await mkdir(pictures);
    const png = await encodePng(float32([1, 8, 8], new Array(64).fill(0.5)));
    for (const name of ['a', 'c', 'd']) await writeFile(join(pictures, `${name}.png`), png);
    const words = ['evaluate', '--data', pictures, '--method', 'naive', ...model(), '--out', at('inserted')];
    expect((await seedbed(...words, '--shard', '0/2')).code).toBe(0);
    const fit = await seedbed(...words, '--shard', '1/2', '--fit', 'squeeze');
    expect(fit).toMatchObject({
      code: 3,
      err: expect.stringMatching(/its fit is "crop", here it is "squeeze"/),
    });
    await rename(join(pictures, 'c.png'), join(pictures, 'b.png'));
    const renamed = await seedbed(...words, '--shard', '1/2');
    expect(renamed).toMatchObject({ code: 3, err: expect.stringMatching(/its data is/) });
  });

  test('a flag without a value is one of the words of a shard', async () => {
    const words = ['reproduce', 'fig6', 'fig8', '--full', '--out', at('full')];
    for (const shard of ['0/2', '1/2']) expect((await seedbed(...words, '--shard', shard)).code).toBe(0);
    expect((await seedbed('merge', at('full'))).code).toBe(0);
    expect(await readFile(at('full', 'README.md'), 'utf8')).toContain('seedbed reproduce fig6 fig8 --full');
  });

  test('of two runs in one folder', async () => {
    await copied('two');
    const begun = await seedbed(...evaluate(), '--out', at('two'), '--shard', '0/2');
    expect(begun).toMatchObject({
      code: 3,
      err: expect.stringMatching(/run.json is of another run: its number of shards is 3, here it is 2/),
    });
    await shards('half', ['0/2']);
    await rename(at('half', 'shard-0-of-2'), at('two', 'shard-0-of-2'));
    await refused('two', 3, /shard-0-of-2 is of another run: its number of shards is 2, here it is 3/);
  });

  test('a shard of another model or other settings is not begun over one that is there', async () => {
    await copied('other');
    for (const [change, fault] of [
      [['--model', at('other.onnx')], /its model is "\w{64}", here it is "\w{64}"/],
      [['--rng', '5'], /its rng is 0, here it is 5/],
      [['--to', '100'], /its data is/],
    ] as const) {
      const { code, err } = await seedbed(...evaluate(), ...change, '--out', at('other'), '--shard', '1/3');
      expect(code).toBe(3);
      expect(err).toMatch(fault);
    }
  });

  test('one of another run is refused by merge', async () => {
    await copied('foreign');
    await shards('strange', ['1/3'], [...evaluate(), '--rng', '5']);
    await rm(at('foreign', 'shard-1-of-3'), { recursive: true });
    await rename(at('strange', 'shard-1-of-3'), at('foreign', 'shard-1-of-3'));
    await refused('foreign', 3, /foreign.shard-1-of-3 is of another run: its rng is 5, here it is 0/);
  });

  test.each<[string, (manifest: { items: { to: number }; shard: { index: number } }) => void, RegExp]>([
    ['its range', ({ items }) => items.to++, /items 0 to 65, where shard 0 of 3 has 0 to 64 of 140/],
    ['its place', ({ shard }) => shard.index++, /items 0 to 64, where shard 1 of 3/],
    ['its place beyond the end', manifest => (manifest.shard.index = 3), /shard 3 of 3, counted from 0/],
  ])('a manifest in which somebody edited %s', async (what, edit, fault) => {
    const out = `edited-${what}`;
    await copied(out);
    const path = at(out, 'shard-0-of-3', 'manifest.json');
    const manifest = JSON.parse(await readFile(path, 'utf8'));
    edit(manifest);
    await writeFile(path, JSON.stringify(manifest));
    await refused(out, 2, fault, /Delete the folder and make that shard again/);
  });

  test('a file that was changed, is missing, or does not belong there', async () => {
    await copied('changed');
    const file = at('changed', 'shard-1-of-3', 'piece-64');
    const sound = await readFile(file);
    await writeFile(file, sound.toString().replace('"mse":0', '"mse":1'));
    await refused('changed', 2, /piece-64: is not what it was when it was written/);
    await rm(file);
    await refused('changed', 2, /piece-64: is missing/);
    await writeFile(file, sound);
    await writeFile(at('changed', 'shard-1-of-3', 'piece-0'), sound);
    await refused('changed', 2, /piece-0: is not of this shard/);
  });

  test('a folder without any', () => refused('.', 2, /holds no shards: there is no .*run.json/));

  test('a renamed folder', async () => {
    await copied('renamed');
    await rename(at('renamed', 'shard-0-of-3'), at('renamed', 'shard-00-of-3'));
    await refused('renamed', 2, /says that it is shard-0-of-3: it was renamed or edited/);
  });
});

test('more than one run can report is refused before anything is done', async () => {
  await writeFile(at('tiny.onnx'), saveModel(gaussianDenoiser(1, [1, 1, 1], 3)));
  await writeFile(at('many.npy'), writeNpy(float32([125_001, 1, 1, 1], new Float32Array(125_001))));
  const embed = [
    'embed',
    '--data',
    at('many.npy'),
    '--starts',
    '2',
    '--model',
    at('tiny.onnx'),
    '--shard',
    '0/9',
  ];
  expect(await seedbed(...embed, '--out', at('many'))).toMatchObject({
    code: 2,
    err: expect.stringMatching(
      /makes 250002 seeds; one run has 250000 at most. Cut it into runs by --from and --to/,
    ),
  });
  expect(existsSync(at('many'))).toBe(false);
});

test('two processes that do the same shard at once end well, and leave it whole', async () => {
  const both = [...sample(), '--out', at('both'), '--shard', '0/1'];
  const shard = () => start([...both, '--threads', '1', '--quiet']);
  const ended = await Promise.all([shard(), shard(), shard()]);
  expect(ended.map(({ code, err }) => [code, err])).toEqual([
    [0, ''],
    [0, ''],
    [0, ''],
  ]);
  expect((await seedbed('merge', at('both'))).code).toBe(0);
  expect((await readdir(at('both'))).filter(name => name.startsWith('.'))).toEqual([]);
});

test('a shard that was stopped goes on where it was, without being asked', async () => {
  const words = [...sample(), '--out', at('stopped'), '--shard', '0/2'];
  const piece = at('stopped', '.unfinished-sample-shard-0-of-2', 'piece-0');
  const timer = setInterval(() => {
    if (!existsSync(piece)) return;
    clearInterval(timer);
    process.emit('SIGTERM');
  }, 1);
  const stopped = await run(...words, '--threads', '1').finally(() => clearInterval(timer));
  // 75: start it again.
  expect(stopped).toMatchObject({
    code: 75,
    err: expect.stringContaining('shard 0 of 2, counted from 0: items 0 to 767 of 1500'),
  });
  expect((await seedbed(...words)).code).toBe(0);
  expect((await seedbed(...words.slice(0, -1), '1/2')).code).toBe(0);
  expect((await seedbed('merge', at('stopped'))).code).toBe(0);
  expect((await seedbed(...sample(), '--out', at('smooth'))).code).toBe(0);
  expect(await contents('stopped')).toEqual(await contents('smooth'));
});
