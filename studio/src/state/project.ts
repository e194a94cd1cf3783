/**
 * Project files: the address and one's own pictures, so that work with them can be taken elsewhere.
 * @module
 */
import { Trouble } from '../engine/trouble.ts';
import { goTo, hashNow } from './address.ts';
import { addOwn, own, pictureOf, sourceOf } from './pictures.ts';
import { type Project, parseProject } from './project-file.ts';

/** All that is needed to see this again, as a file. */
export async function saveProject(): Promise<Blob> {
  const entries = own().map(async ({ id, title }) => {
    const blob = sourceOf(pictureOf(id)) as Blob;
    return [id, { title, data: await dataUrl(blob) }] as const;
  });
  const project: Project = {
    ...{ seedbed: 'studio project', version: 1, address: hashNow() },
    pictures: Object.fromEntries(await Promise.all(entries)),
  };
  return new Blob([JSON.stringify(project)], { type: 'application/json' });
}

/** Takes up a project file. @throws {Trouble} when it is none. */
export async function openProject(file: File): Promise<void> {
  const { address, pictures } = parseProject(await file.text(), file.name);
  for (const { title, bytes } of pictures) await addOwn(new Blob([bytes]), title);
  goTo(address);
}

function dataUrl(blob: Blob): Promise<string> {
  const reader = new FileReader();
  return new Promise((resolve, reject) => {
    reader.onload = () => resolve(String(reader.result));
    reader.onerror = () => reject(new Trouble('BadFile', 'a picture of yours could not be read again'));
    reader.readAsDataURL(blob);
  });
}
