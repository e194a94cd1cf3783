import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { goOn, type Reference, unexpected, type Workshop } from './checks.ts';
import { isAside, readFolder, tornFiles } from './files.ts';
import { type Ended, start } from './task.ts';

export const FULL_DISK = 'a disk that fills: exit status 1, says so, nothing torn; with room, the same files';
export const FILE_LIMIT =
  'a limit on file size: exit status 1, says so, nothing torn; without, the same files';

/** Starts on disks of random sizes, all too small; then each grows, and the task goes on. */
export async function fullDisk(
  ref: Reference,
  disks: number,
  { report, folder, draw }: Workshop,
): Promise<void> {
  const out = join(folder, 'out');
  const least = 8192;
  const needed = [...ref.files.values()].reduce((sum, bytes) => sum + bytes.length, 0);
  const faults: string[] = [];
  mkdirSync(folder, { recursive: true });
  for (let i = 0; i < disks; i++) {
    mount(folder, `size=${least + Math.floor(draw() * (needed - least))}`);
    try {
      faults.push(...(await refused(await start(ref.task, out).ended, out, 'the disk is full')));
      mount(folder, 'remount,size=64m');
      faults.push(...(await goOn(ref, out)));
    } finally {
      unmount(folder);
    }
  }
  report.check(FULL_DISK, ref.task.name, `${disks} sizes`, faults);
}

/** Limits the size of files at random, so that a write breaks off in the middle; then the limit goes. */
export async function fileLimit(
  ref: Reference,
  limits: number,
  { report, folder, draw }: Workshop,
): Promise<void> {
  const out = join(folder, 'limited');
  const largest = Math.max(...[...ref.files.values()].map(bytes => bytes.length));
  const faults: string[] = [];
  for (let i = 0; i < limits; i++) {
    // Of 512 bytes by the standard, of 1024 in some shells.
    const blocks = 1 + Math.floor(draw() * (largest / 1024 - 1));
    const end = await start(ref.task, out, { blocks }).ended;
    faults.push(...(await refused(end, out, 'the file would be larger than the system allows')));
    faults.push(...(await goOn(ref, out)));
    await rm(out, { recursive: true, force: true });
  }
  report.check(FILE_LIMIT, ref.task.name, `${limits} limits`, faults);
}

/** Why no disk can be made; undefined where one can. */
export function noDisks(folder: string): string | undefined {
  if (process.platform !== 'linux') return 'it takes a tmpfs, which only Linux has';
  if (process.getuid?.() !== 0) return 'only root can mount a tmpfs';
  mkdirSync(folder, { recursive: true });
  try {
    mount(folder, 'size=64k');
  } catch {
    return 'this system does not let root mount a tmpfs';
  }
  unmount(folder);
}

let mounted: string | undefined;

function mount(folder: string, options: string): void {
  execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', folder], { stdio: 'pipe' });
  mounted = folder;
}

/** Gives back the disk that is in use, if there is one. */
export function unmount(folder = mounted): void {
  if (folder !== undefined) execFileSync('umount', ['-l', folder]);
  mounted = undefined;
}

/** What is wrong with how a command ended that could not write. */
async function refused(end: Ended, out: string, reason: string): Promise<string[]> {
  const isPlain =
    end.err.includes('seedbed: cannot write') && end.err.includes(reason) && !/^\s+at /m.test(end.err);
  const left = [...(await readFolder(out)).keys()].filter(isAside).map(name => `${name} is left over`);
  const { torn } = await tornFiles(out);
  return [
    ...(end.code === 1 && isPlain ? [] : [unexpected('where it could not write', end)]),
    ...torn,
    ...left,
  ];
}
