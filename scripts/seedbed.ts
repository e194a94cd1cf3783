import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('..', import.meta.url));
/** The exit code of work that was stopped and can go on. */
const STOPPED = 75;

/**
 * Runs a command of Seedbed's, one thread and no words but faults, until it ends or `milliseconds` are over.
 * @returns whether it came to its end. @throws Error where it failed.
 */
export function seedbed(words: readonly string[], milliseconds?: number): Promise<boolean> {
  const how = ['--threads', '1', '--quiet'];
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(ROOT, 'bin/seedbed.js'), ...words, ...how], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const late =
      milliseconds === undefined
        ? undefined
        : setTimeout(() => child.kill('SIGTERM'), Math.max(0, milliseconds));
    child.once('error', reject);
    child.once('exit', code => {
      clearTimeout(late);
      if (code !== 0 && code !== STOPPED) reject(new Error(`seedbed ${words.join(' ')} ended with ${code}`));
      resolve(code === 0);
    });
  });
}
