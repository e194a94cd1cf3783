/**
 * The pictures that one can choose from: those that ship with the studio, and one's own, which it keeps.
 * @module
 */
import { createMemo, createSignal } from 'solid-js';
import { allOf, keep, recall } from './kept.ts';
import { contentName, shippedId } from './names.ts';

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
  const id = shippedId(path);
  const words = id.replace(/^.*\/|^\d-/, '').replaceAll('-', ' ');
  return { id, title: id.startsWith('faces/') ? `portrait ${id.at(-1)}` : words, url, own: false };
});

/** Pictures of the kind that the shipped model knows. */
export const GARMENTS = shipped.filter(({ id }) => !id.includes('/'));
/** Pictures of another kind: paintings and portraits. */
export const FOREIGN = shipped.filter(({ id }) => id.includes('/'));

const [own, setOwn] = createSignal<readonly Listed[]>([]);

export { own };

function list(id: string, title: string, file: Blob): void {
  const before = own().find(other => other.id === id);
  const listed = { id, title, url: URL.createObjectURL(file), own: true };
  setOwn([...own().filter(other => other.id !== id), listed]);
  if (before) URL.revokeObjectURL(before.url);
}

/** The pictures of one's own that were kept, those of which the page does not know yet. */
export async function recallPictures(): Promise<void> {
  for (const { id, title, file } of await allOf('picture'))
    if (!own().some(listed => listed.id === id)) list(id, title, file);
}

/** Adds a picture of one's own. @returns its id, which is of its content: another picture never goes by it. */
export async function addOwn(file: Blob, title: string): Promise<string> {
  const id = await idOf(file);
  list(id, title, file);
  await keep('picture', [id], { id, title, file });
  return id;
}

/** A name for a file of one's own. */
export async function idOf(file: Blob): Promise<string> {
  return `own-${contentName(new Uint8Array(await file.arrayBuffer()))}`;
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
export async function sourceOf({ id, url, own }: Listed): Promise<Blob | string> {
  return own ? (await recall('picture', [id]))!.file : new URL(url, location.href).href;
}
