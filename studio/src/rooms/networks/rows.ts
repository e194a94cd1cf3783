import { ask } from '../../engine/client.ts';
import type { Floats, ModelCard } from '../../engine/engine.ts';
import { cardOf, opening, SHIPPED } from '../../state/models.ts';
import { attempt } from '../../state/notices.ts';
import { pictureOf } from '../../state/pictures.ts';
import { result } from '../../state/results.ts';
import { seedsOf } from '../../state/seed-files.ts';
import { seedOf } from '../../state/seeds.ts';

/** Random seeds that are grown by each network. */
export const SEEDS = 6;

/** Where seeds come from, and which they are there: a number, a picture, a file. */
export interface Source {
  readonly kind: 'random' | 'picture' | 'file';
  readonly name: string;
}

/** What a network grows from the seeds. */
export interface Row {
  readonly card: ModelCard;
  readonly pictures: Floats;
  /** Mean squared distance from the first network's pictures, over that of pictures of different seeds. */
  readonly ratio?: { mean: number; low: number; high: number };
}

type OnOutdated = (end: () => void) => void;

/** The seeds of a source; undefined where they were stopped, or are not here. */
export async function seedsFor({ kind, name }: Source, onOutdated: OnOutdated): Promise<Floats | undefined> {
  if (kind === 'file') return (await attempt(() => seedsOf(name, SHIPPED)))?.latent;
  if (kind === 'picture') return (await seedOf(SHIPPED, name, 'faithful', { onOutdated }))?.latent;
  const { hash } = cardOf(SHIPPED)!;
  const grown = await result(
    'grown',
    {
      ...{ of: [kind, name, hash, hash], label: 'Growing random seeds' },
      make: (task, report) => ask('sampled', task, SHIPPED, SEEDS, Number(name), report),
    },
    { onOutdated },
  );
  return grown?.latent;
}

/** What a network grows from seeds, kept, and compared with the first's; undefined where it was stopped. */
export async function rowOf(
  key: string,
  { kind, name }: Source,
  latent: Floats,
  first: Row | undefined,
  onOutdated: OnOutdated,
): Promise<Row | undefined> {
  const card = await opening(key);
  if (!card) return undefined;
  const seeds = kind === 'picture' ? pictureOf(name).id : name;
  const grown = await result(
    'grown',
    {
      ...{ of: [kind, seeds, cardOf(SHIPPED)!.hash, card.hash], label: `Growing by ${card.name}` },
      make: (task, report) => ask('growSlowly', task, key, latent, report),
    },
    { onOutdated },
  );
  if (!grown) return undefined;
  const { pictures } = grown;
  // Pictures of another size, by another padding, are shown and not compared.
  const alike = first?.pictures.shape.join() === pictures.shape.join() && latent.shape[0]! > 1;
  const { ratio } = alike ? await ask('compare', first!.pictures, pictures) : {};
  return { card, pictures, ...(ratio && { ratio }) };
}
