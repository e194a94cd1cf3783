import { prepare } from '../../diffusion/batches.ts';
import { seedPictures } from '../../diffusion/pictures.ts';
import { compareGrown } from '../../latent/comparison.ts';
import { coordinates, type PrincipalComponents, principalComponents } from '../../latent/pca.ts';
import { wienerPictures } from '../../quality/linear.ts';
import { average, bootstrapMean, correlation, type Interval } from '../../tensor/statistics.ts';
import { rows, type Tensor, takeRows, unstack } from '../../tensor/tensor.ts';
import { type Experiment, find, type Lab, pictures as read, SUBJECTS, type Subject } from './lab.ts';
import { compareSiblings, type Grown, growSiblings, pixelsOf } from './measure/siblings.ts';
import type { Claim, Picture, Table } from './report/findings.ts';
import { figure, withInterval } from './report/wording.ts';

/** The networks that are compared, of each data set. */
const NETWORKS: Readonly<Record<Subject, readonly string[]>> = {
  mnist: [
    'mnist',
    'mnist-32-64-128',
    'mnist-small',
    'mnist-small-se',
    'mnist-small-spatial',
    'mnist-small-naf',
  ],
  'fashion-mnist': [
    'fashion-mnist',
    'fashion-mnist-32-64-128',
    'fashion-mnist-small-se',
    'fashion-mnist-small-spatial',
    'fashion-mnist-small-naf',
  ],
  cifar10: ['cifar10-small', 'cifar10-small-se'],
};
/** Training images whose moments the linear model knows. */
const MOMENTS = 600;
/** Components of the data from which bands begin. */
const BANDS = [0, 4, 16, 64, 256];
/** "Two to three orders of magnitude smaller." */
const PAPER = 0.01;
/** Networks whose seeds are compared, and images, as a part of the sample. */
const SEEKERS = 3;
const SOUGHT = 6;

/** One seed through different networks (Asperti et al. 2023, fig. 10): pictures, seeds, and what of it is linear. */
export const fig10: Experiment = {
  name: 'fig10',
  title: 'uniqueness: the same seeds through different networks',
  needs: ['mnist', 'mnist-small-se', 'data:mnist'],
  async run(lab) {
    const claims: Claim[] = [];
    const pictures: Picture[] = [];
    const tables: Table[] = [];
    for (const subject of Object.keys(NETWORKS) as Subject[]) {
      const names = NETWORKS[subject].filter(name => lab.has(name));
      if (names.length < 2 || !lab.has(`data:${subject}`)) continue;
      const { title } = SUBJECTS[subject];
      const grown = await growSiblings(lab, names, lab.sizes.sample);
      const moments = await momentsOf(lab, subject, grown[0]!);
      const pairs = grown.flatMap((a, i) =>
        grown.slice(i + 1).map(b => ({ a, b, ...compareSiblings(lab, a, b) })),
      );
      const { model, latent } = grown[0]!;
      const linear = pixelsOf(model, wienerPictures(model, moments, latent));
      const toLinear = grown.map(one => compareSiblings(lab, one, linear));
      const [nearest, farthest] = [...pairs]
        .sort((p, q) => p.ratio.mean - q.ratio.mean)
        .flatMap((p, i, all) => (i === 0 || i === all.length - 1 ? [p] : []));
      const worst = farthest ?? nearest!;
      const mean = average(pairs.map(({ ratio }) => ratio.mean));
      const wiener = average(toLinear.map(({ ratio }) => ratio.mean));
      claims.push({
        paper: `A common seed passed to different networks grows nearly identical pictures: their squared distance is two to three orders of magnitude smaller than that of random pairs (${title}).`,
        ours: `over ${pairs.length} pairs of ${names.length} networks the ratio is ${figure(mean)} on average, from ${withInterval(nearest!.ratio)} to ${withInterval(worst.ratio)}`,
        control: `random pairs have 1; a linear model that knows the data's mean and covariance alone comes to ${figure(wiener)} of the networks`,
        verdict: worst.ratio.high < PAPER ? 'holds' : worst.ratio.high < 0.5 ? 'partly' : 'fails',
        because: `The pictures of one seed are ${figure(1 / mean, 2)} times nearer than random pairs, ${mean < PAPER ? 'two orders of magnitude or more' : mean < 0.1 ? 'one order of magnitude, not two' : 'less than one order of magnitude'}; the linear model gives a factor of ${figure(1 / wiener, 2)}, so ${wiener < 2 * mean ? 'most of the agreement is in the mean and covariance of the data' : 'most of the agreement is beyond the mean and covariance of the data'}.`,
        values: { mean, worst: worst.ratio.mean, nearest: nearest!.ratio.mean, wiener },
      });
      tables.push({
        title: `Pairs of networks, ${title}`,
        columns: ['', '', 'distance, same seed', 'different seeds', 'ratio'],
        rows: pairs.map(({ a, b, same, different, ratio }) => [
          a.name,
          b.name,
          figure(same),
          figure(different),
          withInterval(ratio),
        ]),
      });
      tables.push(bandTable(lab, title, grown, moments, linear));
      const seeds = await compareSeeds(lab, subject, grown.slice(0, SEEKERS));
      claims.push(seeds);
      const shown = Math.min(lab.sizes.shown, latent.shape[0]!);
      pictures.push({
        kind: 'sheet',
        file: `fig10-${subject}`,
        caption: `Random seeds, what each network grows from them, and what a linear model does (${title}).`,
        title: `The same seeds through different networks, ${title}`,
        rows: [
          { label: 'seeds', pictures: seedPictures(model, rows(latent, 0, shown)) },
          ...grown.map(one => ({ label: one.name, pictures: unstack(rows(one.pictures, 0, shown)) })),
          { label: 'linear model', pictures: unstack(rows(linear.pictures, 0, shown)), apart: true },
        ],
      });
    }
    return {
      claims,
      pictures,
      tables,
      notes: [
        'Ratios are of mean squared distances of pixels, that of the same seed over that of different seeds, with intervals over seeds. MNIST and Fashion-MNIST stand in for Oxford Flowers, which cannot be passed on. The networks saw few pictures (see the table of models), and better ones may agree more.',
      ],
    };
  },
};

async function momentsOf(lab: Lab, subject: Subject, { model }: Grown): Promise<PrincipalComponents> {
  const data = await lab.data(subject, 'train');
  const images = await read(data, 0, Math.min(MOMENTS, data.length));
  return principalComponents(prepare(images, model.info.padding, model.info.range));
}

/** The mean ratio of all pairs along bands of the data's components. */
function bandTable(
  lab: Lab,
  title: string,
  grown: readonly Grown[],
  moments: PrincipalComponents,
  linear: Pick<Grown, 'pictures'>,
): Table {
  const { padding, range } = grown[0]!.model.info;
  const standard = [...grown, linear].map(({ pictures }) => prepare(pictures, padding, range));
  const number = moments.variances.length;
  const bands = BANDS.filter(first => first < number).map(
    (first, i, all) => [first, all[i + 1] ?? number] as const,
  );
  return {
    title: `By principal components of the data, ${title}`,
    columns: ['components', 'variance of the data', 'networks among each other', 'networks and linear model'],
    rows: bands.map(([first, last]) => {
      const parts = standard.map(x => coordinates(x, moments, first, last));
      const nets = parts.slice(0, -1);
      const ratio = (a: (typeof parts)[0], b: (typeof parts)[0]) => compareGrown(a, b, lab.rng).ratio.mean;
      const among = nets.flatMap((a, i) => nets.slice(i + 1).map(b => ratio(a, b)));
      return [
        `${first + 1} to ${last}`,
        figure(average(Array.from(moments.variances.subarray(first, last))), 2),
        figure(average(among)),
        figure(average(nets.map(a => ratio(a, parts.at(-1)!)))),
      ];
    }),
  };
}

/** Whether networks agree on the seeds of a picture, beside how much one network agrees with itself. */
async function compareSeeds(lab: Lab, subject: Subject, grown: readonly Grown[]): Promise<Claim> {
  const { title } = SUBJECTS[subject];
  const data = await lab.data(subject, 'test');
  const count = Math.max(2, Math.round(lab.sizes.sample / SOUGHT));
  const images = await read(data, 0, Math.min(count, data.length));
  const seek = async ({ model }: Grown, rng: number) => (await find(lab, model, images, { rng })).latent;
  const found: Tensor<'float32'>[] = [];
  for (const one of grown) found.push(await seek(one, lab.rng));
  const again = await seek(grown[0]!, lab.rng + 1);
  const alike = (a: Tensor<'float32'>, b: Tensor<'float32'>): Interval =>
    bootstrapMean(
      unstack(a).map((z, i) => correlation(z.data, rows(b, i, i + 1).data)),
      lab.rng,
    );
  const others = Array.from({ length: images.shape[0]! }, (_, i) => (i + 1) % images.shape[0]!);
  const between = found.slice(1).map(b => alike(found[0]!, b));
  const mean = average(between.map(({ mean: r }) => r));
  const [self, different] = [alike(found[0]!, again), alike(found[0]!, takeRows(found[1]!, others))];
  const low = Math.min(...between.map(interval => interval.low));
  return {
    paper: `The latent code of a picture does not depend on the network (seeds instead of pictures, ${title}).`,
    ours: `seeds of one picture by ${found.length} networks from the same start correlate by ${between.map(interval => withInterval(interval)).join(', ')}`,
    control: `seeds of different pictures ${withInterval(different)}; two seeds of one picture by one network from different starts ${withInterval(self)}`,
    verdict: low > 0.9 ? 'holds' : low > Math.max(self.high, different.high) ? 'partly' : 'fails',
    because:
      low > self.high
        ? `From one start, different networks find seeds that share ${figure(mean, 2)} of their variance, more than two starts of one network do (${figure(self.mean, 2)}): what the picture leaves open is shared, and the network moves it little.`
        : 'Seeds by different networks are no more alike than two seeds by one.',
    values: { between: mean, self: self.mean, different: different.mean },
  };
}
