import { seedPictures } from '../../diffusion/pictures.ts';
import { cloudStatistics } from '../../latent/cloud.ts';
import { createPanel } from '../../latent/gaussianity.ts';
import { summarise } from '../../latent/summary.ts';
import { average } from '../../tensor/statistics.ts';
import { rows, unstack } from '../../tensor/tensor.ts';
import { above, below, type Claim, judged, type SheetPicture, together, worded } from './claims.ts';
import {
  errorOf,
  experiment,
  type Lab,
  type Named,
  noiseFor,
  perCloud,
  perSubject,
  type SeedCloud,
  SUBJECTS,
  type Subject,
} from './lab.ts';
import { figure, type Means, percentInterval, type Sampled, withInterval } from './means.ts';

/** Seeds shown, as in the paper. */
const SHOWN = 5;
/** The subject whose clouds are sought by descent too. */
const BESIDE = 'mnist';
/** Random seeds that each picture's own are held against. */
const RANDOM = 16;
/** Two ways make clouds alike whose variances are within this factor of each other. */
const ALIKE = 1.25;
/** Seeds whose coordinates correlate by so much are one seed. */
const SAME = 0.9;
/** Seeds so many times nearer to the picture than random ones are its seeds. */
const NEARER = 10;

/** Different seeds of one picture (Asperti et al. 2023, fig. 11), by split inversion and by descent. */
export const fig11 = experiment({
  name: 'fig11',
  title: 'different seeds of one picture, and what each grows',
  needs: ['fashion-mnist', 'data:fashion-mnist'],
  async measure(lab) {
    const found = await perSubject(lab, async subject => {
      const own = await perCloud(lab, subject, cloud => described(lab, cloud));
      const too = subject === BESIDE;
      const descent = too ? await besideDescent(lab, subject) : undefined;
      const sheets = [sheet(subject, await lab.cloud(subject, 0), 'auto')];
      if (too) sheets.push(sheet(subject, await lab.cloud(subject, 0, 'descent'), 'descent'));
      return { numbers: { own, descent }, sheets };
    });
    const { clouds, descent } = lab.sizes;
    return { numbers: { subjects: found.numbers, seeds: clouds.seeds, how: descent }, sheets: found.sheets };
  },
  report: ({ subjects, seeds, how }) => ({
    claims: [
      ...subjects.map(manySeeds),
      ...subjects.flatMap(({ descent, ...named }) =>
        descent ? [byDescent(named, descent), ofOneShape(named, descent)] : [],
      ),
    ],
    tables: [
      {
        title: 'Two ways to a cloud',
        columns: [
          '',
          'method',
          'seeds of a picture',
          'evaluations per seed',
          'squared error',
          'variance',
          'correlation',
          'distance per coordinate',
          'told from noise',
        ],
        rows: subjects.flatMap(({ title, own, descent }) => [
          row(title, 'auto', seeds, own),
          ...(descent
            ? [
                row(title, 'auto, of the same pictures', how.seeds, descent.ours),
                row(
                  title,
                  `descent by \`${how.recipe}\`, ${how.iterations} iterations`,
                  how.seeds,
                  descent.theirs,
                ),
              ]
            : []),
        ]),
      },
    ],
    notes: [
      'Noise has variance 1, correlation 0, distance 1.41, and one in a hundred of its seeds is told from noise.',
    ],
  }),
});

type Cloud = Means<Awaited<ReturnType<typeof described>>>;

/** The shape of a cloud, and how well its seeds grow their picture. */
async function described(lab: Lab, cloud: SeedCloud) {
  const { model, latent, errors, evaluations } = cloud;
  const { distance, correlation, variance } = cloudStatistics(latent);
  const panel = createPanel(model.info.shape);
  const [error, random] = [
    average(errors),
    await errorOf(lab, cloud, noiseFor(lab, cloud, RANDOM, 'others')),
  ];
  return {
    ...{ evaluations, variance, correlation, apart: distance.rms, error, random },
    share: error / random,
    rejected: { ofOne: summarise(panel, panel.judge(latent)).rejected },
  };
}

/** The same of as many seeds by descent and by split inversion, of the pictures that descent has worked on. */
function besideDescent(lab: Lab, subject: Subject) {
  const { pictures, seeds } = lab.sizes.descent;
  return perCloud(
    lab,
    subject,
    async ({ latent, errors, ...cloud }) => {
      const count = Math.min(seeds, latent.shape[0]!);
      const few = { ...cloud, latent: rows(latent, 0, count), errors: errors.slice(0, count) };
      const ours = await described(lab, few);
      const theirs = await described(lab, await lab.cloud(subject, cloud.index, 'descent'));
      return { ours, theirs, wider: theirs.variance / ours.variance };
    },
    pictures,
  );
}

function row(title: string, method: string, seeds: number, cloud: Cloud): string[] {
  const { evaluations, error, variance, correlation, apart, rejected } = cloud;
  return [
    title,
    method,
    String(seeds),
    figure(evaluations.mean, 4),
    withInterval(error),
    withInterval(variance),
    withInterval(correlation),
    withInterval(apart),
    percentInterval(rejected),
  ];
}

function manySeeds({ title, model, own }: Named & { readonly own: Cloud }): Claim {
  const { error, random, correlation, share } = own;
  return judged({
    models: [model],
    number: error,
    against: random,
    rests: [share, correlation],
    paper: `One picture has many different seeds that all grow it (${title}).`,
    ours: `squared error ${withInterval(error)} of the seeds, whose coordinates correlate by ${withInterval(correlation)}`,
    control: `random seeds grow pictures at ${withInterval(random)}; one seed found again and again would correlate by 1`,
    asked: `less than ${figure(1 / NEARER, 1)} of the error of random seeds, and a correlation below ${figure(SAME, 1)}`,
    numbersSay: together(below(share, 1 / NEARER), below(correlation, SAME)),
    because: `The seeds grow the picture ${figure(1 / share.mean, 2)} times nearer than random ones do, and share ${percentInterval(correlation)} of their variance.`,
    values: { error, random, correlation },
  });
}

interface Beside {
  readonly ours: Cloud;
  readonly theirs: Cloud;
  readonly wider: Sampled;
}

function byDescent({ title, model }: Named, { theirs }: Beside): Claim {
  const grows = below(theirs.share, 1 / NEARER);
  return judged({
    models: [model],
    number: theirs.error,
    against: theirs.random,
    rests: [theirs.share],
    paper: `Clouds are synthesised by gradient descent from random starts (section 5.1, ${title}).`,
    ours: `descent's seeds: ${shapeOf(theirs)}, at ${figure(theirs.evaluations.mean, 4)} evaluations`,
    control: `random seeds grow pictures at ${withInterval(theirs.random)}`,
    asked: `less than ${figure(1 / NEARER, 1)} of the error of random seeds`,
    numbersSay: grows,
    because: `Descent, in the iterations that it was given, grows the picture ${figure(1 / theirs.share.mean, 2)} times nearer than random seeds do${worded(grows, { holds: '', fails: `, which is less than ${NEARER} times`, open: `: whether that is more than ${NEARER} times cannot be told` })}.`,
    values: {
      ...{ descentVariance: theirs.variance, descentCorrelation: theirs.correlation },
      ...{ descentError: theirs.error, descentApart: theirs.apart, descentRejected: theirs.rejected },
    },
  });
}

const shapeOf = (one: Cloud) =>
  `variance ${withInterval(one.variance)}, correlation ${withInterval(one.correlation)}, distance per coordinate ${withInterval(one.apart)}, squared error ${withInterval(one.error)}, ${percentInterval(one.rejected)} told from noise`;

function ofOneShape({ title, model }: Named, { ours, theirs, wider }: Beside): Claim {
  const alike = together(below(wider, ALIKE), above(wider, 1 / ALIKE));
  const differ = below(wider, 1) !== 'open';
  return judged({
    models: [model],
    number: theirs.variance,
    against: ours.variance,
    rests: [wider],
    paper: `Beyond the paper: descent and split inversion give clouds as wide, to a quarter (${title}).`,
    ours: `descent's seeds: ${shapeOf(theirs)}`,
    control: `as many of split inversion, of the same pictures from the same starts: ${shapeOf(ours)}, at ${figure(ours.evaluations.mean, 3)} evaluations`,
    asked: `from ${figure(1 / ALIKE, 1)} to ${figure(ALIKE)} times the variance`,
    numbersSay: alike,
    because: `Descent's seeds have ${withInterval(wider, 2)} times the variance of split inversion's, ${figure(theirs.apart.mean / ours.apart.mean, 2)} times the distance and ${figure(theirs.error.mean / ours.error.mean, 2)} times the error${differ ? ': this recipe of descent makes another cloud than split inversion does' : ''}.`,
    values: {
      ...{ descentVariance: theirs.variance, autoVariance: ours.variance },
      ...{ descentCorrelation: theirs.correlation, autoCorrelation: ours.correlation },
      ...{ descentError: theirs.error, autoError: ours.error },
      ...{ descentApart: theirs.apart, autoApart: ours.apart },
      ...{ descentRejected: theirs.rejected, autoRejected: ours.rejected },
    },
  });
}

function sheet(
  subject: Subject,
  { model, image, latent, pictures, errors }: SeedCloud,
  method: string,
): SheetPicture {
  const { title } = SUBJECTS[subject];
  const count = Math.min(SHOWN, latent.shape[0]!);
  return {
    file: `fig11-${subject}${method === 'descent' ? '-descent' : ''}`,
    caption: `A picture, ${count} of its seeds and what each grows, with the squared error (${title}, found by ${method}).`,
    title: `Seeds of one picture, ${title}, by ${method}`,
    rows: [
      { label: 'seeds', pictures: [undefined, ...seedPictures(model, rows(latent, 0, count))] },
      {
        label: 'original, and what they grow',
        pictures: [unstack(image)[0], ...unstack(rows(pictures, 0, count))],
        captions: [undefined, ...errors.slice(0, count).map(error => figure(error, 2))],
      },
    ],
  };
}
