/**
 * Pictures as the current model takes them, and their seeds, each found once.
 * @module
 */
import { ask, during } from '../engine/client.ts';
import type { Floats, Found } from '../engine/engine.ts';
import { cardOf } from './models.ts';
import { say } from './notices.ts';
import { pictureOf, sourceOf } from './pictures.ts';

const pictures = new Map<string, Promise<Floats>>();
const found = new Map<string, Promise<Found | undefined>>();

/** The ways to a seed that rooms offer where they need one: at once, or faithfully. */
export type Way = 'quick' | 'faithful';

function once<T>(kept: Map<string, Promise<T>>, key: string, make: () => Promise<T>): Promise<T> {
  const known = kept.get(key);
  if (known) return known;
  const made = make();
  kept.set(key, made);
  const forget = () => kept.get(key) === made && kept.delete(key);
  made.then(value => value === undefined && forget(), forget);
  return made;
}

/** A picture's pixels as a model takes them; what was done to one of the person's own is said once. */
export function pixelsOf(model: string, id: string): Promise<Floats> {
  const listed = pictureOf(id);
  return once(pictures, JSON.stringify([model, listed.id, listed.url]), async () => {
    const { pixels, changes } = await ask('picture', sourceOf(listed), model);
    if (listed.own && changes.length > 0) say(`${listed.title}: ${changes.join(', ')}`);
    return pixels;
  });
}

/** A picture's seed: by the embedder where there is one and that is enough, else by split inversion. */
export function seedOf(
  model: string,
  id: string,
  way: Way,
  onOutdated: (end: () => void) => void,
): Promise<Found | undefined> {
  const quick = way === 'quick' && cardOf(model)?.hasEmbedder === true;
  const { title, url } = pictureOf(id);
  const key = JSON.stringify([model, url, quick]);
  return once(found, key, async () => {
    const images = await pixelsOf(model, id);
    const request = { model, images, method: quick ? 'embedder' : 'auto' } as const;
    let settled = false;
    // Who asks next must not be given what nobody waits for any more; what was found is kept.
    const ending = (end: () => void) =>
      onOutdated(() => {
        if (!settled) found.delete(key);
        end();
      });
    const told = await during(`Embedding ${title}`, ending, (task, report) =>
      ask('seek', task, request, report),
    );
    settled = true;
    return told;
  });
}
