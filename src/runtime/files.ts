import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { link, mkdir, open, readdir, readFile, realpath, rename, rm, stat } from 'node:fs/promises';
import { homedir, hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { gunzip as inflate } from 'node:zlib';
import { messageOf, SeedbedError } from '../errors.ts';
import { parseJson, parsePythonJson } from '../tensor/json.ts';
import { MOST_BYTES, mostUnpacked } from '../tensor/zip.ts';

/** What the system's error codes mean to the person, and what to do. */
const FAULTS: Record<string, string> = {
  ENOENT: 'there is no such file or folder; check the path',
  EACCES: 'permission is denied; change the permissions or choose another place',
  EPERM: 'permission is denied; change the permissions or choose another place',
  EROFS: 'the disk is read-only; choose another place',
  ENOSPC: 'the disk is full; free some space and try again',
  EDQUOT: 'your share of the disk is full; free some space and try again',
  EFBIG: 'the file would be larger than the system allows; choose another place',
  EISDIR: 'it is a folder, and a file is needed; check the path',
  ENOTDIR: 'a part of the path is a file, not a folder; check the path',
  EEXIST: 'a file stands where a folder is needed; check the path',
  ENAMETOOLONG: 'the name is too long; choose a shorter one',
};

/** Faults of the path that was given, not of the machine. */
const WRONG_PATH = ['ENOENT', 'EISDIR', 'ENOTDIR', 'EEXIST', 'ENAMETOOLONG'];

const codeOf = (error: unknown): string | undefined => (error as { code?: string } | null)?.code;

/** Says in plain words why the system refused to do `action` ('read', 'write') with `path`. */
export function fileFault(action: string, path: string, cause: unknown): SeedbedError {
  const code = codeOf(cause) ?? '';
  const reason = FAULTS[code] ?? messageOf(cause);
  return new SeedbedError(
    WRONG_PATH.includes(code) ? 'BadArgument' : 'Machine',
    `cannot ${action} ${path}: ${reason}`,
    { cause },
  );
}

/**
 * The contents of a file.
 * @throws {SeedbedError} BadArgument when it is not there, Machine when it cannot be read, BadFile when it holds more than `maxBytes`.
 */
export async function readBytes(path: string, { maxBytes = MOST_BYTES } = {}): Promise<Uint8Array> {
  try {
    const { size } = await stat(path);
    if (size <= maxBytes) return await readFile(path);
    const message = `${path} holds ${size} bytes, more than the ${maxBytes} that are read at most`;
    throw new SeedbedError('BadFile', `${message}; is it the right file?`);
  } catch (cause) {
    throw cause instanceof SeedbedError ? cause : fileFault('read', path, cause);
  }
}

/** The most bytes of a file of text, 256 MiB: a string cannot be much longer. */
const MOST_TEXT = 2 ** 28;

/** The contents of a file of UTF-8 text. @throws {SeedbedError} as {@link readBytes}. */
export async function readText(path: string): Promise<string> {
  return new TextDecoder().decode(await readBytes(path, { maxBytes: MOST_TEXT }));
}

/**
 * The value in a JSON file, unchecked.
 * @param python it was written by Python, whose JSON may hold NaN, Infinity and -Infinity.
 * @throws {SeedbedError} BadFile when it is not JSON, and as {@link readBytes}.
 */
export async function readJson(path: string, { python = false } = {}): Promise<unknown> {
  const text = await readText(path);
  try {
    return python ? parsePythonJson(text) : parseJson(text);
  } catch (cause) {
    throw new SeedbedError('BadFile', `${path} is not JSON: ${messageOf(cause)}`, { cause });
  }
}

/** Whether there is a file or folder at the path. */
export async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}

/** Whether there is a folder at the path. */
export async function isDirectory(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
}

const collator = new Intl.Collator('en', { numeric: true });

/** Compares names in natural order, 2.png before 10.png, for sorting. */
export function naturalOrder(a: string, b: string): number {
  return collator.compare(a, b) || (a < b ? -1 : Number(a > b));
}

/**
 * Whether a path is hidden, in a folder or an archive: a part of it begins with a dot, or it is a companion that macOS
 * puts beside files (`._NAME`, `__MACOSX/`).
 */
export function isHidden(path: string): boolean {
  return path.split('/').some(part => part === '__MACOSX' || (part.startsWith('.') && part !== '.'));
}

/**
 * The files in a folder, in natural order, hidden ones left out; with `recursive` also
 * those in its subfolders, linked ones too, as paths relative to `folder` with forward slashes.
 * @throws {SeedbedError} Machine when the folder cannot be read.
 */
export async function listFiles(folder: string, { recursive = false } = {}): Promise<string[]> {
  try {
    return (await filesBelow(folder, recursive, [])).sort(naturalOrder);
  } catch (cause) {
    throw fileFault('list', folder, cause);
  }
}

/** @param above the folders around, as they really are: a link to one of them is not followed. */
async function filesBelow(folder: string, recursive: boolean, above: readonly string[]): Promise<string[]> {
  const around = [...above, await realpath(folder)];
  const names = (await readdir(folder)).filter(name => !isHidden(name));
  const found = await Promise.all(
    names.map(async name => {
      const path = join(folder, name);
      const kind = await stat(path).catch(() => undefined);
      if (kind?.isFile()) return [name];
      if (!recursive || !kind?.isDirectory() || around.includes(await realpath(path))) return [];
      return (await filesBelow(path, recursive, around)).map(below => `${name}/${below}`);
    }),
  );
  return found.flat();
}

/** The folders in a folder, in natural order, hidden ones left out. @throws {SeedbedError} Machine when it cannot be read. */
export async function listFolders(folder: string): Promise<string[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries
      .filter(entry => entry.isDirectory() && !isHidden(entry.name))
      .map(({ name }) => name)
      .sort(naturalOrder);
  } catch (cause) {
    throw fileFault('list', folder, cause);
  }
}

/**
 * Writes a file whole or not at all: aside in the same folder, which is made if need be, to the disk, then in
 * place of the old one. After a failure the old file is as it was and nothing is left over; what a process left that
 * was killed while it wrote goes with the next writing.
 * @throws {SeedbedError} Machine, with the path and the reason.
 */
export async function writeAtomic(path: string, contents: Uint8Array | string): Promise<void> {
  await writeAside(path, contents, rename);
}

/**
 * Writes a file as {@link writeAtomic} does, unless there is one: of several processes, on several machines, the first wins.
 * @throws {SeedbedError} Machine, with the path and the reason.
 */
export async function createAtomic(path: string, contents: Uint8Array | string): Promise<void> {
  await writeAside(path, contents, async (aside, place) => {
    try {
      await link(aside, place);
      await rm(aside);
    } catch (cause) {
      if (codeOf(cause) === 'EEXIST') return rm(aside);
      // Some network disks have no links; two that write at the same moment are found by who reads it again.
      await rename(aside, place);
    }
  });
}

/** Makes a folder and those around it. Node's own way to do so does not come back from folders in which nothing can be made. */
export async function makeFolder(path: string): Promise<void> {
  const make = () =>
    mkdir(path).catch(async cause => {
      if (codeOf(cause) !== 'EEXIST' || !(await isDirectory(path))) throw cause;
    });
  await make().catch(async cause => {
    if (codeOf(cause) !== 'ENOENT' || dirname(path) === path) throw cause;
    await makeFolder(dirname(path));
    await make();
  });
}

async function writeAside(
  path: string,
  contents: Uint8Array | string,
  put: (aside: string, place: string) => Promise<void>,
): Promise<void> {
  const folder = dirname(path);
  // Other machines may write into the same folder; their processes cannot be asked after here.
  const stem = `.${basename(path).slice(0, 100)}.${hostname().slice(0, 60)}.`;
  const aside = join(folder, `${stem}${process.pid}.tmp`);
  try {
    await makeFolder(folder);
    await removeLeftovers(folder, stem);
    const file = await open(aside, 'w');
    try {
      await file.writeFile(contents);
      await file.sync();
    } finally {
      await file.close();
    }
    await put(aside, path);
  } catch (cause) {
    await rm(aside, { force: true }).catch(() => {});
    throw fileFault('write', path, cause);
  }
  await syncFolder(folder);
}

/** Removes what is named `stem`, the number of a process, `.tmp`, where there is no such process any more. */
async function removeLeftovers(folder: string, stem: string): Promise<void> {
  for (const name of await readdir(folder).catch(() => [])) {
    const writer = name.startsWith(stem) && /^(\d+)\.tmp$/.exec(name.slice(stem.length))?.[1];
    if (writer && !isRunning(Number(writer))) await rm(join(folder, name), { force: true }).catch(() => {});
  }
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return codeOf(error) === 'EPERM';
  }
}

/** Makes a rename last through a power cut. Windows and some network disks cannot; the file is whole without it. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r').catch(() => undefined);
  await handle?.sync().catch(() => {});
  await handle?.close();
}

/**
 * Makes an empty file.
 * @returns whether it did: of several processes that make the same one, one does, and the others find it there.
 * @throws {SeedbedError} Machine.
 */
export async function createFile(path: string): Promise<boolean> {
  try {
    await makeFolder(dirname(path));
    await (await open(path, 'wx')).close();
    return true;
  } catch (cause) {
    if (codeOf(cause) === 'EEXIST') return false;
    throw fileFault('write', path, cause);
  }
}

/**
 * Adds a line, its end included here, to a file that is made if need be; after a failure the file is as it was.
 * @throws {SeedbedError} Machine.
 */
export async function appendLine(path: string, line: string): Promise<void> {
  try {
    await makeFolder(dirname(path));
    const file = await open(path, 'a');
    const { size } = await file.stat();
    try {
      await file.writeFile(`${line}\n`);
    } catch (cause) {
      await file.truncate(size);
      throw cause;
    } finally {
      await file.close();
    }
  } catch (cause) {
    throw fileFault('write', path, cause);
  }
}

/**
 * Unpacks gzip data of the file `name` to at most `maxBytes`, {@link mostUnpacked} unless given.
 * @throws {SeedbedError} BadFile when it is damaged, cut short, or larger.
 */
export async function gunzip(
  bytes: Uint8Array,
  { name = 'the gzip data', maxBytes = mostUnpacked(bytes.length) } = {},
): Promise<Uint8Array> {
  try {
    return await promisify(inflate)(bytes, { maxOutputLength: maxBytes });
  } catch (cause) {
    const reason = {
      ERR_BUFFER_TOO_LARGE: `it unpacks to more than ${maxBytes} bytes`,
      Z_BUF_ERROR: 'it is cut short; fetch it again',
    }[codeOf(cause) ?? ''];
    throw new SeedbedError(
      'BadFile',
      `cannot unpack ${name}: ${reason ?? `it is damaged (${messageOf(cause)})`}`,
      {
        cause,
      },
    );
  }
}

/** The sha256 of bytes, 64 hexadecimal digits. */
export function sha256Hex(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** The md5 of a file of any size, 32 hexadecimal digits. @throws {SeedbedError} Machine when it cannot be read. */
export async function md5OfFile(path: string): Promise<string> {
  const hash = createHash('md5');
  try {
    await pipeline(createReadStream(path), hash);
    return hash.digest('hex');
  } catch (cause) {
    throw fileFault('read', path, cause);
  }
}

/** The parts of a path, joined as the system does. */
export function joinPath(...parts: string[]): string {
  return join(...parts);
}

/** The last part of a path: the name of the file or folder. */
export function baseName(path: string): string {
  return basename(path);
}

/** Where data sets are kept: `SEEDBED_DATA` where it is set, else `seedbed` in the user's data folder. */
export function userDataDir(): string {
  const { SEEDBED_DATA, LOCALAPPDATA, XDG_DATA_HOME } = process.env;
  if (SEEDBED_DATA) return SEEDBED_DATA;
  if (process.platform === 'win32')
    return join(LOCALAPPDATA || join(homedir(), 'AppData', 'Local'), 'seedbed');
  if (process.platform === 'darwin') return join(homedir(), 'Library', 'Application Support', 'seedbed');
  return join(XDG_DATA_HOME || join(homedir(), '.local', 'share'), 'seedbed');
}

/**
 * Gives a folder another name in one step, which lasts through a power cut.
 * @throws {SeedbedError} Machine, also where something stands in its place.
 */
export async function moveFolder(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (cause) {
    throw fileFault('write', to, cause);
  }
  await syncFolder(dirname(to));
}

/** Removes a folder and all in it; one that is not there is fine. @throws {SeedbedError} Machine. */
export async function removeFolder(path: string): Promise<void> {
  try {
    // Another process may write into it meanwhile: what it wrote then goes too.
    await rm(path, { recursive: true, force: true, maxRetries: 5 });
  } catch (cause) {
    throw fileFault('remove', path, cause);
  }
}
