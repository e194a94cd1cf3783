import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { Contender } from './compare.ts';
import { inRepository } from './paths.ts';
import type { Compared } from './results.ts';

/** Folder of the reference file, and threads a side may use. */
export interface Bench {
  readonly folder: string;
  readonly threads: number;
  readonly quick: boolean;
}

/** The command of one of Seedbed's own measured scripts, run as this one is. */
export function ownScript(name: string, args: readonly (string | number)[]): string[] {
  return [
    process.execPath,
    ...process.execArgv,
    inRepository(`bench/measure/${name}.ts`),
    ...args.map(String),
  ];
}

export function seedbedPeer({ folder, threads }: Bench, device = 'cpu'): string[] {
  return ownScript('seedbed', [folder, threads, device]);
}

/** Batch sizes that are tried; beyond the largest, rates fall or memory runs out. */
const BATCHES: Record<Compared, readonly number[]> = {
  sampling: [4, 8, 16, 32],
  descent: [8, 16, 32],
  denoiser: [16, 32, 64],
  embedder: [8, 16, 32],
};
const FEW = [2];

export function seedbed(bench: Bench, task: Compared): Contender {
  return {
    name: 'Seedbed',
    command: seedbedPeer(bench),
    forms: ['graph'],
    batches: bench.quick ? FEW : BATCHES[task],
  };
}

/** PyTorch, where a Python on this machine has it. @throws {Error} that says why there is none. */
export function pytorch(bench: Bench): (task: Compared) => Contender {
  const python = ['python3', '/usr/bin/python3'].find(
    program => spawnSync(program, ['-c', 'import torch'], { stdio: 'ignore' }).status === 0,
  );
  if (!python)
    throw new Error('no Python on this machine has PyTorch (on Debian: apt-get install python3-torch)');
  const command = [python, '-B', inRepository('bench/torch_peer.py'), bench.folder, String(bench.threads)];
  return task => {
    const layouts = ['contiguous', 'channels_last'];
    const forms = task === 'sampling' ? [...layouts, 'frozen'] : layouts;
    return { name: 'PyTorch', command, forms, batches: bench.quick ? FEW : BATCHES[task] };
  };
}

/** TensorFlow.js, installed on first use. @throws {Error} that says why it cannot be. */
export function tensorflow(bench: Bench): Contender {
  const folder = inRepository('bench/tfjs');
  if (!existsSync(`${folder}/node_modules`)) {
    const { status, stderr } = spawnSync('npm', ['ci', '--prefix', folder], { encoding: 'utf8' });
    if (status !== 0) throw new Error(`npm ci --prefix bench/tfjs failed: ${lastLine(stderr)}`);
  }
  const command = [process.execPath, `${folder}/peer.js`, bench.folder, String(bench.threads)];
  return { name: 'TensorFlow.js', command, forms: ['NHWC'], batches: bench.quick ? FEW : [1, 4, 16] };
}

function lastLine(text: string | null): string {
  return text?.trim().split('\n').at(-1) ?? 'npm did not start';
}
