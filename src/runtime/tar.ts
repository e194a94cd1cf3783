import { SeedbedError } from '../errors.ts';

/** A file inside an archive: its path there, and its contents as a view of the archive's bytes. */
export interface ArchivedFile {
  readonly path: string;
  readonly bytes: Uint8Array;
}

const BLOCK = 512;

/**
 * The files of an unpacked tar archive (ustar, with GNU and pax long names) in order, then those that links to them name;
 * folders are passed over. Nothing is written anywhere.
 * @throws {SeedbedError} BadFile when a header is damaged, the archive is cut short, or a path leads outside it.
 */
export function* untar(archive: Uint8Array, name: string): Generator<ArchivedFile> {
  let longName: string | undefined;
  let longTarget: string | undefined;
  const files = new Map<string, Uint8Array>();
  const links: { path: string; target: string }[] = [];
  for (let at = 0; at + BLOCK <= archive.length; ) {
    const header = archive.subarray(at, at + BLOCK);
    if (header.every(byte => byte === 0)) {
      yield* linked(files, links);
      return;
    }
    if (!hasRightSum(header)) throw bad(name, `the header at byte ${at} is damaged, or it is no tar archive`);
    const size = octal(header, 124, 12);
    const bytes = archive.subarray(at + BLOCK, at + BLOCK + size);
    if (!Number.isSafeInteger(size) || bytes.length !== size)
      throw bad(name, 'it is cut short; fetch it again');
    at += BLOCK * (1 + Math.ceil(size / BLOCK));

    const type = String.fromCharCode(header[156] || 48);
    if (type === 'L') longName = text(bytes);
    else if (type === 'K') longTarget = text(bytes);
    else if (type === 'x') {
      longName = /^\d+ path=(.*)$/m.exec(text(bytes))?.[1] ?? longName;
      longTarget = /^\d+ linkpath=(.*)$/m.exec(text(bytes))?.[1] ?? longTarget;
    } else {
      const path =
        longName ??
        [text(header.subarray(345, 500)), text(header.subarray(0, 100))].filter(Boolean).join('/');
      const target = longTarget ?? text(header.subarray(157, 257));
      [longName, longTarget] = [undefined, undefined];
      if (path.startsWith('/') || path.split(/[/\\]/).includes('..'))
        throw bad(name, `${path} leads outside it`);
      const plain = normalised(path);
      if (type === '0') {
        files.set(plain, bytes);
        yield { path: plain, bytes };
      }
      // A hard link names a file from the top of the archive, a symbolic one from its own folder.
      if (type === '1') links.push({ path: plain, target: normalised(target) });
      if (type === '2') links.push({ path: plain, target: normalised(`${plain}/../${target}`) });
    }
  }
  throw bad(name, 'it is cut short: the mark of its end is missing; fetch it again');
}

/** The links to files, or to links to files, that the archive holds; others lead nowhere here. */
function* linked(
  files: Map<string, Uint8Array>,
  links: readonly { path: string; target: string }[],
): Generator<ArchivedFile> {
  for (let rest = links; ; ) {
    const found = rest.filter(({ target }) => files.has(target));
    if (found.length === 0) return;
    for (const { path, target } of found) {
      const bytes = files.get(target)!;
      files.set(path, bytes);
      yield { path, bytes };
    }
    rest = rest.filter(link => !found.includes(link));
  }
}

/** A path without `.` and `..`. */
function normalised(path: string): string {
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return parts.join('/');
}

/** The header's sum is that of its bytes, those of the sum itself counted as spaces. */
function hasRightSum(header: Uint8Array): boolean {
  const sum = header.reduce((total, byte, i) => total + (i >= 148 && i < 156 ? 32 : byte), 0);
  return sum === octal(header, 148, 8);
}

function octal(header: Uint8Array, from: number, length: number): number {
  const digits = text(header.subarray(from, from + length)).trim();
  return /^[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : Number.NaN;
}

function text(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
}

function bad(name: string, reason: string): SeedbedError {
  return new SeedbedError('BadFile', `cannot unpack ${name}: ${reason}`);
}
