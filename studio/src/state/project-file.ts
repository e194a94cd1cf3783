/**
 * What a project file holds, read and written without a page.
 * @module
 */
import { Trouble } from '../engine/trouble.ts';
import { isKept, kindOf } from './kinds.ts';

/** All that a person chose, and what the studio kept of it. */
export interface Project {
  /** What is shown. */
  readonly address: string;
  /** What is chosen in every room, as queries. */
  readonly rooms: Readonly<Record<string, string>>;
  /** What was kept, by its names. */
  readonly kept: readonly (readonly [name: string, value: unknown])[];
}

const VERSION = 2;

/** The text of a project's file, in parts: as one string it may be longer than any may be. */
export async function writeProject({ address, rooms, kept }: Project): Promise<string[]> {
  const about = JSON.stringify({ seedbed: 'studio project', version: VERSION, address, rooms });
  const parts = [about.slice(0, -1), ',"kept":{'];
  for (const [i, [name, value]] of kept.entries())
    parts.push(i > 0 ? ',' : '', JSON.stringify(name), ':', JSON.stringify(await toPlain(value)) ?? 'null');
  return [...parts, '}}'];
}

/** The project that a file's text holds. @param name the file's, for messages. @throws {Trouble} BadFile when it is none. */
export function parseProject(text: string, name: string): Project {
  const refuse = (reason: string) => new Trouble('BadFile', `${name} is no project of the studio: ${reason}`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw refuse('it is not JSON');
  }
  if (!isRecord(value) || value.seedbed !== 'studio project') throw refuse('it does not say that it is one');
  const { version, address, rooms, kept } = value;
  // What is no number may be nested too deep to be written out.
  if (version !== VERSION)
    throw refuse(
      `it is of ${typeof version === 'number' ? `version ${version}` : 'no version'}, this studio reads version ${VERSION}`,
    );
  if (typeof address !== 'string' || !address.startsWith('#/')) throw refuse('its address is missing');
  if (!isRecord(rooms) || !Object.values(rooms).every(query => typeof query === 'string'))
    throw refuse('what was chosen in its rooms is damaged');
  if (!isRecord(kept)) throw refuse('what was kept is missing');
  const read = Object.entries(kept).map(([name, plain]) => {
    const kind = kindOf(name);
    const whole = kind && fromPlain(plain, 0);
    if (!kind || !isKept(kind, whole)) throw refuse(`${kind ? `a ${kind}` : 'something'} in it is damaged`);
    return [name, whole] as const;
  });
  return { address, rooms: rooms as Record<string, string>, kept: read };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What JSON lacks, by the name that stands in its place. */
const ARRAYS = { float32: Float32Array, bytes: Uint8Array } as const;
type Packed = keyof typeof ARRAYS;
/** Deeper than anything that is kept. */
const DEEPEST = 12;

async function toPlain(value: unknown): Promise<unknown> {
  if (value instanceof Blob)
    return { packed: 'file', data: base64(new Uint8Array(await value.arrayBuffer())) };
  for (const [packed, kind] of Object.entries(ARRAYS))
    if (value instanceof kind)
      return { packed, data: base64(new Uint8Array(value.buffer, value.byteOffset, value.byteLength)) };
  if (Array.isArray(value)) return Promise.all(value.map(toPlain));
  if (!isRecord(value)) return value;
  const members: [string, unknown][] = [];
  for (const [name, member] of Object.entries(value)) members.push([name, await toPlain(member)]);
  return Object.fromEntries(members);
}

/** The value that was written; undefined in place of what is damaged. */
function fromPlain(value: unknown, depth: number): unknown {
  if (depth > DEEPEST) return undefined;
  if (Array.isArray(value)) return value.map(member => fromPlain(member, depth + 1));
  if (!isRecord(value)) return value;
  if (typeof value.packed === 'string' && typeof value.data === 'string')
    return unpacked(value.packed, value.data);
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [name, fromPlain(member, depth + 1)]),
  );
}

function unpacked(packed: string, data: string): unknown {
  const bytes = bytesOf(data);
  if (!bytes) return undefined;
  if (packed === 'file') return new Blob([bytes]);
  const kind = ARRAYS[packed as Packed];
  return kind && bytes.length % kind.BYTES_PER_ELEMENT === 0 ? new kind(bytes.buffer) : undefined;
}

function base64(bytes: Uint8Array): string {
  let letters = '';
  for (let at = 0; at < bytes.length; at += 8192)
    letters += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return btoa(letters);
}

/** The bytes of base64, undefined where it is none. */
function bytesOf(data: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return Uint8Array.from(atob(data), letter => letter.charCodeAt(0));
  } catch {
    return undefined;
  }
}
