import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { encodePng } from '../../src/runtime/images.ts';
import { float32 } from '../../src/tensor/tensor.ts';

/** A command that is disturbed. */
export interface Task {
  readonly name: string;
  readonly args: readonly string[];
  /** A file of its folder that is there once the work has begun. */
  readonly begun: string;
  /** It runs as it does where nobody says with how many threads: many pictures in a process per core. */
  readonly inLanes?: boolean;
}

/** How a process ended. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** What it wrote to standard error. */
  readonly err: string;
  readonly seconds: number;
}

const bin = fileURLToPath(new URL('../../bin/seedbed.js', import.meta.url));

/**
 * Starts a task as a person would.
 * @param options.blocks the most blocks that a file may have, a limit that the shell sets.
 */
export function start(
  task: Task,
  out: string,
  { resume = false, blocks }: { resume?: boolean; blocks?: number } = {},
): { child: ChildProcess; ended: Promise<Ended> } {
  const started = performance.now();
  // Where nothing was left there is nothing to go on with, as `train` says.
  const begun = existsSync(join(out, task.begun));
  const threads = task.inLanes ? [] : ['--threads', '1'];
  const args = [bin, ...task.args, ...threads, '--out', out, ...(resume && begun ? ['--resume'] : [])];
  const [program, all] =
    blocks === undefined
      ? [process.execPath, args]
      : ['sh', ['-c', `ulimit -f ${blocks} && exec "$0" "$@"`, process.execPath, ...args]];
  const child = spawn(program, all, { stdio: ['ignore', 'ignore', 'pipe'] });
  let err = '';
  child.stderr.on('data', chunk => {
    err += chunk;
  });
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) =>
      resolve({ code, signal, err, seconds: (performance.now() - started) / 1000 }),
    );
  });
  return { child, ended };
}

/** Starts a task, fresh or resumed, and kills it after so many seconds, where it has not ended by then. */
export async function startAndKill(
  task: Task,
  out: string,
  resume: boolean,
  seconds: number,
): Promise<Ended> {
  const { child, ended } = start(task, out, { resume });
  const timer = setTimeout(() => child.kill('SIGKILL'), seconds * 1000);
  return ended.finally(() => clearTimeout(timer));
}

const training = { loss: 'mse', learningRate: 0.004, decay: 'cosine', warmup: 10, ema: 0.95 };
const often = { checkpointEvery: 7, evaluateEvery: 20 };

/**
 * Two trainings, with all that they need written to `folder`; they save so often that many moments are of writing.
 * @param pictures a folder of pictures.
 */
export async function trainings(folder: string, pictures: string): Promise<{ points: Task; pictures: Task }> {
  const task = async (name: string, config: object): Promise<Task> => {
    const file = join(folder, `${name}.json`);
    await writeFile(file, JSON.stringify({ schedule: 'continuousCosine', ...config }));
    return {
      name: `train on ${name}`,
      args: ['train', 'denoiser', '--config', file],
      begun: 'checkpoint.safetensors',
    };
  };
  return {
    points: await task('points', {
      data: 'moons:train',
      heldOut: 64,
      network: { kind: 'mlp', channels: [64, 64], embedding: 16 },
      training: { ...training, ...often, batch: 128, steps: 700 },
    }),
    pictures: await task('pictures', {
      data: pictures,
      heldOut: 16,
      network: { kind: 'unet', channels: [8, 16], blocks: 1, embedding: 16 },
      training: { ...training, ...often, batch: 8, steps: 160 },
    }),
  };
}

/**
 * Everything else that works long, small: what it works on is what the trainings learned, and their pictures.
 * @param model the model of pictures. @param pictures the folder of its pictures.
 */
export function commands(model: string, pictures: string): Record<CommandName, Task> {
  const task = (name: CommandName, [command, ...args]: readonly [string, ...string[]]): Task => ({
    name,
    args: [command, ...args],
    begun: `.unfinished-${command}/about.json`,
  });
  const of = ['--model', model];
  const evaluate = ['evaluate', '--data', pictures, ...of, '--batch', '16'] as const;
  const slow = ['--method', 'descent', '--iterations'];
  return {
    // The ten pictures that ship, in five batches.
    'embed by descent': task('embed by descent', ['embed', ...of, ...slow, '100', '--batch', '2']),
    embed: task('embed', ['embed', ...of, '--batch', '2']),
    cloud: task('cloud', ['cloud', join(pictures, '0.png'), ...of, '--count', '96', '--batch', '8']),
    evaluate: task('evaluate', evaluate),
    'evaluate in processes': { ...task('evaluate in processes', evaluate), inLanes: true },
    'a shard': {
      ...task('a shard', [...evaluate, '--shard', '0/2']),
      begun: '.unfinished-evaluate-shard-0-of-2/.about.json',
    },
    sample: task('sample', ['sample', ...of, '--count', '2048']),
    reproduce: task('reproduce', ['reproduce', 'fig6', 'fig8']),
  };
}

export type CommandName =
  | 'embed by descent'
  | 'embed'
  | 'cloud'
  | 'evaluate'
  | 'evaluate in processes'
  | 'a shard'
  | 'sample'
  | 'reproduce';

/** Pictures that a folder of them has. */
const PICTURES = 160;

/** Discs of different sizes in different places. */
export async function writePictures(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const side = 16;
  for (let i = 0; i < PICTURES; i++) {
    const [x, y, radius] = [3 + ((i * 5) % 10), 3 + ((i * 7) % 10), 2 + (i % 4)];
    const isInside = (at: number) => Math.hypot((at % side) - x, Math.floor(at / side) - y) < radius;
    const pixels = Array.from({ length: side * side }, (_, at) => (isInside(at) ? 0.9 : 0.1));
    await writeFile(join(folder, `${i}.png`), await encodePng(float32([1, side, side], pixels)));
  }
}
