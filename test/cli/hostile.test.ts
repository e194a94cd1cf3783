import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { main } from '../../src/cli/main.ts';

let folder: string;
const at = (name: string) => join(folder, name);
const config = {
  data: 'moons',
  heldOut: 16,
  network: { kind: 'mlp', channels: [8], embedding: 4 },
  schedule: 'cosine',
  training: { loss: 'mse', learningRate: 0.01, batch: 16, steps: 2 },
};

/** Runs a command; what it says, and its exit code. */
async function run(...args: string[]): Promise<{ code: number; said: string }> {
  let said = '';
  const write = vi.spyOn(process.stderr, 'write').mockImplementation(text => {
    said += text;
    return true;
  });
  const code = await main([...args, '--quiet']).finally(() => write.mockRestore());
  return { code, said };
}
const train = (...args: string[]) => run('train', 'denoiser', '--out', at('run'), '--threads', '1', ...args);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'seedbed-hostile-'));
  await writeFile(at('config.json'), JSON.stringify(config));
  expect(await train('--config', at('config.json'), '--rng', '3')).toEqual({ code: 0, said: '' });
});
afterAll(() => rm(folder, { recursive: true }));

describe("what a run's folder remembers", () => {
  const names = ['command.json', 'config.json', 'checkpoint.safetensors'] as const;
  const kept = new Map<string, Uint8Array>();
  beforeAll(async () => {
    for (const name of names) kept.set(name, await readFile(at(`run/${name}`)));
  });
  afterEach(async () => {
    for (const [name, bytes] of kept) await writeFile(at(`run/${name}`), bytes);
  });

  test('is taken up', async () => {
    const command = JSON.parse(Buffer.from(kept.get('command.json')!).toString());
    expect(command).toMatchObject({ rng: 3, model: expect.any(String) });
    expect(await train('--resume', '--steps', '3')).toEqual({ code: 0, said: '' });
  });

  test.each([
    ['command.json', 'expected object, received null', 'null'],
    ['command.json', 'expected object, received array', '[]'],
    ['command.json', 'at rng', '{"rng":"7"}'],
    ['command.json', 'at init', '{"rng":0,"init":{}}'],
    ['command.json', 'nested deeper', `${'['.repeat(1e5)}${']'.repeat(1e5)}`],
    ['config.json', 'expected object, received null', 'null'],
    ['config.json', 'at training', '{"training":5}'],
    ['config.json', 'at training', '{"training":null}'],
    ['config.json', 'not a valid configuration', '{"__proto__":{"training":{}}}'],
    ['checkpoint.safetensors', 'it has 0 bytes', ''],
  ])('a %s is refused by name: %s', async (name, fault, text) => {
    await writeFile(at(`run/${name}`), text);
    const { code, said } = await train('--resume', '--steps', '3');
    expect(code).toBe(2);
    expect(said).toContain(at(`run/${name}`));
    expect(said).toContain(fault);
    expect(said).not.toMatch(/\n +at .*:\d+:\d+/);
  });

  test('does not lead a command elsewhere', async () => {
    const memory = { rng: 3, data: 'moons', out: at('elsewhere'), force: true, minutes: 1e-9 };
    await writeFile(at('run/command.json'), JSON.stringify(memory));
    expect((await train('--resume', '--steps', '4')).code).toBe(0);
    await expect(readFile(at('elsewhere/config.json'))).rejects.toThrow('ENOENT');
  });
});

test.each([
  ['sample', '--count', '1e12', 'at most 1000000'],
  ['sample', '--sampler-steps', '1e9', 'at most 10000'],
  ['embed', '--starts', '1e9', 'at most 10000'],
  ['decode', '--threads', '1e9', 'at most 1024'],
])('%s %s %s is refused as a slip', async (command, option, value, most) => {
  const { code, said } = await run(command, 'x', option, value);
  expect(code).toBe(2);
  expect(said).toContain(most);
});
