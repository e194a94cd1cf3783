/**
 * The models that are open in the page, and the one that the rooms work with.
 * @module
 */
import { createSignal } from 'solid-js';
import { ask } from '../engine/client.ts';
import type { ModelCard } from '../engine/engine.ts';
import { say } from './notices.ts';

/** The shipped denoiser: every link is understood with it. */
export const SHIPPED = 'fashion-mnist';
/** Other networks that ship with the studio, of the same data, for the room that compares. */
export const OTHERS = ['fashion-mnist-32-64-128', 'fashion-mnist-small-se'] as const;

const [cards, setCards] = createSignal<readonly ModelCard[]>([]);
const [current, setCurrent] = createSignal<string>(SHIPPED);

export { cards, current, setCurrent };

export const card = () => cards().find(({ key }) => key === current());
export const cardOf = (key: string) => cards().find(other => other.key === key);

/** Makes a model's card known to the page. */
export function know(card: ModelCard): ModelCard {
  setCards([...cards().filter(({ key }) => key !== card.key), card]);
  return card;
}

/** The card of a model that ships with the studio. */
export async function shippedCard(key: string): Promise<ModelCard> {
  return cardOf(key) ?? know(await ask('describe', key));
}

/** Takes up a model of one's own, and lets the rooms work with it. */
export async function openModel(file: File, description?: File): Promise<ModelCard> {
  const opened = know(await ask('openModel', file, description));
  if (opened.picture.length === 3) setCurrent(opened.key);
  const embedder = opened.hasEmbedder
    ? 'with an embedder'
    : 'without an embedder: seeds are found by inversion';
  say(`${file.name} is open, ${embedder}.`);
  return opened;
}
