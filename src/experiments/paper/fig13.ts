import { seedPictures } from '../../diffusion/pictures.ts';
import { lineFigure } from '../../figures/line.ts';
import { cloudStatistics, doublings, meanSeed } from '../../latent/cloud.ts';
import { withSquares } from '../../latent/combinations.ts';
import { type Detail, fineDetail } from '../../quality/sharpness.ts';
import { average, meanSquaredErrors, meanSquares } from '../../tensor/statistics.ts';
import { concatRows, rows, type Tensor, takeRows, unstack } from '../../tensor/tensor.ts';
import { above, below, type Claim, judged, type SheetPicture, together, worded } from './claims.ts';
import {
  errorsAgainst,
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

/** The paper averages 1 to so many. */
const MOST = 16;
/** Shown of them. */
const SHOWN = [1, 2, 3, 4, 6, 8, 12, 16];

/** Averages of a growing number of seeds (Asperti et al. 2023, fig. 13). */
export const fig13 = experiment({
  name: 'fig13',
  title: 'averages of 1 to 16 seeds of a picture',
  needs: ['fashion-mnist', 'data:fashion-mnist'],
  measure: lab =>
    perSubject(
      lab,
      async (subject, title) => {
        const first = await lab.cloud(subject, 0);
        const most = mostOf(first);
        return {
          numbers: {
            ...{ most, sizes: doublings(most) },
            ...(await perCloud(lab, subject, cloud => measureMeans(lab, cloud))),
          },
          sheets: [await sheetOf(lab, first, subject, title)],
        };
      },
      ['fashion-mnist', 'mnist', 'cifar10'],
    ),
  report: subjects => ({
    claims: subjects.flatMap(subject => [nearClaim(subject), settledClaim(subject), blurredClaim(subject)]),
    plots: [
      {
        file: 'fig13',
        caption:
          'Squared error of what the mean of K seeds grows, against K, with 95 % intervals over pictures.',
        svg: lineFigure({
          title: 'Means of more and more seeds',
          x: { label: 'seeds averaged', log: true },
          y: { label: 'mean squared error of pixels in [0, 1]', log: true },
          series: subjects.map(({ title: name, sizes, curve }) => curveOf(name, sizes, curve)),
        }),
      },
    ],
    notes: ['Of each picture the mean over groups of seeds, none of which is in two.'],
  }),
});

const mostOf = ({ latent }: SeedCloud) => Math.min(MOST, latent.shape[0]!);

/** What means of more and more seeds of a cloud grow, in groups of which none shares a seed, and means of random seeds. */
async function measureMeans(lab: Lab, cloud: SeedCloud) {
  const { latent, image, model } = cloud;
  const most = mostOf(cloud);
  const sizes = doublings(most);
  const groups = Math.floor(latent.shape[0]! / most);
  /** Of each group of `most` seeds, the mean of the first `size`. */
  const firstMeans = (seeds: Tensor<'float32'>, size: number) =>
    concatRows(Array.from({ length: groups }, (_, g) => meanSeed(rows(seeds, g * most, g * most + size))));
  const noise = noiseFor(lab, cloud, groups * most, 'averages');
  const byNumber: Tensor<'float32'>[] = [];
  const byNumberOfNoise: Tensor<'float32'>[] = [];
  for (const size of sizes) {
    byNumber.push(await grow(lab, model, firstMeans(latent, size)));
    byNumberOfNoise.push(await grow(lab, model, firstMeans(noise, size)));
  }
  /** What each doubling changes. */
  const steps = (grown: readonly Tensor<'float32'>[]) =>
    grown.slice(1).map((pictures, i) => average(meanSquaredErrors(grown[i]!, pictures)));
  const errorOf = (pictures: Tensor<'float32'>) => average(errorsAgainst(pictures, image));
  const originals = takeRows(image, new Uint8Array(groups));
  const details = [byNumber.at(-1)!, byNumber[0]!].map(pictures => fineDetail(pictures, originals));
  /** Of the means of most seeds, in parts of that of single ones, where these have any. */
  const ofSingle = (value: (detail: Detail) => number) => {
    const [averaged, single] = details.map(all => average(all.map(value)));
    return single! > 0 ? averaged! / single! : Number.NaN;
  };
  const { variance, correlation } = cloudStatistics(latent);
  const squares = meanSquares(firstMeans(latent, most));
  // Means are short, and short seeds grow much the same whatever they are means of.
  const short = errorOf(await grow(lab, model, withSquares(rows(noise, 0, groups), squares)));
  const [curve, others] = [byNumber.map(errorOf), errorOf(byNumberOfNoise.at(-1)!)];
  const [changes, chances] = [steps(byNumber), steps(byNumberOfNoise)];
  const [change, chance] = [changes.at(-1)!, chances.at(-1)!];
  const expected = variance * (correlation + (1 - correlation) / most);
  const measured = average(squares);
  return {
    ...{ curve, others, short, changes, change, chance, expected, measured, correlation },
    detail: { strength: ofSingle(one => one.strength), kept: ofSingle(one => one.kept) },
    independent: variance / most,
    share: curve.at(-1)! / Math.min(others, short),
    /** In parts of a random picture's error, and of what the first doubling changes. */
    late: { ofOthers: change / Math.min(others, short), ofFirst: change / changes[0]! },
  };
}

/** The means of 1 to `most` seeds, and what they grow. */
async function sheetOf(lab: Lab, cloud: SeedCloud, subject: string, title: string): Promise<SheetPicture> {
  const { latent, image, model } = cloud;
  const most = mostOf(cloud);
  const means = concatRows(Array.from({ length: most }, (_, k) => meanSeed(rows(latent, 0, k + 1))));
  const grown = await grow(lab, model, means);
  const errors = errorsAgainst(grown, image);
  const some = SHOWN.filter(k => k <= most);
  const at = (all: readonly Tensor<'float32'>[]) => some.map(k => all[k - 1]);
  return {
    file: `fig13-${subject}`,
    caption: `Means of more and more seeds of one picture, and what they grow, with the squared error (${title}).`,
    title: `Averages of seeds, ${title}`,
    rows: [
      {
        label: 'mean of so many seeds',
        pictures: [undefined, ...at(seedPictures(model, means))],
        captions: [undefined, ...some.map(String)],
      },
      {
        label: 'original, and what they grow',
        pictures: [unstack(image)[0], ...at(unstack(grown))],
        captions: [undefined, ...some.map(k => figure(errors[k - 1]!, 2))],
      },
    ],
  };
}

type Averages = Means<Awaited<ReturnType<typeof measureMeans>>> & Named & { readonly most: number };

/** Means so many times nearer to the picture than those of random seeds, or random seeds as short, are near; a last doubling that much smaller is late. */
const NEARER = 10;
/** Slightly blurred is what keeps more than this part of the detail. */
const SLIGHT = 0.75;

function nearClaim({ title, model, most, curve, others, short, share, ...means }: Averages): Claim {
  const [one, many] = [curve[0]!, curve.at(-1)!];
  const near = below(share, 1 / NEARER);
  return judged({
    models: [model],
    number: many,
    against: others,
    rests: [one, share],
    paper: `Averages of up to 16 seeds grow nearly the same picture (${title}).`,
    ours: `squared error ${withInterval(many)} of the means of ${most}, ${withInterval(one)} of single seeds; mean square of the means ${withInterval(means.measured)}`,
    control: `means of ${most} random seeds: squared error ${withInterval(others)}, random seeds as short as the means ${withInterval(short)}; correlated noise predicts a mean square of ${withInterval(means.expected)}, independent noise ${withInterval(means.independent)}`,
    asked: `less than ${figure(1 / NEARER, 1)} of the lesser of the errors of random means and random short seeds`,
    numbersSay: near,
    because: `The means of ${most} grow the picture with ${figure(many.mean / one.mean, 2)} times the error of single seeds, ${figure(1 / share.mean, 2)} times better than means of random ones or random seeds as short${worded(near, { holds: '', fails: `, which is less than ${NEARER} times`, open: `; whether that is more than ${NEARER} times cannot be told` })}; seeds of correlation rho = ${figure(means.correlation.mean, 2)} shrink to the mean square rho + (1 - rho) / K.`,
    values: {
      ...{ single: one, averaged: many, random: others, short },
      ...{ measured: means.measured, expected: means.expected, correlation: means.correlation },
    },
  });
}

function settledClaim({ title, model, most, changes, change, chance, late }: Averages): Claim {
  const settled = together(below(late.ofOthers, 1 / NEARER), below(late.ofFirst, 1));
  return judged({
    models: [model],
    number: change,
    against: changes[0]!,
    rests: [late.ofOthers, late.ofFirst],
    paper: `The picture of averages is stable soon as their number grows (${title}).`,
    ours: `each doubling of the seeds averaged, from 1 to ${most}, changes the picture by ${changes.map(step => withInterval(step)).join(', ')}, the last by ${withInterval(late.ofOthers)} of a random picture's error`,
    control: `the last doubling changes means of random seeds, which are short and grow much the same, by ${withInterval(chance)}`,
    asked: `a last change of less than ${figure(1 / NEARER, 1)} of a random picture's error, and of less than the first`,
    numbersSay: settled,
    because: `The last doubling changes the picture by ${withInterval(late.ofFirst, 2)} of what the first does, and by ${withInterval(late.ofOthers, 2)} of a random picture's error: ${worded(settled, { holds: 'it has settled', fails: 'it has not settled', open: 'whether it has settled cannot be told' })}.`,
    values: { change, first: changes[0]!, randomChange: chance },
  });
}

function blurredClaim({ title, model, most, detail: { strength, kept } }: Averages): Claim {
  const [weaker, enough] = [below(strength, 1), above(kept, SLIGHT)];
  return judged({
    models: [model],
    number: kept,
    against: 1,
    rests: [strength],
    paper: `Pictures of averages are slightly blurrier than those of one seed (${title}).`,
    ours: `of the original's fine detail the means of ${most} keep ${withInterval(kept)} of what single seeds keep, at ${withInterval(strength)} of its strength there`,
    control:
      'a single seed has 1 by definition; detail that is not the original’s is a fault like detail that is missing',
    asked: `a strength below 1, and more than ${figure(SLIGHT)} of the detail kept`,
    numbersSay: together(weaker, enough),
    because: `What the means of ${most} grow is ${worded(weaker, { holds: 'blurrier', fails: 'no blurrier', open: 'not clearly blurrier' })} than what single seeds grow, and keeps ${withInterval(kept)} of their fine detail${worded(enough, { holds: '', fails: ', which is not slightly less', open: ': whether that is slightly less cannot be told' })}.`,
    values: { kept, strength },
  });
}
