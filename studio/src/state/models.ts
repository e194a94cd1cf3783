/**
 * The models that the page knows, and the one that the rooms work with.
 * @module
 */
import { createMemo, createRoot, createSignal } from 'solid-js';
import { ask, lives } from '../engine/client.ts';
import type { ModelCard, ModelFiles } from '../engine/engine.ts';
import { during } from '../engine/tasks.ts';
import { Trouble } from '../engine/trouble.ts';
import shipped from '../shipped/model.json';
import { goToRoom, part } from './address.ts';
import { allOf, amend, recall } from './kept.ts';
import { say } from './notices.ts';

/** The shipped denoiser: every link is understood with it. */
export const SHIPPED = 'fashion-mnist';
/** Other networks that ship with the studio, of the same data. */
export const OTHERS = ['fashion-mnist-small', 'fashion-mnist-small-se'] as const;

/** A network of colour pictures, which is read when it is chosen. */
const COLOUR = 'cifar10-small';
const ALL_SHIPPED: readonly string[] = [SHIPPED, ...OTHERS, COLOUR];

/** What is known of the shipped one is so before it is read. */
const [cards, setCards] = createSignal<readonly ModelCard[]>([shipped]);
/** The models that the engine which lives now has open. */
const [open, setOpen] = createSignal<{ readonly life: number; readonly keys: readonly string[] }>({
  life: 0,
  keys: [],
});
const [[asked, setCurrent], current] = createRoot(() => {
  const asked = part<string>('model', SHIPPED);
  return [asked, createMemo(() => (cards().some(({ key }) => key === asked[0]()) ? asked[0]() : SHIPPED))];
});

export { asked, cards, current };

export const cardOf = (key: string) => cards().find(other => other.key === key);
export const isOpen = (key: string) => open().life === lives() && open().keys.includes(key);
/** What is known of the model that rooms work with, and whether the engine has it open. */
export const card = createRoot(() => createMemo(() => cardOf(current())));
export const ready = createRoot(() => createMemo(() => isOpen(current())));
/** Changes when another model goes by its key, or another engine begins, which does not know what the one before did. */
export const working = createRoot(() => createMemo(() => `${card()?.hash} ${lives()}`));

/** The models that one can choose, those that are not read yet among them. */
export function offered(): readonly (readonly [key: string, name: string])[] {
  const own = cards().filter(({ key, picture }) => !isShipped(key) && picture.length === 3);
  return [...ALL_SHIPPED.map(key => [key, key] as const), ...own.map(c => [c.key, c.name] as const)];
}

/** By what seeds that an embedder may have found are named: its model, and an embedder of one's own. */
export const seekerOf = (key: string) => {
  const { hash, embedder } = cardOf(key)!;
  return embedder ? `${hash} by ${embedder}` : hash;
};

/** Whether a model is of points in the plane. */
export const isOfPlane = ({ shape }: ModelCard) => shape.join() === '2';

export function isShipped(key: string): boolean {
  return ALL_SHIPPED.includes(key);
}

/** Makes a model's card known to the page. */
function know(card: ModelCard): ModelCard {
  setCards([...cards().filter(({ key }) => key !== card.key), card]);
  return card;
}

/** Remembers that an engine has a model open. */
function opened(key: string, life: number): void {
  const before = open().life === life ? open().keys : [];
  if (life === lives()) setOpen({ life, keys: [...before.filter(other => other !== key), key] });
}

const readings = new Map<string, Promise<ModelCard | undefined>>();

/** Has the engine read a model, once in its life. @returns its card; undefined where it was stopped, or is not here. */
export function opening(key: string): Promise<ModelCard | undefined> {
  if (isOpen(key)) return Promise.resolve(cardOf(key));
  const name = `${key} ${lives()}`;
  const reading = readings.get(name) ?? readIn(key, lives()).finally(() => readings.delete(name));
  readings.set(name, reading);
  return reading;
}

/** Has the engine read a model before it is asked for something of it. @throws {Trouble} Interrupted where that was stopped. */
export async function untilOpen(key: string): Promise<void> {
  if (!(await opening(key))) throw new Trouble('Interrupted', `${key} was not read`);
}

async function readIn(key: string, life: number): Promise<ModelCard | undefined> {
  const done = isShipped(key)
    ? await during(`Reading ${key}`, { needed: true }, async (task, report) =>
        know({ ...(await ask('describe', task, key, report)), name: key }),
      )
    : await openKept(key);
  if (done) opened(key, life);
  return done;
}

async function openKept(key: string): Promise<ModelCard | undefined> {
  const kept = await recall('model', [key]);
  if (!kept) return undefined;
  const { name } = kept.card;
  // Whoever stops that goes on with the model that every link is understood with.
  return during(`Reading ${name}`, { onStop: () => setCurrent(SHIPPED) }, async () => {
    const named = (blob: Blob, ending: string) => new File([blob], `${name}${ending}`);
    const { file, description, data, embedder, autoencoder, conditions } = kept;
    const card = await ask('openModel', {
      ...{ file: named(file, '.onnx'), description: description && named(description, '.json') },
      data: data?.map(({ name, file }) => new File([file], name)),
      autoencoder: autoencoder && named(autoencoder, '-autoencoder.onnx'),
      conditions,
    });
    const embedding = embedder && (await ask('openModel', { file: named(embedder, '.onnx') }));
    return know({ ...card, ...embedding, name });
  });
}

/** The models of one's own that were kept. */
export async function recallModels(): Promise<void> {
  for (const kept of await allOf('model')) know(kept.card);
}

/** Lets the rooms work with a model, as soon as it is read: the address asks for it. */
export const choose = (key: string) => setCurrent(key);

/** Reads the model that the address names; says so where it is not here. */
export async function followAddress(): Promise<void> {
  const key = asked();
  if (isShipped(key) || cardOf(key)) await opening(key);
  else
    say(
      'This link is of a model that is not open here: open its .onnx file. The shipped model is shown in its place.',
    );
}

/** Takes up a model of one's own, keeps it, and lets the rooms work with it. */
/** @returns whether it was, and not stopped. */
export async function openModel(files: ModelFiles): Promise<boolean> {
  const life = lives();
  const { file, description, data, autoencoder, conditions } = files;
  const card = await during(`Reading ${file.name}`, {}, () => ask('openModel', files));
  if (!card) return false;
  const { key, hasEmbedder, embedder } = card;
  const known = cardOf(key);
  const stem = file.name.replace(/\.onnx$/i, '');
  const name = card.bound ? `${stem}: ${card.bound}` : stem;
  know(known ? { ...known, hasEmbedder, embedder } : { ...card, name });
  opened(key, life);
  if (!isShipped(key))
    await amend('model', [key], before => ({
      ...(before ?? {
        file,
        description,
        autoencoder,
        conditions,
        data: data?.map(file => ({ name: file.name, file })),
      }),
      // The card of the denoiser itself says that it has one, too.
      ...(before && embedder !== before.card.embedder && { embedder: file }),
      card: cardOf(key)!,
    }));
  if (card.picture.length === 3) setCurrent(key);
  else if (isOfPlane(card)) goToRoom('gravity', { data: 'model', own: key });
  // Said last: whoever reads it may use the model at once.
  if (!known) say(`${file.name} is open, without an embedder: seeds are found by inversion.`);
  else if (hasEmbedder)
    say(
      `${file.name} is open; ${known.name} has an embedder${isShipped(key) ? ' of yours until the page is read again' : ''}.`,
    );
  else say(`${file.name} is open already.`);
  return true;
}
