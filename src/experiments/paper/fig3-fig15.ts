import { meanSquaredErrors } from '../../tensor/statistics.ts';
import { rows, takeRows, unstack } from '../../tensor/tensor.ts';
import { above, judged, less, orInPart, type SheetPicture, together } from './claims.ts';
import { experiment, readPictures } from './lab.ts';
import { figure, percentInterval, sampled, shareOf, times, withInterval } from './means.ts';
import { CONTENDERS } from './measure/embedders.ts';
import { reconstruct, reconstructionRows } from './measure/reconstruction.ts';

/** Pretty good are reconstructions so many times nearer to their own pictures than to others. */
const MUCH_NEARER = 10;

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
    const good = less(own, times(others, 1 / MUCH_NEARER));
    return {
      claims: [
        judged({
          number: own,
          against: others,
          paper:
            'A network trained to compute a canonical seed gives pretty good results (CelebA: squared error about .0015).',
          ours: `squared error ${withInterval(own)} on the first ${count} test pictures of Fashion-MNIST`,
          control: `against the next test picture instead ${withInterval(others)}`,
          asked: `less than ${figure(1 / MUCH_NEARER, 1)} of the error against another picture; in part, less than all of it`,
          numbersSay: orInPart(good, less(own, others)),
          because: `One pass of the network brings the reconstruction ${figure(others.mean / own.mean, 2)} times nearer to its own picture than to another.`,
          values: { own, others },
        }),
      ],
    };
  },
});

/** The better of two networks is so on more than this share of the pictures. */
const HALF = 0.5;

/** The same pictures by all embedding networks (Asperti et al. 2023, fig. 15). */
export const fig15 = experiment({
  name: 'fig15',
  title: 'the same pictures by all embedding networks',
  needs: ['fashion-mnist', 'embedder-unet', 'data:fashion-mnist'],
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
    const share = (of: (i: number) => boolean) =>
      shareOf(Array.from({ length: images.shape[0]! }, (_, i) => Number(of(i))));
    return {
      numbers: {
        wins: share(i => errors.every(own => errors.at(-1)![i]! <= own[i]!)),
        /** Shares of the pictures on which a network is better than the one before. */
        steps: errors.slice(1, -1).map((own, k) => share(i => own[i]! < errors[k]![i]!)),
        titles: there.map(({ title }) => title),
      },
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
  report({ wins, steps, titles }) {
    const compared = titles.length > 1;
    const alone = 'Only one of the five networks was at hand, so nothing was compared.';
    const best = above(wins, HALF);
    const deeper = together(...steps.map(step => above(step, HALF)));
    return {
      claims: [
        judged({
          number: wins,
          against: 1 / titles.length,
          n: 1,
          paper:
            'Seen side by side on the same pictures (of CIFAR-10), the U-Net is the best embedding network.',
          ours: `the U-Net is the best of ${titles.length} on ${percentInterval(wins)} of the pictures of Fashion-MNIST`,
          control: `by chance each would be on one in ${titles.length}`,
          asked: 'more than half of the pictures',
          numbersSay: compared ? best : 'open',
          because: compared
            ? `The U-Net is the best on ${percentInterval(wins)} of single pictures, where more than half is asked.`
            : alone,
          values: { share: wins, compared: titles.length },
        }),
        judged({
          number: steps[0] ?? Number.NaN,
          against: HALF,
          rests: steps,
          n: 1,
          paper:
            'Seen side by side on the same pictures (of CIFAR-10), the other embedding networks get better with depth and width.',
          ours: `better than the one before: ${steps.map((step, i) => `${titles[i + 1]} on ${percentInterval(step)}`).join(', ')} of the pictures of Fashion-MNIST`,
          control: 'two that are alike would each be the better on half',
          asked: 'more than half of the pictures, each',
          numbersSay: steps.length > 0 ? deeper : 'open',
          because:
            steps.length > 0
              ? `Each is better than the one before on ${steps.map(step => percentInterval(step)).join(', ')} of single pictures.`
              : alone,
          values: Object.fromEntries(steps.map((step, i) => [titles[i + 1]!, step])),
        }),
      ],
    };
  },
});
