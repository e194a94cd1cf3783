import { meanSquaredErrors } from '../../tensor/statistics.ts';
import { rows, takeRows, unstack } from '../../tensor/tensor.ts';
import {
  figure,
  judged,
  percent,
  percentInterval,
  type SheetPicture,
  sampled,
  shareOf,
  withInterval,
} from './claims.ts';
import { experiment, readPictures } from './lab.ts';
import { CONTENDERS } from './measure/embedders.ts';
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

/** The U-Net is best where it is so on more than this share of the pictures. */
const MOST = 0.8;

/** The same pictures by all embedding networks (Asperti et al. 2023, fig. 15). */
export const fig15 = experiment({
  name: 'fig15',
  title: 'the same pictures by all embedding networks',
  needs: ['fashion-mnist', 'fashion-mnist-embedder', 'data:fashion-mnist'],
  async measure(lab) {
    const model = await lab.denoiser('fashion-mnist');
    const images = await readPictures(await lab.data('fashion-mnist', 'test'), 0, lab.sizes.sample);
    const shown = Math.min(lab.sizes.shown, images.shape[0]!);
    const there = CONTENDERS.filter(contender => lab.has(contender.model));
    const sheet: SheetPicture['rows'][number][] = [
      { label: 'test pictures', pictures: unstack(rows(images, 0, shown)) },
    ];
    const errors: number[][] = [];
    for (const { title, model: name } of there) {
      const found = await reconstruct(lab, model, await lab.embedder(name), images);
      errors.push([...found.errors]);
      sheet.push({
        label: title,
        pictures: unstack(rows(found.pictures, 0, shown)),
        captions: found.errors.slice(0, shown).map(error => figure(error, 2)),
      });
    }
    const of = (pick: 'min' | 'max', row: readonly number[]) =>
      row.map((error, i) => Number(error === Math[pick](...errors.map(own => own[i]!))));
    const [wins, worst] = [of('min', errors.at(-1)!), of('max', errors[0]!)];
    return {
      numbers: { wins, worst, titles: there.map(({ title }) => title) },
      sheets: [
        {
          file: 'fig15',
          caption:
            'Test pictures of Fashion-MNIST, and their reconstructions by each embedding network, with the squared error.',
          title: 'Embedding networks compared',
          rows: sheet,
        },
      ],
    };
  },
  report({ wins, worst, titles }) {
    const compared = titles.length > 1;
    const [share, last] = [shareOf(wins), shareOf(worst)];
    return {
      claims: [
        judged({
          number: share,
          against: 1 / titles.length,
          paper:
            'Seen side by side on the same pictures (of CIFAR-10), the embedding networks get better with depth and width, and the U-Net is best.',
          ours: `the U-Net is the best of ${titles.length} on ${percentInterval(share)} of the pictures of Fashion-MNIST, ${titles[0]} the worst on ${percentInterval(last)}`,
          control: `by chance each would be on one in ${titles.length}`,
          numbersSay: !compared
            ? 'open'
            : share.low > MOST && last.low > 1 / titles.length
              ? 'holds'
              : share.low > 1 / titles.length
                ? 'partly'
                : 'fails',
          because: compared
            ? `The U-Net is the best on ${percent(share.mean)} of single pictures, and the simplest network the worst on ${percent(last.mean)}; of each there is one training.`
            : 'Only one of the five networks was at hand, so nothing was compared.',
          values: { share, last, compared: titles.length },
        }),
      ],
    };
  },
});
