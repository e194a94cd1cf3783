import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { inRepository } from './paths.ts';
import { Peer } from './peer.ts';
import { type Growth, type Start, unitsOf } from './results.ts';
import { type Bench, seedbedPeer } from './sides.ts';

// What is measured of Seedbed without a rival beside it.

/** Sampling on a WebGPU device. @throws {Error} that says why there is none, or that it is too slow to measure. */
export async function measureWebgpu(bench: Bench): Promise<{ rate: number; batch: number }> {
  const batch = bench.quick ? 2 : 16;
  const seconds = bench.quick ? 15 : 60;
  const peer = await Peer.start(seedbedPeer(bench, 'webgpu'), seconds);
  try {
    await peer.prepare('sampling', { batch, form: 'graph' }, seconds);
    await peer.run(1, seconds);
    return { rate: unitsOf('sampling', batch) / (await peer.run(1, seconds)).seconds, batch };
  } finally {
    await peer.stop();
  }
}

/** One task at growing sizes, each in a fresh process. */
export async function measureGrowth(
  bench: Bench,
  task: 'checkpointed' | 'scale',
  sizes: readonly number[],
): Promise<Growth[]> {
  const rows: Growth[] = [];
  for (const size of sizes) {
    const peer = await Peer.start(seedbedPeer(bench));
    try {
      await peer.prepare(task, { batch: size, form: 'graph' });
      const { seconds } = await peer.run(1);
      rows.push({ size, seconds, peakBytes: await peer.peakBytes() });
    } finally {
      await peer.stop();
    }
  }
  return rows;
}

const PROGRAM = inRepository('bin/seedbed.js');
/** A line about a picture's seed, as people and as --json read it. */
const RESULT = /squared error|"mse"/;

/** How long `seedbed embed` takes to its first result, from a cold start, as it is installed: compiled. */
export async function measureStart(bench: Bench): Promise<Start> {
  const built = spawnSync('npm', ['run', 'build'], { cwd: inRepository('.'), encoding: 'utf8' });
  if (built.status !== 0) throw new Error(`npm run build failed: ${built.stdout.trim().split('\n').at(-1)}`);
  const repeats = bench.quick ? 1 : 5;
  const fewer = bench.quick ? ['--method', 'embedder'] : [];
  const first: number[] = [];
  const program: number[] = [];
  let whole = 0;
  for (let repeat = 0; repeat < repeats; repeat++) {
    const started = performance.now();
    spawnSync(process.execPath, [PROGRAM, '--version']);
    program.push((performance.now() - started) / 1000);
    const out = mkdtempSync(join(bench.folder, 'start-'));
    const times = await embedUntil(['embed', '--out', out, ...fewer], repeat === 0);
    first.push(times.first);
    if (repeat === 0) whole = times.whole;
  }
  return { first, whole, program };
}

/** Runs the program to its first result, or to its end. */
function embedUntil(args: readonly string[], toTheEnd: boolean): Promise<{ first: number; whole: number }> {
  return new Promise((resolve, reject) => {
    const started = performance.now();
    const elapsed = () => (performance.now() - started) / 1000;
    const child = spawn(process.execPath, [PROGRAM, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    let first: number | undefined;
    for (const input of [child.stdout, child.stderr]) {
      createInterface({ input }).on('line', line => {
        if (first !== undefined || !RESULT.test(line)) return;
        first = elapsed();
        if (!toTheEnd) child.kill('SIGKILL');
      });
    }
    child.once('error', reject);
    child.once('close', code => {
      if (first === undefined) reject(new Error(`seedbed ${args[0]} ended (${code}) without a result`));
      else resolve({ first, whole: elapsed() });
    });
  });
}
