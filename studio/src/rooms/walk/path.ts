import type { SeedPath } from 'seedbed';
import { ask } from '../../engine/client.ts';
import type { Floats } from '../../engine/engine.ts';
import { seekerOf, untilOpen } from '../../state/models.ts';
import { walkOf } from '../../state/names.ts';
import { result } from '../../state/results.ts';
import type { Way } from '../../state/seeds.ts';
import { joined, mixed } from '../../state/tensors.ts';

/** Pictures of a leg of the way, both ends among them. */
export const FRAMES = 9;

/** What is seen on the way: mixed pixels, seeds, and what they grow. */
export interface Path {
  readonly pixels: Floats;
  readonly seeds: Floats;
  readonly grown: Floats;
}
/** A picture of the walk, and its seed. */
export interface End {
  readonly id: string;
  readonly pixels: Floats;
  readonly latent: Floats;
}

/** The way between two ends, kept; undefined where it was stopped. */
export async function legOf(
  model: string,
  [from, to]: readonly [End, End],
  path: SeedPath,
  way: Way,
  onOutdated: (end: () => void) => void,
): Promise<Path | undefined> {
  const walked = await result(
    'grown',
    {
      ...{ of: walkOf(from.id, to.id, seekerOf(model), path, way), label: 'Growing the way' },
      before: () => untilOpen(model),
      make: (task, report) => ask('walk', task, model, [from.latent, to.latent], path, FRAMES, report),
    },
    { onOutdated },
  );
  const blends = Array.from({ length: FRAMES }, (_, k) => mixed(from.pixels, to.pixels, k / (FRAMES - 1)));
  return walked && { pixels: joined(blends), seeds: walked.latent, grown: walked.pictures };
}

/** Legs one after the other. */
export function chained(legs: readonly Path[]): Path {
  return {
    pixels: joined(legs.map(({ pixels }) => pixels)),
    seeds: joined(legs.map(({ seeds }) => seeds)),
    grown: joined(legs.map(({ grown }) => grown)),
  };
}
