import { prepare } from '../../diffusion/batches.ts';
import { lineFigure } from '../../figures/line.ts';
import { cloudStatistics, variancesAlong } from '../../latent/cloud.ts';
import { marchenkoPastur } from '../../latent/marchenko-pastur.ts';
import { principalComponents } from '../../latent/pca.ts';
import { average, median } from '../../tensor/statistics.ts';
import { type Floats, rows, sizeOf } from '../../tensor/tensor.ts';
import { above, below, type Claim, judged, orInPart, worded } from './claims.ts';
import {
  experiment,
  type Lab,
  type Named,
  noiseFor,
  perCloud,
  perSubject,
  readPictures,
  type SeedCloud,
  type Subject,
} from './lab.ts';
import { figure, type Sampled, withInterval } from './means.ts';
import { alongSensitive, SENSITIVE, TANGENT } from './measure/tangent.ts';

/** Less than this part of the mean variance is thin, more than so many times it wide. */
const THIN = 0.5;
const WIDE = 2;
/** Training pictures whose principal components stand for the data manifold, and how many of these. */
const PICTURES = 1000;
const DATA = 32;

/** The variances of clouds compared with those of noise (Asperti et al. 2023, section 5.1.1), and whether they are orthogonal to the data. */
export const spectrum = experiment({
  name: 'spectrum',
  title: 'variances of a cloud along its components and along the data manifold',
  needs: ['fashion-mnist', 'data:fashion-mnist'],
  measure: lab => perSubject(lab, subject => measureSpectrum(lab, subject)),
  report: subjects => ({
    claims: subjects.flatMap(subject => [thinClaim(subject), wideClaim(subject), angleClaim(subject)]),
    tables: [
      {
        title: 'Variance of a cloud, in parts of its mean variance',
        columns: ['', ...subjects.map(({ title }) => title)],
        rows: [
          [
            `along the ${TANGENT} directions in which a seed moves its picture most`,
            ...subjects.map(({ along }) => withInterval(along)),
          ],
          ['along those after them', ...subjects.map(({ next }) => withInterval(next))],
          ['along all others', ...subjects.map(({ rest }) => withInterval(rest))],
          [
            `along the ${DATA} principal components of the data`,
            ...subjects.map(({ data }) => withInterval(data)),
          ],
          [`along ${TANGENT} random ones`, ...subjects.map(({ random }) => withInterval(random))],
          [
            'along the one widest on half of the seeds, on the other half',
            ...subjects.map(({ top }) => withInterval(top)),
          ],
          ['the same of noise', ...subjects.map(({ noise }) => withInterval(noise.top))],
        ],
      },
    ],
    plots: subjects.map(({ title, subject, own, noise }) => ({
      file: `spectrum-${subject}`,
      caption: `Eigenvalues of a cloud, most first, compared with those of an isotropic cloud of the same size, means over pictures (${title}).`,
      svg: lineFigure({
        title: `Eigenvalues of a cloud, ${title}`,
        x: { label: 'component' },
        y: { label: 'variance along it', log: true },
        series: [
          { name: 'the cloud', points: points(own.variances) },
          { name: 'noise, drawn', points: points(noise.variances) },
          { name: 'noise, Marchenko and Pastur', points: points(own.expected), dashed: true },
        ],
      }),
    })),
    notes: [
      `With fewer seeds than dimensions the directions in which a cloud is thin cannot be seen among its components; its variance along the right singular vectors of the sampler's Jacobian at the mean seed sees them: the ${TANGENT} greatest, those after them up to ${SENSITIVE}, and what is left of the variance outside of all these.`,
    ],
  }),
});

type Spectrum = Awaited<ReturnType<typeof measureSpectrum>>['numbers'] & Named;

async function measureSpectrum(lab: Lab, subject: Subject) {
  const { latent, model } = await lab.cloud(subject, 0);
  const [seeds = 0, ...shape] = latent.shape;
  const train = await lab.data(subject, 'train');
  const pictures = await readPictures(train, 0, Math.min(PICTURES, train.length));
  const { components } = principalComponents(prepare(pictures, model.info.padding, model.info.range));
  const data = rows(components, 0, Math.min(DATA, components.shape[0]!));
  const means = await perCloud(lab, subject, cloud => variancesOf(lab, cloud, data));
  return { numbers: { ...{ subject, seeds, dims: sizeOf(shape) }, ...means } };
}

/** The eigenvalues of a cloud beside those of noise, and its variance along the sampler's sensitive directions and along the data's. */
async function variancesOf(lab: Lab, cloud: SeedCloud, manifold: Floats) {
  const { latent } = cloud;
  const count = latent.shape[0]!;
  const dims = sizeOf(latent.shape.slice(1));
  const { variances } = await alongSensitive(lab, cloud);
  const within = cloudStatistics(latent).varianceWithin;
  const parts = variances.map(variance => variance / within);
  const relative = (directions: Floats) => average(variancesAlong(latent, directions)) / within;
  const random = relative(unit(noiseFor(lab, cloud, TANGENT, 'angles')));
  const [along, data] = [average(parts.slice(0, TANGENT)), relative(manifold)];
  const drawn = noiseFor(lab, cloud, count, 'spectrum');
  const own = { ...spectrumOf(latent, within), top: topOnOthers(latent) };
  const noise = { ...spectrumOf(drawn, cloudStatistics(drawn).varianceWithin), top: topOnOthers(drawn) };
  return {
    ...{ own, noise, top: own.top, along, random, data },
    ...{ share: along / random, across: data / random },
    next: average(parts.slice(TANGENT)),
    rest: (dims - parts.reduce((sum, part) => sum + part, 0)) / (dims - parts.length),
  };
}

/**
 * The variance of half the seeds along the direction that is widest on the other half, in parts of their mean variance, mean
 * over both ways: no more than that of the widest direction, and 1 where all are alike.
 */
function topOnOthers(latent: Floats): number {
  const count = latent.shape[0]!;
  const middle = Math.floor(count / 2);
  const halves = [rows(latent, 0, middle), rows(latent, middle, count)] as const;
  const along = (seeds: Floats, from: Floats) => {
    const { components } = principalComponents(from);
    return variancesAlong(seeds, rows(components, 0, 1))[0]! / cloudStatistics(seeds).varianceWithin;
  };
  return average([along(halves[0], halves[1]), along(halves[1], halves[0])]);
}

function thinClaim({ title, model, seeds, dims, own, noise, along, random, rest }: Spectrum): Claim {
  const thin = below(along, THIN);
  return judged({
    models: [model],
    number: along,
    against: random,
    paper: `The cloud is thin along some directions (${title}; the paper: eigenvalues down to .0001, of CIFAR-10).`,
    ours: `along the ${TANGENT} directions in which a seed moves its picture most the variance is ${withInterval(along)} of the mean one, outside of ${SENSITIVE} such directions ${withInterval(rest)}; the eigenvalues of ${seeds} seeds in ${dims} dimensions, in the same terms, go down to ${withInterval(own.least)}`,
    control: `along random directions ${withInterval(random)}; eigenvalues of as many of noise go down to ${withInterval(noise.least)}`,
    asked: `less than ${figure(THIN, 1)} of the mean variance`,
    numbersSay: thin,
    because: worded(thin, {
      holds: `The cloud is thin where a seed moves its picture, ${figure(random.mean / along.mean, 2)} times as thin as along random directions; the spread of its eigenvalues alone would not show it, as noise has nearly the same.`,
      fails: 'The cloud is thin in none of the directions that were looked at.',
      open: `Whether the cloud is thin where a seed moves its picture, ${withInterval(along, 2)} of its mean variance, cannot be told.`,
    }),
    values: { along, random, rest, least: own.least },
  });
}

function wideClaim({ title, model, seeds, dims, own, noise, top }: Spectrum): Claim {
  const wide = above(top, WIDE);
  return judged({
    models: [model],
    number: top,
    against: noise.top,
    paper: `The cloud is elongated along some directions (${title}; the paper: eigenvalues up to 4, of CIFAR-10).`,
    ours: `along the direction that is widest on half of the seeds, the variance of the other half is ${withInterval(top)} of the mean one; the greatest eigenvalue of ${seeds} seeds in ${dims} dimensions, in the same terms, is ${withInterval(own.greatest)}`,
    control: `of noise ${withInterval(noise.top)}, its greatest eigenvalue ${withInterval(noise.greatest)}, by Marchenko and Pastur ${withInterval(noise.high)}`,
    asked: `more than ${WIDE} times the mean variance`,
    // So few seeds find a wide direction in part only.
    numbersSay: wide === 'holds' || seeds > dims ? wide : 'open',
    because: worded(wide === 'holds' || seeds > dims ? wide : 'open', {
      holds: `The cloud is elongated: along one direction at least it varies ${withInterval(top, 2)} times as much as on average.`,
      fails: 'The spread of the eigenvalues is what chance gives: the cloud is elongated along no direction.',
      open: `What half of the ${seeds} seeds show of a wide direction, the other half has ${withInterval(top, 2)} times the mean variance along it; a direction that is wider than ${WIDE} times may have been missed.`,
    }),
    values: { top, noiseTop: noise.top, greatest: own.greatest },
  });
}

function angleClaim({ title, model, data, random, across }: Spectrum): Claim {
  const orthogonal = below(across, THIN);
  return judged({
    models: [model],
    number: data,
    against: random,
    rests: [across],
    paper: `The cloud is elongated along directions orthogonal to the data's principal components (${title}; the paper: to the data manifold).`,
    ours: `variance of the cloud along the first ${DATA} principal components of the data: ${withInterval(data)} of its mean variance`,
    control: `along random directions ${withInterval(random)}; a cloud in no relation to the data has 1`,
    asked: `less than ${figure(THIN, 1)} of the variance along random directions; in part, less than all of it`,
    numbersSay: orInPart(orthogonal, below(across, 1)),
    because: worded(orthogonal, {
      holds: `Along the data the cloud is ${figure(1 / across.mean, 2)} times thinner than elsewhere: it stands across them, though not at right angles exactly.`,
      fails: `Along the data the cloud keeps ${withInterval(across, 2)} of its variance.`,
      open: `Along the data the cloud keeps ${withInterval(across, 2)} of its variance, about as much as is asked, ${figure(THIN, 1)}.`,
    }),
    values: { data, random },
  });
}

/** Enough of a curve to draw it. */
function points(values: readonly Sampled[]): [number, number][] {
  const stride = Math.max(1, Math.floor(values.length / 100));
  return Array.from(values.entries())
    .filter(([i, { mean }]) => i % stride === 0 && mean > 0)
    .map(([i, { mean }]) => [i + 1, mean]);
}

/**
 * A cloud's eigenvalues in parts of its mean variance, beside the law of noise whose median eigenvalue is theirs (Gavish and
 * Donoho 2014, "The optimal hard threshold for singular values is 4/sqrt(3)"): a few wide directions would make the mean
 * variance too large for the rest, and all of these would look thin.
 */
function spectrumOf(latent: Floats, within: number) {
  const { variances } = principalComponents(latent);
  const relative = Array.from(variances, value => value / within);
  const count = latent.shape[0]!;
  const dims = sizeOf(latent.shape.slice(1));
  const law = marchenkoPastur(count, dims, 1).expected;
  const bulk = median(relative) / median(Array.from(law));
  const { low, high, expected } = marchenkoPastur(count, dims, bulk);
  return {
    ...{ variances: relative, expected: Array.from(expected), low, high },
    ...{ least: relative.at(-1)!, greatest: relative[0]! },
  };
}

function unit(t: Floats): Floats {
  const width = sizeOf(t.shape.slice(1));
  for (let row = 0; row < t.shape[0]!; row++) {
    const part = rows(t, row, row + 1).data;
    const norm = Math.hypot(...part);
    for (let i = 0; i < width; i++) part[i]! /= norm;
  }
  return t;
}
