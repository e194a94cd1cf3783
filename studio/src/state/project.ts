/**
 * Project files: what was chosen in all rooms and what is kept here, so that work can be taken elsewhere.
 * @module
 */
import { choices, goTo, hashNow } from './address.ts';
import { joinCloud } from './clouds.ts';
import { everything, keepNamed, type Of } from './kept.ts';
import { isKept, kindOf } from './kinds.ts';
import { recallModels } from './models.ts';
import { say } from './notices.ts';
import { recallPictures } from './pictures.ts';
import { parseProject, writeProject } from './project-file.ts';

/** Larger models stay where they are: whoever opens the project opens them too. */
const LARGEST_MODEL = 64 * 2 ** 20;

/** All that is needed to see this again, as a file. */
export async function saveProject(): Promise<Blob> {
  const all = await everything();
  const kept = all.filter(([, value]) => sizeOf(value) <= LARGEST_MODEL);
  if (kept.length < all.length)
    say('Models of more than 64 MB are not in the project: take their .onnx files along.');
  return new Blob([await writeProject({ address: hashNow(), rooms: choices(), kept })], {
    type: 'application/json',
  });
}

/** Takes up a project file. @throws {Trouble} when it is none. */
export async function openProject(file: File): Promise<void> {
  const { address, rooms, kept } = parseProject(await file.text(), file.name);
  for (const [name, value] of kept) {
    const [, ...of] = JSON.parse(name) as [string, ...Of];
    // A cloud grows; everything else is the same whenever it is of the same.
    if (kindOf(name) === 'cloud' && isKept('cloud', value)) await joinCloud(of, value);
    else await keepNamed(name, value);
  }
  await Promise.all([recallPictures(), recallModels()]);
  goTo(address, rooms);
}

/** Bytes of what holds a file, 0 of anything else. */
function sizeOf(value: unknown): number {
  return typeof value === 'object' && value && 'file' in value && value.file instanceof Blob
    ? value.file.size
    : 0;
}
