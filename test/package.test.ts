import { execFileSync, execSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import ts from 'typescript';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { notices } from '../scripts/notices.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));

/** A copy of the repository, freshly built, so that nothing stale is packed and nothing else reads what is half built. */
const folder = mkdtempSync(join(tmpdir(), 'seedbed-package-'));
const LEFT_OUT = new Set(['node_modules', 'dist', 'out', 'runs', '.git']);
let packed: { size: number; files: { path: string }[] };
let paths: string[];

beforeAll(() => {
  const copied = readdirSync(ROOT).filter(name => !LEFT_OUT.has(name));
  const filter = (path: string) => !LEFT_OUT.has(path.split(/[/\\]/).at(-1)!);
  for (const name of copied) cpSync(join(ROOT, name), join(folder, name), { recursive: true, filter });
  const dist = join(folder, 'dist');
  const state = join(dist, 'build.tsbuildinfo');
  const compiler = join(ROOT, 'node_modules/typescript-native/bin/tsc');
  const options = ['-p', join(ROOT, 'tsconfig.build.json'), '--outDir', dist, '--tsBuildInfoFile', state];
  execFileSync(process.execPath, [compiler, ...options]);
  const command = 'npm pack --dry-run --json --ignore-scripts';
  [packed] = JSON.parse(execSync(command, { cwd: folder, encoding: 'utf8', stdio: 'pipe' }));
  paths = packed.files.map(file => file.path).sort();
});
afterAll(() => rmSync(folder, { recursive: true }));

/** The files below a folder of the repository, as the package names them. */
function filesIn(name: string): string[] {
  const entries = readdirSync(join(ROOT, name), { recursive: true, withFileTypes: true });
  const files = entries.filter(entry => entry.isFile()).map(entry => join(entry.parentPath, entry.name));
  return files.map(path => path.slice(ROOT.length).replaceAll('\\', '/'));
}

test('packs what is used, and nothing else', () => {
  const modules = filesIn('src').map(path => path.replace(/^src\/(.*)\.ts$/, 'dist/$1'));
  const built = modules.flatMap(path => [`${path}.js`, `${path}.js.map`, `${path}.d.ts`]);
  const whole = ['bin', 'configs', 'examples', 'models']
    .flatMap(filesIn)
    .filter(path => !/^models\/reproduction\//.test(path));
  const pages = filesIn('docs').filter(path =>
    /^docs\/([^/]+\.(md|png)|(api|models|export|many-machines)\/.*)$/.test(path),
  );
  const texts = [
    'CHANGELOG.md',
    'CITATION.cff',
    'LICENSE',
    'README.md',
    'THIRD_PARTY_NOTICES.md',
    'package.json',
  ];
  expect(paths).toEqual([...texts, ...whole, ...pages, ...built].sort());
  expect(packed.size).toBeLessThan(15e6);
});

test('publint has no error and no warning', async () => {
  const { messages, pkg } = await publint({ pkgDir: folder, pack: 'npm', level: 'warning' });
  expect(messages.map(message => formatMessage(message, pkg))).toEqual([]);
});

test('what package.json points to is packed', () => {
  const targets = (entry: unknown): string[] =>
    typeof entry === 'string' ? [entry] : Object.values(entry ?? {}).flatMap(targets);
  const { bin, exports, imports, types } = manifest;
  const named = targets([bin, exports, imports, types]).map(path => path.replace(/^\.\//, ''));
  expect(named.length).toBeGreaterThan(0);
  expect(named.filter(path => !paths.includes(path))).toEqual([]);
});

test('the source maps hold their sources, which are not packed', () => {
  for (const path of paths.filter(path => path.endsWith('.map'))) {
    const { sources, sourcesContent } = JSON.parse(readFileSync(join(folder, path), 'utf8'));
    expect(sourcesContent, path).toHaveLength(sources.length);
  }
});

test('what is packed imports, for its types too, only what package.json declares', () => {
  const { dependencies, optionalDependencies, peerDependencies } = manifest;
  const declared = { ...dependencies, ...optionalDependencies, ...peerDependencies };
  const undeclared = paths
    .filter(path => /\.(js|d\.ts)$/.test(path))
    .flatMap(path => ts.preProcessFile(readFileSync(join(folder, path), 'utf8')).importedFiles)
    .map(({ fileName }) => fileName)
    .filter(
      name => !/^(\.|node:)/.test(name) && !(name in manifest.imports) && !builtinModules.includes(name),
    )
    .map(name => /^(@[^/]+\/)?[^/]+/.exec(name)![0])
    .filter(name => !(name in declared));
  expect(undeclared).toEqual([]);
});

test('every version is exact, and the one that is locked and installed', () => {
  const lock = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8'));
  const { dependencies, optionalDependencies, devDependencies, peerDependencies } = manifest;
  // What the queue needs is not installed with Seedbed; the tests have it.
  expect(devDependencies).toMatchObject(peerDependencies);
  const wanted = { ...dependencies, ...optionalDependencies, ...devDependencies } as Record<string, string>;
  for (const [name, asked] of Object.entries(wanted)) {
    // Another package may go by the name: npm:package@version.
    const version = asked.replace(/^npm:.+@/, '');
    expect(version, name).toMatch(/^\d+\.\d+\.\d+(-[\w.]+)?$/);
    expect(lock.packages[`node_modules/${name}`].version, name).toBe(version);
  }
  expect(manifest.engines.node).toBe(lock.packages[''].engines.node);
  expect(manifest.version).toBe(lock.version);
  expect(readFileSync(join(ROOT, 'CITATION.cff'), 'utf8')).toContain(`\nversion: ${manifest.version}\n`);
});

test("npm ci runs no script of a package: onnxruntime-node's would look for CUDA outside of the registry, and fail", () => {
  const lock = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8'));
  const entries = Object.entries<{ hasInstallScript?: boolean }>(lock.packages);
  const scripted = entries.filter(([, { hasInstallScript }]) => hasInstallScript).map(([path]) => path);
  // npm 10 goes by the lock: take "hasInstallScript" out of its entry when an update brings it back.
  expect(scripted).not.toContain('node_modules/onnxruntime-node');
  // npm 11 and 12 go by package.json, and warn of scripts that it does not name.
  const named = [...scripted, 'node_modules/onnxruntime-node'].map(path => path.replace('node_modules/', ''));
  expect(manifest.allowScripts).toEqual(Object.fromEntries(named.map(name => [name, false])));
  expect(existsSync(join(ROOT, '.npmrc'))).toBe(false);
});

const isComplete = existsSync(join(ROOT, 'node_modules/onnxruntime-node'));
test.skipIf(!isComplete)('THIRD_PARTY_NOTICES.md is current: npm run notices writes it', () => {
  expect(readFileSync(join(ROOT, 'THIRD_PARTY_NOTICES.md'), 'utf8')).toBe(notices());
});
