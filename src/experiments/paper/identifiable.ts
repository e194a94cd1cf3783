import { prepare } from '../../diffusion/batches.ts';
import { lineFigure } from '../../figures/line.ts';
import { doublings } from '../../latent/cloud.ts';
import { groupMeans } from '../../latent/combinations.ts';
import { average, correlation } from '../../tensor/statistics.ts';
import { unstack } from '../../tensor/tensor.ts';
import { above, judged, less, orInPart, together } from './claims.ts';
import {
  experiment,
  type Lab,
  noiseFor,
  perCloud,
  perSubject,
  readPictures,
  type SeedCloud,
  type Subject,
} from './lab.ts';
import { curveOf, figure, percentInterval, withInterval } from './means.ts';

/** The paper's largest average. */
const MOST = 16;
/** Pictures are identifiable where more than this share of them is. */
const HALF = 0.5;

/** The picture shows in the mean of its seeds (Asperti et al. 2023, fig. 13): their correlation, against how many. */
export const identifiable = experiment({
  name: 'identifiable',
  title: 'the picture is identifiable in the mean of its seeds',
  needs: ['fashion-mnist', 'data:fashion-mnist'],
  measure: lab => perSubject(lab, subject => inMeans(lab, subject), ['fashion-mnist', 'mnist', 'cifar10']),
  report: subjects => ({
    claims: subjects.map(({ title, model, ...found }) => {
      const { most, others, single, mean, none, theirs, named, lead, nearest } = found;
      const beyond = together(less(none, mean), above(lead, 0));
      const mostly = above(named, HALF);
      return judged({
        models: [model],
        number: mean,
        against: theirs,
        rests: [single, none, lead, named],
        paper: `The original becomes identifiable in the mean of even a small number of its seeds (${title}).`,
        ours: `correlation of the mean of ${most} seeds with the picture ${withInterval(mean)}; of one seed ${withInterval(single)}`,
        control: `with ${others} other test pictures ${withInterval(theirs)}, with the one of them that is most like it ${withInterval(nearest)}; of ${most} random seeds ${withInterval(none)}`,
        asked: `a correlation above that of random seeds and of other pictures, and the greatest of all for more than ${figure(HALF, 1)} of the pictures; in part, the first`,
        numbersSay: orInPart(together(beyond, mostly), beyond),
        because:
          beyond === 'holds'
            ? `The mean of ${most} seeds points to its own picture more than to any of ${others} others for ${percentInterval(named)} of the pictures, ${figure(mean.mean / single.mean, 2)} times as clearly as one seed.`
            : 'The mean of seeds does not point to its own picture more than to others.',
        values: { mean, single, random: none, others: theirs, named },
      });
    }),
    plots: [
      {
        file: 'identifiable',
        caption:
          'Correlation of the mean of K seeds with the picture, against K, with 95 % intervals over pictures.',
        svg: lineFigure({
          title: 'The picture in the mean of its seeds',
          x: { label: 'seeds averaged', log: true },
          y: { label: 'correlation with the picture' },
          series: subjects.map(({ title: name, sizes, curve }) => curveOf(name, sizes, curve)),
        }),
      },
    ],
    notes: ['Of each picture the mean over groups of seeds, none of which is in two.'],
  }),
});

/** How much the means of a picture's seeds are like the picture, and like others. */
async function inMeans(lab: Lab, subject: Subject) {
  const { latent, model } = await lab.cloud(subject, 0);
  const { padding, range } = model.info;
  const count = latent.shape[0]!;
  const [sizes, most] = [doublings(Math.min(count, 4 * MOST)), Math.min(MOST, count)];
  const data = await lab.data(subject, 'test');
  const pictures = unstack(
    prepare(await readPictures(data, 0, Math.min(data.length, 1 + lab.sizes.sample)), padding, range),
  );
  const means = await perCloud(lab, subject, async cloud => {
    const x = prepare(cloud.image, padding, range).data;
    /** The mean correlation of means of groups of so many seeds with a picture. */
    const like = (seeds: SeedCloud['latent'], size: number, picture = x) =>
      average(unstack(groupMeans(seeds, size)).map(z => correlation(z.data, picture)));
    const mean = like(cloud.latent, most);
    const others = pictures
      .filter((_, k) => k !== cloud.index)
      .map(({ data }) => like(cloud.latent, most, data));
    const nearest = Math.max(...others);
    return {
      curve: sizes.map(size => like(cloud.latent, size)),
      ...{ mean, single: like(cloud.latent, 1), nearest },
      none: like(noiseFor(lab, cloud, count, 'identifiable'), most),
      theirs: average(others),
      lead: mean - average(others),
      named: { ofOne: mean > nearest ? 1 : 0 },
    };
  });
  return { numbers: { sizes, most, others: pictures.length - 1, ...means } };
}
