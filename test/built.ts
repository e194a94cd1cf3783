import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** Whether files are there and newer than all that they are built from; paths from the project's root. */
export function isBuilt(built: readonly string[], sources: readonly string[]): boolean {
  const paths = built.map(path => join(ROOT, path));
  if (!paths.every(path => existsSync(path))) return false;
  const newest = Math.max(...sources.map(path => newestIn(join(ROOT, path))));
  return Math.min(...paths.map(changedAt)) >= newest;
}

const changedAt = (path: string) => statSync(path).mtimeMs;

/** When anything in a folder, or a file, was changed last; what was taken away changes its folder. */
function newestIn(path: string): number {
  if (!statSync(path).isDirectory()) return changedAt(path);
  return Math.max(changedAt(path), ...readdirSync(path).map(name => newestIn(join(path, name))));
}
