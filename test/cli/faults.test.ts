import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { saveModel } from '../../src/diffusion/model.ts';
import { gaussianDenoiser } from '../../src/diffusion/oracle.ts';
import { encodePng } from '../../src/runtime/images.ts';
import { float32 } from '../../src/tensor/tensor.ts';
import { PROGRAM } from './program.ts';

let folder: string;
const at = (name: string) => join(folder, name);
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'seedbed-faults-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** Windows has no signals: there `kill` ends a process at once. */
const signals = test.skipIf(process.platform === 'win32');

function start(args: readonly string[]): {
  child: ChildProcess;
  ended: Promise<{ code: number | null; err: string }>;
} {
  const child = spawn(process.execPath, [...PROGRAM, ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let err = '';
  child.stderr!.on('data', chunk => {
    err += chunk;
  });
  return { child, ended: new Promise(resolve => child.on('exit', code => resolve({ code, err }))) };
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise(resolve => setTimeout(resolve, 20));
}

describe('training', () => {
  const config = {
    data: 'moons:train',
    heldOut: 64,
    network: { kind: 'mlp', channels: [64, 64], embedding: 16 },
    schedule: 'continuousCosine',
    training: {
      loss: 'mse',
      learningRate: 0.002,
      batch: 256,
      steps: 400,
      checkpointEvery: 25,
      evaluateEvery: 100,
    },
  };
  const command = (out: string, ...more: string[]) => [
    'train',
    'denoiser',
    '--config',
    at('config.json'),
    '--threads',
    '1',
    '--out',
    at(out),
    ...more,
  ];

  test('killed with -9 and resumed, it gives the weights of the uninterrupted run byte for byte', async () => {
    await writeFile(at('config.json'), JSON.stringify(config));
    expect((await start(command('whole')).ended).code).toBe(0);

    const { child, ended } = start(command('killed'));
    await until(() => existsSync(at('killed/samples')) || existsSync(at('killed/model.onnx')));
    child.kill('SIGKILL');
    expect((await ended).code).toBeNull();
    expect(await readFile(at('killed/model.onnx'))).not.toEqual(await readFile(at('whole/model.onnx')));

    const again = await start(command('killed')).ended;
    expect(again.code).toBe(2);
    expect(again.err).toContain('--resume goes on with it');

    expect((await start(command('killed', '--resume')).ended).code).toBe(0);
    expect(await readFile(at('killed/model.onnx'))).toEqual(await readFile(at('whole/model.onnx')));
  }, 120_000);

  signals(
    'SIGTERM saves the state, says how to go on and exits with 75',
    async () => {
      const { child, ended } = start(command('stopped', '--steps', '100000'));
      await until(() => existsSync(at('stopped/log.jsonl')));
      await new Promise(resolve => setTimeout(resolve, 300));
      child.kill('SIGTERM');
      const { code, err } = await ended;
      expect(code).toBe(75);
      expect(err).toMatch(/stopped at step \d+ of 100000; the same command with --resume goes on/);
      expect(existsSync(at('stopped/checkpoint.safetensors'))).toBe(true);
    },
    60_000,
  );
});

signals(
  'a long embedding, stopped and resumed, gives the same seeds',
  async () => {
    await writeFile(at('model.onnx'), saveModel(gaussianDenoiser(1, [1, 8, 8], 3)));
    const picture = float32(
      [1, 8, 8],
      Array.from({ length: 64 }, (_, i) => 0.4 + (i % 5) / 20),
    );
    await writeFile(at('picture.png'), await encodePng(picture));
    const command = (out: string, ...more: string[]) => [
      'embed',
      at('picture.png'),
      '--model',
      at('model.onnx'),
      '--method',
      'descent',
      '--iterations',
      '4000',
      '--starts',
      '4',
      '--batch',
      '2',
      '--threads',
      '1',
      '--out',
      at(out),
      ...more,
    ];
    expect((await start(command('whole')).ended).code).toBe(0);

    const { child, ended } = start(command('parts'));
    await until(() => existsSync(at('parts/.unfinished-embed/about.json')));
    await new Promise(resolve => setTimeout(resolve, 400));
    child.kill('SIGINT');
    expect((await ended).code).toBe(130);
    expect(existsSync(at('parts/seeds.safetensors'))).toBe(false);
    const kept = await readdir(at('parts/.unfinished-embed'), { recursive: true });
    expect(kept.filter(name => /descent|batch/.test(name))).not.toEqual([]);

    const other = await start([...command('parts', '--resume'), '--rng', '9']).ended;
    expect(other).toMatchObject({
      code: 3,
      err: expect.stringContaining('unfinished work of another command'),
    });
    expect((await start(command('parts', '--resume')).ended).code).toBe(0);
    expect(await readFile(at('parts/seeds.safetensors'))).toEqual(
      await readFile(at('whole/seeds.safetensors')),
    );
  },
  120_000,
);

test('a device without its libraries is told in one line, ours', async () => {
  const words = ['embed', '--device', 'cuda', '--quiet'];
  const { code, err } = await start([...words, '--out', at('cuda')]).ended;
  // Elsewhere it works, or is not known at all.
  if (code !== 0) expect(err).toMatch(/^seedbed: .*device 'cuda' .*\n$/);
});
