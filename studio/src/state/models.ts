/**
 * The models that are open in the page, and the one that the rooms work with.
 * @module
 */
import { createMemo, createRoot, createSignal } from 'solid-js';
import { ask } from '../engine/client.ts';
import type { ModelCard } from '../engine/engine.ts';
import { part } from './address.ts';
import { say } from './notices.ts';

/** The shipped denoiser: every link is understood with it. */
export const SHIPPED = 'fashion-mnist';
/** Other networks that ship with the studio, of the same data. */
export const OTHERS = ['fashion-mnist-32-64-128', 'fashion-mnist-small-se'] as const;

const [cards, setCards] = createSignal<readonly ModelCard[]>([]);
/** Whether the engine has begun; rooms ask it nothing before, and ask again when it has begun anew. */
const [started, setStarted] = createSignal(false);
const [[asked, setCurrent], current] = createRoot(() => {
  const asked = part<string>('model', SHIPPED);
  return [asked, createMemo(() => (cards().some(({ key }) => key === asked[0]()) ? asked[0]() : SHIPPED))];
});

export { asked, cards, current, setStarted };

export const cardOf = (key: string) => cards().find(other => other.key === key);
/** The card of the model that rooms work with, once it can be worked with. */
export const card = createRoot(() => createMemo(() => (started() ? cardOf(current()) : undefined)));
export const ready = createRoot(() => createMemo(() => card() !== undefined));

/** The models that one can choose, those that are not read yet among them. */
export function offered(): readonly (readonly [key: string, name: string])[] {
  const own = cards().filter(({ key, picture }) => !isShipped(key) && picture.length === 3);
  return [...[SHIPPED, ...OTHERS].map(key => [key, key] as const), ...own.map(c => [c.key, c.name] as const)];
}

export function isShipped(key: string): boolean {
  return [SHIPPED, ...OTHERS].includes(key);
}

/** Makes a model's card known to the page. */
function know(card: ModelCard): ModelCard {
  setCards([...cards().filter(({ key }) => key !== card.key), card]);
  return card;
}

/** The card of a model that ships with the studio. */
export async function shippedCard(key: string): Promise<ModelCard> {
  return cardOf(key) ?? know({ ...(await ask('describe', key)), name: key });
}

/** Lets the rooms work with a model. */
export async function choose(key: string): Promise<void> {
  if (isShipped(key)) await shippedCard(key);
  setCurrent(key);
}

/** Reads the model that the address names, where it ships; says so where it is not open here. */
export async function followAddress(): Promise<void> {
  const key = asked();
  if (isShipped(key)) await shippedCard(key);
  else if (!cardOf(key))
    say(
      'This link is of a model that is not open here: open its .onnx file. The shipped model is shown in its place.',
    );
}

/** Takes up a model of one's own, and lets the rooms work with it. */
export async function openModel(file: File, description?: File): Promise<ModelCard> {
  const opened = await ask('openModel', file, description);
  if (cardOf(opened.key)) {
    know({ ...cardOf(opened.key)!, hasEmbedder: opened.hasEmbedder });
    say(
      opened.hasEmbedder
        ? `${file.name} is open; ${cardOf(opened.key)!.name} has an embedder.`
        : `${file.name} is open already.`,
    );
  } else {
    know({ ...opened, name: file.name.replace(/\.onnx$/i, '') });
    say(`${file.name} is open, without an embedder: seeds are found by inversion.`);
  }
  if (opened.picture.length === 3) setCurrent(opened.key);
  return opened;
}
