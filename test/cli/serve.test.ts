import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type Ended, lastOf, type Runner } from '../../src/cli/runner.ts';
import { openJobs } from '../../src/cli/serve/jobs.ts';
import { MOST_BYTES, service } from '../../src/cli/serve/service.ts';
import { saveModel } from '../../src/diffusion/model.ts';
import { gaussianDenoiser } from '../../src/diffusion/oracle.ts';
import { readSeeds } from '../../src/embedding/seeds.ts';
import { encodePng } from '../../src/runtime/images.ts';
import { float32 } from '../../src/tensor/tensor.ts';
import { seedbed } from './in-process.ts';
import { ENVIRONMENT, PROGRAM } from './program.ts';

let folder: string;
let picture: Uint8Array;
const at = (...names: string[]) => join(folder, ...names);
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'seedbed-serve-'));
  await writeFile(at('model.onnx'), saveModel(gaussianDenoiser(1, [1, 8, 8], 4)));
  picture = await encodePng(
    float32(
      [1, 8, 8],
      Float32Array.from({ length: 64 }, (_, i) => i / 64),
    ),
  );
});
afterAll(() => rm(folder, { recursive: true }));

/** Runs commands in this process, where the service has one of its own for them. */
const here: Runner = {
  async run(words) {
    const { code, err } = await seedbed(...words, '--threads', '1');
    return { code, said: err.trim().replace(/^seedbed: /, '') };
  },
  close: () => {},
};
const words = () => ['embed', '--model', at('model.onnx'), '--method', 'naive', '--quiet'];
const open = async (out: string, most = 10, runner = here, token?: string) => {
  const jobs = await openJobs(at(out), words(), most, runner);
  const app = service(jobs, token);
  const post = (body: Uint8Array, path = '/embed', headers = {}) =>
    app.request(path, { method: 'POST', body: Uint8Array.from(body), headers });
  return { jobs, app, post };
};

test('a picture sent gives its seed, which is the one that embed finds', async () => {
  const { app, post } = await open('one');
  const response = await post(picture);
  expect(response.status).toBe(200);
  const { state, results, files } = await response.json();
  expect(state).toBe('done');
  expect(results[0].mse).toBeLessThan(0.01);
  const seeds = await app.request(files['seeds.safetensors']);
  await writeFile(at('own.png'), picture);
  await seedbed(...words(), at('own.png'), '--out', at('own'), '--threads', '1');
  const { latent } = readSeeds(new Uint8Array(await seeds.arrayBuffer()), 'served');
  expect(latent).toEqual(readSeeds(await readFile(at('own', 'seeds.safetensors')), 'own').latent);
  const drawn = await app.request(files['embedding.png']);
  expect(drawn.headers.get('Content-Type')).toBe('image/png');
});

test('what is no picture is refused with the reason, and nothing else is served', async () => {
  const { app, post } = await open('bad');
  const response = await post(new TextEncoder().encode('not a picture'));
  expect(response.status).toBe(422);
  const { state, reason, at: address } = await response.json();
  expect(state).toBe('failed');
  expect(reason).toMatch(/cannot read the picture: it is not a picture; PNG, JPEG/);
  expect(reason).not.toContain(folder);
  expect((await app.request(address)).status).toBe(422);
  const { id } = await (await app.request(address)).json();
  for (const path of [
    `/jobs/${id}/picture`,
    `/jobs/${id}/..%2f..%2fmodel.onnx`,
    '/jobs/..%2fone',
    '/jobs/x',
    '/',
  ])
    expect((await app.request(path)).status, path).toBe(404);
  expect((await post(new Uint8Array())).status).toBe(400);
  expect((await post(new Uint8Array(MOST_BYTES + 1))).status).toBe(413);
  expect((await post(picture, '/embed?wait=1000')).status).toBe(400);
});

/** A runner whose commands end when the test says so. */
function held(): { runner: Runner; begun: () => Promise<void>; end: (ended: Ended) => void } {
  const waiting: ((ended: Ended) => void)[] = [];
  const runner: Runner = {
    run: (_, signal) =>
      new Promise(resolve => {
        waiting.push(resolve);
        signal.addEventListener('abort', () => resolve({ code: 75, said: 'stopped' }));
      }),
    close: () => {},
  };
  const begun = () => vi.waitFor(() => expect(waiting.length).toBeGreaterThan(0), 10_000);
  return { runner, begun, end: ended => waiting.shift()!(ended) };
}

test('a fault of the machine is told as one, and the next service tries again', async () => {
  const { runner, begun, end } = held();
  const { app, post, jobs } = await open('machine', 2, runner);
  const waiting = post(picture);
  await begun();
  end({ code: 1, said: 'no space left on the device' });
  const response = await waiting;
  expect(response.status).toBe(500);
  const { at: address, ...said } = await response.json();
  expect(said).toMatchObject({ state: 'failed', passing: true, reason: 'no space left on the device' });
  // A runner that throws ends neither the service nor the queue.
  const thrown = await open('thrown', 2, {
    run: () => Promise.reject(new Error('spawn failed')),
    close: () => {},
  });
  for (let i = 0; i < 2; i++) {
    const second = await thrown.post(picture);
    expect([second.status, (await second.json()).reason]).toEqual([500, 'spawn failed']);
  }
  expect((await app.request(address)).status).toBe(500);
  await jobs.stop();
  const next = await open('machine');
  await next.jobs.settled(said.id, 30);
  expect((await (await next.app.request(address)).json()).state).toBe('done');
});

test('without a token pages of other sites are refused, by whatever name they come', async () => {
  const { app } = await open('pages');
  const post = (url: string, headers = {}) =>
    app.request(url, { method: 'POST', body: Uint8Array.from(picture), headers });
  const here = 'http://127.0.0.1:8430';
  expect((await post(`${here}/embed`, { Origin: 'https://example.org' })).status).toBe(403);
  expect((await post('http://example.org:8430/embed')).status).toBe(403);
  expect((await post(`${here}/embed`, { Origin: here })).status).toBe(200);
  expect((await post('http://[::1]:8430/embed')).status).toBe(200);
});

test('a queue has an end; what waits is taken up again by the next service', async () => {
  const { runner, begun } = held();
  const { app, post, jobs } = await open('full', 2, runner);
  const sent = [];
  for (let i = 0; i < 3; i++) {
    const response = await post(picture, '/embed?wait=0');
    expect(response.status).toBe(202);
    sent.push(await response.json());
    await begun();
  }
  const full = await post(picture, '/embed?wait=0');
  expect(full.status).toBe(429);
  expect(Number(full.headers.get('Retry-After'))).toBeGreaterThan(0);
  expect((await (await app.request(sent[0].at)).json()).state).toBe('working');
  const text = await (await app.request('/metrics')).text();
  expect(text).toContain('seedbed_jobs_waiting 2\n');
  expect(text).toContain('seedbed_jobs_total{state="refused"} 1\n');
  expect(await (await app.request('/healthz')).json()).toEqual({ ok: true, waiting: 2 });
  await jobs.stop();

  const next = await open('full');
  for (const { id } of sent) expect((await next.jobs.settled(id, 60))?.state).toBe('done');
});

test('with a token only who bears it is heard', async () => {
  const { app, post } = await open('secret', 10, here, 'a secret');
  expect((await app.request('/healthz')).status).toBe(200);
  expect((await app.request('/metrics')).status).toBe(401);
  expect((await post(picture)).status).toBe(401);
  expect((await post(picture, '/embed', { Authorization: 'Bearer another' })).status).toBe(401);
  expect((await post(picture, '/embed', { Authorization: 'Bearer a secret' })).status).toBe(200);
});

test('pictures that come at once have places one after the other', async () => {
  const { jobs, post } = await open('once', 1);
  const sent = await Promise.all(Array.from({ length: 6 }, () => post(picture, '/embed?wait=0')));
  // One is in work as soon as it has come, and one waits.
  expect(sent.filter(({ status }) => status === 429).length).toBeGreaterThanOrEqual(4);
  await jobs.stop();
});

test('the command listens, answers with all its files, and ends in order', async () => {
  const own = ['--', '--model', at('model.onnx'), '--method', 'naive', '--threads', '1'];
  const words = ['serve', '--port', '0', '--json', '--out', at('command'), ...own];
  const child = spawn(process.execPath, [...PROGRAM, ...words], {
    env: { ...process.env, ...ENVIRONMENT },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise<number | null>(resolve => child.once('close', resolve));
  const [said] = await once(child.stdout, 'data');
  const { address } = JSON.parse(String(said));
  const response = await fetch(new URL('/embed', address), {
    method: 'POST',
    body: Uint8Array.from(picture),
  });
  expect(response.status).toBe(200);
  const { state, files } = await response.json();
  expect(state).toBe('done');
  expect(Object.keys(files).sort()).toEqual([
    'embedding.png',
    'report.json',
    'seeds.npy',
    'seeds.safetensors',
  ]);
  for (const path of Object.values(files))
    expect((await (await fetch(new URL(String(path), address))).arrayBuffer()).byteLength).toBeGreaterThan(
      100,
    );
  const text = await (await fetch(new URL('/metrics', address))).text();
  expect(text).toContain('seedbed_jobs_total{state="done"} 1\n');
  child.kill('SIGTERM');
  expect(await ended).toBe(0);
});

test.each<[string[], number, RegExp]>([
  [['--tau', 'foo'], 2, /option '--tau <x>' argument 'foo' is invalid/],
  [['--tua', '0.3'], 2, /unknown option '--tua'/],
  [['--method', 'descent', '--tau', '0.3'], 2, /--tau says nothing to method 'descent'/],
  [['--method', 'split', '--sampler', 'heun'], 2, /method 'split' undoes the steps of sampler 'ddim'/],
  [['--model', 'NOWHERE.onnx'], 2, /NOWHERE\.onnx: there is no such file/],
  [['my.png'], 2, /my\.png: pictures are sent to the service, not named/],
])(
  'options that are wrong end it before it listens, with what is wrong: %j',
  async (options, status, said) => {
    const { code, err } = await seedbed('serve', '--port', '0', '--out', at('wrong'), '--', ...options);
    expect(err).toMatch(said);
    expect(code).toBe(status);
  },
);

test('of what a command said the fault is handed on, however many lines it has', () => {
  expect(lastOf("note\nerror: option '--tau <x>' is invalid.\nAdd --help for more.\n")).toBe(
    "option '--tau <x>' is invalid.\nAdd --help for more.",
  );
  expect(lastOf('seedbed: one\nseedbed: two\n')).toBe('two');
  expect(lastOf('killed\n')).toBe('killed');
  expect(lastOf('')).toBe('');
});

test('beyond this machine it wants a token', async () => {
  const { code, err } = await seedbed('serve', '--host', '0.0.0.0');
  expect(code).toBe(2);
  expect(err).toContain('0.0.0.0 is reached from other machines: set SEEDBED_TOKEN');
});
