import { prepare } from '../../diffusion/batches.ts';
import { bootstrapMean, type Interval } from '../../embedding/metrics.ts';
import { lineFigure } from '../../figures/line.ts';
import { doublings } from '../../latent/cloud.ts';
import { rows, unstack } from '../../tensor/tensor.ts';
import { combinations, correlation, subjectsAt } from '../around.ts';
import type { Claim } from '../findings.ts';
import { type Experiment, pictures, randomSeeds, SUBJECTS } from '../lab.ts';
import { figure, withInterval } from '../wording.ts';

/** The paper's largest average. */
const MOST = 16;

/** The picture shows in the mean of its seeds (Asperti et al. 2023, fig. 13): their correlation, against how many. */
export const identifiable: Experiment = {
  name: 'identifiable',
  title: 'the picture is identifiable in the mean of its seeds',
  needs: ['fashion-mnist', 'data:fashion-mnist'],
  async run(lab) {
    const claims: Claim[] = [];
    const series: { name: string; points: [number, number][]; band: [number, number, number][] }[] = [];
    for (const subject of subjectsAt(lab, ['fashion-mnist', 'cifar10', 'mnist'])) {
      const { title } = SUBJECTS[subject];
      const { latent, image, model } = await lab.cloud(subject);
      const { padding, range } = model.info;
      const x = prepare(image, padding, range).data;
      const count = latent.shape[0]!;
      const noise = randomSeeds(lab, model, count, 'identifiable');
      /** Correlations of the means of groups of `of` seeds with a picture. */
      const of = (seeds: typeof latent, size: number, to: ArrayLike<number>): Interval => {
        const groups = Math.max(1, Math.floor(count / size));
        const weights = new Array(size).fill(1 / size);
        return bootstrapMean(
          Array.from({ length: groups }, (_, g) =>
            correlation(combinations([weights], rows(seeds, g * size, (g + 1) * size)).data, to),
          ),
          lab.rng,
        );
      };
      const sizes = doublings(Math.min(count, 4 * MOST));
      const curve = sizes.map(size => of(latent, size, x));
      const most = Math.min(MOST, count);
      const [single, mean] = [of(latent, 1, x), of(latent, most, x)];
      const none = of(noise, most, x);
      const data = await lab.data(subject, 'test');
      const others = await pictures(data, 1, Math.min(data.length, 1 + lab.sizes.shown));
      const otherwise = bootstrapMean(
        unstack(prepare(others, padding, range)).map(other => of(latent, most, other.data).mean),
        lab.rng,
      );
      const named = mean.low > otherwise.high && mean.low > none.high;
      const clear = mean.mean > 2 * single.mean;
      claims.push({
        paper: `The original becomes identifiable in the mean of even a small number of its seeds (${title}).`,
        ours: `correlation of the mean of ${most} seeds with the picture ${withInterval(mean)}; of one seed ${withInterval(single)}`,
        control: `with other test pictures ${withInterval(otherwise)}; of ${most} random seeds ${withInterval(none)}`,
        verdict: named && clear ? 'holds' : named ? 'partly' : 'fails',
        because: named
          ? `The mean of ${most} seeds points to its own picture and to no other, ${figure(mean.mean / single.mean, 2)} times as clearly as one seed.`
          : 'The mean of seeds does not point to its own picture more than to others.',
        values: { mean: mean.mean, single: single.mean, random: none.mean, others: otherwise.mean },
      });
      series.push({
        name: title,
        points: sizes.map((size, i) => [size, curve[i]!.mean]),
        band: sizes.map((size, i) => [size, curve[i]!.low, curve[i]!.high]),
      });
    }
    return {
      claims,
      pictures: [
        {
          kind: 'plot',
          file: 'identifiable',
          caption: 'Correlation of the mean of K seeds with the picture, against K, with 95 % intervals.',
          svg: lineFigure({
            title: 'The picture in the mean of its seeds',
            x: { label: 'seeds averaged', log: true },
            y: { label: 'correlation with the picture' },
            series,
          }),
        },
      ],
      notes: ['Intervals are over groups of seeds, none of which is in two.'],
    };
  },
};
