import { prepare } from '../../diffusion/batches.ts';
import { seedPictures } from '../../diffusion/pictures.ts';
import { createEncoder } from '../../embedding/finders.ts';
import { meanSeed } from '../../latent/cloud.ts';
import { groupMeans } from '../../latent/combinations.ts';
import { correlation, rms } from '../../tensor/statistics.ts';
import { rows, type Tensor, unstack } from '../../tensor/tensor.ts';
import { figure, judged, ofOne, sampled, withInterval } from './claims.ts';
import { BATCH, experiment, type Lab, randomSeeds, readPictures } from './lab.ts';

/** The embedder's single seed beside the mean of the cloud (Asperti et al. 2023, section 5: "very close to the average"). */
export const canonical = experiment({
  name: 'canonical',
  title: "the embedder's seed and the mean of the cloud",
  needs: ['fashion-mnist', 'fashion-mnist-embedder', 'data:fashion-mnist'],
  async measure(lab) {
    const { latent, image, model } = await lab.cloud('fashion-mnist');
    const embedder = await lab.embedder('fashion-mnist-embedder');
    const { padding, range } = model.info;
    const data = await lab.data('fashion-mnist', 'test');
    const others = await readPictures(data, 1, Math.min(data.length, 1 + lab.sizes.sample));
    const encoder = await createEncoder(lab.runtime, embedder, BATCH);
    const [own, foreign] = [
      await encoder.run(prepare(image, padding, range)),
      await encoder.run(prepare(others, padding, range)),
    ];
    await encoder.dispose();
    const mean = meanSeed(latent);
    const count = latent.shape[0]!;
    const noise = randomSeeds(lab, model, lab.sizes.sample, 'canonical');
    return {
      numbers: compareSeeds(lab, latent, { mean, own, foreign, noise }),
      sheets: [
        {
          file: 'canonical',
          caption: `The picture, the mean of its ${count} seeds, the embedder's seed, and three of the seeds.`,
          title: 'A canonical seed?',
          rows: [
            {
              label: 'Fashion-MNIST',
              pictures: [
                unstack(image)[0],
                ...seedPictures(model, mean),
                ...seedPictures(model, own),
                ...seedPictures(model, rows(latent, 0, Math.min(3, count))),
              ],
              captions: ['picture', 'mean', 'embedder', 'seed', 'seed', 'seed'].slice(
                0,
                3 + Math.min(3, count),
              ),
            },
          ],
        },
      ],
    };
  },
  report({
    embedded,
    singleToOwn,
    singleDistance,
    quarters,
    theirs,
    otherPictures,
    random,
    noise,
    ownVariance,
  }) {
    const asNear = theirs.filter(value => value >= embedded.correlation).length;
    const near = embedded.correlation > 0.9 && embedded.distance < 0.5 * singleDistance.mean;
    const nearer = asNear === 0 && embedded.correlation > singleToOwn.high;
    return {
      claims: [
        judged({
          number: embedded.correlation,
          against: singleToOwn,
          paper:
            'The seed of the embedding network seems very close to the average of all seeds (Fashion-MNIST).',
          ours: `correlation ${figure(embedded.correlation)} (with the means of quarters of the cloud ${withInterval(quarters)}), distance per coordinate ${figure(embedded.distance)}; the mean's own variance is ${figure(noise)}, the embedder's seed's ${figure(ownVariance)}`,
          control: `correlation of the embedder's seed with single seeds ${withInterval(singleToOwn)} (distance ${withInterval(singleDistance)}); of its seeds of ${theirs.length} other pictures with this mean ${withInterval(otherPictures)}, at most ${figure(Math.max(...theirs))}; of random seeds ${withInterval(random)}`,
          numbersSay: near ? 'holds' : nearer ? 'partly' : 'fails',
          because: nearer
            ? `The embedder's seed is ${figure(embedded.correlation / singleToOwn.mean, 2)} times as correlated with the mean as with a seed, and nearer to it than the seeds of other pictures are${near ? '' : ', but it is another point than the mean'}.`
            : `The embedder's seed is ${figure(embedded.correlation / singleToOwn.mean, 2)} times as correlated with the mean as with a seed, and its seeds of ${asNear} of ${theirs.length} other pictures are as near.`,
          values: {
            correlation: embedded.correlation,
            distance: embedded.distance,
            single: singleToOwn,
            others: otherPictures,
            nearer: asNear,
            random,
          },
        }),
      ],
    };
  },
});

interface Compared {
  /** Of the cloud. */
  readonly mean: Tensor<'float32'>;
  /** The embedder's, of the cloud's picture, and of others. */
  readonly own: Tensor<'float32'>;
  readonly foreign: Tensor<'float32'>;
  readonly noise: Tensor<'float32'>;
}

/** How near the embedder's seed is to the mean of the cloud, and how near it, its seeds of other pictures, and noise are otherwise. */
function compareSeeds(lab: Lab, cloud: Tensor<'float32'>, { mean, own, foreign, noise }: Compared) {
  const { rng } = lab;
  const to = (target: Tensor<'float32'>) => (z: Tensor<'float32'>) => ({
    correlation: correlation(z.data, target.data),
    distance: rms(z.data.map((value, i) => value - target.data[i]!)),
  });
  const single = unstack(cloud).map(to(own));
  const quarters = unstack(groupMeans(cloud, Math.floor(cloud.shape[0]! / 4)));
  const toMean = (seeds: Tensor<'float32'>) => unstack(seeds).map(z => to(mean)(z).correlation);
  const theirs = toMean(foreign);
  return {
    embedded: to(mean)(own),
    singleToOwn: ofOne(
      single.map(({ correlation: r }) => r),
      rng,
    ),
    singleDistance: ofOne(
      single.map(({ distance }) => distance),
      rng,
    ),
    quarters: ofOne(
      quarters.map(part => to(part)(own).correlation),
      rng,
    ),
    theirs,
    otherPictures: sampled(theirs, rng),
    random: sampled(toMean(noise), rng),
    noise: rms(mean.data) ** 2,
    ownVariance: rms(own.data) ** 2,
  };
}
