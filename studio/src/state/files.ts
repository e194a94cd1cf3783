/**
 * Files that a person drops on the page, pastes or picks: each goes where the room wants its kind.
 * @module
 */
import { onCleanup } from 'solid-js';
import { ask } from '../engine/client.ts';
import { Trouble } from '../engine/trouble.ts';
import { filesOf } from './dropped.ts';
import { endsWith, takeModels } from './model-files.ts';
import { asked, current, opening, untilOpen } from './models.ts';
import { attempt, say } from './notices.ts';
import { addOwn } from './pictures.ts';
import { openProject } from './project.ts';

/** What a room does with a file of a kind. */
interface Wants {
  readonly picture?: (id: string) => void;
  /** All that may be pictures at once. */
  readonly pictures?: (files: readonly File[]) => Promise<unknown>;
  readonly seeds?: (file: File) => Promise<unknown>;
}

let wants: Wants = {};

/** A room's wishes, as long as it is shown. */
export function useFiles(own: Wants): void {
  wants = own;
  onCleanup(() => {
    if (wants === own) wants = {};
  });
}

/** Takes files up; what is wrong with one is said. */
export async function take(files: readonly File[]): Promise<void> {
  const pictures: File[] = [];
  for (const file of await takeModels(files)) {
    if (endsWith(file, '.json')) await attempt(() => openProject(file));
    else if (endsWith(file, '.safetensors', '.npy', '.npz')) await attempt(() => seeds(file));
    else pictures.push(file);
  }
  const { pictures: all } = wants;
  if (all && pictures.length > 0) await attempt(() => all(pictures));
  else for (const file of pictures) await attempt(() => picture(file));
}

async function seeds(file: File): Promise<unknown> {
  // They are for the model that was chosen last, which may still be being read.
  await opening(asked());
  if (wants.seeds) return wants.seeds(file);
  say(`${file.name} holds seeds: drop it in Embed, Cloud or Same seed.`, 'trouble');
}

async function picture(file: File): Promise<void> {
  if (!wants.picture) return say(`${file.name} would be a picture: drop it in another room.`, 'trouble');
  const shown = await createImageBitmap(file).catch(() => undefined);
  if (!shown) throw await refusal(file);
  shown.close();
  wants.picture(await addOwn(file, file.name));
}

/** Why a file is no picture here: the engine knows what it is by its bytes. */
async function refusal(file: File): Promise<Trouble> {
  await untilOpen(current());
  const reason = await ask('picture', file, current()).then(
    () => 'this page cannot show it',
    (error: Error) => error.message,
  );
  return new Trouble(
    'BadFile',
    `${reason}. Pictures are PNG, JPEG or WebP files; seeds .safetensors, .npy or .npz; models .onnx; projects .json.`,
  );
}

/** Listens to what is dropped on the page and pasted into it. @param onHover whether files hang over the page. */
export function listen(onHover: (hovering: boolean) => void): void {
  const hasFiles = (event: DragEvent) => event.dataTransfer?.types.includes('Files') ?? false;
  addEventListener('dragover', event => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    onHover(true);
  });
  addEventListener('dragleave', event => {
    if (!event.relatedTarget) onHover(false);
  });
  addEventListener('drop', event => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    onHover(false);
    void filesOf(event.dataTransfer!).then(take);
  });
  addEventListener('paste', event => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (files.length === 0) return;
    event.preventDefault();
    void take(files);
  });
}
