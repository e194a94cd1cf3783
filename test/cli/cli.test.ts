import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { saveModel } from '../../src/diffusion/model.ts';
import { gaussianDenoiser } from '../../src/diffusion/oracle.ts';
import { readSeeds } from '../../src/embedding/seeds.ts';
import { seedbed } from './in-process.ts';

let folder: string;
let model: string;
const at = (name: string) => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'seedbed-cli-'));
  model = at('model.onnx');
  await writeFile(model, saveModel(gaussianDenoiser(1, [1, 8, 8], 3)));
  const pixels = Buffer.from(Array.from({ length: 20 * 16 * 3 }, (_, i) => 100 + ((i * 7) % 60)));
  await writeFile(
    at('wide.png'),
    await sharp(pixels, { raw: { width: 20, height: 16, channels: 3 } })
      .png()
      .toBuffer(),
  );
});
afterAll(() => rm(folder, { recursive: true }));

describe('help', () => {
  test.each([
    'embed',
    'decode',
    'sample',
    'train denoiser',
    'train embedder',
    'evaluate',
    'differentiate',
    'info',
    'data list',
    'data fetch',
    'data verify',
  ])('%s explains itself with an example', async command => {
    const { code, out } = await seedbed(...command.split(' '), '--help');
    expect(code).toBe(0);
    expect(out).toContain(`Example: seedbed ${command}`);
  });
});

describe('embed and decode', () => {
  test("a picture of one's own is made to fit, embedded, written and grown again", async () => {
    const { code, out, err } = await seedbed(
      'embed',
      at('wide.png'),
      '--model',
      model,
      '--tau',
      '0.05',
      '--out',
      at('out'),
    );
    expect(code).toBe(0);
    expect(err).toContain('wide.png: centre-cropped, resized 16x16 to 8x8, turned to grey');
    expect(out).toMatch(/wide\.png +squared error 0\.000\d\d\d, PSNR \d\d\.\d dB/);
    const report = JSON.parse(await readFile(at('out/report.json'), 'utf8'));
    expect(report).toMatchObject({
      command: 'embed',
      rng: 0,
      results: [{ image: 'wide.png', converged: true }],
    });
    const seeds = readSeeds(await readFile(at('out/seeds.safetensors')), 'seeds.safetensors');
    expect(seeds.provenance).toMatchObject({
      model: report.model,
      method: { name: 'auto' },
      images: [{ name: 'wide.png' }],
    });
    const sheet = await sharp(at('out/embedding.png')).metadata();
    expect(sheet.height).toBeGreaterThan(2.5 * sheet.width);
    expect(existsSync(at('out/.unfinished-embed'))).toBe(false);

    const grown = await seedbed(
      'decode',
      at('out/seeds.safetensors'),
      '--model',
      model,
      '--out',
      at('grown'),
      '--json',
    );
    expect(JSON.parse(grown.out)).toMatchObject({
      command: 'decode',
      evaluations: 3,
      results: [{ pictures: 1 }],
    });
    expect(await sharp(at('grown/pictures.png')).metadata()).toMatchObject({ format: 'png' });
  });

  test('two runs give the same files, times apart', async () => {
    const run = (out: string) =>
      seedbed(
        'embed',
        at('wide.png'),
        '--model',
        model,
        '--iterations',
        '5',
        '--starts',
        '2',
        '--quiet',
        '--out',
        at(out),
      );
    await Promise.all([await run('one'), await run('two')]);
    for (const name of ['seeds.safetensors', 'seeds.npy', 'embedding.png']) {
      expect(await readFile(at(`one/${name}`)), name).toEqual(await readFile(at(`two/${name}`)));
    }
  });

  test('seeds of another model are refused with both hashes; --force decodes them', async () => {
    const other = at('other.onnx');
    await writeFile(other, saveModel(gaussianDenoiser(2, [1, 8, 8], 3)));
    await seedbed('sample', '--model', model, '--count', '2', '--out', at('sampled'));
    const refused = await seedbed(
      'decode',
      at('sampled/seeds.safetensors'),
      '--model',
      other,
      '--out',
      at('x'),
    );
    expect(refused.code).toBe(3);
    expect(refused.err).toMatch(/seeds of model [0-9a-f]{64}, but this model is [0-9a-f]{64}/);
    expect(
      (
        await seedbed(
          'decode',
          at('sampled/seeds.safetensors'),
          '--model',
          other,
          '--force',
          '--out',
          at('x'),
        )
      ).code,
    ).toBe(0);
    const bare = await seedbed(
      'decode',
      at('sampled/seeds.safetensors').replace('.safetensors', '.npy'),
      '--model',
      model,
    );
    expect(bare.code).not.toBe(0);
  });
});

describe('mistakes are told in words, without a stack trace', () => {
  test.each([
    [['embed', 'missing.png'], 2, /missing\.png/],
    [['embed', 'test/cli/cli.test.ts'], 2, /cli\.test\.ts/],
    [['embed', '--method', 'embedder', 'examples/fashion-mnist'], 2, /needs an embedder/],
    [['embed', '--iterations', 'many'], 2, /whole number/],
    [['sample', '--count', '0'], 2, /at least 1/],
    [['decode', 'package.json'], 2, /package\.json/],
    [['info', 'package.json'], 2, /package\.json/],
    [['differentiate', 'package.json', '--of', 'y', '--wrt', 'x'], 2, /package\.json: not an ONNX file/],
    [['train', 'denoiser', '--config', 'package.json'], 2, /package\.json: not a valid configuration/],
    [['data', 'fetch', 'imagenet'], 2, /imagenet/],
    [['data', 'verify', 'mnist', 'src'], 2, /mnist/],
    [['unknown'], 2, /unknown command/],
  ])('%j', async (args, code, message) => {
    const needsModel = ['embed', 'sample', 'decode'].includes(args[0]!);
    const result = await seedbed(...args, ...(needsModel ? ['--model', model, '--out', at('mistake')] : []));
    expect(result.err).toMatch(message);
    expect(result.err).not.toMatch(/\n\s+at /);
    expect(result.code).toBe(code);
  });

  test('a device that this machine lacks', async () => {
    const device = process.platform === 'win32' ? 'coreml' : 'dml';
    const result = await seedbed('sample', '--model', model, '--device', device, '--out', at('mistake'));
    expect(result).toMatchObject({
      code: 1,
      err: expect.stringMatching(
        /not built into this machine's ONNX Runtime, which has: .*cpu.*; choose one of these/,
      ),
    });
  });
});

describe('differentiate, info and data', () => {
  test('differentiate writes the gradient graph of an open graph once its sizes are bound', async () => {
    const open = await seedbed(
      'differentiate',
      model,
      '--of',
      'epsilon',
      '--wrt',
      'x',
      '--out',
      at('grad.onnx'),
    );
    expect(open).toMatchObject({ code: 2, err: expect.stringContaining('--bind N=1') });
    const bound = await seedbed(
      'differentiate',
      model,
      '--of',
      'epsilon',
      '--wrt',
      'x',
      '--bind',
      'N=2',
      '--out',
      at('grad.onnx'),
    );
    expect(bound.out).toContain('grad/epsilon [2,1,8,8]');
    expect((await seedbed('info', at('grad.onnx'))).out).toContain('grad/x float32 [2,1,8,8]');
  });

  test('info describes models and seeds', async () => {
    const { results } = JSON.parse((await seedbed('info', model, '--json')).out);
    expect(results[0]).toMatchObject({
      kind: 'denoiser',
      shape: [1, 8, 8],
      hash: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    const exact = ['--method', 'exact', '--sampler', 'edict', '--out', at('exact')];
    await seedbed('embed', at('wide.png'), '--model', model, ...exact);
    const { out } = await seedbed('info', at('exact/seeds.safetensors'));
    expect(out).toMatch(/^states +two of each seed, float64[\s\S]*^sampler .*"edict"/m);
  });

  test('data list names the licences', async () => {
    expect((await seedbed('data', 'list')).out).toMatch(/fashion-mnist[\s\S]*MIT/);
  });
});
