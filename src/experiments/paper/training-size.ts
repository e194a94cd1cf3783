import { lineFigure } from '../../figures/line.ts';
import { nearestDistances } from '../../quality/neighbours.ts';
import { type Floats, rows, unstack } from '../../tensor/tensor.ts';
import { judged, less } from './claims.ts';
import { experiment, readPictures } from './lab.ts';
import { curveOf, figure, percentInterval, type Sampled, shareOf, withInterval } from './means.ts';
import {
  compareTrainings,
  type Grown,
  gatedHalves,
  growTrainings,
  halfName,
  pairOf,
  SECOND,
  TRAINED_ON,
} from './measure/siblings.ts';

/** Ratios below this are drawn there. */
const LEAST = 1e-4;

/**
 * Networks trained on disjoint halves of the data, of growing size. Kadkhodaie et al. 2024 (arXiv 2310.02557) and Zhang et
 * al. 2024 (arXiv 2310.05264): few images are memorised, many are generalised from, and then the two networks agree.
 */
export const trainingSize = experiment({
  name: 'training-size',
  title: 'uniqueness against the size of the training set',
  needs: ['data:mnist', ...pairOf(TRAINED_ON[0]!)],
  async measure(lab) {
    const sizes = TRAINED_ON.filter(n => pairOf(n).every(name => lab.has(name)));
    const train = await lab.data('mnist', 'train');
    const results: {
      size: number;
      names: readonly string[];
      ratio: Sampled;
      memorised: Sampled;
      grown: readonly Grown[];
    }[] = [];
    for (const size of sizes) {
      const first = await growTrainings(lab, halfName(size, 'a'), lab.sizes.sample);
      const second = await growTrainings(lab, halfName(size, 'b'), lab.sizes.sample);
      const [own, other] = [
        await readPictures(train, 0, size),
        await readPictures(train, SECOND, SECOND + size),
      ];
      results.push({
        size,
        names: [...first, ...second].map(({ name }) => name),
        ratio: compareTrainings(lab, first, second).ratio,
        memorised: shareOf(memorised(first[0]!.pictures, own, other)),
        grown: [first[0]!, second[0]!],
      });
    }
    const shown = lab.sizes.shown;
    return {
      numbers: { results: results.map(({ grown: _, ...numbers }) => numbers) },
      sheets: [
        {
          file: 'training-size-pictures',
          caption:
            'What the networks of both halves grow from the same seeds, by the number of images they learned from.',
          title: 'Disjoint halves, growing (MNIST)',
          rows: results.flatMap(({ size, grown }) =>
            grown.map(({ pictures }, i) => ({
              label: `${size.toLocaleString('en')} images, ${i === 0 ? 'first' : 'second'} half`,
              pictures: unstack(rows(pictures, 0, Math.min(shown, pictures.shape[0]!))),
              apart: i === 0,
            })),
          ),
        },
      ],
    };
  },
  report({ results }) {
    const [least, most] = [results[0]!, results.at(-1)!];
    const falls = less(most.ratio, least.ratio);
    const copied = results.map(
      ({ size, memorised: share }) => `${percentInterval(share)} with ${size.toLocaleString('en')}`,
    );
    return {
      plots: [
        {
          file: 'training-size',
          caption:
            'Squared distance of what networks of disjoint halves grow from one seed, over that of random pairs; with 95 % intervals where ten trainings of each were compared.',
          svg: lineFigure({
            title: 'Agreement against the size of the training set',
            x: { label: 'training images of each network', log: true },
            y: { label: 'distance, relative to random pairs', log: true },
            series: [
              curveOf(
                'halves of MNIST',
                results.map(({ size }) => size),
                results.map(({ ratio: { mean, low, high, n } }) => {
                  const shown = (value: number) => Math.max(LEAST, value);
                  return { mean: shown(mean), low: shown(low), high: shown(high), n };
                }),
              ),
            ],
          }),
        },
      ],
      claims: [
        judged({
          models: gatedHalves([least, most]),
          number: most.ratio,
          against: least.ratio,
          paper:
            'The map depends on the data manifold only, so networks trained on different samples of it agree the better the more of it they see.',
          ours: `ratio of the halves' networks ${results.map(({ size, ratio }) => `${withInterval(ratio)} with ${size.toLocaleString('en')} images`).join(', ')}`,
          control: `random pairs have 1; pictures nearer to their own half than to the other by more than a third of the distance: ${copied.join(', ')}`,
          asked: 'a lower ratio with the most images than with the fewest',
          numbersSay: results.length > 1 ? falls : 'open',
          because:
            falls === 'holds'
              ? `Networks of disjoint halves agree ${figure(least.ratio.mean / most.ratio.mean, 2)} times better with ${most.size.toLocaleString('en')} images each than with ${least.size}.`
              : `Networks of disjoint halves do not clearly agree better with ${most.size.toLocaleString('en')} images each than with ${least.size}.`,
          values: Object.fromEntries(
            results.flatMap(({ size, ratio, memorised: m }) => [
              [`ratio.${size}`, ratio.mean],
              [`memorised.${size}`, m.mean],
            ]),
          ),
        }),
      ],
    };
  },
});

/** Of each picture, 1 where it is nearer to the images of its own set than to as many others by more than a third. */
export function memorised(pictures: Floats, own: Floats, other: Floats): number[] {
  const [near, far] = [own, other].map(images => nearestDistances(pictures, images));
  return near!.map((distance, i) => (distance < (2 / 3) * far![i]! ? 1 : 0));
}
