/**
 * Project files: what was chosen in all rooms and what is kept here, so that work can be taken elsewhere.
 * @module
 */

import { Trouble } from '../engine/trouble.ts';
import { choices, goTo, hashNow } from './address.ts';
import { joinCloud } from './clouds.ts';
import { amendNamed, everything, type Of } from './kept.ts';
import { further, isKept, kindOf } from './kinds.ts';
import { recallModels } from './models.ts';
import { say } from './notices.ts';
import { recallPictures } from './pictures.ts';
import { parseProject, writeProject } from './project-file.ts';

/** Larger models stay where they are: whoever opens the project opens them too. */
const LARGEST_MODEL = 64 * 2 ** 20;
/** Text is no longer in some browsers. */
const LARGEST_FILE = 512 * 2 ** 20;

/** All that is needed to see this again, as a file. */
export async function saveProject(): Promise<Blob> {
  const all = await everything();
  const kept = all.filter(([, value]) => blobsIn(value) <= LARGEST_MODEL);
  if (kept.length < all.length)
    say('Models of more than 64 MB are not in the project: take their .onnx files along.');
  return new Blob(await writeProject({ address: hashNow(), rooms: choices(), kept }), {
    type: 'application/json',
  });
}

/** Takes up a project file. @throws {Trouble} when it is none. */
export async function openProject(file: File): Promise<void> {
  if (file.size > LARGEST_FILE)
    throw new Trouble(
      'BadFile',
      `${file.name} is larger than a browser reads as text, ${LARGEST_FILE / 2 ** 20} MB.`,
    );
  const { address, rooms, kept } = parseProject(await file.text(), file.name);
  for (const [name, value] of kept) {
    const [, ...of] = JSON.parse(name) as [string, ...Of];
    const kind = kindOf(name);
    if (kind === 'cloud' && isKept('cloud', value)) await joinCloud(of, value);
    else if (kind) await amendNamed(name, now => further(kind, now, value));
  }
  await Promise.all([recallPictures(), recallModels()]);
  goTo(address, rooms);
}

/** Bytes of all files in a value, however deep. */
function blobsIn(value: unknown): number {
  if (value instanceof Blob) return value.size;
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return 0;
  return Object.values(value).reduce<number>((sum, member) => sum + blobsIn(member), 0);
}
