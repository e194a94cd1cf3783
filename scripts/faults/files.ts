import { readdir, readFile } from 'node:fs/promises';
import { basename, extname, join, relative } from 'node:path';
import sharp from 'sharp';
import { readModel } from '../../src/diffusion/model.ts';
import { readNpy } from '../../src/tensor/npy.ts';
import { readSafetensors } from '../../src/tensor/safetensors.ts';

export type Files = ReadonlyMap<string, Buffer>;

/** All files of a folder, the hidden ones too, by their paths there. */
export async function readFolder(folder: string): Promise<Files> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const paths = entries.filter(entry => entry.isFile()).map(entry => join(entry.parentPath, entry.name));
  return new Map(
    await Promise.all(paths.map(async path => [relative(folder, path), await readFile(path)] as const)),
  );
}

/** Recorded times, by their names in JSON: they differ from run to run. */
export const TIMES = ['seconds', 'imagesPerSecond'];
const times = new RegExp(`"(${TIMES.join('|')})":\\s*[^,}]*,?`, 'g');

/** Where two folders differ, byte by byte but for recorded times. @param besides what only `found` may have. */
export function differences(found: Files, expected: Files, besides?: RegExp): string[] {
  const left = [...found.keys()].filter(name => !expected.has(name) && !besides?.test(name));
  const other = [...expected].filter(
    ([name, bytes]) => !timeless(name, bytes).equals(timeless(name, found.get(name))),
  );
  return [
    ...left.map(name => `${name} is left over`),
    ...other.map(([name]) => `${name} ${found.has(name) ? 'differs' : 'is missing'}`),
  ];
}

function timeless(name: string, bytes: Buffer = Buffer.of()): Buffer {
  return /\.jsonl?$/.test(name) ? Buffer.from(bytes.toString().replace(times, '')) : bytes;
}

const text = (bytes: Buffer) => new TextDecoder('utf-8', { fatal: true }).decode(bytes);

/** How a file of each kind is read whole; each throws where the file is cut short. */
const READERS: Record<string, (bytes: Buffer, file: string) => unknown> = {
  '.json': bytes => JSON.parse(text(bytes)),
  '.jsonl': bytes => {
    const lines = text(bytes).split('\n');
    if (lines.pop() !== '') throw new Error('its last line is cut short');
    for (const line of lines) JSON.parse(line);
  },
  '.onnx': readModel,
  '.safetensors': readSafetensors,
  '.npy': readNpy,
  '.png': bytes => sharp(bytes).raw().toBuffer(),
  '.md': text,
  '.svg': bytes => {
    if (!text(bytes).trimEnd().endsWith('</svg>')) throw new Error('its end is missing');
  },
};

/** A piece of unfinished work, which has no ending: tensors, or a list of results. */
const IS_PIECE = /(^|-|\/)piece-\d+$/;
const readPiece = (bytes: Buffer, file: string) =>
  bytes[0] === '['.charCodeAt(0) ? JSON.parse(text(bytes)) : readSafetensors(bytes, file);

/** Whether a file is one that has not yet got its name. */
export const isAside = (name: string) => /^\..*\.tmp$/.test(basename(name));

/** Reads every file that has its name. @returns how many there are, and what is wrong with those that are torn. */
export async function tornFiles(folder: string): Promise<{ count: number; torn: string[] }> {
  const files = [...(await readFolder(folder))].filter(([name]) => !isAside(name));
  const torn: string[] = [];
  for (const [name, bytes] of files) {
    try {
      const read = IS_PIECE.test(name) ? readPiece : READERS[extname(name)];
      if (!read) throw new Error('a file of no known kind');
      await read(bytes, name);
    } catch (error) {
      torn.push(`${name} is torn: ${(error as Error).message}`);
    }
  }
  return { count: files.length, torn };
}
