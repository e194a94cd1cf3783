/**
 * What a project file holds, read without a page.
 * @module
 */
import { Trouble } from '../engine/trouble.ts';

/** A project as it is written. */
export interface Project {
  readonly seedbed: 'studio project';
  readonly version: 1;
  readonly address: string;
  readonly pictures: Readonly<Record<string, { readonly title: string; readonly data: string }>>;
}

/** What is taken up of a project. */
export interface ReadProject {
  readonly address: string;
  /** The files of pictures of one's own. */
  readonly pictures: readonly { readonly title: string; readonly bytes: Uint8Array<ArrayBuffer> }[];
}

/** The project that a file's text holds. @param name the file's, for messages. @throws {Trouble} BadFile when it is none. */
export function parseProject(text: string, name: string): ReadProject {
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
  // What is no number may be nested too deep to be written out.
  if (version !== 1)
    throw refuse(
      `it is of ${typeof version === 'number' ? `version ${version}` : 'no version'}, this studio reads version 1`,
    );
  if (typeof address !== 'string' || !address.startsWith('#/')) throw refuse('its address is missing');
  const read = Object.values(pictures ?? {}).map(picture => {
    const bytes = typeof picture?.data === 'string' ? bytesOf(picture.data) : undefined;
    if (!bytes || typeof picture.title !== 'string') throw refuse('a picture in it is damaged');
    return { title: picture.title, bytes };
  });
  return { address, pictures: read };
}

const PREFIX = /^data:[\w.+/-]*;base64,/;

/** The bytes of a data address, undefined where it is none; the policy of the page lets nothing be fetched, data neither. */
function bytesOf(data: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return Uint8Array.from(atob(data.replace(PREFIX, '')), letter => letter.charCodeAt(0));
  } catch {
    return undefined;
  }
}
