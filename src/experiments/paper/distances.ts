import { cloudStatistics } from '../../latent/cloud.ts';
import { innerProducts } from '../../tensor/products.ts';
import { sizeOf } from '../../tensor/tensor.ts';
import { figure, judged, ofOne, withInterval } from './claims.ts';
import { experiment, perSubject, randomSeeds, type SeedCloud } from './lab.ts';

/** The paper's number. */
const PAPER = 0.9;
/** How near a reading must come to it to fit. */
const NEAR = 0.1;

/** How far the seeds of one picture lie apart (Asperti et al. 2023, section 5.1: "around 0.9"), in its readings. */
export const distances = experiment({
  name: 'distances',
  title: 'how far the seeds of one picture lie apart',
  needs: ['fashion-mnist', 'data:fashion-mnist'],
  measure: lab =>
    perSubject(lab, async subject => {
      const { latent, model } = await lab.cloud(subject);
      const dims = sizeOf(latent.shape.slice(1));
      const noise = randomSeeds(lab, model, latent.shape[0]!, 'distances');
      return {
        numbers: {
          dims,
          own: cloudStatistics(latent),
          none: cloudStatistics(noise),
          apart: ofOne(distancesOf(latent), lab.rng),
        },
      };
    }),
  report(subjects) {
    const rows = subjects.map(({ title, dims, own, none, apart }) => [
      title,
      figure(own.distance.mean),
      figure(none.distance.mean),
      withInterval(apart),
      figure(none.distance.rms),
      `${figure(Math.sqrt(own.variance * dims))} of ${figure(Math.sqrt(dims))}`,
      figure(own.correlation),
    ]);
    const claims = subjects.map(({ title, dims, own, none, apart }) => {
      const norm = Math.sqrt(own.variance * dims);
      const fromMean = Math.sqrt(own.varianceWithin);
      const near = (value: number) => Math.abs(value - PAPER) <= NEAR;
      const fitting = [
        ...(near(apart.mean) ? ['the distance of two seeds per coordinate'] : []),
        ...(near(fromMean) ? ["a seed's distance per coordinate from the mean seed"] : []),
      ];
      const wide = own.distance.rms > 0.5 * none.distance.rms;
      return judged({
        number: apart,
        against: none.distance.rms,
        paper: `The average Euclidean distance among seeds of one picture is "very high, around 0.9" (${title}).`,
        ours: `Euclidean ${figure(own.distance.mean)}; per coordinate, root mean square, ${withInterval(apart)}; from the mean seed, per coordinate, ${figure(fromMean)}`,
        control: `independent noise: Euclidean ${figure(none.distance.mean)}, per coordinate ${figure(none.distance.rms)}, from its mean ${figure(Math.sqrt(none.varianceWithin))}`,
        numbersSay: near(own.distance.mean) ? 'holds' : wide ? 'partly' : 'fails',
        because: `The seeds lie ${wide ? 'far apart' : 'near each other'}, at ${figure(own.distance.rms / none.distance.rms)} of the distance of independent noise; ${own.distance.least > PAPER ? `no two of them, of norm ${figure(norm)}, are within a Euclidean ${figure(PAPER, 1)}` : `the nearest two are a Euclidean ${figure(own.distance.least)} apart`}, and ${fitting.length > 0 ? `what fits the number is ${fitting.join(' or ')}` : 'the number does not fit the distance per coordinate either, between seeds or from their mean'}.`,
        values: {
          euclidean: own.distance.mean,
          rms: apart,
          low: apart.low,
          high: apart.high,
          noise: none.distance.rms,
          fromMean,
          least: own.distance.least,
          correlation: own.correlation,
          norm,
        },
      });
    });
    return {
      claims,
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

/** Of each seed, the root mean square difference of a coordinate to all others. */
function distancesOf({ data, shape }: SeedCloud['latent']): number[] {
  const [count = 0, ...rest] = shape;
  const dims = sizeOf(rest);
  const rows = Float64Array.from(data);
  const products = innerProducts(rows, rows, dims);
  return Array.from({ length: count }, (_, i) => {
    let sum = 0;
    for (let j = 0; j < count; j++)
      sum += products[i * count + i]! + products[j * count + j]! - 2 * products[i * count + j]!;
    return Math.sqrt(sum / (count - 1) / dims);
  });
}
