import { seedPictures } from '../../diffusion/pictures.ts';
import { cloudStatistics } from '../../latent/cloud.ts';
import { createPanel } from '../../latent/gaussianity.ts';
import { summarise } from '../../latent/summary.ts';
import { meanSquares } from '../../tensor/statistics.ts';
import { rows, unstack } from '../../tensor/tensor.ts';
import {
  type Claim,
  figure,
  judged,
  ofOne,
  percent,
  type Sampled,
  type SheetPicture,
  withInterval,
} from './claims.ts';
import {
  errorsOf,
  experiment,
  type Lab,
  perSubject,
  randomSeeds,
  type SeedCloud,
  SUBJECTS,
  type Subject,
} from './lab.ts';

/** Seeds shown, as in the paper. */
const SHOWN = 5;
/** The subject whose cloud is sought by descent too. */
const BESIDE = 'mnist';

/** Different seeds of one picture (Asperti et al. 2023, fig. 11), by split inversion and by descent. */
export const fig11 = experiment({
  name: 'fig11',
  title: 'different seeds of one picture, and what each grows',
  needs: ['fashion-mnist', 'data:fashion-mnist'],
  async measure(lab) {
    const found = await perSubject(lab, async subject => {
      const cloud = await lab.cloud(subject);
      const random = randomSeeds(lab, cloud.model, lab.sizes.sample, 'others');
      const others = ofOne(await errorsOf(lab, cloud, random), lab.rng);
      const own = described(lab, cloud);
      const byDescent = subject === BESIDE ? await lab.cloud(subject, 'descent') : undefined;
      return {
        numbers: { own, others, ...(byDescent && { descent: described(lab, byDescent) }) },
        sheets: [sheet(subject, cloud, 'auto'), ...(byDescent ? [sheet(subject, byDescent, 'descent')] : [])],
      };
    });
    return { numbers: { subjects: found.numbers, how: lab.sizes.descent }, sheets: found.sheets };
  },
  report: ({ subjects, how }) => ({
    claims: [
      ...subjects.map(manySeeds),
      ...subjects.flatMap(one => (one.descent ? [byDescent({ ...one, descent: one.descent })] : [])),
    ],
    tables: [
      {
        title: 'Two ways to a cloud',
        columns: [
          '',
          'method',
          'seeds',
          'evaluations a seed',
          'squared error',
          'variance',
          'correlation',
          'distance per coordinate',
          'told from noise',
        ],
        rows: subjects.flatMap(({ title, own, descent }) => [
          row(title, 'auto', own),
          ...(descent
            ? [row(title, `descent by \`${how.recipe}\`, ${how.iterations} iterations`, descent)]
            : []),
        ]),
      },
    ],
    notes: [
      'Noise has variance 1, correlation 0, distance 1.41, and one in a hundred of its seeds is told from noise.',
    ],
  }),
});

type Cloud = ReturnType<typeof described>;
interface Found {
  readonly title: string;
  readonly own: Cloud;
  readonly others: Sampled;
}

/** The shape of a cloud, and how well its seeds grow their picture. */
function described(lab: Lab, { model, latent, errors, evaluations }: SeedCloud) {
  const { distance, correlation, variance } = cloudStatistics(latent);
  const panel = createPanel(model.info.shape);
  return {
    ...{ seeds: errors.length, evaluations, variance, correlation, apart: distance.rms },
    error: ofOne(errors, lab.rng),
    squares: ofOne(meanSquares(latent), lab.rng),
    rejected: summarise(panel, panel.judge(latent)).rejected,
  };
}

function row(title: string, method: string, cloud: Cloud): string[] {
  const { seeds, evaluations, error, variance, correlation, apart, rejected } = cloud;
  return [
    title,
    method,
    String(seeds),
    figure(evaluations, 4),
    withInterval(error),
    figure(variance),
    figure(correlation),
    figure(apart),
    percent(rejected),
  ];
}

function manySeeds({ title, own, others }: Found): Claim {
  const { error, correlation } = own;
  const holds = error.high < others.low / 10 && correlation < 0.9;
  return judged({
    number: error,
    against: others,
    paper: `One picture has many different seeds that all grow it (${title}).`,
    ours: `squared error ${withInterval(error)} over ${own.seeds} seeds whose coordinates correlate by ${figure(correlation)}`,
    control: `random seeds grow pictures at ${withInterval(others)}; one seed found again and again would correlate by 1`,
    numbersSay: holds ? 'holds' : error.high < others.low ? 'partly' : 'fails',
    because: `The seeds grow the picture ${figure(others.mean / error.mean, 2)} times nearer than random ones do, and share ${percent(correlation)} of their variance.`,
    values: { error, random: others, correlation },
  });
}

function byDescent({
  title,
  own: ours,
  descent: theirs,
  others,
}: Found & { readonly descent: Cloud }): Claim {
  const [a, b] = [theirs.squares, ours.squares];
  const differ = a.high < b.low || b.high < a.low;
  const grows = theirs.error.high < others.low / 10;
  const shape = (one: Cloud) =>
    `variance ${withInterval(one.squares)}, correlation ${figure(one.correlation)}, distance per coordinate ${figure(one.apart)}, squared error ${withInterval(one.error)}, ${percent(one.rejected)} told from noise`;
  return judged({
    number: a,
    against: b,
    rests: [theirs.error, others],
    paper: `Clouds are synthesised by gradient descent from random starts (section 5.1, ${title}).`,
    ours: `descent's ${theirs.seeds} seeds: ${shape(theirs)}, at ${figure(theirs.evaluations, 4)} evaluations`,
    control: `split inversion's ${ours.seeds}: ${shape(ours)}, at ${figure(ours.evaluations, 3)} evaluations`,
    numbersSay: grows ? (differ ? 'partly' : 'holds') : 'fails',
    because: `Descent ${grows ? 'finds seeds of the picture' : 'does not find seeds of the picture in so few iterations'}${differ ? ', but the method shapes the cloud' : ''}: its seeds have ${figure(a.mean / b.mean, 2)} times the variance of split inversion's, ${figure(theirs.apart / ours.apart, 2)} times the distance and ${figure(theirs.error.mean / ours.error.mean, 2)} times the error.`,
    values: {
      ...{ descentVariance: a.mean, autoVariance: b.mean },
      ...{ descentCorrelation: theirs.correlation, autoCorrelation: ours.correlation },
      ...{ descentError: theirs.error.mean, autoError: ours.error.mean },
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
