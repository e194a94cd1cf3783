import { prepare } from '../../diffusion/batches.ts';
import { createSampler } from '../../diffusion/sampler.ts';
import { lineFigure } from '../../figures/line.ts';
import { meanSeed } from '../../latent/cloud.ts';
import { pointsAt, withSquares } from '../../latent/combinations.ts';
import { combine } from '../../tensor/rowwise.ts';
import { average, meanSquaredErrors, meanSquares } from '../../tensor/statistics.ts';
import { type Floats, rows, sizeOf, takeRows } from '../../tensor/tensor.ts';
import { above, below, type Claim, judged, orInPart, worded } from './claims.ts';
import {
  BATCH,
  errorsAgainst,
  experiment,
  type Lab,
  type Named,
  noiseFor,
  perCloud,
  perSubject,
  type SeedCloud,
  type Subject,
} from './lab.ts';
import { curveOf, figure, type Means, withInterval } from './means.ts';
import { alongSensitive, SENSITIVE, TANGENT } from './measure/tangent.ts';

/** Random steps from the mean seed that those to the seeds are held against. */
const RANDOM = 16;
/** The part of the way to a seed on which the sampler is taken for linear, to both sides. */
const STEP = 0.02;
/** Seeds bend with their sheet where they spread the picture by less than this part of what random steps leave. */
const BENDS = 0.5;
/** Thick is so many times thicker than that posterior. */
const THICKER = 10;
/** The subject whose clouds are sought by descent too. */
const BESIDE = 'mnist';

/**
 * Is emb(x) flat? A flat cloud spreads the picture by what the sampler's Jacobian J at its mean seed m says,
 * E |J (z - m)|^2, which is at most the seeds' squared error, D e^2 over all D coordinates: along right singular vectors of J of
 * gains g its variances v add up to no more, sum g^2 v <= D e^2. A curved one spreads it less, and varies more. Beside it
 * stands the posterior of noise given the picture up to an error that is even over its coordinates, v = 1 / (1 + g^2 / e^2).
 */
export const sheet = experiment({
  name: 'sheet',
  title: 'is the set of seeds of a picture flat?',
  needs: ['fashion-mnist', 'data:fashion-mnist'],
  measure: lab =>
    perSubject(lab, async subject => ({
      numbers: {
        subject,
        own: await perCloud(lab, subject, cloud => bentness(lab, cloud)),
        descent: subject === BESIDE ? await byDescent(lab, subject) : undefined,
      },
    })),
  report: subjects => {
    const clouds = subjects.flatMap(({ own, descent, ...named }) => [
      { ...named, how: 'split inversion', cloud: own },
      ...(descent ? [{ ...named, how: 'descent', cloud: descent }] : []),
    ]);
    return {
      claims: clouds.flatMap(cloud => [bendClaim(cloud), thickClaim(cloud), excludedClaim(cloud)]),
      tables: [
        {
          title: 'What seeds spread their picture by, per coordinate, and how much they vary',
          columns: [
            '',
            'seeds by',
            'spread',
            'if the sampler were linear',
            'part',
            'of random steps as long',
            `variance along the ${TANGENT} most sensitive directions`,
            'that of the posterior, if the sampler were linear',
            'part of all the error that it would then make',
          ],
          rows: clouds.map(({ title, how, cloud }) => [
            title,
            how,
            ...[cloud.spread, cloud.flat, cloud.part, cloud.chance].map(value => withInterval(value)),
            ...[cloud.along, cloud.posterior, cloud.budget].map(value => withInterval(value)),
          ]),
        },
      ],
      plots: subjects.map(({ title, subject, own }) => ({
        file: `sheet-${subject}`,
        caption: `Variance of a cloud along each of the ${SENSITIVE} most sensitive directions, with 95 % intervals over pictures, beside what a linear sampler would leave (${title}).`,
        svg: lineFigure({
          title: `Along the sensitive directions, ${title}`,
          x: { label: 'direction, most sensitive first' },
          y: { label: 'variance of the seeds', log: true },
          series: [
            curveOf(
              'the cloud',
              own.variances.map((_, i) => i + 1),
              own.variances,
            ),
            {
              name: 'a linear sampler',
              points: own.posteriors.map(({ mean }, i) => [i + 1, mean] as const),
              dashed: true,
            },
          ],
        }),
      })),
      notes: [
        `J (z - m) is the difference of what grows ${STEP} of the way to both sides. The error e^2 is the seeds' own. Random steps are of the length of z - m, from the same m.`,
      ],
    };
  },
});

type Bentness = Means<Awaited<ReturnType<typeof bentness>>>;
type Told = Named & { readonly how: string; readonly cloud: Bentness };

/** The same of the few seeds that descent finds. */
function byDescent(lab: Lab, subject: Subject): Promise<Bentness> {
  const measure = async ({ index }: SeedCloud) => bentness(lab, await lab.cloud(subject, index, 'descent'));
  return perCloud(lab, subject, measure, lab.sizes.descent.pictures);
}

/** A cloud's spread and thickness beside those of a linear sampler. */
async function bentness(lab: Lab, cloud: SeedCloud) {
  const { model, image } = cloud;
  const { padding, range } = model.info;
  const { spread, flat, grown, random } = await growing(lab, cloud);
  const { gains, variances } = await alongSensitive(lab, cloud);
  const error = average(errorsAgainst(grown, prepare(image, padding, range)));
  const posteriors = gains.map(gain => 1 / (1 + gain ** 2 / error));
  const [along, posterior] = [variances, posteriors].map(all => average(all.slice(0, TANGENT))) as [
    number,
    number,
  ];
  const squares = variances.map((variance, i) => gains[i]! ** 2 * variance);
  // Variances have K - 1 as divisor, the error has K.
  const seeds = cloud.latent.shape[0]!;
  const made = (squares.slice(0, TANGENT).reduce((a, b) => a + b) * (seeds - 1)) / seeds;
  const budget = made / (error * sizeOf(model.info.shape));
  return {
    ...{ spread, flat, part: spread / flat, chance: random, share: spread / flat / Math.min(1, random) },
    ...{ along, posterior, thicker: along / posterior, variances, posteriors, error, budget },
  };
}

/** What a cloud's seeds grow and spread by, what a linear sampler would spread them by, and the part that is left to random steps. */
async function growing(lab: Lab, cloud: SeedCloud) {
  const { latent, model } = cloud;
  const mean = meanSeed(latent);
  const sampler = await createSampler(lab.runtime, model, model.info.sampler, BATCH);
  const grow = (points: Floats) => sampler.sample(points, (done, total) => lab.report?.(done, total));
  /** The spread by J (z - m), of points z about m. */
  const flatOf = async (points: Floats) => {
    const [ahead, behind] = [
      await grow(pointsAt(mean, points, STEP)),
      await grow(pointsAt(mean, points, -STEP)),
    ];
    return spreadOf(combine([1 / (2 * STEP), ahead], [-1 / (2 * STEP), behind]));
  };
  try {
    const grown = await grow(latent);
    const steps = randomSteps(lab, cloud, mean);
    return {
      grown,
      spread: spreadOf(grown),
      flat: await flatOf(latent),
      random: spreadOf(await grow(steps)) / (await flatOf(steps)),
    };
  } finally {
    await sampler.dispose();
  }
}

/** Points as far from a cloud's mean seed as its seeds, in random directions. */
function randomSteps(lab: Lab, cloud: SeedCloud, mean: Floats): Floats {
  const count = Math.min(RANDOM, cloud.latent.shape[0]!);
  const means = takeRows(mean, new Uint8Array(count));
  const lengths = meanSquares(combine([1, rows(cloud.latent, 0, count)], [-1, means]));
  return combine([1, means], [1, withSquares(noiseFor(lab, cloud, count, 'sheet'), lengths)]);
}

/** Mean square of a coordinate of points [n, ...] about their mean, with n - 1 as divisor. */
function spreadOf(points: Floats): number {
  const count = points.shape[0]!;
  const means = takeRows(meanSeed(points), new Uint8Array(count));
  return (average(meanSquaredErrors(points, means)) * count) / (count - 1);
}

function bendClaim({ title, model, how, cloud }: Told): Claim {
  const { spread, flat, part, chance, share } = cloud;
  const bends = below(share, BENDS);
  return judged({
    models: [model],
    number: part,
    against: chance,
    rests: [share],
    paper: `Beyond the paper: emb(x) is curved, so that its seeds spread the picture by far less than a flat cloud would (${title}, seeds by ${how}).`,
    ours: `the seeds spread the picture by ${withInterval(spread)} per coordinate, the sampler's Jacobian at their mean by ${withInterval(flat)}: ${withInterval(part)} of it is left`,
    control: `of as long steps in random directions ${withInterval(chance)} is left; of any with a linear sampler 1`,
    asked: `less than ${figure(BENDS, 1)} of what a linear sampler, or random steps, would leave; in part, less than all of it`,
    numbersSay: orInPart(bends, below(share, 1)),
    because:
      bends === 'holds'
        ? `The seeds bend with the sheet: ${withInterval(share)} of what a linear sampler, or random steps where these leave less, would leave is left to them.`
        : `What is left to the seeds is ${withInterval(share)} of what a linear sampler, or random steps where these leave less, would leave.`,
    values: { spread, flat, part, chance, share },
  });
}

function thickClaim({ title, model, how, cloud }: Told): Claim {
  const { along, posterior, thicker } = cloud;
  const thick = above(thicker, THICKER);
  return judged({
    models: [model],
    number: along,
    against: posterior,
    rests: [thicker],
    paper: `Beyond the paper: along the most sensitive directions the seeds vary more than ${THICKER} times as much as the posterior of a linear sampler (${title}, seeds by ${how}).`,
    ours: `variance along the ${TANGENT} directions in which the mean seed moves its picture most ${withInterval(along)}`,
    control: `through a linear sampler with the same gains, seeds drawn from noise given the picture, up to an error that is even over its coordinates, would vary by ${withInterval(posterior)}`,
    asked: `more than ${THICKER} times that posterior`,
    numbersSay: thick,
    because: `The cloud is ${withInterval(thicker)} times as thick there as that posterior.`,
    values: { along, posterior, thicker },
  });
}

function excludedClaim({ title, model, how, cloud }: Told): Claim {
  const { error, budget } = cloud;
  const excluded = above(budget, 1);
  return judged({
    models: [model],
    number: budget,
    against: 1,
    paper: `Beyond the paper: no flat set of seeds with this error, whatever its shape, varies as much along the most sensitive directions (${title}, seeds by ${how}).`,
    ours: `through a linear sampler with the same gains the variance along these ${TANGENT} directions alone would make ${withInterval(budget)} of the seeds' whole squared error, ${withInterval(error)} per coordinate`,
    control: 'with a linear sampler the part is 1 at most',
    asked: 'more than 1',
    numbersSay: excluded,
    because: worded(excluded, {
      holds: 'The cloud is thicker there than any flat set with its error.',
      fails: `A flat set could be as thick that puts ${withInterval(budget, 2)} of its error into these directions.`,
      open: `Whether a flat set could be as thick cannot be told: it would have to put ${withInterval(budget, 2)} of its error into these directions.`,
    }),
    values: { budget, error },
  });
}
