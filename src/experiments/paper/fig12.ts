import { bootstrapMean, meanSquares } from '../../embedding/metrics.ts';
import { meanSeed } from '../../latent/cloud.ts';
import { float32, rows, sizeOf, type Tensor, unstack } from '../../tensor/tensor.ts';
import { combinations, errorsAgainst, errorsOf, median, simplexWeights, subjectsAt } from '../around.ts';
import type { Claim, Picture } from '../findings.ts';
import { type Experiment, grow, type Lab, randomSeeds, type SeedCloud, SUBJECTS } from '../lab.ts';
import { figure, withInterval } from '../wording.ts';

type Floats = Tensor<'float32'>;

/** The paper's number of combinations. */
const COMBINATIONS = 100;
/** Seeds that a sparse combination mixes. */
const FEW = 2;
/** A point has left the cloud where its error is so many times the cloud's own median. */
const LEFT = 4;
const RADII = [0, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 2, 3];

/** Combinations of a cloud's seeds that add up to one (Asperti et al. 2023, fig. 12): is emb(x) convex? */
export const fig12: Experiment = {
  name: 'fig12',
  title: 'convex combinations of the seeds of a picture',
  needs: ['fashion-mnist', 'data:fashion-mnist'],
  async run(lab) {
    const claims: Claim[] = [];
    const pictures: Picture[] = [];
    for (const subject of subjectsAt(lab, ['fashion-mnist', 'mnist', 'cifar10'])) {
      const { title } = SUBJECTS[subject];
      const cloud = await lab.cloud(subject);
      const count = cloud.latent.shape[0]!;
      const mixed = combinations(simplexWeights(lab.rng, COMBINATIONS, count, count), cloud.latent);
      const grown = await grow(lab, cloud.model, mixed);
      const inside = bootstrapMean(errorsAgainst(grown, cloud.image), lab.rng);
      const pairs = combinations(simplexWeights(lab.rng, COMBINATIONS, count, FEW), cloud.latent);
      const sparse = bootstrapMean(await errorsOf(lab, cloud, pairs), lab.rng);
      const noise = randomSeeds(lab, cloud.model, COMBINATIONS, 'convexity');
      const matched = bootstrapMean(
        await errorsOf(lab, cloud, withNorms(noise, meanSquares(mixed))),
        lab.rng,
      );
      const stretched = bootstrapMean(
        await errorsOf(lab, cloud, withNorms(mixed, meanSquares(rows(cloud.latent, 0, count)))),
        lab.rng,
      );
      const own = bootstrapMean(cloud.errors, lab.rng);
      const radius = await convexityRadius(lab, cloud);
      const holds = inside.high < matched.low / 10 && sparse.high < matched.low / 10;
      claims.push({
        paper: `${COMBINATIONS} one-sum combinations of a cloud's seeds all grow pictures very close to the original: emb(x) is convex (${title}).`,
        ours: `squared error ${withInterval(inside)} for combinations of all seeds, ${withInterval(sparse)} for those of ${FEW}, ${withInterval(own)} for the seeds themselves`,
        control: `random seeds of the same norm ${withInterval(matched)}; the combinations stretched to the norm of seeds ${withInterval(stretched)}; the picture is left at ${figure(radius, 2)} times the seeds' distance from the mean`,
        verdict: holds ? 'holds' : inside.high < matched.low ? 'partly' : 'fails',
        because: holds
          ? `Points between the seeds grow the picture ${figure(matched.mean / inside.mean, 2)} times better than random points of the same norm, and the region reaches to ${figure(radius, 2)} of the seeds' own distance from its middle.`
          : `Points between the seeds grow the picture only ${figure(matched.mean / inside.mean, 2)} times (all seeds) and ${figure(matched.mean / sparse.mean, 2)} times (two) better than random points of the same norm.`,
        values: {
          inside: inside.mean,
          sparse: sparse.mean,
          own: own.mean,
          matched: matched.mean,
          stretched: stretched.mean,
          radius,
        },
      });
      const shown = unstack(grown).slice(0, 2 * lab.sizes.shown);
      pictures.push({
        kind: 'sheet',
        file: `fig12-${subject}`,
        caption: `Left the picture, then what ${shown.length} of ${COMBINATIONS} random one-sum combinations of its ${count} seeds grow (${title}).`,
        title: `Combinations of ${count} seeds, ${title}`,
        rows: [0, 1].map(row => ({
          label: row === 0 ? 'original, then combinations' : 'combinations',
          pictures: [
            row === 0 ? unstack(cloud.image)[0] : undefined,
            ...shown.slice(row * lab.sizes.shown, (row + 1) * lab.sizes.shown),
          ],
        })),
      });
    }
    return {
      claims,
      pictures,
      notes: [
        `The radius is where the median error of the points mean + r (seed - mean) exceeds ${LEFT} times that of the seeds, r = ${RADII.join(', ')}, read off between them; ${RADII.at(-1)} where none does.`,
      ],
    };
  },
};

/** Rows rescaled to the mean squares given. */
function withNorms(latent: Floats, squares: readonly number[]): Floats {
  const width = sizeOf(latent.shape.slice(1));
  const own = meanSquares(latent);
  const factor = (row: number) => Math.sqrt(squares[row % squares.length]! / own[row]!);
  return float32(
    latent.shape,
    latent.data.map((value, i) => value * factor(Math.floor(i / width))),
  );
}

/** How far from the mean seed, in parts of a seed's own distance, points still grow the picture. */
async function convexityRadius(lab: Lab, cloud: SeedCloud): Promise<number> {
  const some = rows(cloud.latent, 0, Math.min(lab.sizes.sample / 4, cloud.latent.shape[0]!) | 0);
  const limit = LEFT * median(cloud.errors);
  const mean = meanSeed(cloud.latent);
  let before = { r: 0, error: 0 };
  for (const r of RADII) {
    const width = mean.data.length;
    const points = float32(
      some.shape,
      some.data.map((z, i) => mean.data[i % width]! + r * (z - mean.data[i % width]!)),
    );
    const error = median(await errorsOf(lab, cloud, points));
    if (r > 1 && error > limit)
      return before.r + ((limit - before.error) / (error - before.error)) * (r - before.r);
    before = { r, error };
  }
  return RADII.at(-1)!;
}
