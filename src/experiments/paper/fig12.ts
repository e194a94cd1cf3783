import { lineFigure } from '../../figures/line.ts';
import { meanSeed } from '../../latent/cloud.ts';
import { combinations, pointsAt, simplexWeights, withSquares } from '../../latent/combinations.ts';
import { meanSquares, median } from '../../tensor/statistics.ts';
import { rows, type Tensor, unstack } from '../../tensor/tensor.ts';
import { figure, judged, ofOne, type Sampled, withInterval } from './claims.ts';
import {
  errorsAgainst,
  errorsOf,
  experiment,
  grow,
  type Lab,
  perSubject,
  randomSeeds,
  type SeedCloud,
} from './lab.ts';

/** The paper's number of combinations. */
const COMBINATIONS = 100;
/** Combinations of a control, and of each sparse kind but the first. */
const FEWER = 50;
/** Seeds that a sparse combination mixes. */
const FEW = [2, 3, 8];
/** A point has left the cloud where its error is so many times the median of the seeds'. */
const LEFT = 4;
/** Points so many times nearer to the picture than random ones still resemble it. */
const ALIKE = 10;
/** Where points are tried on the lines from the mean seed (0) through the seeds (1) and beyond. */
const RADII = [0, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 2, 3];
/** Lines that are tried, at most. */
const LINES = 25;

/** Combinations of a cloud's seeds that add up to one (Asperti et al. 2023, fig. 12): is emb(x) convex? */
export const fig12 = experiment({
  name: 'fig12',
  title: 'convex combinations of the seeds of a picture',
  needs: ['fashion-mnist', 'data:fashion-mnist'],
  measure: lab =>
    perSubject(lab, async (subject, title) => {
      const cloud = await lab.cloud(subject);
      const count = cloud.latent.shape[0]!;
      const some = Math.min(FEWER, count);
      const errorOf = async (latent: Tensor<'float32'>) => ofOne(await errorsOf(lab, cloud, latent), lab.rng);
      const mixed = combinations(simplexWeights(lab.rng, COMBINATIONS, count, count), cloud.latent);
      const grown = await grow(lab, cloud.model, mixed);
      const inside = ofOne(errorsAgainst(grown, cloud.image), lab.rng);
      const sparse: Sampled[] = [];
      for (const [i, of] of FEW.entries()) {
        const weights = simplexWeights(lab.rng, i === 0 ? COMBINATIONS : FEWER, count, Math.min(of, count));
        sparse.push(await errorOf(combinations(weights, cloud.latent)));
      }
      const noise = randomSeeds(lab, cloud.model, count, 'convexity');
      const matched = await errorOf(
        withSquares(randomSeeds(lab, cloud.model, COMBINATIONS, 'matched'), meanSquares(mixed)),
      );
      const unrelated = await errorOf(combinations(simplexWeights(lab.rng, FEWER, count, count), noise));
      const stretched = await errorOf(
        withSquares(rows(mixed, 0, some), meanSquares(rows(cloud.latent, 0, some))),
      );
      const own = ofOne(cloud.errors, lab.rng);
      const limit = LEFT * median(cloud.errors);
      const { curve, inner, outer } = await alongLines(lab, cloud, limit);
      const shown = unstack(grown).slice(0, 2 * lab.sizes.shown);
      return {
        numbers: { inside, sparse, own, matched, unrelated, stretched, curve, inner, outer, limit },
        sheets: [
          {
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
          },
        ],
      };
    }),
  report: subjects => ({
    claims: subjects.map(
      ({ title, inside, sparse, own, matched, unrelated, stretched, inner, outer, limit }) => {
        const stays = inside.high <= limit && sparse.every(({ high }) => high <= limit);
        const alike = [inside, ...sparse].every(({ high }) => high < matched.low / ALIKE);
        const reach =
          inner.mean === 0
            ? `from the mean seed to ${withInterval(outer)} times the seeds' distance from it`
            : `from ${withInterval(inner)} to ${withInterval(outer)} times the seeds' distance from their mean`;
        return judged({
          number: inside,
          against: matched,
          rests: [own, ...sparse],
          paper: `${COMBINATIONS} one-sum combinations of a cloud's seeds all grow pictures very close to the original: emb(x) is convex (${title}).`,
          ours: `squared error ${withInterval(inside)} for combinations of all seeds, ${FEW.map((of, i) => `${withInterval(sparse[i]!)} of ${of}`).join(', ')}; ${withInterval(own)} for the seeds themselves, and no more than ${LEFT} times their median ${reach}`,
          control: `random seeds of the same norm ${withInterval(matched)}, combinations of random seeds ${withInterval(unrelated)}; the combinations stretched to the norm of seeds ${withInterval(stretched)}`,
          numbersSay: stays && alike ? 'holds' : alike || stays ? 'partly' : 'fails',
          because: `Points between the seeds grow the picture ${figure(matched.mean / inside.mean, 2)} times (all seeds) and ${figure(matched.mean / sparse[0]!.mean, 2)} times (two) better than random points of the same norm, ${stays ? `and no worse than ${LEFT} times the seeds' own error` : `but with ${figure(inside.mean / own.mean, 2)} and ${figure(sparse[0]!.mean / own.mean, 2)} times the error of the seeds: convex only to that tolerance`}.`,
          values: {
            inside,
            sparse: sparse[0]!,
            sparse3: sparse[1]!,
            sparse8: sparse[2]!,
            own,
            matched,
            unrelated,
            stretched,
            inner,
            radius: outer,
          },
        });
      },
    ),
    plots: [
      {
        file: 'fig12',
        caption: 'Median squared error of points mean + r (seed - mean), against r.',
        svg: lineFigure({
          title: 'From the mean seed through the seeds and beyond',
          x: { label: 'r' },
          y: { label: 'mean squared error of pixels in [0, 1]', log: true },
          series: subjects.map(({ title: name, curve: points }) => ({ name, points })),
        }),
      },
    ],
    notes: [
      `How far a cloud reaches is where the error of mean + r (seed - mean) exceeds ${LEFT} times the median of the seeds', going from r = 1 inwards to 0 and outwards to ${RADII.at(-1)}, read off between r = ${RADII.join(', ')}; of one picture each.`,
    ],
  }),
});

/** The median error along lines from the mean seed through seeds, and how far in and out from the seeds it stays below a limit. */
async function alongLines(lab: Lab, cloud: SeedCloud, limit: number) {
  const count = Math.min(LINES, lab.sizes.sample, cloud.latent.shape[0]!);
  const some = rows(cloud.latent, 0, count);
  const mean = meanSeed(cloud.latent);
  const [middle = 0] = await errorsOf(lab, cloud, mean);
  const errors: number[][] = [];
  for (const r of RADII)
    errors.push(
      r === 0
        ? new Array(count).fill(middle)
        : r === 1
          ? cloud.errors.slice(0, count)
          : await errorsOf(lab, cloud, pointsAt(mean, some, r)),
    );
  const lines = Array.from({ length: count }, (_, i) => errors.map(at => at[i]!));
  const reachOf = (step: 1 | -1) =>
    ofOne(
      lines.map(line => reach(line, limit, step)),
      lab.rng,
    );
  return {
    curve: RADII.map((r, i): [number, number] => [r, Math.max(median(errors[i]!), 1e-9)]),
    inner: reachOf(-1),
    outer: reachOf(1),
  };
}

/** The radius up to which errors at RADII stay below a limit, going from 1 in steps, read off between the radii. */
export function reach(errors: readonly number[], limit: number, step: 1 | -1): number {
  let at = RADII.indexOf(1);
  if (errors[at]! > limit) return 1;
  for (; at + step in errors; at += step) {
    const [error, next] = [errors[at]!, errors[at + step]!];
    if (next > limit)
      return RADII[at]! + ((limit - error) / (next - error)) * (RADII[at + step]! - RADII[at]!);
  }
  return RADII[at]!;
}
