import type { Denoiser } from '../../../diffusion/info.ts';
import { toPixels } from '../../../diffusion/pictures.ts';
import { compareGrown, type GrownComparison } from '../../../latent/comparison.ts';
import type { Floats } from '../../../tensor/tensor.ts';
import type { Sampled } from '../claims.ts';
import { grow, type Lab, randomSeeds } from '../lab.ts';

/** Images that the networks of each pair `mnist-small-Na` and `-Nb` learned from, and where the second half begins. */
export const TRAINED_ON = [30, 300, 3000, 27_500];
export const SECOND = 27_500;
/** Fewer are learned by heart, which is the point of those networks, and no gate lets them pass. */
const BY_HEART = 3000;

/** The networks of both halves, those apart that learned theirs by heart. */
export function halvesOf(sizes: readonly number[]): string[] {
  return sizes
    .filter(size => size >= BY_HEART)
    .flatMap(size => [`mnist-small-${size}a`, `mnist-small-${size}b`]);
}

/** A denoiser and what it grows from the seeds that all its siblings are given. */
export interface Grown {
  readonly name: string;
  readonly model: Denoiser;
  readonly latent: Floats;
  /** [n, C, H, W] in [0,1]. */
  readonly pictures: Floats;
}

/** The same random seeds grown by each of the models, one after the other. */
export async function growSiblings(lab: Lab, names: readonly string[], count: number): Promise<Grown[]> {
  const grown: Grown[] = [];
  for (const name of names) {
    const model = await lab.denoiser(name);
    const latent = randomSeeds(lab, model, count, 'siblings');
    grown.push({ name, model, latent, pictures: await grow(lab, model, latent) });
  }
  return grown;
}

/** How similar two siblings' pictures are, see {@link compareGrown}: over many seeds of one pair of trainings. */
export function compareSiblings(
  lab: Lab,
  a: Pick<Grown, 'pictures'>,
  b: Pick<Grown, 'pictures'>,
): GrownComparison & { readonly ratio: Sampled } {
  const found = compareGrown(a.pictures, b.pictures, lab.rng);
  return { ...found, ratio: { ...found.ratio, n: 1, points: a.pictures.shape[0]! } };
}

/** Pictures of standardised rows, as those of a sibling. */
export function pixelsOf({ info }: Denoiser, x0: Floats): Pick<Grown, 'pictures'> {
  return { pictures: toPixels(x0, info) };
}
