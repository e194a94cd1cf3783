/**
 * Project files: the address and one's own pictures, so that work with them can be taken elsewhere.
 * @module
 */
import { Trouble } from '../engine/client.ts';
import { goTo, hashNow } from './address.ts';
import { addOwn, own, pictureOf, sourceOf } from './pictures.ts';

interface Project {
  readonly seedbed: 'studio project';
  readonly version: 1;
  readonly address: string;
  readonly pictures: Readonly<Record<string, { readonly title: string; readonly data: string }>>;
}

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
  const project = parsed(await file.text(), file.name);
  for (const { title, data } of Object.values(project.pictures)) await addOwn(blobOf(data, file.name), title);
  goTo(project.address);
}

function parsed(text: string, name: string): Project {
  const refuse = (reason: string) => new Trouble('BadFile', `${name} is no project of the studio: ${reason}`);
  let value: Partial<Project> | null;
  try {
    value = JSON.parse(text);
  } catch {
    throw refuse('it is not JSON');
  }
  if (typeof value !== 'object' || value?.seedbed !== 'studio project')
    throw refuse('it does not say that it is one');
  const { version, address, pictures } = value;
  if (version !== 1) throw refuse(`it is of version ${version}, this studio reads version 1`);
  if (typeof address !== 'string' || !address.startsWith('#/')) throw refuse('its address is missing');
  const entries = Object.entries(pictures ?? {});
  if (!entries.every(([, p]) => typeof p?.title === 'string' && typeof p?.data === 'string'))
    throw refuse('a picture in it is damaged');
  return value as Project;
}

const PREFIX = /^data:[\w.+/-]*;base64,/;

function dataUrl(blob: Blob): Promise<string> {
  const reader = new FileReader();
  return new Promise((resolve, reject) => {
    reader.onload = () => resolve(String(reader.result));
    reader.onerror = () => reject(new Trouble('BadFile', 'a picture of yours could not be read again'));
    reader.readAsDataURL(blob);
  });
}

/** A picture of a project; the policy of the page lets nothing be fetched, data neither. */
function blobOf(data: string, name: string): Blob {
  try {
    return new Blob([Uint8Array.from(atob(data.replace(PREFIX, '')), letter => letter.charCodeAt(0))]);
  } catch {
    throw new Trouble('BadFile', `${name} is no project of the studio: a picture in it is damaged`);
  }
}
