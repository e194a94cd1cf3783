/**
 * The pictures that one can choose from: those that ship with the studio, and one's own while the page is open.
 * @module
 */
import { createSignal } from 'solid-js';

export interface Listed {
  /** As the address names it. */
  readonly id: string;
  readonly title: string;
  readonly url: string;
  readonly own: boolean;
}

const files = import.meta.glob<string>('../../../examples/*/*.png', {
  eager: true,
  query: '?url',
  import: 'default',
});

const shipped: readonly Listed[] = Object.entries(files).map(([path, url]) => {
  const [, folder = '', file = ''] = /([^/]+)\/([^/]+)\.png$/.exec(path)!;
  const words = file.replace(/^\d-/, '').replaceAll('-', ' ');
  const title = folder === 'faces' ? `portrait ${file.at(-1)}` : words;
  return { id: folder === 'fashion-mnist' ? file : `${folder}/${file}`, title, url, own: false };
});

/** Pictures of the kind that the shipped model knows. */
export const GARMENTS = shipped.filter(({ id }) => !id.includes('/'));
/** Pictures of another kind: paintings and portraits. */
export const FOREIGN = shipped.filter(({ id }) => id.includes('/'));

const [own, setOwn] = createSignal<readonly Listed[]>([]);
const blobs = new Map<string, Blob>();

export { own };

/** Adds a picture of one's own. @returns its id. */
export function addOwn(blob: Blob, title: string, id = `own-${own().length + 1}`): string {
  blobs.set(id, blob);
  const listed = { id, title, url: URL.createObjectURL(blob), own: true };
  setOwn([...own().filter(other => other.id !== id), listed]);
  return id;
}

/** The picture of an id; the first shipped one when there is none of that name, as in a link to someone's own. */
export function pictureOf(id: string): Listed {
  const known = [...shipped, ...own()];
  return known.find(listed => listed.id === id) ?? GARMENTS.at(-1)!;
}

/** What the engine reads a picture from. */
export function sourceOf(listed: Listed): Blob | string {
  return blobs.get(listed.id) ?? new URL(listed.url, location.href).href;
}
