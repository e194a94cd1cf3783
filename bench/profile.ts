import { spawnSync } from 'node:child_process';
import type { Profile } from './results.ts';
import { type Bench, ownScript } from './sides.ts';

/** Where the time of one of Seedbed's training steps goes, by ONNX Runtime's own account. */
export function measureProfile(bench: Bench, batch: number): Profile {
  const [program, ...args] = ownScript('profile', [bench.folder, bench.threads, batch]) as [
    string,
    ...string[],
  ];
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr.trim().split('\n').at(-1));
  return JSON.parse(stdout) as Profile;
}
