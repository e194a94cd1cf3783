import { prepare } from '../../diffusion/batches.ts';
import { lineFigure } from '../../figures/line.ts';
import { doublings } from '../../latent/cloud.ts';
import { groupMeans } from '../../latent/combinations.ts';
import { average, correlation } from '../../tensor/statistics.ts';
import { unstack } from '../../tensor/tensor.ts';
import { figure, judged, ofOne, type Sampled, withInterval } from './claims.ts';
import { experiment, perSubject, randomSeeds, readPictures } from './lab.ts';

/** The paper's largest average. */
const MOST = 16;

/** The picture shows in the mean of its seeds (Asperti et al. 2023, fig. 13): their correlation, against how many. */
export const identifiable = experiment({
  name: 'identifiable',
  title: 'the picture is identifiable in the mean of its seeds',
  needs: ['fashion-mnist', 'data:fashion-mnist'],
  measure: lab =>
    perSubject(
      lab,
      async subject => {
        const { latent, image, model } = await lab.cloud(subject);
        const { padding, range } = model.info;
        const x = prepare(image, padding, range).data;
        const count = latent.shape[0]!;
        const noise = randomSeeds(lab, model, count, 'identifiable');
        /** Correlations of the means of groups of `of` seeds with a picture. */
        const of = (seeds: typeof latent, size: number): Sampled =>
          ofOne(
            unstack(groupMeans(seeds, size)).map(z => correlation(z.data, x)),
            lab.rng,
          );
        const sizes = doublings(Math.min(count, 4 * MOST));
        const curve = sizes.map(size => of(latent, size));
        const most = Math.min(MOST, count);
        const [single, mean] = [of(latent, 1), of(latent, most)];
        const none = of(noise, most);
        const data = await lab.data(subject, 'test');
        const means = unstack(groupMeans(latent, most));
        const others = await readPictures(data, 1, Math.min(data.length, 1 + lab.sizes.sample));
        const theirs = unstack(prepare(others, padding, range)).map(other =>
          average(means.map(z => correlation(z.data, other.data))),
        );
        const otherwise = ofOne(theirs, lab.rng);
        return { numbers: { sizes, curve, most, single, mean, none, theirs, otherwise } };
      },
      ['fashion-mnist', 'cifar10', 'mnist'],
    ),
  report: subjects => ({
    claims: subjects.map(({ title, most, single, mean, none, theirs, otherwise }) => {
      const nearer = theirs.filter(value => value >= mean.low).length;
      const beyond = mean.low > none.high && mean.low > otherwise.high;
      const named = beyond && nearer === 0;
      const clear = mean.mean > 2 * single.mean;
      return judged({
        number: mean,
        against: otherwise,
        rests: [single, none],
        paper: `The original becomes identifiable in the mean of even a small number of its seeds (${title}).`,
        ours: `correlation of the mean of ${most} seeds with the picture ${withInterval(mean)}; of one seed ${withInterval(single)}`,
        control: `with ${theirs.length} other test pictures ${withInterval(otherwise)}, at most ${figure(Math.max(...theirs))}; of ${most} random seeds ${withInterval(none)}`,
        numbersSay: named && clear ? 'holds' : beyond ? 'partly' : 'fails',
        because: named
          ? `The mean of ${most} seeds points to its own picture more than to any of ${theirs.length} others, ${figure(mean.mean / single.mean, 2)} times as clearly as one seed.`
          : beyond
            ? `The mean of ${most} seeds points to its own picture, but as much or more to ${nearer} of ${theirs.length} others.`
            : 'The mean of seeds does not point to its own picture more than to others.',
        values: { mean, single, random: none, others: otherwise, nearer },
      });
    }),
    plots: [
      {
        file: 'identifiable',
        caption: 'Correlation of the mean of K seeds with the picture, against K, with 95 % intervals.',
        svg: lineFigure({
          title: 'The picture in the mean of its seeds',
          x: { label: 'seeds averaged', log: true },
          y: { label: 'correlation with the picture' },
          series: subjects.map(({ title: name, sizes, curve }) => ({
            name,
            points: sizes.map((size, i): [number, number] => [size, curve[i]!.mean]),
            band: sizes.map((size, i): [number, number, number] => [size, curve[i]!.low, curve[i]!.high]),
          })),
        }),
      },
    ],
    notes: ['Intervals are over groups of seeds, none of which is in two.'],
  }),
});
