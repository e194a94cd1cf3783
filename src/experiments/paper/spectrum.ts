import { lineFigure } from '../../figures/line.ts';
import { cloudStatistics, variancesAlong } from '../../latent/cloud.ts';
import { marchenkoPastur } from '../../latent/marchenko-pastur.ts';
import { principalComponents } from '../../latent/pca.ts';
import { average, median } from '../../tensor/statistics.ts';
import { type Floats, rows, sizeOf } from '../../tensor/tensor.ts';
import { type Claim, figure, judged, type Sampled, withInterval } from './claims.ts';
import {
  experiment,
  type Lab,
  type Named,
  noiseFor,
  perCloud,
  perSubject,
  type SeedCloud,
  type Subject,
} from './lab.ts';
import { alongSensitive, SENSITIVE, TANGENT } from './measure/tangent.ts';

/** Pictures for which sensitive directions are sought. */
const PICTURES = 10;
/** An eigenvalue is outside of chance where it lies beyond the law's edge by so much, in parts of it. */
const MARGIN = 0.1;
/** So many more of them than noise has may be chance still. */
const CHANCE = 2;
/** Less than this part of the mean variance is thin. */
const THIN = 0.5;

/** The variances of clouds compared with those of noise (Asperti et al. 2023, section 5.1.1), and whether they are orthogonal to the data. */
export const spectrum = experiment({
  name: 'spectrum',
  title: 'variances of a cloud along its components and along the data manifold',
  needs: ['fashion-mnist', 'data:fashion-mnist'],
  measure: lab => perSubject(lab, subject => measureSpectrum(lab, subject)),
  report: subjects => ({
    claims: subjects.flatMap(subject => [spanClaim(subject), angleClaim(subject)]),
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
          [`along ${TANGENT} random ones`, ...subjects.map(({ random }) => withInterval(random))],
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
  const { latent } = await lab.cloud(subject, 0);
  const [seeds = 0, ...shape] = latent.shape;
  const pictures = Math.min(PICTURES, lab.sizes.clouds.pictures);
  const means = await perCloud(lab, subject, cloud => variancesOf(lab, cloud), pictures);
  return { numbers: { ...{ subject, seeds, dims: sizeOf(shape) }, ...means } };
}

/** The eigenvalues of a cloud beside those of noise, and its variance along the sampler's sensitive directions. */
async function variancesOf(lab: Lab, cloud: SeedCloud) {
  const { latent } = cloud;
  const count = latent.shape[0]!;
  const dims = sizeOf(latent.shape.slice(1));
  const { variances } = await alongSensitive(lab, cloud);
  const within = cloudStatistics(latent).varianceWithin;
  const parts = variances.map(variance => variance / within);
  const chance = variancesAlong(latent, unit(noiseFor(lab, cloud, TANGENT, 'angles')));
  const [along, random] = [average(parts.slice(0, TANGENT)), average(chance) / within];
  const [own, noise] = [spectrumOf(latent), spectrumOf(noiseFor(lab, cloud, count, 'spectrum'))];
  return {
    ...{ own, noise, wider: own.above - noise.above, narrower: own.below - noise.below },
    ...{ along, random, share: along / random },
    next: average(parts.slice(TANGENT)),
    rest: (dims - parts.reduce((sum, part) => sum + part, 0)) / (dims - parts.length),
  };
}

function spanClaim(found: Spectrum): Claim {
  const { title, model, seeds, dims, own, noise, wider, narrower, along, rest } = found;
  const [wide, fewer] = [wider.low > CHANCE, narrower.low > CHANCE];
  const thin = fewer || along.high < THIN;
  return judged({
    models: [model],
    number: own.greatest,
    against: noise.greatest,
    rests: [along, wider, narrower],
    paper: `Eigenvalues of the cloud span between .0001 and 4: it is elongated in some directions and thin in others (${title}; the paper's numbers are CIFAR-10's).`,
    ours: `${seeds} seeds of a picture in ${dims} dimensions: eigenvalues from ${withInterval(own.least)} to ${withInterval(own.greatest)}, ${withInterval(own.above)} above and ${withInterval(own.below)} below what chance gives; along the ${TANGENT} directions in which a seed moves its picture most the variance is ${withInterval(along)} of the mean one, outside of ${SENSITIVE} such directions ${withInterval(rest)}`,
    control: `an isotropic cloud of this size has them from ${figure(own.low.mean)} to ${figure(own.high.mean)} by Marchenko and Pastur; noise of this size, drawn: ${withInterval(noise.least)} to ${withInterval(noise.greatest)}, ${withInterval(noise.above)} above, ${withInterval(noise.below)} below`,
    numbersSay: wide && thin ? 'holds' : wide || thin ? 'partly' : seeds > dims ? 'fails' : 'open',
    because:
      wide || thin
        ? `The cloud ${wide ? `is wider than chance in ${figure(own.above.mean)} directions` : 'is wide in no direction beyond chance'} and ${along.high < THIN ? 'thin where a seed moves its picture' : fewer ? `narrower than chance in ${figure(own.below.mean)}` : 'thin in none'}; the spread of its other eigenvalues is what any ${seeds} points in ${dims} dimensions show.`
        : seeds > dims
          ? 'The spread of the eigenvalues is what chance gives: the cloud shows no shape.'
          : `The spread of the eigenvalues is what chance gives ${seeds} points in ${dims} dimensions, and along the sampler's directions the cloud is as wide as elsewhere.`,
    values: {
      ...{ least: own.least, greatest: own.greatest, above: own.above, below: own.below },
      ...{ noiseAbove: noise.above, noiseBelow: noise.below, along, rest },
    },
  });
}

function angleClaim({ title, model, along, random, share }: Spectrum): Claim {
  const orthogonal = share.high < THIN;
  return judged({
    models: [model],
    number: along,
    against: random,
    rests: [share],
    paper: `The cloud is elongated along directions orthogonal to the data manifold (${title}).`,
    ours: `variance of the cloud along the ${TANGENT} directions in which a seed moves its picture most: ${withInterval(along)} of its mean variance`,
    control: `along random directions ${withInterval(random)}; a cloud in no relation to the data has 1`,
    numbersSay: orthogonal ? 'holds' : share.high < 1 ? 'partly' : 'fails',
    because: orthogonal
      ? `Along the data manifold the cloud is ${figure(1 / share.mean, 2)} times thinner than elsewhere: it stands across it, though not at right angles exactly.`
      : `Along the data manifold the cloud keeps ${withInterval(share, 2)} of its variance.`,
    values: { along, random },
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
 * A cloud's eigenvalues beside the law of noise whose median eigenvalue is theirs (Gavish and Donoho 2014, "The optimal
 * hard threshold for singular values is 4/sqrt(3)"): a few wide directions would make the mean variance too large for the
 * rest, and all of these would look thin.
 */
function spectrumOf(latent: Floats) {
  const { variances } = principalComponents(latent);
  const count = latent.shape[0]!;
  const dims = sizeOf(latent.shape.slice(1));
  const unit = marchenkoPastur(count, dims, 1).expected;
  const bulk = median(Array.from(variances)) / median(Array.from(unit));
  const { low, high, expected } = marchenkoPastur(count, dims, bulk);
  return {
    variances: Array.from(variances),
    expected: Array.from(expected),
    low,
    high,
    least: variances.at(-1)!,
    greatest: variances[0]!,
    above: variances.filter(value => value > (1 + MARGIN) * high).length,
    below: variances.filter(value => value < (1 - MARGIN) * low).length,
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
