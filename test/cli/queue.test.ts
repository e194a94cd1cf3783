import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { saveModel } from '../../src/diffusion/model.ts';
import { gaussianDenoiser } from '../../src/diffusion/oracle.ts';
import { seedbed } from './in-process.ts';
import { ENVIRONMENT, PROGRAM } from './program.ts';

/** Whether Debian's redis-server is here: without it what needs a queue is skipped. */
function hasRedis(): boolean {
  try {
    execFileSync('redis-server', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

let folder: string;
let server: ChildProcess;
let port = 0;
const at = (...names: string[]) => join(folder, ...names);
/** Words whose paths are seen from the shared folder by workers, and from there by this process. */
const here = process.cwd();

const freePort = () =>
  new Promise<number>(resolve => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as { port: number };
      probe.close(() => resolve(port));
    });
  });

interface Worker {
  readonly child: ChildProcess;
  readonly ended: Promise<{ code: number | null; said: string }>;
}
const workers: Worker[] = [];

/** Starts a worker, as a process of its own. */
function startWorker(project: string, where = folder): Worker {
  const words = ['work', '--project', project, '--folder', where];
  const child = spawn(process.execPath, [...PROGRAM, ...words], {
    env: {
      ...process.env,
      ...ENVIRONMENT,
      SEEDBED_QUEUE: `redis://:secret@127.0.0.1:${port}`,
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr!.on('data', chunk => {
    said += chunk;
  });
  const worker = {
    child,
    ended: new Promise<{ code: number | null; said: string }>(resolve =>
      child.on('exit', code => resolve({ code, said })),
    ),
  };
  workers.push(worker);
  return worker;
}

const submit = (project: string, out: string, shards: number, ...words: string[]) =>
  seedbed('submit', '--project', project, '--out', out, '--shards', String(shards), '--quiet', ...words);
const sample = ['sample', '--count', '600', '--model', 'model.onnx'];

describe.skipIf(!hasRedis())('a queue', () => {
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'seedbed-queue-'));
    await writeFile(at('model.onnx'), saveModel(gaussianDenoiser(1, [1, 8, 8], 3)));
    port = await freePort();
    const settings = ['--port', String(port), '--dir', folder, '--save', '', '--requirepass', 'secret'];
    server = spawn('redis-server', settings, { stdio: 'ignore' });
    process.env.SEEDBED_QUEUE = `redis://:secret@127.0.0.1:${port}`;
    process.chdir(folder);
    const up = async () => (await submit('start', 'none', 1, '--status', 'sample')).code === 0;
    while (!(await up())) await new Promise(resolve => setTimeout(resolve, 50));
  });
  afterEach(async () => {
    for (const { child } of workers) child.kill('SIGKILL');
    workers.length = 0;
  });
  afterAll(async () => {
    process.chdir(here);
    delete process.env.SEEDBED_QUEUE;
    server.kill('SIGKILL');
    await rm(folder, { recursive: true });
  });

  test('two workers give the bytes that one machine gives, and stop when they are told', async () => {
    const both = [startWorker('two'), startWorker('two')];
    expect(await submit('two', 'shared', 3, ...sample)).toMatchObject({ code: 0, err: '' });
    expect((await seedbed(...sample, '--out', 'alone', '--quiet')).code).toBe(0);
    for (const name of ['seeds.safetensors', 'pictures.npy', 'pictures.png'])
      expect((await readFile(at('shared', name))).equals(await readFile(at('alone', name))), name).toBe(true);
    // Once more: all is done, and nothing is sent.
    expect((await submit('two', 'shared', 3, ...sample)).code).toBe(0);
    for (const { child } of both) child.kill('SIGTERM');
    for (const { code, said } of await Promise.all(both.map(worker => worker.ended))) {
      expect(code).toBe(75);
      expect(said).not.toContain('secret');
    }
  });

  test('a worker that does not see the shared folder gives the shard back and says so', async () => {
    await submit('lost', 'there', 1, '--detach', ...sample);
    await mkdir(at('elsewhere'));
    const { code, said } = await startWorker('lost', at('elsewhere')).ended;
    expect(code).toBe(3);
    expect(said).toContain('this worker does not see the shared folder. The shard went back');
    const { out } = await seedbed(
      'submit',
      '--project',
      'lost',
      '--out',
      'there',
      '--shards',
      '1',
      '--status',
      ...sample,
    );
    expect(out).toContain('0 of 1 shards done, 0 in work, 1 waiting, 0 failed');
  });

  test('a run whose folder is gone does not keep workers from others', async () => {
    await submit('stale', 'gone', 2, '--detach', ...sample);
    await rm(at('gone'), { recursive: true });
    const worker = startWorker('stale');
    expect(await submit('stale', 'fits', 2, ...sample)).toMatchObject({ code: 0, err: '' });
    // Now there is nothing else, and it says so.
    expect(await worker.ended).toMatchObject({ code: 3, said: expect.stringContaining('gone') });
  });

  test('a worker whose model is another gives the shard back and says so', async () => {
    expect((await seedbed(...sample, '--out', 'models', '--shard', '0/2', '--quiet')).code).toBe(0);
    await submit('model', 'models', 2, '--detach', ...sample);
    const own = at('own');
    await mkdir(own);
    await cp(at('models'), join(own, 'models'), { recursive: true });
    await writeFile(join(own, 'model.onnx'), saveModel(gaussianDenoiser(1.5, [1, 8, 8], 3)));
    const { code, said } = await startWorker('model', own).ended;
    expect(code).toBe(3);
    expect(said).toMatch(/models.run.json is of another run: its model is "\w{64}", here it is "\w{64}"/);
    expect((await readdir(join(own, 'models'))).filter(name => name.startsWith('shard'))).toEqual([
      'shard-0-of-2',
    ]);
    startWorker('model');
    expect((await submit('model', 'models', 2, ...sample)).code).toBe(0);
  });

  test('what fails for good is told with its reason; what waits can be taken back', async () => {
    startWorker('bad');
    const { code, err } = await submit('bad', 'bad', 1, 'sample', '--model', 'missing.onnx');
    expect(code).toBe(2);
    expect(err).toMatch(/1 of 1 shards failed. Shard 0: cannot read missing.onnx: there is no such file/);
    await submit('back', 'back', 4, '--detach', ...sample);
    const back = await seedbed(
      'submit',
      '--project',
      'back',
      '--out',
      'back',
      '--shards',
      '4',
      '--cancel',
      ...sample,
    );
    expect(back.out).toContain('4 shards taken back');
  });

  test('another command in the same folder is refused before anything is sent', async () => {
    await submit('same', 'mine', 2, '--detach', ...sample);
    const other = await submit('same', 'mine', 2, '--detach', ...sample, '--rng', '5');
    expect(other).toMatchObject({
      code: 3,
      err: expect.stringContaining('mine is of another run in the queue'),
    });
  });

  test.each<[string, string, RegExp]>([
    [
      'a wrong password',
      'redis://:wrong@127.0.0.1:PORT',
      /cannot reach redis:\/\/127.0.0.1:\d+: .*(WRONGPASS|invalid)/,
    ],
    [
      'no password',
      'redis://127.0.0.1:PORT',
      /cannot reach redis:\/\/127.0.0.1:\d+: .*(NOAUTH|Authentication)/,
    ],
  ])('%s is told, not printed', async (_, address, reason) => {
    const before = process.env.SEEDBED_QUEUE;
    process.env.SEEDBED_QUEUE = address.replace('PORT', String(port));
    const { code, err } = await submit('x', 'x', 1, ...sample);
    process.env.SEEDBED_QUEUE = before;
    expect(code).toBe(1);
    expect(err).toMatch(reason);
    expect(err).not.toContain('wrong@');
  });
});

test.each<[string[], number, RegExp]>([
  [['--queue', 'redis://127.0.0.1:1'], 1, /cannot reach redis:\/\/127.0.0.1:1: .*Is it running\?/],
  [
    ['--queue', 'redis://:secret@box'],
    2,
    /a password on the command line is seen by everybody .* SEEDBED_QUEUE/,
  ],
  [['--queue', 'box'], 2, /no address such as redis:\/\/HOST:6379/],
  [['--queue', 'https://box'], 2, /begins with https:, not redis: or rediss:/],
  [[], 2, /which queue\? Give --queue redis:\/\/HOST:6379, or SEEDBED_QUEUE/],
  [['--queue', 'redis://127.0.0.1:1', '--project', 'a:b'], 2, /letters, digits, dots and dashes only/],
])('work %j is refused in words', async (flags, code, reason) => {
  const refused = await seedbed('work', ...flags);
  expect(refused.code).toBe(code);
  expect(refused.err).toMatch(reason);
  expect(refused.err).not.toContain('secret');
});
