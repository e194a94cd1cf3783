import { meanSquaredErrors } from '../../tensor/statistics.ts';
import { takeRows } from '../../tensor/tensor.ts';
import { figure, judged, sampled, withInterval } from './claims.ts';
import { experiment, readPictures } from './lab.ts';
import { reconstruct, reconstructionRows } from './measure/reconstruction.ts';

/** Pictures, the embedder's seeds, reconstructions; not picked by hand (Asperti et al. 2023, fig. 3). */
export const fig3 = experiment({
  name: 'fig3',
  title: 'embedding by a network',
  needs: ['fashion-mnist', 'fashion-mnist-embedder', 'data:fashion-mnist'],
  async measure(lab) {
    const model = await lab.denoiser('fashion-mnist');
    const embedder = await lab.embedder('fashion-mnist-embedder');
    const images = await readPictures(await lab.data('fashion-mnist', 'test'), 0, lab.sizes.sample);
    const found = await reconstruct(lab, model, embedder, images);
    const own = sampled(found.errors, lab.rng);
    const order = Array.from({ length: images.shape[0]! }, (_, i) => (i + 1) % images.shape[0]!);
    const others = sampled(meanSquaredErrors(found.pictures, takeRows(images, order)), lab.rng);
    return {
      numbers: { own, others, count: images.shape[0]! },
      sheets: [
        {
          file: 'fig3',
          caption:
            'The first test pictures of Fashion-MNIST, the seeds that the embedder computes, and what they grow.',
          title: 'Embedding by a network',
          rows: reconstructionRows(model, found, lab.sizes.shown),
        },
      ],
    };
  },
  report({ own, others, count }) {
    const good = own.high < others.low / 10;
    return {
      claims: [
        judged({
          number: own,
          against: others,
          paper:
            'A network trained to compute a canonical seed gives pretty good results (CelebA: squared error about .0015).',
          ours: `squared error ${withInterval(own)} on the first ${count} test pictures of Fashion-MNIST`,
          control: `against the next test picture instead ${withInterval(others)}`,
          numbersSay: good ? 'holds' : own.high < others.low ? 'partly' : 'fails',
          because: `One pass of the network brings the reconstruction ${figure(others.mean / own.mean, 2)} times nearer to its own picture than to another.`,
          values: { own, others },
        }),
      ],
    };
  },
});
