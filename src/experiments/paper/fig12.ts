import { lineFigure } from '../../figures/line.ts';
import { meanSeed } from '../../latent/cloud.ts';
import { combinations, pointsAt, simplexWeights, withSquares } from '../../latent/combinations.ts';
import { average, meanSquares, median } from '../../tensor/statistics.ts';
import { rows, unstack } from '../../tensor/tensor.ts';
import { below, type Claim, judged, type SheetPicture, together, worded } from './claims.ts';
import {
  errorOf,
  errorsOf,
  experiment,
  grow,
  type Lab,
  type Named,
  noiseFor,
  perCloud,
  perSubject,
  type SeedCloud,
} from './lab.ts';
import { curveOf, figure, type Means, withInterval } from './means.ts';

/** Combinations of the seeds of each picture, and of each control and sparse kind. */
const COMBINATIONS = 25;
const FEWER = 10;
/** Seeds that a sparse combination mixes. */
const FEW = [2, 3, 8];
/** A point has left the cloud where its error is so many times the median of the seeds'. */
const LEFT = 4;
/** Points so many times nearer to the picture than random ones still resemble it. */
const ALIKE = 10;
/** Where points are tried on the lines from the mean seed (0) through the seeds (1) and beyond. */
export const RADII = [0, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 2, 3];
/** Lines that are tried for each picture, and how often the radius at which one leaves the cloud is halved in upon. */
const LINES = 8;
const HALVINGS = 5;

/** Combinations of a cloud's seeds that add up to one (Asperti et al. 2023, fig. 12): is emb(x) convex? */
export const fig12 = experiment({
  name: 'fig12',
  title: 'convex combinations of the seeds of a picture',
  needs: ['fashion-mnist', 'data:fashion-mnist'],
  measure: lab =>
    perSubject(lab, async (subject, title) => ({
      numbers: await perCloud(lab, subject, cloud => combined(lab, cloud)),
      sheets: [await sheetOf(lab, await lab.cloud(subject, 0), `fig12-${subject}`, title)],
    })),
  report: subjects => ({
    claims: subjects.flatMap(subject => [alikeClaim(subject), convexClaim(subject)]),
    plots: [
      {
        file: 'fig12',
        caption:
          'Median squared error of points mean + r (seed - mean), against r, mean over pictures with 95 % intervals.',
        svg: lineFigure({
          title: 'From the mean seed through the seeds and beyond',
          x: { label: 'r' },
          y: { label: 'mean squared error of pixels in [0, 1]', log: true },
          series: subjects.map(({ title: name, curve }) => curveOf(name, RADII, curve)),
        }),
      },
    ],
    notes: [
      `Of each picture ${COMBINATIONS} combinations of all seeds and as many of two. How far a cloud reaches is where the error of mean + r (seed - mean) exceeds ${LEFT} times the median of the seeds', going from r = 1 inwards to 0 and outwards to ${RADII.at(-1)}: between the first two of r = ${RADII.join(', ')} that it lies between, halved ${HALVINGS} times; ${LINES} lines for each picture.`,
    ],
  }),
});

type Combined = Means<Awaited<ReturnType<typeof combined>>> & Named;

function alikeClaim({ title, model, inside, matched, unrelated, stretched, shares, worst }: Combined): Claim {
  const alike = together(...worst.map(share => below(share, 1 / ALIKE)));
  return judged({
    models: [model],
    number: inside,
    against: matched,
    rests: worst,
    paper: `One-sum combinations of a cloud's seeds all grow pictures very close to the original (${title}; the paper shows 100).`,
    ours: `squared error ${withInterval(inside)} for combinations of all seeds; in parts of that of random seeds of the same norm ${withInterval(shares[0]!)}, of ${FEW.map((of, i) => `${of} seeds ${withInterval(shares[i + 1]!)}`).join(', ')}; the worst of each picture ${worst.map(share => withInterval(share)).join(', ')}`,
    control: `random seeds of the same norm ${withInterval(matched)}, combinations of random seeds ${withInterval(unrelated)}; the combinations stretched to the norm of seeds ${withInterval(stretched)}`,
    asked: `for each picture's worst combination, of every kind, less than ${figure(1 / ALIKE, 1)} of the error of random seeds of the same norm`,
    numbersSay: alike,
    because: `Points between the seeds grow the picture ${figure(1 / shares[0]!.mean, 2)} times (all seeds) and ${figure(1 / shares[1]!.mean, 2)} times (two) better than random points of the same norm, the worst ${figure(1 / worst[0]!.mean, 2)} and ${figure(1 / worst[1]!.mean, 2)} times${worded(alike, { holds: '', fails: `: less than ${ALIKE} times for some`, open: `: of some it cannot be told whether that is more than ${ALIKE} times` })}.`,
    values: { inside, matched, unrelated, stretched },
  });
}

function convexClaim({ title, model, inside, sparse, own, inner, outer, times }: Combined): Claim {
  const stays = together(...times.map(one => below(one, LEFT)));
  const reach =
    inner.mean === 0
      ? `from the mean seed to ${withInterval(outer)} times the seeds' distance from it`
      : `from ${withInterval(inner)} to ${withInterval(outer)} times the seeds' distance from their mean`;
  return judged({
    models: [model],
    number: times[0]!,
    against: LEFT,
    rests: times,
    paper: `emb(x) is convex: combinations of its seeds are seeds as good as these (${title}).`,
    ours: `squared error ${withInterval(own)} for the seeds themselves, ${withInterval(inside)} for combinations of all, ${FEW.map((of, i) => `${withInterval(sparse[i]!)} of ${of}`).join(', ')}; no more than ${LEFT} times their median ${reach}`,
    control: `a seed's own error is 1, by its median; a point has left where it is more than ${LEFT}`,
    asked: `for every kind less than ${LEFT} times the median of the seeds' errors`,
    numbersSay: stays,
    because: `Combinations of all seeds have ${withInterval(times[0]!, 2)} times the error of the seeds, of two ${withInterval(times[1]!, 2)} times: ${worded(stays, { holds: `no more than ${LEFT} times`, fails: 'convex only to that tolerance', open: `whether all stay within ${LEFT} times cannot be told` })}.`,
    values: { sparse: sparse[0]!, sparse3: sparse[1]!, sparse8: sparse[2]!, own, inner, radius: outer },
  });
}

/** What combinations of the seeds of one picture grow, and how far its cloud reaches. */
async function combined(lab: Lab, cloud: SeedCloud) {
  const count = cloud.latent.shape[0]!;
  const weights = (number: number, of: number) =>
    simplexWeights(lab.rng + cloud.index, number, count, Math.min(of, count));
  const error = (latent: SeedCloud['latent']) => errorOf(lab, cloud, latent);
  const errors = (latent: SeedCloud['latent']) => errorsOf(lab, cloud, latent);
  const random = noiseFor(lab, cloud, COMBINATIONS, 'matched');
  /** The errors of combinations, their mean and greatest, and the mean of as many random seeds of their norms. */
  const both = async (mixed: SeedCloud['latent']) => {
    const some = rows(random, 0, mixed.shape[0]!);
    const found = await errors(mixed);
    return {
      ...{ error: average(found), worst: Math.max(...found) },
      matched: await error(withSquares(some, meanSquares(mixed))),
    };
  };
  const mixed = combinations(weights(COMBINATIONS, count), cloud.latent);
  const kinds = [await both(mixed)];
  for (const [i, of] of FEW.entries())
    kinds.push(await both(combinations(weights(i === 0 ? COMBINATIONS : FEWER, of), cloud.latent)));
  const noise = noiseFor(lab, cloud, count, 'convexity');
  const some = Math.min(FEWER, count);
  const own = median(cloud.errors);
  return {
    ...{ inside: kinds[0]!.error, matched: kinds[0]!.matched, own: average(cloud.errors) },
    sparse: kinds.slice(1).map(({ error: mean }) => mean),
    unrelated: await error(combinations(weights(FEWER, count), noise)),
    stretched: await error(withSquares(rows(mixed, 0, some), meanSquares(rows(cloud.latent, 0, some)))),
    /** In terms of the seeds' own error, and of that of random points of their norm: all seeds, then the sparse kinds. */
    times: kinds.map(({ error: mean }) => mean / own),
    shares: kinds.map(({ error: mean, matched }) => mean / matched),
    /** The same of the worst combination. */
    worst: kinds.map(({ worst, matched }) => worst / matched),
    ...(await alongLines(lab, cloud, LEFT * own)),
  };
}

async function sheetOf(lab: Lab, cloud: SeedCloud, file: string, title: string): Promise<SheetPicture> {
  const { latent, image, model } = cloud;
  const { shown } = lab.sizes;
  const count = latent.shape[0]!;
  const grown = unstack(
    await grow(lab, model, combinations(simplexWeights(lab.rng, 2 * shown, count, count), latent)),
  );
  return {
    file,
    caption: `Left the picture, then what ${grown.length} random one-sum combinations of its ${count} seeds grow (${title}).`,
    title: `Combinations of ${count} seeds, ${title}`,
    rows: [0, 1].map(row => ({
      label: row === 0 ? 'original, then combinations' : 'combinations',
      pictures: [row === 0 ? unstack(image)[0] : undefined, ...grown.slice(row * shown, (row + 1) * shown)],
    })),
  };
}

/** The median error along lines from the mean seed through seeds, and how far in and out from the seeds it stays below a limit. */
async function alongLines(lab: Lab, cloud: SeedCloud, limit: number) {
  const count = Math.min(LINES, cloud.latent.shape[0]!);
  const some = rows(cloud.latent, 0, count);
  const mean = meanSeed(cloud.latent);
  const errorsAt = (r: number | readonly number[]) => errorsOf(lab, cloud, pointsAt(mean, some, r));
  const errors: number[][] = [];
  for (const r of RADII) errors.push(r === 1 ? cloud.errors.slice(0, count) : await errorsAt(r));
  const lines = Array.from({ length: count }, (_, i) => errors.map(at => at[i]!));
  return {
    curve: errors.map(at => Math.max(median(at), 1e-9)),
    inner: average(await reach(lines, errorsAt, limit, -1)),
    outer: average(await reach(lines, errorsAt, limit, 1)),
  };
}

/**
 * Up to which radius the errors of lines stay below a limit, going from 1 in steps: by bisection between the first two of
 * RADII that it lies between.
 * @param lines errors at RADII; @param errorsAt those at one radius of each.
 */
export async function reach(
  lines: readonly (readonly number[])[],
  errorsAt: (radii: readonly number[]) => Promise<readonly number[]>,
  limit: number,
  step: 1 | -1,
): Promise<number[]> {
  const one = RADII.indexOf(1);
  const way = [...RADII.keys()].filter(k => (k - one) * step >= 0);
  if (step < 0) way.reverse();
  const brackets = lines.map(errors => {
    const beyond = way.findIndex(k => errors[k]! > limit);
    // A line that never leaves, or whose seed has left already, has nothing to halve in upon.
    const outside = RADII[way.at(beyond)!]!;
    return { inside: beyond < 1 ? outside : RADII[way[beyond - 1]!]!, outside };
  });
  const middles = () => brackets.map(({ inside, outside }) => (inside + outside) / 2);
  for (let round = 0; round < HALVINGS; round++) {
    const tried = middles();
    const errors = await errorsAt(tried);
    for (const [i, bracket] of brackets.entries())
      bracket[errors[i]! > limit ? 'outside' : 'inside'] = tried[i]!;
  }
  return middles();
}
