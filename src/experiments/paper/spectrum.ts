import { lineFigure } from '../../figures/line.ts';
import { cloudStatistics, meanSeed } from '../../latent/cloud.ts';
import { marchenkoPastur } from '../../latent/marchenko-pastur.ts';
import { principalComponents } from '../../latent/pca.ts';
import { sensitiveDirections } from '../../latent/sensitive.ts';
import { median } from '../../tensor/statistics.ts';
import { type Floats, rows, sizeOf } from '../../tensor/tensor.ts';
import { figure, judged, ofOne, withInterval } from './claims.ts';
import { experiment, perSubject, randomSeeds } from './lab.ts';

/** Directions of the data manifold that are sought, and rounds of the search. */
const DIRECTIONS = 8;
const ROUNDS = 8;
/** An eigenvalue is outside of chance where it lies beyond the law's edge by so much, in parts of it. */
const MARGIN = 0.1;
/** So many more of them than noise has may be chance still. */
const CHANCE = 2;

/** The variances of a cloud compared with those of noise (Asperti et al. 2023, section 5.1.1), and whether it is orthogonal to the data. */
export const spectrum = experiment({
  name: 'spectrum',
  title: 'eigenvalues of a cloud, and its angle to the data manifold',
  needs: ['fashion-mnist', 'data:fashion-mnist'],
  measure: lab =>
    perSubject(lab, async subject => {
      const { latent, model } = await lab.cloud(subject);
      const count = latent.shape[0]!;
      const dims = sizeOf(latent.shape.slice(1));
      const own = spectrumOf(latent);
      const noise = spectrumOf(randomSeeds(lab, model, count, 'spectrum'));
      const { directions } = await sensitiveDirections(lab.runtime, model, meanSeed(latent), {
        count: DIRECTIONS,
        rounds: ROUNDS,
        rng: lab.rng,
      });
      const within = cloudStatistics(latent).varianceWithin;
      const along = ofOne(
        variancesAlong(latent, directions).map(v => v / within),
        lab.rng,
      );
      const random = ofOne(
        variancesAlong(latent, unit(randomSeeds(lab, model, DIRECTIONS, 'angles'))).map(v => v / within),
        lab.rng,
      );
      return { numbers: { subject, seeds: count, dims, own, noise, along, random } };
    }),
  report: subjects => ({
    claims: subjects.flatMap(({ title, seeds, dims, own, noise, along, random }) => {
      const [wide, thin] = [own.above > noise.above + CHANCE, own.below > noise.below + CHANCE];
      const share = along.mean;
      const orthogonal = along.high < 0.5 * random.low;
      return [
        judged({
          n: 1,
          number: own.least,
          against: own.greatest,
          paper: `Eigenvalues of the cloud span between .0001 and 4: it is elongated in some directions and thin in others (${title}; the paper's numbers are CIFAR-10's).`,
          ours: `${seeds} seeds in ${dims} dimensions: ${own.variances.length} eigenvalues from ${figure(own.least)} to ${figure(own.greatest)}; ${own.above} above and ${own.below} below what chance gives`,
          control: `an isotropic cloud of this size has them from ${figure(own.low)} to ${figure(own.high)} by Marchenko and Pastur; noise of this size, drawn: ${figure(noise.least)} to ${figure(noise.greatest)}, ${noise.above} above, ${noise.below} below`,
          numbersSay: wide && thin ? 'holds' : wide || thin ? 'partly' : seeds > dims ? 'fails' : 'open',
          because:
            wide || thin
              ? `The cloud has a shape: ${own.above} directions wider and ${own.below} narrower than chance; the spread between the others is what any ${seeds} points in ${dims} dimensions show.`
              : seeds > dims
                ? 'The spread of the eigenvalues is what chance gives: the cloud shows no shape.'
                : `The spread of the eigenvalues is what chance gives ${seeds} points in ${dims} dimensions; directions in which the cloud is thin need not be among its ${own.variances.length} components.`,
          values: {
            least: own.least,
            greatest: own.greatest,
            above: own.above,
            below: own.below,
            noiseAbove: noise.above,
            noiseBelow: noise.below,
          },
        }),
        judged({
          number: along,
          against: random,
          paper: `The cloud is elongated along directions orthogonal to the data manifold (${title}).`,
          ours: `variance of the cloud along the ${DIRECTIONS} directions in which a seed moves its picture most: ${withInterval(along)} of its mean variance`,
          control: `along random directions ${withInterval(random)}; a cloud in no relation to the data has 1`,
          numbersSay: orthogonal ? 'holds' : along.high < random.low ? 'partly' : 'fails',
          because: orthogonal
            ? `Along the data manifold the cloud is ${figure(1 / share, 2)} times thinner than elsewhere: it stands across it, though not at right angles exactly.`
            : `Along the data manifold the cloud keeps ${figure(share, 2)} of its variance.`,
          values: { along, random },
        }),
      ];
    }),
    plots: subjects.map(({ title, subject, own, noise }) => ({
      file: `spectrum-${subject}`,
      caption: `Eigenvalues of the cloud, most first, beside those of an isotropic cloud of the same size (${title}).`,
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
      'With fewer seeds than dimensions the directions in which the cloud is thin cannot all be seen among its components; the variance along the directions of the sampler sees them.',
    ],
  }),
});

/** Enough of a curve to draw it. */
function points(values: readonly number[]): [number, number][] {
  const stride = Math.max(1, Math.floor(values.length / 100));
  return Array.from(values.entries())
    .filter(([i, value]) => i % stride === 0 && value > 0)
    .map(([i, value]) => [i + 1, value]);
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

/** Variance of the seeds about their mean along unit directions. */
function variancesAlong(latent: Floats, directions: Floats): number[] {
  const count = latent.shape[0]!;
  const width = sizeOf(latent.shape.slice(1));
  return Array.from({ length: directions.shape[0]! }, (_, d) => {
    const direction = rows(directions, d, d + 1).data;
    const along = Array.from({ length: count }, (_, k) => {
      let sum = 0;
      for (let i = 0; i < width; i++) sum += latent.data[k * width + i]! * direction[i]!;
      return sum;
    });
    const mean = along.reduce((sum, value) => sum + value, 0) / count;
    return along.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (count - 1);
  });
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
