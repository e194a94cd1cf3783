import { cloudStatistics } from '../../latent/cloud.ts';
import { type Floats, sizeOf } from '../../tensor/tensor.ts';
import { figure, judged, type Sampled, withInterval } from './claims.ts';
import { experiment, noiseFor, perCloud, perSubject } from './lab.ts';

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
      const dims = sizeOf((await lab.cloud(subject, 0)).latent.shape.slice(1));
      const means = await perCloud(lab, subject, async cloud => {
        const none = spread(noiseFor(lab, cloud, cloud.latent.shape[0]!, 'distances'));
        const own = spread(cloud.latent);
        return { own, none, share: own.apart / none.apart };
      });
      return { numbers: { dims, ...means } };
    }),
  report(subjects) {
    const rows = subjects.map(({ title, dims, own, none }) => [
      title,
      withInterval(own.euclidean),
      figure(none.euclidean.mean),
      withInterval(own.apart),
      figure(none.apart.mean),
      `${figure(own.norm.mean)} of ${figure(Math.sqrt(dims))}`,
      withInterval(own.correlation),
    ]);
    const claims = subjects.map(({ title, model, own, none, share }) => {
      const near = ({ mean }: Sampled) => Math.abs(mean - PAPER) <= NEAR;
      const fitting = [
        ...(near(own.apart) ? ['the distance of two seeds per coordinate'] : []),
        ...(near(own.fromMean) ? ["a seed's distance per coordinate from the mean seed"] : []),
      ];
      const wide = share.low > 0.5;
      return judged({
        models: [model],
        number: own.apart,
        against: none.apart,
        rests: [own.euclidean, share],
        paper: `The average Euclidean distance among seeds of one picture is "very high, around 0.9" (${title}).`,
        ours: `Euclidean ${withInterval(own.euclidean)}; per coordinate, root mean square, ${withInterval(own.apart)}; from the mean seed, per coordinate, ${withInterval(own.fromMean)}`,
        control: `independent noise: Euclidean ${figure(none.euclidean.mean)}, per coordinate ${figure(none.apart.mean)}, from its mean ${figure(none.fromMean.mean)}`,
        numbersSay: near(own.euclidean) ? 'holds' : wide ? 'partly' : 'fails',
        because: `The seeds lie ${wide ? 'far apart' : 'near each other'}, at ${withInterval(share)} of the distance of independent noise; ${own.least.mean > PAPER ? `the nearest two, of norm ${figure(own.norm.mean)}, are not within a Euclidean ${figure(PAPER, 1)}` : `the nearest two are a Euclidean ${figure(own.least.mean)} apart`}, and ${fitting.length > 0 ? `what fits the number is ${fitting.join(' or ')}` : 'the number does not fit the distance per coordinate either, between seeds or from their mean'}.`,
        values: {
          euclidean: own.euclidean,
          rms: own.apart,
          noise: none.apart,
          fromMean: own.fromMean,
          least: own.least,
          correlation: own.correlation,
          norm: own.norm,
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

/** How far the seeds of one cloud lie apart. */
function spread(latent: Floats) {
  const { distance, variance, varianceWithin, correlation } = cloudStatistics(latent);
  return {
    ...{ euclidean: distance.mean, least: distance.least, apart: distance.rms, correlation },
    norm: Math.sqrt(variance * sizeOf(latent.shape.slice(1))),
    fromMean: Math.sqrt(varianceWithin),
  };
}
