import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { main } from '../../src/cli/main.ts';
import { SeedbedError } from '../../src/errors.ts';
import type { Mutate } from './bytes.ts';
import { orBytes } from './formats.ts';

/** A kind of file: sound examples, how they are spoilt, and the reading of one as the command line does it. */
export interface Kind {
  readonly name: string;
  /** What reads it, for the table. */
  readonly reader: string;
  readonly mutate: Mutate;
  /** @param folder may be filled, and is the reader's alone. */
  prepare(folder: string): Promise<Prepared>;
}

export interface Prepared {
  readonly samples: readonly Uint8Array[];
  /** Where the spoilt file is put. */
  readonly path: string;
  read(path: string): Promise<unknown>;
  /** What a message may name in the file's stead: a file within it, a graph that was read from it. */
  readonly names: readonly string[];
}

/** A file that is read by itself. */
export function kind(
  name: string,
  reader: string,
  file: string,
  mutate: Mutate,
  examples: () => readonly Uint8Array[] | Promise<readonly Uint8Array[]>,
  read: (path: string) => Promise<unknown>,
  names: readonly string[] = [],
): Kind {
  const prepare = async (folder: string) => {
    await mkdir(folder);
    return { samples: await examples(), path: join(folder, file), read, names };
  };
  return { name, reader, mutate: orBytes(mutate), prepare };
}

/** Runs a command. @throws {SeedbedError} what it says, unless that is a fault of Seedbed's own. */
export async function command(...args: string[]): Promise<void> {
  let said = '';
  const write = process.stderr.write;
  process.stderr.write = ((text: string) => {
    said += text;
    return true;
  }) as typeof write;
  const code = await main([...args, '--quiet']).finally(() => {
    process.stderr.write = write;
  });
  if (said.includes("fault of Seedbed's own")) throw new Error(said);
  if (code !== 0) throw new SeedbedError('BadFile', said);
}
