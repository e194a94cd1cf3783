/**
 * Pictures as a model takes them, and their seeds, each found once.
 * @module
 */
import { ask } from '../engine/client.ts';
import type { EmbedRequest, Floats, Found, Report } from '../engine/engine.ts';
import type { Waiting } from '../engine/tasks.ts';
import { forget, keep, type Of, recall } from './kept.ts';
import { cardOf } from './models.ts';
import { say } from './notices.ts';
import { pictureOf, sourceOf } from './pictures.ts';
import { result } from './results.ts';

const pictures = new Map<string, Floats>();

/** The ways to a seed that rooms offer where they need one: at once, or faithfully. */
export type Way = 'quick' | 'faithful';

/** A picture's pixels as a model takes them; what was done to one of the person's own is said once. */
export async function pixelsOf(model: string, id: string): Promise<Floats> {
  const listed = pictureOf(id);
  const name = JSON.stringify([model, listed.id]);
  const known = pictures.get(name);
  if (known) return known;
  const { pixels, changes } = await ask('picture', await sourceOf(listed), model);
  if (listed.own && changes.length > 0) say(`${listed.title}: ${changes.join(', ')}`);
  pictures.set(name, pixels);
  return pixels;
}

/** What is asked for of a picture's seed. */
export type Asked = Pick<EmbedRequest, 'images' | 'method'> &
  Partial<Pick<EmbedRequest, 'iterations' | 'naturalness' | 'noiseOf' | 'live'>>;

/** The seed of a picture by its id, or of what was drawn on it; kept, and begun from where it was stopped. */
export async function seek(
  label: string,
  model: string,
  id: string,
  drawn: string,
  asked: Asked,
  waiting: Waiting,
): Promise<Found | undefined> {
  const { method, iterations = 0, naturalness = -1 } = asked;
  const of: Of = [pictureOf(id).id, cardOf(model)!.hash, method, iterations, naturalness, drawn];
  return result(
    'found',
    {
      ...{ of, label },
      async make(task, report) {
        const resume = await recall('descent', of);
        const found = await ask('seek', task, { model, ...asked, resume }, report);
        await forget('descent', of);
        return found;
      },
    },
    {
      ...waiting,
      onReport(told: Report) {
        if (told.state) void keep('descent', of, told.state);
        waiting.onReport?.(told);
      },
    },
  );
}

/** A picture's seed: by the embedder where there is one and that is enough, else by split inversion. */
export async function seedOf(
  model: string,
  id: string,
  way: Way,
  waiting: Waiting,
): Promise<Found | undefined> {
  const quick = way === 'quick' && cardOf(model)?.hasEmbedder === true;
  const images = await pixelsOf(model, id);
  const method = quick ? 'embedder' : 'auto';
  return seek(`Embedding ${pictureOf(id).title}`, model, id, '', { images, method }, waiting);
}
