/**
 * A queue as it goes wrong: every shard handed out twice, workers killed, the server stopped and started without what it
 * held, a shard of 90 seconds. What is merged must be the bytes of one process. Needs Debian's redis-server and what was built.
 *
 *     npm run queue -- [shards, 1000]
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { saveModel } from '../src/diffusion/model.ts';
import { gaussianDenoiser } from '../src/diffusion/oracle.ts';
import { writeNpy } from '../src/tensor/npy.ts';
import { float32 } from '../src/tensor/tensor.ts';

const SHARDS = Number(process.argv[2] ?? 1000);
const PORT = 6391;
/** Workers at a time, of each of the two queues; and of all that are started, the share that is killed. */
const WORKERS = 2;
const KILLED = 0.1;
const LONG_SECONDS = 90;

const bin = fileURLToPath(new URL('../bin/seedbed.js', import.meta.url));
const folder = await mkdtemp(join(tmpdir(), 'seedbed-queue-'));
const log = createWriteStream(join(folder, 'workers.log'));
const env = { ...process.env, SEEDBED_QUEUE: `redis://127.0.0.1:${PORT}`, OMP_NUM_THREADS: '1' };
const wait = (seconds: number) => new Promise(resolve => setTimeout(resolve, 1000 * seconds));

if (spawnSync('redis-server', ['--version']).error) {
  console.log("skipped: needs Debian's redis-server");
  process.exit(0);
}
/** Starts the server, and waits until it answers. */
async function startServer(): Promise<ChildProcess> {
  const flags = ['--port', String(PORT), '--dir', folder, '--save', ''];
  const started = spawn('redis-server', flags, { stdio: 'ignore' });
  while (
    spawnSync('redis-cli', ['-p', String(PORT), 'ping'])
      .stdout?.toString()
      .trim() !== 'PONG'
  )
    await wait(0.2);
  return started;
}
let server = await startServer();

/** Runs a command to its end. */
function seedbed(...words: string[]): Promise<number | null> {
  const child = spawn(process.execPath, [bin, ...words, '--quiet'], {
    cwd: folder,
    env,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return new Promise(resolve => child.once('exit', resolve));
}

let [started, killed] = [0, 0];
const workers = new Map<ChildProcess, string>();
function startWorker(project: string): void {
  started++;
  const child = spawn(process.execPath, [bin, 'work', '--project', project], {
    cwd: folder,
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  child.stderr.pipe(log, { end: false });
  workers.set(child, project);
  child.once('exit', () => workers.delete(child));
}

/** Kills a worker now and then, and starts another in its place. */
async function kill(until: AbortSignal): Promise<void> {
  while (!until.aborted) {
    await wait(5 + 15 * Math.random());
    const all = [...workers];
    const [child, project] = all[Math.floor(Math.random() * all.length)] ?? [];
    if (!child || until.aborted) continue;
    child.kill('SIGKILL');
    killed++;
    startWorker(project!);
  }
}

await writeFile(join(folder, 'model.onnx'), saveModel(gaussianDenoiser(1, [1, 8, 8], 3)));
const model = ['--model', 'model.onnx'];
const small = ['sample', '--count', String(256 * SHARDS), '--sampler-steps', '2', ...model];

// How many iterations of descent take as long as the long shard is to take.
const descent = (iterations: number) => [
  'cloud',
  ...model,
  '--method',
  'descent',
  '--count',
  '2',
  '--iterations',
  String(iterations),
];
const ramp = float32(
  [1, 1, 8, 8],
  Float32Array.from({ length: 64 }, (_, i) => i / 64),
);
await writeFile(join(folder, 'picture.npy'), writeNpy(ramp));
const begun = performance.now();
await seedbed(...descent(2000), 'picture.npy', '--out', 'trial');
const each = (performance.now() - begun) / 2000;
const long = [...descent(Math.ceil((1000 * LONG_SECONDS) / each)), 'picture.npy'];

const end = new AbortController();
for (const project of ['one', 'two']) for (let i = 0; i < WORKERS; i++) startWorker(project);
const killing = kill(end.signal);
const startedAt = performance.now();
const submitted = [
  ...['one', 'two'].map(project =>
    seedbed('submit', '--project', project, '--out', 'shared', '--shards', String(SHARDS), ...small),
  ),
  seedbed('submit', '--project', 'one', '--out', 'long', '--shards', '1', ...long),
];
// Both have sent their shards and the long one is in work when the server goes.
const begunIn = async (out: string, what: RegExp) =>
  (await readdir(join(folder, out)).catch(() => [])).some(name => what.test(name));
while (!((await begunIn('shared', /^shard/)) && (await begunIn('long', /^\.unfinished/)))) await wait(1);
await wait(10);
server.kill('SIGKILL');
await wait(5);
server = await startServer();
const [one, two] = await Promise.all(submitted.slice(0, 2));
end.abort();
await killing;
const codes = [one, two, await submitted[2]];
const seconds = (performance.now() - startedAt) / 1000;
for (const child of workers.keys()) child.kill('SIGTERM');

await seedbed(...small, '--out', 'alone');
const same = await Promise.all(
  ['seeds.safetensors', 'pictures.npy', 'pictures.png'].map(async name => {
    const [a, b] = await Promise.all(['shared', 'alone'].map(out => readFile(join(folder, out, name))));
    return a!.equals(b!);
  }),
);
server.kill();
console.log(
  `| shards | each handed out | workers started | killed with -9 | server killed | long shard | took | merged bytes |`,
);
console.log(`| --- | --- | --- | --- | --- | --- | --- | --- |`);
console.log(
  `| ${SHARDS} | twice | ${started} | ${killed} | once, it lost all that it held | ${LONG_SECONDS} s | ${seconds.toFixed(0)} s | ${same.every(Boolean) ? 'those of one process' : 'OTHERS'} |`,
);
const sound = codes.every(code => code === 0) && same.every(Boolean) && killed >= KILLED * started;
if (!sound) console.log(`exit codes ${codes}; see ${folder}`);
else await rm(folder, { recursive: true });
process.exit(sound ? 0 : 1);
