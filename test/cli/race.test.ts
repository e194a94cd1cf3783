import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { saveModel } from '../../src/diffusion/model.ts';
import { gaussianDenoiser } from '../../src/diffusion/oracle.ts';
import { encodePng } from '../../src/runtime/images.ts';
import { writeNpy } from '../../src/tensor/npy.ts';
import { normals } from '../../src/tensor/random.ts';
import { float32, unstack } from '../../src/tensor/tensor.ts';
import { seedbed } from './in-process.ts';

let folder: string;
const at = (...names: string[]) => join(folder, ...names);
const json = async (...names: string[]) => JSON.parse(await readFile(at(...names), 'utf8'));

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'seedbed-race-'));
  await writeFile(at('model.onnx'), saveModel(gaussianDenoiser(1, [1, 8, 8], 4)));
  const noise = normals({ seed: 1, purpose: 'pictures' }, [120, 1, 8, 8]);
  const pixels = float32(
    noise.shape,
    noise.data.map(z => Math.min(1, Math.max(0, 0.5 + 0.15 * z))),
  );
  await writeFile(at('pictures.npy'), writeNpy(float32([3, 1, 8, 8], pixels.data.slice(0, 3 * 64))));
  for (const [i, picture] of unstack(pixels).entries())
    await writeFile(at(`data-${i}.png`), await encodePng(picture));
});
afterAll(() => rm(folder, { recursive: true }));

const race = (out: string, ...more: string[]) =>
  seedbed('race', at('model.onnx'), at('pictures.npy'), '--threads', '1', '--out', at(out), ...more);

test('a race writes a table, plots and figures, seeds found elsewhere among them', async () => {
  const found = await seedbed(
    'embed',
    at('pictures.npy'),
    '--model',
    at('model.onnx'),
    '--out',
    at('found'),
    '--quiet',
  );
  expect(found.code).toBe(0);
  const { code, out } = await race(
    'race',
    '--methods',
    'naive,Anderson,exact BDIA',
    '--beside',
    at('found', 'seeds.safetensors'),
  );
  expect(code).toBe(0);
  expect(out).toMatch(/^naive .* squared error/m);
  const { results } = await json('race', 'race.json');
  const names = results.map(({ name }: { name: string }) => name);
  expect(names).toEqual(expect.arrayContaining(['naive', 'Anderson, 3', 'exact BDIA', 'auto']));
  const page = await readFile(at('race', 'race.md'), 'utf8');
  for (const name of names) expect(page).toContain(`| ${name} |`);
  const { width, height } = await sharp(at('race', 'race.png')).metadata();
  expect([width, height]).toEqual([1800, 1200]);
  expect(existsSync(at('race', '.unfinished-race'))).toBe(false);
});

test('seeds of other pictures do not join a race, and a family that is none is named', async () => {
  const other = await seedbed(
    'embed',
    at('data-9.png'),
    '--model',
    at('model.onnx'),
    '--out',
    at('other'),
    '--quiet',
  );
  expect(other.code).toBe(0);
  const { code, out, err } = await race(
    'no-race',
    '--methods',
    'naive',
    '--beside',
    at('other', 'seeds.safetensors'),
  );
  expect(code).toBe(3);
  expect(err).toContain('seeds are of data-9.png, which are not all among those of the race: pictures.npy#0');
  // Before any method has run.
  expect([out, existsSync(at('no-race'))]).toEqual(['', false]);
  const none = await race('none', '--methods', 'magic');
  expect(none.code).toBe(2);
  expect(none.err).toMatch(/no method magic can be run; there are: naive, .*fixed point/);
});

test('a frontier is drawn with a line for each dial', async () => {
  const { code, out } = await seedbed(
    'frontier',
    at('model.onnx'),
    at('pictures.npy'),
    '--threads',
    '1',
    '--out',
    at('frontier'),
  );
  expect(code).toBe(0);
  expect(out).toMatch(/^split, tau 0\.03 .* departure/m);
  const { results } = await json('frontier', 'frontier.json');
  const split = results.filter(({ family }: { family: string }) => family === 'split');
  const errors = split.map(({ mse }: { mse: { mean: number } }) => mse.mean);
  expect(errors).toEqual([...errors].sort((a: number, b: number) => a - b));
  expect(await readFile(at('frontier', 'frontier.svg'), 'utf8')).toContain('tau 0.03');
});

test('known seeds are recovered from their states, and the page says how near', async () => {
  const { code, out } = await seedbed(
    'recover',
    at('model.onnx'),
    '--data',
    folder,
    '--count',
    '3',
    '--items',
    '100',
    '--threads',
    '1',
    '--out',
    at('recover'),
  );
  expect(code).toBe(0);
  expect(out).toMatch(/from the state before the last step: seeds to \d\.\de-\d/);
  const [found] = (await json('recover', 'recover.json')).results;
  expect(found.fromState).toBeLessThan(1e-4);
  expect(found.mse).toBeLessThan(1e-6);
  expect(await readFile(at('recover', 'recover.md'), 'utf8')).toContain('| 2 to 3 |');
});
