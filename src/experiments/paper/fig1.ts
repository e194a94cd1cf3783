import { prepare } from '../../diffusion/batches.ts';
import { meanSquaredErrors, meanSquares } from '../../tensor/statistics.ts';
import { rows, takeRows, unstack } from '../../tensor/tensor.ts';
import { figure, judged, sampled, withInterval } from './claims.ts';
import { experiment, grow, randomSeeds, readPictures } from './lab.ts';

/** The picture itself as a seed (Asperti et al. 2023, fig. 1). */
export const fig1 = experiment({
  name: 'fig1',
  title: 'the picture itself as a seed',
  needs: ['fashion-mnist', 'data:fashion-mnist'],
  async measure(lab) {
    const model = await lab.denoiser('fashion-mnist');
    const images = await readPictures(await lab.data('fashion-mnist', 'test'), 0, lab.sizes.sample);
    const seeds = prepare(images, model.info.padding, model.info.range);
    const grown = await grow(lab, model, seeds);
    const own = sampled(meanSquaredErrors(grown, images), lab.rng);
    const random = await grow(lab, model, randomSeeds(lab, model, images.shape[0]!, 'fig1'));
    const chance = sampled(meanSquaredErrors(random, images), lab.rng);
    const order = Array.from({ length: images.shape[0]! }, (_, i) => (i + 1) % images.shape[0]!);
    const pairs = sampled(meanSquaredErrors(takeRows(images, order), images), lab.rng);
    const variance = sampled(meanSquares(seeds), lab.rng);
    const shown = Math.min(lab.sizes.shown, images.shape[0]!);
    return {
      numbers: { own, chance, pairs, variance },
      sheets: [
        {
          file: 'fig1',
          caption: 'Test pictures of Fashion-MNIST, and what grows from them used as seeds.',
          title: 'The picture itself as a seed',
          rows: [
            { label: 'picture, as a seed', pictures: unstack(rows(images, 0, shown)) },
            { label: 'what it grows', pictures: unstack(rows(grown, 0, shown)) },
          ],
        },
      ],
    };
  },
  report({ own, chance, pairs, variance }) {
    const fails = own.low > 0.5 * Math.min(chance.mean, pairs.mean);
    const likely = variance.low < 1.2 && variance.high > 0.8;
    return {
      claims: [
        judged({
          number: own,
          against: chance,
          rests: [pairs, variance],
          paper: 'A picture does not belong to its own seeds: used as one, its signal is far too strong.',
          ours: `the pictures grown from pictures miss them by ${withInterval(own)}; as seeds they have variance ${withInterval(variance)}`,
          control: `random seeds miss them by ${withInterval(chance)}, another test picture by ${withInterval(pairs)}`,
          numbersSay: fails ? 'holds' : own.low > 0.1 * chance.mean ? 'partly' : 'fails',
          because: `What a picture grows is ${figure(own.mean / pairs.mean, 2)} times as far from it as another test picture is${fails ? ', so it is no seed of itself' : ', nearer than by chance'}; its variance as a seed ${likely ? 'is about that of noise, so not its size sets it apart from a seed' : `is ${figure(variance.mean, 2)} times that of noise`}.`,
          values: { own, chance, pairs, variance },
        }),
      ],
    };
  },
});
