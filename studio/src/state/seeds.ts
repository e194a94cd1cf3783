/**
 * Pictures as a model takes them, and their seeds, each found once.
 * @module
 */
import { ask } from '../engine/client.ts';
import type { EmbedRequest, Floats, Found, Report } from '../engine/engine.ts';
import type { Waiting } from '../engine/tasks.ts';
import { forget, keep, recall } from './kept.ts';
import type { Kept } from './kinds.ts';
import { cardOf, SHIPPED, seekerOf, untilOpen } from './models.ts';
import { foundOf, readOf } from './names.ts';
import { say } from './notices.ts';
import { type Listed, pictureOf, sourceOf } from './pictures.ts';
import { result } from './results.ts';

/** The ways to a seed that rooms offer where they need one: at once, or faithfully. */
export type Way = 'quick' | 'faithful';

/** Whether a picture's faithful seed ships with the studio; others take the embedder, which is quick, until a person asks for more. */
export const seedShips = (model: string, id: string) => model === SHIPPED && !pictureOf(id).own;

const told = new Set<string>();

/** A picture's pixels as a model takes them; what was done to one of the person's own is said once. */
export async function pixelsOf(model: string, id: string): Promise<Floats> {
  const listed = pictureOf(id);
  const of = readOf(listed.id, cardOf(model)!.hash);
  const known = await recall('read', of);
  const { pixels, changes } = known ?? (await read(model, listed));
  if (!known) await keep('read', of, { pixels, changes });
  if (listed.own && changes.length > 0 && !told.has(listed.id)) say(`${listed.title}: ${changes.join(', ')}`);
  told.add(listed.id);
  return pixels;
}

async function read(model: string, listed: Listed): Promise<Kept['read']> {
  await untilOpen(model);
  return ask('picture', await sourceOf(listed), model);
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
  const of = foundOf(pictureOf(id).id, seekerOf(model), asked, drawn);
  return result(
    'found',
    {
      ...{ of, label },
      before: () => untilOpen(model),
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
