import { prepare } from '../../diffusion/batches.ts';
import { createEncoder } from '../../embedding/finders.ts';
import { meanSeed } from '../../latent/cloud.ts';
import { groupMeans } from '../../latent/combinations.ts';
import { symmetricEigen } from '../../tensor/eigen.ts';
import { correlation } from '../../tensor/statistics.ts';
import { type Floats, float32, rows, unstack } from '../../tensor/tensor.ts';
import { figure, judged, ofOne, withInterval } from './claims.ts';
import { BATCH, experiment, find, perSubject, randomSeeds, readPictures } from './lab.ts';

/** Side of the paper's single convolution. */
const KERNEL = 5;

/** Whether a seed is its picture rescaled (Asperti et al. 2023, section 5.2: so on MNIST, not on CIFAR-10). */
export const rescaled = experiment({
  name: 'rescaled',
  title: 'is the seed the picture, rescaled?',
  needs: ['fashion-mnist', 'data:fashion-mnist'],
  measure: lab =>
    perSubject(
      lab,
      async subject => {
        const { latent, image, model } = await lab.cloud(subject);
        const { padding, range } = model.info;
        const x = prepare(image, padding, range);
        const mean = meanSeed(latent);
        const [scaled, convolved] = [correlation(x.data, mean.data) ** 2, convolutionFit(x, mean)];
        const quarters = ofOne(
          unstack(groupMeans(latent, Math.floor(latent.shape[0]! / 4))).map(part =>
            convolutionFit(x, float32([1, ...part.shape], part.data)),
          ),
          lab.rng,
        );
        const singles = ofOne(
          Array.from({ length: latent.shape[0]! }, (_, i) => {
            return correlation(x.data, rows(latent, i, i + 1).data) ** 2;
          }),
          lab.rng,
        );
        const noise = convolutionFit(x, meanSeed(randomSeeds(lab, model, latent.shape[0]!, 'rescaled')));
        const embedded = await embeddedFit(subject === 'fashion-mnist');
        const data = await lab.data(subject, 'test');
        const several = await readPictures(data, 1, Math.min(data.length, 1 + lab.sizes.shown));
        const { latent: seeds } = await find(lab, model, several);
        const prepared = prepare(several, padding, range);
        const elsewhere = ofOne(
          unstack(prepared).map((picture, i) => correlation(picture.data, rows(seeds, i, i + 1).data) ** 2),
          lab.rng,
        );
        const foreign = ofOne(
          Array.from({ length: several.shape[0]! }, (_, i) => convolutionFit(rows(prepared, i, i + 1), mean)),
          lab.rng,
        );

        async function embeddedFit(there: boolean): Promise<number | undefined> {
          if (!there || !lab.has('fashion-mnist-embedder')) return undefined;
          const embedder = await lab.embedder('fashion-mnist-embedder');
          const encoder = await createEncoder(lab.runtime, embedder, BATCH);
          const seed = await encoder.run(x);
          await encoder.dispose();
          return convolutionFit(x, seed);
        }
        return {
          numbers: {
            subject,
            scaled,
            convolved,
            quarters,
            singles,
            noise,
            embedded,
            elsewhere,
            foreign,
            count: several.shape[0]!,
          },
        };
      },
      ['mnist', 'fashion-mnist', 'cifar10'],
    ),
  report: subjects => ({
    claims: subjects.map(
      ({
        title,
        subject,
        scaled,
        convolved,
        quarters,
        singles,
        noise,
        embedded,
        elsewhere,
        foreign,
        count,
      }) => {
        const so = convolved > 0.5 && convolved > foreign.high;
        const expected = subject === 'cifar10' ? !so : so;
        return judged({
          number: convolved,
          against: foreign,
          paper:
            subject === 'cifar10'
              ? 'On CIFAR-10 the seed is not a rescaled version of the picture.'
              : `The seed is roughly the picture, suitably rescaled (${title}${subject === 'mnist' ? '' : '; the paper says so of MNIST'}).`,
          ours: `share of the mean seed's variance that the picture explains: ${figure(scaled)} by one factor, ${figure(convolved)} by a ${KERNEL} x ${KERNEL} convolution (of the means of quarters of the cloud ${withInterval(quarters)}); of single seeds by one factor ${withInterval(singles)}, of those of ${count} other pictures ${withInterval(elsewhere)}${embedded === undefined ? '' : `; of the embedder's seed by the convolution ${figure(embedded)}`}`,
          control: `by a convolution of another picture ${withInterval(foreign)}; of the mean of as many random seeds by one of this picture ${figure(noise)}`,
          numbersSay: expected ? (subject === 'cifar10' || scaled > 0.5 ? 'holds' : 'partly') : 'fails',
          because: so
            ? `A convolution of the picture explains ${figure(convolved, 2)} of the mean seed, another picture's ${figure(foreign.mean, 2)}, one factor ${figure(scaled, 2)}; of a single seed one factor explains ${figure(singles.mean, 2)}.`
            : `A convolution of the picture explains ${figure(convolved, 2)} of the mean seed, one of another picture ${figure(foreign.mean, 2)}.`,
          values: { scaled, convolved, single: singles, noise, foreign },
        });
      },
    ),
  }),
});

/**
 * The share of z's variance that the best convolution of x with an offset explains, by least squares over all pixels; each
 * channel by all channels.
 */
export function convolutionFit(x: Floats, z: Floats): number {
  const [, channels = 0, height = 0, width = 0] = x.shape;
  const reach = (KERNEL - 1) / 2;
  const taps = channels * KERNEL ** 2 + 1;
  const plane = height * width;
  const design = new Float64Array(plane * taps);
  for (let y = 0; y < height; y++)
    for (let at = 0; at < width; at++) {
      const row = (y * width + at) * taps;
      let tap = 0;
      for (let c = 0; c < channels; c++)
        for (let dy = -reach; dy <= reach; dy++)
          for (let dx = -reach; dx <= reach; dx++, tap++) {
            const [v, u] = [y + dy, at + dx];
            const inside = v >= 0 && v < height && u >= 0 && u < width;
            if (inside) design[row + tap] = x.data[(c * height + v) * width + u]!;
          }
      design[row + tap] = 1;
    }
  const gram = new Float64Array(taps * taps);
  for (let p = 0; p < plane; p++)
    for (let i = 0; i < taps; i++) {
      const value = design[p * taps + i]!;
      if (value !== 0) for (let j = 0; j < taps; j++) gram[i * taps + j]! += value * design[p * taps + j]!;
    }
  const { values, vectors } = symmetricEigen(gram, taps);
  let [left, total] = [0, 0];
  for (let c = 0; c < channels; c++) {
    const target = z.data.subarray(c * plane, (c + 1) * plane);
    const mean = target.reduce((sum, value) => sum + value, 0) / plane;
    const products = new Float64Array(taps);
    let squares = 0;
    target.forEach((value, p) => {
      squares += value ** 2;
      total += (value - mean) ** 2;
      for (let i = 0; i < taps; i++) products[i]! += design[p * taps + i]! * value;
    });
    left += squares;
    values.forEach((value, k) => {
      if (value <= 1e-9 * values[0]!) return;
      let along = 0;
      for (let i = 0; i < taps; i++) along += vectors[k * taps + i]! * products[i]!;
      left -= along ** 2 / value;
    });
  }
  return total > 0 ? 1 - left / total : 0;
}
