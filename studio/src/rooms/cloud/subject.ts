import { ask } from '../../engine/client.ts';
import type { Floats } from '../../engine/engine.ts';
import { during, partOf } from '../../engine/tasks.ts';
import shippedCloud from '../../shipped/ankle-boot-cloud.safetensors?url';
import { type Of, recall } from '../../state/kept.ts';
import { cardOf, SHIPPED } from '../../state/models.ts';
import { pictureOf } from '../../state/pictures.ts';
import { pixelsOf } from '../../state/seeds.ts';

/** The picture whose cloud ships with the studio. */
export const SHIPPED_PICTURE = '9-ankle-boot';
/** Seeds that are sought at one go. */
const MORE = 2;

/** What a cloud is of. */
export interface Subject {
  readonly model: string;
  readonly id: string;
  /** By which its seeds are kept. */
  readonly of: Of;
  readonly image: Floats;
  readonly onOutdated: (end: () => void) => void;
}

/** The cloud of a picture: the seeds that ship, those that were found here, and how many starts were tried. */
export async function open(
  model: string,
  id: string,
  onOutdated: Subject['onOutdated'],
): Promise<Subject & { shipped: Floats | undefined; found: Floats | undefined; starts: number }> {
  const image = await pixelsOf(model, id);
  const ships = model === SHIPPED && id === SHIPPED_PICTURE;
  const shipped = ships ? await ask('fetchSeeds', new URL(shippedCloud, location.href).href) : undefined;
  const of = [pictureOf(id).id, cardOf(model)!.hash];
  const kept = await recall('cloud', of);
  const starts = Math.max(shipped?.shape[0] ?? 0, kept?.starts ?? 0);
  return { model, id, of, image, onOutdated, shipped, found: kept?.latent, starts };
}

/** Finds more seeds from the starts that follow; hands over each few as soon as they are found. */
export async function search(
  { model, id, image: images, onOutdated }: Subject,
  starts: number,
  number: number,
  onFound: (latent: Floats, tried: number) => Promise<void>,
  onStop: () => void,
): Promise<void> {
  const label = `Finding seeds of ${pictureOf(id).title}`;
  await during(label, { onOutdated, onStop }, async (task, report, ended) => {
    for (let found = 0; found < number && !ended(); found += MORE) {
      const firstStart = starts + found;
      const request = { model, images, method: 'auto', starts: MORE, firstStart } as const;
      const { latent } = await ask('seek', task, request, partOf(report, found, MORE, number));
      if (ended()) return;
      await onFound(latent, firstStart + MORE);
    }
  });
}
