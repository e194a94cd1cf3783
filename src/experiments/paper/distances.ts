import { cloudStatistics } from '../../latent/cloud.ts';
import { type Floats, sizeOf } from '../../tensor/tensor.ts';
import { above, below, type Claim, judged, worded } from './claims.ts';
import { experiment, type Named, noiseFor, perCloud, perSubject, type SeedCloud } from './lab.ts';
import { figure, type Means, type Sampled, withInterval } from './means.ts';

/** The paper's number. */
const PAPER = 0.9;
/** How near a reading must come to it to fit. */
const NEAR = 0.05;
/** Seeds lie far apart at more than this part of the distance of independent noise. */
const FAR = 0.5;

/** How far the seeds of one picture lie apart (Asperti et al. 2023, section 5.1: "around 0.9"), in its readings. */
export const distances = experiment({
  name: 'distances',
  title: 'how far the seeds of one picture lie apart',
  needs: ['fashion-mnist', 'data:fashion-mnist'],
  measure: lab =>
    perSubject(lab, async subject => {
      const dims = sizeOf((await lab.cloud(subject, 0)).latent.shape.slice(1));
      const means = await perCloud(lab, subject, async cloud =>
        compared(cloud, noiseFor(lab, cloud, cloud.latent.shape[0]!, 'distances')),
      );
      return { numbers: { dims, ...means } };
    }),
  report(subjects) {
    const rows = subjects.map(({ title, dims, own, none }) => [
      title,
      withInterval(own.euclidean),
      withInterval(none.euclidean),
      withInterval(own.apart),
      withInterval(none.apart),
      `${figure(own.norm.mean)} of ${figure(Math.sqrt(dims))}`,
      withInterval(own.correlation),
    ]);
    return {
      claims: subjects.flatMap(subject => [farClaim(subject), numberClaim(subject)]),
      tables: [
        {
          title: 'Distances in a cloud',
          columns: [
            '',
            'Euclidean',
            'of noise',
            'per coordinate',
            'of noise',
            'norm, of noise',
            'correlation of two seeds',
          ],
          rows,
        },
      ],
      notes: [
        'Per coordinate is the root mean square difference of a coordinate, 1.41 for independent standard normal seeds.',
      ],
    };
  },
});

type Distances = Means<ReturnType<typeof compared>> & Named;

/** How far the seeds of a cloud lie apart, and as many of noise. */
function compared({ latent }: SeedCloud, noise: Floats) {
  const [own, none] = [spread(latent), spread(noise)];
  return { own, none, share: own.apart / none.apart };
}

/** How far the seeds of one cloud lie apart. */
function spread(latent: Floats) {
  const { distance, variance, varianceWithin, correlation } = cloudStatistics(latent);
  return {
    ...{ euclidean: distance.mean, least: distance.least, apart: distance.rms, correlation },
    norm: Math.sqrt(variance * sizeOf(latent.shape.slice(1))),
    fromMean: Math.sqrt(varianceWithin),
  };
}

function farClaim({ title, model, own, none, share }: Distances): Claim {
  const far = above(share, FAR);
  return judged({
    models: [model],
    number: own.apart,
    against: none.apart,
    rests: [share],
    paper: `The distance among seeds of one picture is "very high" (${title}).`,
    ours: `per coordinate, root mean square, ${withInterval(own.apart)}; two seeds correlate by ${withInterval(own.correlation)}`,
    control: `independent noise: per coordinate ${withInterval(none.apart)}`,
    asked: `more than ${figure(FAR, 1)} of the distance of independent noise`,
    numbersSay: far,
    because: `The seeds lie ${worded(far, { holds: 'far apart', fails: 'near each other', open: 'neither near each other nor far apart' })}, at ${withInterval(share)} of the distance of independent noise.`,
    values: { rms: own.apart, noise: none.apart, correlation: own.correlation, norm: own.norm },
  });
}

/** Whether a mean is the paper's number, nearly. */
const fits = ({ mean }: Sampled) => Math.abs(mean - PAPER) <= NEAR;
/** Whether nothing that it may be lies at that number. */
const misses = (mean: Sampled) => [below(mean, PAPER - NEAR), above(mean, PAPER + NEAR)].includes('holds');

function numberClaim({ title, model, own, none }: Distances): Claim {
  const readings = [
    { what: 'the distance of two seeds per coordinate', mean: own.apart, chance: none.apart },
    {
      what: "a seed's distance per coordinate from the mean seed",
      mean: own.fromMean,
      chance: none.fromMean,
    },
  ].filter(({ mean, chance }) => fits(mean) && misses(chance));
  const nearest =
    own.least.mean > PAPER
      ? `The nearest two, of norm ${figure(own.norm.mean)}, are not within a Euclidean ${figure(PAPER, 1)}`
      : `The nearest two are a Euclidean ${figure(own.least.mean)} apart`;
  return judged({
    models: [model],
    number: own.euclidean,
    against: PAPER,
    rests: [own.apart, own.fromMean],
    paper: `The average Euclidean distance among seeds of one picture is "around 0.9" (${title}).`,
    ours: `Euclidean ${withInterval(own.euclidean)}; per coordinate, root mean square, ${withInterval(own.apart)}; from the mean seed, per coordinate, ${withInterval(own.fromMean)}`,
    control: `independent noise: Euclidean ${withInterval(none.euclidean)}, per coordinate ${withInterval(none.apart)}, from its mean ${withInterval(none.fromMean)}`,
    asked: `within ${figure(NEAR, 1)} of ${figure(PAPER, 1)}`,
    numbersSay: fits(own.euclidean) ? 'holds' : misses(own.euclidean) ? 'fails' : 'open',
    because: `${nearest}, and ${readings.length > 0 ? `what fits the number is ${readings.map(({ what }) => what).join(' or ')}` : 'the number is not that of the distance per coordinate either, between seeds or from their mean'}.`,
    values: { euclidean: own.euclidean, fromMean: own.fromMean, least: own.least },
  });
}
