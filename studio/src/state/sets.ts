/**
 * Sets of pictures that a denoiser learns from: the one that ships with the studio, and one's own, which it keeps.
 * @module
 */
import { createSignal } from 'solid-js';
import { ask } from '../engine/client.ts';
import type { Floats } from '../engine/engine.ts';
import { during } from '../engine/tasks.ts';
import { allOf, keep, recall } from './kept.ts';
import { contentName } from './names.ts';
import { say } from './notices.ts';

/** The set that ships: the first 1,024 training pictures of Fashion-MNIST, at 16x16. */
export const SHIPPED_SET = 'fashion-mnist';
const SHEET = new URL('../shipped/fashion-mnist-16.png', import.meta.url).href;

interface Listed {
  readonly id: string;
  readonly title: string;
}

const [ownSets, setOwnSets] = createSignal<readonly Listed[]>([]);

export { ownSets };

/** Lists the sets that were kept. */
export async function recallSets(): Promise<void> {
  setOwnSets((await allOf('set')).map(({ id, title }) => ({ id, title })));
}

/** The pictures of a set, [n, C, H, W]; undefined where it is somebody's own that is not here. */
export async function setOf(id: string): Promise<Floats | undefined> {
  return id === SHIPPED_SET ? ask('shippedSet', SHEET) : (await recall('set', [id]))?.pixels;
}

/** Takes up pictures of one's own, and tells of files that are none. @returns the set's id; undefined where it was stopped. */
export async function addSet(files: readonly File[], side: number): Promise<string | undefined> {
  const read = await during('Reading the pictures', {}, (task, report) =>
    ask('readSet', task, files, side, report),
  );
  if (!read) return undefined;
  const { pixels, refused } = read;
  const { buffer, byteOffset, byteLength } = pixels.data;
  const id = `set-${contentName(new Uint8Array(buffer, byteOffset, byteLength))}`;
  const [count = 0] = pixels.shape;
  const title = `${folderOf(files)}${count === 1 ? 'one picture' : `${count} pictures`}, ${side}x${side}`;
  await keep('set', [id], { id, title, pixels });
  setOwnSets([...ownSets().filter(other => other.id !== id), { id, title }]);
  const left = files.length - count - refused.length;
  if (refused.length > 0) say(`No pictures that this browser reads: ${inShort(refused)}.`);
  if (left > 0) say(`${count} pictures were read; a page learns from no more, and ${left} were left out.`);
  return id;
}

/** The name of the folder that files were chosen in, for a title. */
function folderOf([file]: readonly File[]): string {
  const [folder, ...rest] = file!.webkitRelativePath.split('/');
  return rest.length > 0 ? `${folder}: ` : '';
}

function inShort(names: readonly string[]): string {
  const more = names.length - 5;
  return `${names.slice(0, 5).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
