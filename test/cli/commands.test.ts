import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { saveModel } from '../../src/diffusion/model.ts';
import { gaussianDenoiser } from '../../src/diffusion/oracle.ts';
import { readSeeds } from '../../src/embedding/seeds.ts';
import { encodePng } from '../../src/runtime/images.ts';
import { readNpy } from '../../src/tensor/npy.ts';
import { normals } from '../../src/tensor/random.ts';
import { float32, rows, type Tensor } from '../../src/tensor/tensor.ts';
import { relativeError } from '../support.ts';
import { seedbed as run } from './in-process.ts';

const EXAMPLES = 'examples/fashion-mnist';
const SHIPPED = 'models/fashion-mnist.onnx';

let folder: string;
let model: string;
let picture: string;
const at = (...names: string[]) => join(folder, ...names);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'seedbed-commands-'));
  model = at('model.onnx');
  await writeFile(model, saveModel(gaussianDenoiser(1, [1, 8, 8], 3)));
  picture = at('picture.png');
  const pixels = normals({ seed: 1, purpose: 'picture' }, [1, 8, 8]).data.map(z => 0.5 + 0.2 * z);
  await writeFile(picture, await encodePng(float32([1, 8, 8], pixels)));
});
afterAll(() => rm(folder, { recursive: true }));

const seedbed = (...args: string[]) => run(...args, '--threads', '2');

const cloud = (out: string, ...more: string[]) =>
  seedbed('cloud', picture, '--model', model, '--count', '30', '--out', at(out), ...more);
const json = async (...names: string[]) => JSON.parse(await readFile(at(...names), 'utf8'));
const seedsIn = async (...names: string[]) => readSeeds(await readFile(at(...names)), 'seeds.safetensors');
const npyIn = async (...names: string[]) =>
  readNpy(await readFile(at(...names)), 'x.npy') as Tensor<'float32'>;
const isPicture = async (...names: string[]) => {
  const { width, height } = await sharp(at(...names)).metadata();
  expect(width * height).toBeGreaterThan(20_000);
};
/** What a report says, but for the time. */
const timeless = async (...names: string[]) => ({ ...(await json(...names)), seconds: 0 });

test.each(['cloud', 'interpolate', 'edit', 'compare'])(
  '%s explains itself with an example',
  async command => {
    const { code, out } = await seedbed(command, '--help');
    expect(code).toBe(0);
    expect(out).toContain(`Example: seedbed ${command}`);
  },
);

describe('cloud', () => {
  test('many seeds of one picture, measured: with the shipped model', async () => {
    const { code, out } = await seedbed('cloud', `${EXAMPLES}/8-bag.png`, '--count', '4', '--out', at('bag'));
    expect(code).toBe(0);
    expect(out).toMatch(/^4 seeds of 8-bag.png by auto/);
    const report = await json('bag', 'report.json');
    const seeds = await seedsIn('bag', 'seeds.safetensors');
    expect(seeds.latent.shape).toEqual([4, 1, 32, 32]);
    expect(seeds.provenance).toMatchObject({
      model: report.model,
      method: { name: 'auto', evaluations: expect.any(Number) },
      images: [{ name: '8-bag.png', sha256: report.picture.sha256 }],
    });
    expect(report.results.map((r: { start: number }) => r.start)).toEqual([0, 1, 2, 3]);
    expect(report.mse.mean).toBeLessThan(0.0005);
    expect(report.mse.low).toBeLessThanOrEqual(report.mse.mean);
    // Seeds of one picture have something in common, and are no copies.
    expect(report.correlation).toBeGreaterThan(0.02);
    expect(report.correlation).toBeLessThan(0.5);
    expect(report.distance.rms).toBeCloseTo(Math.sqrt(2 * (1 - report.correlation) * report.variance), 6);
    expect(report.means.map((m: { of: number }) => m.of)).toEqual([1, 2, 4]);
    for (const mean of report.means) {
      expect(mean.variance / mean.expected).toBeCloseTo(1, 1);
      expect(mean.mse).toBeLessThan(0.01);
    }
    expect(report.spectrum.variances.length).toBe(3);
    await isPicture('bag', 'cloud.png');
    await isPicture('bag', 'spectrum.png');
    expect(await readFile(at('bag', 'spectrum.svg'), 'utf8')).toMatch(/^<svg/);
    expect(await readFile(at('bag', 'seeds.npy'))).toHaveLength(128 + 4 * 1024 * 4);
    expect(existsSync(at('bag', '.unfinished-cloud'))).toBe(false);
  });

  test('the seeds are those that embed --starts finds', async () => {
    expect((await cloud('like')).code).toBe(0);
    const args = [picture, '--model', model, '--starts', '30', '--out', at('embedded')];
    expect((await seedbed('embed', ...args)).code).toBe(0);
    expect(await readFile(at('like', 'seeds.npy'))).toEqual(await readFile(at('embedded', 'seeds.npy')));
  });

  test('interrupted and resumed it gives the same bytes', async () => {
    const piece = at('stopped', '.unfinished-cloud', 'piece-0');
    const timer = setInterval(() => {
      if (existsSync(piece)) process.emit('SIGINT');
      if (existsSync(piece)) clearInterval(timer);
    }, 1);
    const stopped = await cloud('stopped').finally(() => clearInterval(timer));
    expect(stopped.err).toMatch(/the same command with --resume goes on/);
    expect(stopped.code).toBe(130);
    expect(existsSync(at('stopped', 'report.json'))).toBe(false);
    expect(await cloud('stopped')).toMatchObject({
      code: 2,
      err: expect.stringContaining('--resume goes on'),
    });
    const kept = await readFile(piece);
    expect((await cloud('stopped', '--resume')).code).toBe(0);
    expect((await cloud('smooth')).code).toBe(0);
    for (const name of ['seeds.safetensors', 'seeds.npy', 'cloud.png', 'spectrum.svg'])
      expect((await readFile(at('stopped', name))).equals(await readFile(at('smooth', name))), name).toBe(
        true,
      );
    expect(await timeless('stopped', 'report.json')).toEqual(await timeless('smooth', 'report.json'));
    expect(kept.length).toBeGreaterThan(16 * 64 * 4);
  });

  test('a damaged piece is named, with what to do', async () => {
    const about = at('stopped2', '.unfinished-cloud', 'piece-0');
    const timer = setInterval(() => {
      if (!existsSync(about)) return;
      clearInterval(timer);
      process.emit('SIGINT');
    }, 1);
    await cloud('stopped2').finally(() => clearInterval(timer));
    const bytes = await readFile(about);
    await writeFile(about, bytes.subarray(0, bytes.length - 9));
    const result = await cloud('stopped2', '--resume');
    expect(result.code).toBe(2);
    expect(result.err).toContain('piece-0');
  });

  test('an item of a data set', async () => {
    const args = ['--data', 'examples/fashion-mnist', '--from', '3', '--model', model, '--count', '4'];
    expect((await seedbed('cloud', ...args, '--out', at('item'))).code).toBe(0);
    expect((await json('item', 'report.json')).picture.name).toBe('3-dress.png');
  });
});

describe('interpolate', () => {
  test('seeds between the seeds of pictures: with the shipped model', async () => {
    const ends = ['0-t-shirt.png', '3-dress.png', '9-ankle-boot.png'].map(name => `${EXAMPLES}/${name}`);
    const { code, out } = await seedbed('interpolate', ...ends, '--steps', '3', '--out', at('way'), '--json');
    expect(code).toBe(0);
    const report = JSON.parse(out);
    expect(report.results.map((r: { from: string; t: number }) => [r.from, r.t])).toEqual([
      ['0-t-shirt.png', 0],
      ['0-t-shirt.png', 0.5],
      ['0-t-shirt.png', 1],
      ['3-dress.png', 0.5],
      ['3-dress.png', 1],
    ]);
    for (const end of report.ends) expect(end.mse).toBeLessThan(0.001);
    // The arc keeps to noise's norm; the ends of the way are the seeds that embed finds.
    for (const { latentVariance } of report.results) expect(Math.abs(latentVariance - 1)).toBeLessThan(0.25);
    const { latent, provenance } = await seedsIn('way', 'seeds.safetensors');
    expect(latent.shape).toEqual([5, 1, 32, 32]);
    expect(provenance).toMatchObject({
      method: { name: 'interpolate', path: 'slerp', of: { name: 'auto' } },
    });
    await isPicture('way', 'interpolation.png');
    const moving = await sharp(at('way', 'interpolation.webp'), { animated: true }).metadata();
    expect(moving).toMatchObject({ format: 'webp', pages: 8, loop: 0 });
  });

  test('by the chord the seeds between are shorter', async () => {
    const other = at('other.png');
    const pixels = normals({ seed: 2, purpose: 'picture' }, [1, 8, 8]).data.map(z => 0.5 + 0.2 * z);
    await writeFile(other, await encodePng(float32([1, 8, 8], pixels)));
    const way = async (path: string) => {
      const args = [picture, other, '--model', model, '--steps', '3', '--path', path, '--out', at(path)];
      expect((await seedbed('interpolate', ...args)).code).toBe(0);
      return (await json(path, 'report.json')).results[1].latentVariance as number;
    };
    expect((await way('lerp')) / (await way('slerp'))).toBeLessThan(0.7);
    const [arc, chord] = [await npyIn('slerp', 'seeds.npy'), await npyIn('lerp', 'seeds.npy')];
    for (const end of [0, 2]) expect(rows(arc, end, end + 1).data).toEqual(rows(chord, end, end + 1).data);
  });
});

describe('edit', () => {
  test('a scribbled picture, from faithful to natural: with the shipped model', async () => {
    const { data } = await sharp(`${EXAMPLES}/1-trouser.png`)
      .removeAlpha()
      .greyscale()
      .raw()
      .toBuffer({ resolveWithObject: true });
    for (let y = 18; y < 28; y++) data.fill(0, y * 28, y * 28 + 14);
    const scribbled = at('scribbled.png');
    await writeFile(
      scribbled,
      await encodePng(
        float32(
          [1, 28, 28],
          Float32Array.from(data, v => v / 255),
        ),
      ),
    );
    const args = [`${EXAMPLES}/1-trouser.png`, '--scribbled', scribbled, '--naturalness', '0,0.5,1'];
    const { code, out } = await seedbed('edit', ...args, '--out', at('edit'));
    expect(code).toBe(0);
    expect(out.match(/^naturalness/gm)).toHaveLength(3);
    const { results } = await json('edit', 'report.json');
    const far = results.map((r: { mse: number }) => r.mse);
    expect(far[0]).toBeLessThan(2e-4);
    expect(far[1]).toBeGreaterThan(5 * far[0]);
    expect(far[2]).toBeGreaterThan(5 * far[1]);
    expect(results).toMatchObject([{ tau: 0.03 }, { diffused: 2 }, { diffused: 9 }]);
    expect((await seedsIn('edit', 'seeds.safetensors')).latent.shape).toEqual([3, 1, 32, 32]);
    await isPicture('edit', 'edit.png');
    for (const { image } of results)
      expect(await sharp(at('edit', image)).metadata()).toMatchObject({ width: 28, height: 28 });
  });

  test('one position, and no picture before', async () => {
    const { code } = await seedbed(
      'edit',
      '--scribbled',
      picture,
      '--naturalness',
      '0.2',
      '--model',
      model,
      '--out',
      at('one'),
    );
    expect(code).toBe(0);
    const { results } = await json('one', 'report.json');
    expect(results).toHaveLength(1);
    expect(results[0]).toMatchObject({ naturalness: 0.2, image: 'edited-0.2.png' });
    expect(results[0].mseToOriginal).toBeUndefined();
  });
});

describe('compare', () => {
  test('one model by several numbers of steps: with the shipped model', async () => {
    const args = [
      'compare',
      SHIPPED,
      '--sampler-steps',
      '2,3,10',
      '--count',
      '3',
      '--out',
      at('steps'),
      '--json',
    ];
    const { code, out } = await seedbed(...args);
    expect(code).toBe(0);
    const { results, models, evaluations } = JSON.parse(out);
    expect(evaluations).toBe(3 * (2 + 3 + 10));
    expect(models.map((m: { name: string }) => m.name)).toEqual(['T = 2', 'T = 3', 'T = 10']);
    expect(results).toHaveLength(3);
    for (const { same, different, ratio } of results) {
      expect(ratio.mean).toBeCloseTo(same / different, 9);
      expect(ratio.mean).toBeLessThan(0.5);
      expect(ratio.low).toBeLessThanOrEqual(ratio.mean);
    }
    await isPicture('steps', 'comparison.png');
  });

  test('a model and itself are at no distance; a wider one is nearer than other seeds', async () => {
    const [copy, wide] = [at('copy.onnx'), at('wide.onnx')];
    await writeFile(copy, await readFile(model));
    await writeFile(wide, saveModel(gaussianDenoiser(1.5, [1, 8, 8], 3)));
    await seedbed('sample', '--model', model, '--count', '20', '--out', at('sampled'));
    const args = ['compare', model, copy, wide, '--seeds', at('sampled', 'seeds.safetensors')];
    const { code, out } = await seedbed(...args, '--out', at('three'));
    expect(code).toBe(0);
    expect(out).toMatch(/^model and copy: squared distance 0\.000000/m);
    const { results, seeds } = await json('three', 'report.json');
    expect(seeds).toBe(20);
    expect(results[0]).toMatchObject({ a: 'model', b: 'copy', same: 0, ratio: { mean: 0, low: 0, high: 0 } });
    expect(results[1].ratio.high).toBeLessThan(0.2);
    expect(results[1].ratio.low).toBeGreaterThan(0);
  });
});

describe('a sampler whose levels are spaced in another way', () => {
  const spaced = ['--sampler-steps', '4', '--sampler-grid', 'logSnr'];
  const seedbedOf = (command: string, first: string[], out: string, ...more: string[]) =>
    seedbed(command, ...first, '--model', model, ...more, '--out', at(out));

  test('grows and finds seeds alike, and seeds say that they are of it', async () => {
    await seedbedOf('sample', [], 'spaced', '--count', '2', ...spaced);
    const file = at('spaced', 'seeds.safetensors');
    const { provenance, latent } = await seedsIn('spaced', 'seeds.safetensors');
    expect(provenance!.sampler).toMatchObject({ steps: 4, grid: 'logSnr' });
    const own = await seedbedOf('decode', [file], 'own', '--sampler-steps', '4');
    expect([own.code, own.err]).toEqual([
      3,
      expect.stringContaining('--sampler ddim, --sampler-steps 4, --sampler-grid logSnr, or --force'),
    ]);
    expect((await seedbedOf('decode', [file], 'again', ...spaced)).code).toBe(0);
    const grown = at('again', 'pictures.npy');
    expect(await readFile(grown)).toEqual(await readFile(at('spaced', 'pictures.npy')));
    await seedbedOf('embed', [grown], 'found', ...spaced);
    const found = await seedsIn('found', 'seeds.safetensors');
    expect(relativeError(found.latent, latent)).toBeLessThan(0.02);
    await seedbedOf('embed', [grown], 'elsewhere', '--sampler-steps', '4');
    const elsewhere = await seedsIn('elsewhere', 'seeds.safetensors');
    expect(relativeError(elsewhere.latent, latent)).toBeGreaterThan(0.05);
  });

  test('is one of those that are compared', async () => {
    const ways = ['--sampler-grid', 'linspace,logSnr', '--count', '2', '--sampler-steps', '3'];
    const { code, err } = await seedbed('compare', model, ...ways, '--out', at('grids'));
    expect([code, err]).toEqual([0, expect.any(String)]);
    const { models } = await json('grids', 'report.json');
    expect(models.map((m: { name: string }) => m.name)).toEqual(['T = 3, linspace', 'T = 3, logSnr']);
  });
});

describe('mistakes are told in words', () => {
  test.each<[string[], RegExp]>([
    [['cloud', 'MISSING.png'], /MISSING\.png: there is no such file/],
    [['cloud', EXAMPLES], /a cloud has one picture; examples\/fashion-mnist holds 10/],
    [['cloud', 'a.png', '--data', EXAMPLES], /give a\.png or --data, not both/],
    [['cloud', '--method', 'naive'], /method 'naive' finds one seed a picture/],
    ...['bdia', 'edict'].flatMap(sampler =>
      [[], ['--method', 'exact']].map((method): [string[], RegExp] => [
        ['cloud', ...method, '--sampler', sampler],
        /keeps two states for a seed; cloud works with seeds of one/,
      ]),
    ),
    [
      ['interpolate', 'a.png', 'b.png', '--sampler', 'edict'],
      /keeps two states for a seed; interpolate works with seeds of one/,
    ],
    [['cloud', 'a.png', '--from', '7'], /--from is of --data/],
    ...['--tau', '--outer', '--inner'].map((flag): [string[], RegExp] => [
      ['embed', '--method', 'exact', '--sampler', 'edict', flag, '1'],
      /says nothing to method 'exact' with sampler 'edict'; it does to /,
    ]),
    ...[
      ['naive', '--residual', '.1'],
      ['naive', '--iterations', '7'],
      ['renoise', '--residual', '.4'],
      ['newton', '--iterations', '3'],
    ].map(([solver, ...flags]): [string[], RegExp] => [
      ['embed', '--method', 'fixed-point', '--solver', solver!, ...flags],
      new RegExp(`says nothing to method 'fixed-point' with --solver ${solver}`),
    ]),
    [['cloud', '--shard', '3/2'], /3 is none of the shards 0 to 1 of 2/],
    [['cloud', '--count', '1'], /at least 2/],
    [['interpolate', `${EXAMPLES}/8-bag.png`], /two pictures or more, got 1/],
    [['interpolate', EXAMPLES, '--steps', '2'], /from 3 to 1000/],
    [['edit', `${EXAMPLES}/8-bag.png`], /required option '--scribbled/],
    [['edit', '--scribbled', `${EXAMPLES}/8-bag.png`, '--naturalness', '1.5'], /a number from 0 to 1/],
    [['edit', '--scribbled', EXAMPLES], /holds 10 pictures; edit takes one/],
    [['compare', 'MODEL'], /nothing to compare it with/],
    [
      ['compare', 'MODEL', SHIPPED],
      /from seeds \[1,8,8\] and .*fashion-mnist\.onnx from \[1,32,32\].*only models of one shape/,
    ],
    [['compare', 'MODEL', '--sampler-steps', '2,x'], /expected whole numbers from 1/],
    [['compare', 'MODEL', '--sampler', 'ddim,euler'], /expected some of ddim/],
    [['compare', 'MODEL', '--sampler-grid', 'karras'], /expected some of linspace, logSnr/],
    [['embed', '--sampler-grid', 'karras'], /Allowed choices are linspace, logSnr/],
    [['compare', 'MODEL', 'models/fashion-mnist-embedder.onnx'], /embedder/],
  ])('%j', async (args, message) => {
    const given = args.map(arg => (arg === 'MODEL' ? model : arg));
    const withModel = args[0] === 'compare' ? [] : ['--model', model];
    const result = await seedbed(...given, ...withModel, '--out', at('mistake'));
    expect(result.err).toMatch(message);
    expect(result.err).not.toMatch(/\n\s+at /);
    expect(result.code).toBe(2);
  });
});
