import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { isSeedbedError } from '../../src/errors.ts';
import {
  appendLine,
  exists,
  gunzip,
  isDirectory,
  listFiles,
  md5OfFile,
  readBytes,
  readJson,
  readText,
  sha256Hex,
  userDataDir,
  writeAtomic,
} from '../../src/runtime/files.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'seedbed-files-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('reading', () => {
  test('bytes, text and JSON', async () => {
    const path = join(folder, 'a.json');
    await writeFile(path, '{"é": [1]}');
    expect(await readText(path)).toBe('{"é": [1]}');
    expect(await readJson(path)).toEqual({ é: [1] });
    expect((await readBytes(path)).length).toBe(11);
    await expect(readBytes(path, { maxBytes: 10 })).rejects.toThrow(/holds 11 bytes, more than the 10/);
  });

  test.each([
    ['a missing file', 'no/such.npy', /cannot read .*no\/such\.npy: there is no such file/],
    ['a folder', '.', /it is a folder, and a file is needed/],
  ])('%s is named, with what to do', async (_, name, message) => {
    await expect(readBytes(join(folder, name))).rejects.toSatisfy(error =>
      isSeedbedError(error, 'BadArgument'),
    );
    await expect(readBytes(join(folder, name))).rejects.toThrow(message);
  });

  test('what is not JSON is a BadFile', async () => {
    const path = join(folder, 'bad.json');
    await writeFile(path, '{');
    await expect(readJson(path)).rejects.toSatisfy(error => isSeedbedError(error, 'BadFile'));
  });

  test('files are listed in natural order, without hidden ones and broken links', async () => {
    const root = join(folder, 'list');
    await mkdir(join(root, 'b', '.git'), { recursive: true });
    for (const name of ['10.png', '2.png', '.hidden', 'b/1.png', 'b/.git/x'])
      await writeFile(join(root, name), '');
    await symlink(join(root, 'nowhere'), join(root, 'broken'), 'junction');
    expect(await listFiles(root)).toEqual(['2.png', '10.png']);
    expect(await listFiles(root, { recursive: true })).toEqual(['2.png', '10.png', 'b/1.png']);
    // A linked folder is walked, but not one that leads back to where the walk comes from.
    await symlink(join(root, 'b'), join(root, 'c1'), 'junction');
    await symlink(root, join(root, 'b', 'up'), 'junction');
    expect(await listFiles(root, { recursive: true })).toEqual(['2.png', '10.png', 'b/1.png', 'c1/1.png']);
    expect([await isDirectory(root), await isDirectory(join(root, '2.png'))]).toEqual([true, false]);
    await expect(listFiles(join(root, 'c'))).rejects.toThrow(/cannot list/);
  });
});

describe('writeAtomic', () => {
  test('makes the folder, replaces the old file and leaves nothing over', async () => {
    const path = join(folder, 'new', 'a.txt');
    await writeAtomic(path, 'old');
    await writeAtomic(path, new TextEncoder().encode('new'));
    expect(await readText(path)).toBe('new');
    expect(await readdir(join(folder, 'new'))).toEqual(['a.txt']);
  });

  test('several at once make the folders around', async () => {
    const names = Array.from({ length: 16 }, (_, i) => `${i}.txt`);
    await Promise.all(names.map(name => writeAtomic(join(folder, 'more/below', name), name)));
    expect(await listFiles(join(folder, 'more/below'))).toEqual(names);
  });

  test('a failed rename leaves no temporary file', async () => {
    const target = join(folder, 'target');
    await mkdir(join(target, 'full'), { recursive: true });
    await expect(writeAtomic(join(target, 'full'), 'x')).rejects.toThrow(
      /cannot write .*full: it is a folder/,
    );
    expect(await readdir(target)).toEqual(['full']);
  });

  test.skipIf(process.platform === 'win32')('a failed write leaves the old contents', async () => {
    const path = join(folder, 'limited', 'a.txt');
    await writeAtomic(path, 'old');
    const program = `import { writeAtomic } from ${JSON.stringify(new URL('../../src/runtime/files.ts', import.meta.url))};
      await writeAtomic(${JSON.stringify(path)}, new Uint8Array(2 ** 20)).catch(e => console.log(e.kind, e.message));`;
    const script = join(folder, 'limited.mts');
    await writeFile(script, program);
    // The shell's limit on file size stands for a full disk: the write breaks off in the middle.
    const { stdout } = await promisify(execFile)('sh', [
      '-c',
      `ulimit -f 64 && exec "${process.execPath}" --import tsx "${script}"`,
    ]);
    expect(stdout).toMatch(/^Machine cannot write .*a\.txt: the file would be larger than the system allows/);
    expect(await readText(path)).toBe('old');
    expect(await readdir(join(folder, 'limited'))).toEqual(['a.txt']);
  });

  test('a file where a folder is needed is said', async () => {
    await writeFile(join(folder, 'file'), '');
    await expect(writeAtomic(join(folder, 'file', 'x'), '')).rejects.toSatisfy(e =>
      isSeedbedError(e, 'BadArgument'),
    );
  });

  test('lines are added', async () => {
    const path = join(folder, 'logs', 'log.jsonl');
    await appendLine(path, 'a');
    await appendLine(path, 'b');
    expect(await readFile(path, 'utf8')).toBe('a\nb\n');
    expect(await exists(path)).toBe(true);
  });
});

describe('gunzip', () => {
  const packed = gzipSync(new Uint8Array(1000));

  test('unpacks, within bounds', async () => {
    expect((await gunzip(packed)).length).toBe(1000);
    expect((await gunzip(packed, { maxBytes: 1000 })).length).toBe(1000);
    await expect(gunzip(packed, { name: 'x.gz', maxBytes: 999 })).rejects.toThrow(
      /x\.gz: it unpacks to more than 999/,
    );
  });

  test('a cut file is told from a damaged one', async () => {
    await expect(gunzip(packed.subarray(0, 15))).rejects.toThrow(/cut short/);
    await expect(gunzip(new Uint8Array(30))).rejects.toThrow(/damaged/);
  });
});

test('hashes have their published values', async () => {
  const path = join(folder, 'abc');
  await writeFile(path, 'abc');
  expect(await md5OfFile(path)).toBe('900150983cd24fb0d6963f7d28e17f72');
  expect(sha256Hex(await readBytes(path))).toBe(
    'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
  );
  await expect(md5OfFile(join(folder, 'gone'))).rejects.toThrow(/there is no such file/);
});

test('SEEDBED_DATA says where data sets are kept, else the user data folder', () => {
  vi.stubEnv('SEEDBED_DATA', '/sets');
  expect(userDataDir()).toBe('/sets');
  vi.stubEnv('SEEDBED_DATA', '');
  expect(userDataDir()).toMatch(/seedbed$/);
  if (process.platform === 'linux') {
    vi.stubEnv('XDG_DATA_HOME', '/own');
    expect(userDataDir()).toBe('/own/seedbed');
    vi.stubEnv('XDG_DATA_HOME', '');
    expect(userDataDir()).toBe(join(homedir(), '.local/share/seedbed'));
  }
  vi.unstubAllEnvs();
});
