/**
 * The pictures that one can choose from: those that ship with the studio, and one's own while the page is open.
 * @module
 */
import { createMemo, createSignal } from 'solid-js';

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

/** Adds a picture of one's own. @returns its id, which is of its content: another picture never goes by it. */
export async function addOwn(blob: Blob, title: string): Promise<string> {
  const id = `own-${hashOf(new Uint8Array(await blob.arrayBuffer()))}`;
  blobs.set(id, blob);
  const listed = { id, title, url: URL.createObjectURL(blob), own: true };
  setOwn([...own().filter(other => other.id !== id), listed]);
  return id;
}

/** FNV-1a, 32 bits, in hexadecimal. */
function hashOf(bytes: Uint8Array): string {
  let hash = 0x811c9dc5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  return (hash >>> 0).toString(16).padStart(8, '0');
}

export function isKnown(id: string): boolean {
  return [...shipped, ...own()].some(listed => listed.id === id);
}

/** The picture of an id; the first shipped one when there is none of that name, as in a link to someone's own. */
export function pictureOf(id: string): Listed {
  const known = [...shipped, ...own()];
  return known.find(listed => listed.id === id) ?? GARMENTS.at(-1)!;
}

/** Changes when another picture goes by an id, as when a project brings the one that a link names. */
export function urlOf(id: () => string): () => string {
  return createMemo(() => pictureOf(id()).url);
}

/** What the engine reads a picture from. */
export function sourceOf(listed: Listed): Blob | string {
  return blobs.get(listed.id) ?? new URL(listed.url, location.href).href;
}
