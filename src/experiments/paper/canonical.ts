import { prepare } from '../../diffusion/batches.ts';
import { seedPictures } from '../../diffusion/pictures.ts';
import { createEncoder } from '../../embedding/finders.ts';
import { meanSeed } from '../../latent/cloud.ts';
import { groupMeans } from '../../latent/combinations.ts';
import { average, correlation, rms } from '../../tensor/statistics.ts';
import { rows, type Tensor, unstack } from '../../tensor/tensor.ts';
import {
  above,
  below,
  type Claim,
  judged,
  less,
  orInPart,
  type SheetPicture,
  together,
  worded,
} from './claims.ts';
import { BATCH, experiment, type Lab, noiseFor, perCloud, readPictures, type SeedCloud } from './lab.ts';
import { figure, type Means, percentInterval, withInterval } from './means.ts';
import { commonShare } from './measure/common.ts';

/** Random seeds that each mean is held against. */
const RANDOM = 16;
/** Very close is what correlates by more than this part of what it could, at less than half a seed's distance. */
const NEAR = 0.9;
const HALF = 0.5;

/** The embedder's single seed beside the mean of the cloud (Asperti et al. 2023, section 5: "very close to the average"). */
export const canonical = experiment({
  name: 'canonical',
  title: "the embedder's seed and the mean of the cloud",
  needs: ['fashion-mnist', 'fashion-mnist-embedder', 'data:fashion-mnist'],
  async measure(lab) {
    const first = await lab.cloud('fashion-mnist', 0);
    const seeds = await embeddings(lab, first);
    const numbers = await perCloud(lab, 'fashion-mnist', async cloud => compareSeeds(lab, cloud, seeds));
    return { numbers: { others: seeds.length - 1, ...numbers }, sheets: [sheetOf(first, seeds[0]!)] };
  },
  report: numbers => ({ claims: [meanClaim(numbers), nearestClaim(numbers)] }),
});

type Compared = Means<ReturnType<typeof compareSeeds>> & { readonly others: number };

function meanClaim({ own, single, quarters, noise, ownVariance, close, random, ofCommon }: Compared): Claim {
  const very = together(above(ofCommon, NEAR), below(close, HALF));
  const nearer = together(less(single.correlation, own.correlation), below(close, 1));
  const near = orInPart(very, nearer);
  return judged({
    number: own.correlation,
    against: single.correlation,
    rests: [close, ofCommon],
    paper: 'The seed of the embedding network seems very close to the average of all seeds (Fashion-MNIST).',
    ours: `correlation ${withInterval(own.correlation)} (with the means of quarters of the cloud ${withInterval(quarters)}), in parts of what it could be with the mean of so few seeds ${withInterval(ofCommon)}; distance per coordinate ${withInterval(own.distance)}; the mean's own variance is ${withInterval(noise)}, the embedder's seed's ${withInterval(ownVariance)}`,
    control: `correlation of a seed of the cloud with the mean of the others ${withInterval(single.correlation)} (distance ${withInterval(single.distance)}), of random seeds ${withInterval(random)}`,
    asked: `more than ${figure(NEAR, 1)} of what the correlation could be, at less than ${figure(HALF, 1)} of a seed's distance from the mean; in part, nearer to it than the seeds are`,
    numbersSay: near,
    because: `The embedder's seed correlates with the mean by ${withInterval(ofCommon, 2)} of what it could, at ${withInterval(close, 2)} of the distance of a seed of the cloud from the mean of the others: ${worded(near, { holds: 'it is the mean, nearly', fails: 'it is no nearer than a seed of the cloud', open: near === 'partly' ? 'nearer to it than the seeds are, but not very close' : 'whether it is the mean cannot be told' })}. (The cloud is of split inversion, the paper's of descent.)`,
    values: { correlation: own.correlation, distance: own.distance, single: single.correlation, random },
  });
}

function nearestClaim({ others, own, theirs, nearest, first }: Compared): Claim {
  const nearer = above(first, HALF);
  return judged({
    number: first,
    against: HALF,
    paper:
      "Beyond the paper: the embedder's seed of a picture correlates more with the mean of its cloud than those of other pictures do (Fashion-MNIST).",
    ours: `so for ${percentInterval(first)} of the pictures; they correlate by ${withInterval(own.correlation)}`,
    control: `the embedder's seeds of ${others} other pictures correlate with this mean by ${withInterval(theirs)}, the nearest of them by ${withInterval(nearest)}`,
    asked: 'more than half of the pictures',
    numbersSay: nearer,
    because: `For ${percentInterval(first)} of the pictures the embedder's seed correlates more with the mean of their seeds than do those of ${others} other pictures${worded(nearer, { holds: '', fails: ': that is no more than half', open: ', which cannot be told from half' })}.`,
    values: { others: theirs, first },
  });
}

/** The embedder's seeds of the pictures that have clouds, and of others. */
async function embeddings(lab: Lab, { model }: SeedCloud): Promise<Tensor<'float32'>[]> {
  const { padding, range } = model.info;
  const data = await lab.data('fashion-mnist', 'test');
  const count = Math.min(data.length, Math.max(1 + lab.sizes.sample, lab.sizes.clouds.pictures));
  const embedder = await lab.embedder('fashion-mnist-embedder');
  const encoder = await createEncoder(lab.runtime, embedder, BATCH);
  const pictures = prepare(await readPictures(data, 0, count), padding, range);
  return unstack(await encoder.run(pictures).finally(() => encoder.dispose()));
}

/** How near the embedder's seed is to the mean of the cloud, and how near it, its seeds of other pictures, and noise are otherwise. */
function compareSeeds(lab: Lab, cloud: SeedCloud, seeds: readonly Tensor<'float32'>[]) {
  const mean = meanSeed(cloud.latent);
  const embedded = seeds[cloud.index]!;
  const apart = (a: Tensor<'float32'>, b: Tensor<'float32'>) => ({
    correlation: correlation(a.data, b.data),
    distance: rms(a.data.map((value, i) => value - b.data[i]!)),
  });
  const toMean = (all: readonly Tensor<'float32'>[]) => all.map(z => correlation(z.data, mean.data));
  const own = apart(embedded, mean);
  const count = cloud.latent.shape[0]!;
  // The mean of the others, to which a seed has not lent itself.
  const without = (z: Tensor<'float32'>): Tensor<'float32'> => ({
    ...mean,
    data: mean.data.map((value, i) => (count * value - z.data[i]!) / (count - 1)),
  });
  const singles = unstack(cloud.latent).map(z => apart(z, without(z)));
  const quarters = unstack(groupMeans(cloud.latent, Math.floor(cloud.latent.shape[0]! / 4)));
  const others = toMean(seeds.filter((_, k) => k !== cloud.index));
  const single = {
    correlation: average(singles.map(one => one.correlation)),
    distance: average(singles.map(one => one.distance)),
  };
  const nearest = Math.max(...others);
  return {
    ...{ own, single, nearest },
    quarters: average(quarters.map(part => correlation(part.data, embedded.data))),
    theirs: average(others),
    random: average(toMean(unstack(noiseFor(lab, cloud, RANDOM, 'canonical')))),
    noise: rms(mean.data) ** 2,
    ownVariance: rms(embedded.data) ** 2,
    close: own.distance / single.distance,
    ofCommon: own.correlation / Math.sqrt(commonShare(cloud.latent)),
    first: { ofOne: own.correlation > nearest ? 1 : 0 },
  };
}

function sheetOf({ latent, image, model }: SeedCloud, embedded: Tensor<'float32'>): SheetPicture {
  const count = latent.shape[0]!;
  const some = Math.min(3, count);
  return {
    file: 'canonical',
    caption: `The picture, the mean of its ${count} seeds, the embedder's seed, and three of the seeds.`,
    title: 'A canonical seed?',
    rows: [
      {
        label: 'Fashion-MNIST',
        pictures: [
          unstack(image)[0],
          ...seedPictures(model, meanSeed(latent)),
          ...seedPictures(model, { ...embedded, shape: [1, ...embedded.shape] }),
          ...seedPictures(model, rows(latent, 0, some)),
        ],
        captions: ['picture', 'mean', 'embedder', 'seed', 'seed', 'seed'].slice(0, 3 + some),
      },
    ],
  };
}
