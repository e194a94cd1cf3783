import { seedPictures } from '../../diffusion/pictures.ts';
import { compareGrown } from '../../latent/comparison.ts';
import { coordinates, type PrincipalComponents } from '../../latent/pca.ts';
import { average, correlation, meanSquaredErrors } from '../../tensor/statistics.ts';
import { type Floats, rows, takeRows, unstack } from '../../tensor/tensor.ts';
import { below, type Claim, judged, orInPart, type SheetPicture, type Table } from './claims.ts';
import { experiment, find, type Lab, readPictures, SUBJECTS, type Subject } from './lab.ts';
import { figure, ratioOfMeans, type Sampled, sampled, withInterval } from './means.ts';
import { bandsIn, inBands } from './measure/bands.ts';
import {
  besideLinear,
  compareNetworks,
  type Grown,
  growTrainings,
  type LinearSibling,
  linearSibling,
  SAME_ASKED,
  sameResults,
  shareChance,
  trainingOf,
} from './measure/siblings.ts';

/** The networks that are compared, of each data set. */
const NETWORKS: Readonly<Record<Subject, readonly string[]>> = {
  mnist: [
    'mnist-small',
    'mnist-small-se',
    'mnist-small-spatial',
    'mnist-small-naf',
    'mnist-small-1-block',
    'mnist-small-3-blocks',
    'mnist-small-level-at-blocks',
  ],
  'fashion-mnist': [
    'fashion-mnist-small',
    'fashion-mnist-small-se',
    'fashion-mnist-small-spatial',
    'fashion-mnist-small-naf',
  ],
  cifar10: ['cifar10-small', 'cifar10-small-se'],
};
/** Networks whose seeds are compared, and images, as a part of the sample. */
const SEEKERS = 3;
const SOUGHT = 6;

/** One seed through different networks (Asperti et al. 2023, fig. 10): pictures, seeds, and what of it is linear. */
export const fig10 = experiment({
  name: 'fig10',
  title: 'uniqueness: the same seeds through different networks',
  needs: ['mnist-small', 'mnist-small-se', 'data:mnist'],
  async measure(lab) {
    const numbers: Networks[] = [];
    const sheets: SheetPicture[] = [];
    for (const subject of Object.keys(NETWORKS) as Subject[]) {
      const names = NETWORKS[subject].filter(name => lab.has(name));
      if (names.length < 2 || !lab.has(`data:${subject}`)) continue;
      const found = await measureNetworks(lab, subject, names);
      numbers.push(found.numbers);
      sheets.push(found.sheet);
    }
    return { numbers, sheets };
  },
  report: networks => ({
    claims: networks.flatMap(one => [samePictures(one), sameSeeds(one)]),
    tables: networks.flatMap(one => [pairTable(one), bandTable(one), seedTable(one)]),
    notes: [
      'Ratios are of mean squared distances of pixels, that of the same seed over that of different seeds, each of one pair of trainings; n of their mean is the number of networks less one, however often each was trained. MNIST and Fashion-MNIST stand in for Oxford Flowers, which cannot be passed on. The networks of one data set have seen as many pictures; trainings with the same random numbers began alike where their layers are alike, and saw the pictures in one order and in one noise where their batches are of one size.',
    ],
  }),
});

type Networks = Awaited<ReturnType<typeof measureNetworks>>['numbers'];

async function measureNetworks(lab: Lab, subject: Subject, names: readonly string[]) {
  const { title } = SUBJECTS[subject];
  const trained: Grown[][] = [];
  for (const name of names) trained.push(await growTrainings(lab, name, lab.sizes.sample));
  const first = trained.map(([one]) => one!);
  const linear = await linearSibling(lab, subject, first[0]!);
  const { pairs, ratio } = compareNetworks(lab, trained);
  const numbers = {
    ...{ title, names, pairs, ratio },
    real: await realDistance(lab, subject),
    wiener: besideLinear(first, linear),
    bands: bandsOf(first, linear),
    seeds: await compareSeeds(lab, subject, first.slice(0, SEEKERS), linear.moments),
  };
  return { numbers, sheet: sheetOf(lab, subject, first, linear) };
}

/** The mean squared distance of two pictures of the test set. */
async function realDistance(lab: Lab, subject: Subject): Promise<Sampled> {
  const data = await lab.data(subject, 'test');
  const count = Math.min(lab.sizes.sample, data.length - 1);
  const [some, next] = [await readPictures(data, 0, count), await readPictures(data, 1, count + 1)];
  return sampled(meanSquaredErrors(some, next), lab.rng);
}

function sheetOf(
  lab: Lab,
  subject: Subject,
  grown: readonly Grown[],
  linear: Pick<Grown, 'pictures'>,
): SheetPicture {
  const { title } = SUBJECTS[subject];
  const { model, latent } = grown[0]!;
  const shown = Math.min(lab.sizes.shown, latent.shape[0]!);
  return {
    file: `fig10-${subject}`,
    caption: `Random seeds, what each network grows from them, and what a linear model does (${title}).`,
    title: `The same seeds through different networks, ${title}`,
    rows: [
      { label: 'seeds', pictures: seedPictures(model, rows(latent, 0, shown)) },
      ...grown.map(one => ({ label: one.name, pictures: unstack(rows(one.pictures, 0, shown)) })),
      { label: 'linear model', pictures: unstack(rows(linear.pictures, 0, shown)), apart: true },
    ],
  };
}

/** The ratios of pairs whose trainings had the same random numbers, or of the others. */
function ratiosOf(pairs: Networks['pairs'], shared: boolean): Sampled[] {
  return pairs.filter(({ a, b }) => shareChance(a, b) === shared).map(({ ratio }) => ratio);
}

function samePictures({ title, names, pairs, ratio, real, wiener }: Networks): Claim {
  const { mean } = ratio;
  const trainings = [...new Set(pairs.flatMap(({ a, b }) => [a, b]))];
  const [sharing, apart] = [true, false].map(shared => ratiosOf(pairs, shared).map(({ mean: each }) => each));
  const byChance =
    sharing!.length > 0 && apart!.length > 0
      ? `; the ${sharing!.length} pairs of trainings with the same random numbers (start, order of the pictures, noise) come to ${figure(average(sharing!))}, the ${apart!.length} others to ${figure(average(apart!))}`
      : '';
  const [same, different] = [average(pairs.map(one => one.same)), average(pairs.map(one => one.different))];
  const sorted = [...pairs].sort((p, q) => p.ratio.mean - q.ratio.mean);
  const [nearest, worst] = [sorted[0]!, sorted.at(-1)!];
  return judged({
    models: trainings,
    number: ratio,
    against: wiener,
    paper: `A common seed passed to different networks grows nearly identical pictures: their squared distance is two to three orders of magnitude smaller than that of random pairs (${title}).`,
    ours: `over ${pairs.length} pairs of ${names.length} networks${trainings.length > names.length ? `, trained ${trainings.length} times in all,` : ''} the ratio is ${withInterval(ratio)} on average, from ${withInterval(nearest.ratio)} to ${withInterval(worst.ratio)}`,
    control: `random pairs have 1 (they lie ${figure(different)} apart, means over ${pairs.length} pairs; real pictures ${withInterval(real)}, of which the same seed's ${figure(same)} is ${figure(same / real.mean)}); a linear model that knows the data's mean and covariance alone comes to ${withInterval(wiener)} of the networks${byChance}`,
    asked: SAME_ASKED,
    numbersSay: sameResults(ratio, wiener),
    because: `The pictures of one seed are ${figure(1 / mean, 2)} times nearer than random pairs, ${mean < 0.01 ? 'two orders of magnitude or more' : mean < 0.1 ? 'one order of magnitude, not two' : 'less than one order of magnitude'}; the linear model gives a factor of ${figure(1 / wiener.mean, 2)}, from mean and covariance of the data.`,
    values: {
      ...{ mean, worst: worst.ratio, nearest: nearest.ratio, wiener, toReal: same / real.mean },
      ...(byChance && { sharing: average(sharing!), apart: average(apart!) }),
    },
  });
}

function pairTable({ title, names, pairs }: Networks): Table {
  const again = pairs.some(({ a, b }) => !shareChance(a, b));
  const row = (one: string, other: string) => {
    const own = pairs.filter(({ a, b }) => trainingOf(a).config === one && trainingOf(b).config === other);
    const ratioOf = (shared: boolean) => {
      const ratios = ratiosOf(own, shared);
      if (ratios.length === 0) return '';
      return ratios.length === 1 ? withInterval(ratios[0]!) : figure(average(ratios.map(({ mean }) => mean)));
    };
    const over = (key: 'same' | 'different') => figure(average(own.map(pair => pair[key])));
    return [one, other, over('same'), over('different'), ratioOf(true), ...(again ? [ratioOf(false)] : [])];
  };
  return {
    title: `Pairs of networks, ${title}${again ? ': means over their trainings' : ''}`,
    columns: [
      ...['', '', 'distance, same seed', 'different seeds'],
      ...(again ? ['ratio, same random numbers', 'other random numbers'] : ['ratio']),
    ],
    rows: names.flatMap((one, i) => names.slice(i + 1).map(other => row(one, other))),
  };
}

function bandTable({ title, bands, names }: Networks): Table {
  return {
    title: `Ratio by principal components of the data, ${title}: means over all pairs of ${names.length} networks, each trained once`,
    columns: ['components', 'variance of the data', 'networks among each other', 'networks and linear model'],
    rows: bands.map(({ first, last, variance, among, toLinear }) => [
      `${first + 1} to ${last}`,
      figure(variance, 2),
      figure(among),
      figure(toLinear),
    ]),
  };
}

function seedTable({ title, seeds }: Networks): Table {
  return {
    title: `Correlation of seeds of one picture by two networks from one start, by principal components of the data, ${title}`,
    columns: ['components', 'two networks, one picture', 'one network, two pictures'],
    rows: seeds.bands.map(({ first, last, between, sameNoise }) => [
      `${first + 1} to ${last}`,
      withInterval(between),
      withInterval(sameNoise),
    ]),
  };
}

/** The mean ratio of all pairs along bands of the data's components. */
function bandsOf(grown: readonly Grown[], linear: LinearSibling) {
  const { moments } = linear;
  const ratio = (a: Floats, b: Floats) => compareGrown(a, b).ratio.mean;
  const { model } = grown[0]!;
  return inBands([...grown, linear], model, moments).map(({ first, last, parts }) => {
    const nets = parts.slice(0, -1);
    const among = nets.flatMap((a, i) => nets.slice(i + 1).map(b => ratio(a, b)));
    return {
      ...{ first, last },
      variance: average(Array.from(moments.variances.subarray(first, last))),
      among: average(among),
      toLinear: average(nets.map(a => ratio(a, parts.at(-1)!))),
    };
  });
}

/** Whether networks agree on the seeds of a picture, compared with how much one network agrees with itself. */
async function compareSeeds(
  lab: Lab,
  subject: Subject,
  grown: readonly Grown[],
  moments: PrincipalComponents,
) {
  const data = await lab.data(subject, 'test');
  const count = Math.max(2, Math.round(lab.sizes.sample / SOUGHT));
  const images = await readPictures(data, 0, Math.min(count, data.length));
  const seek = async ({ model }: Grown, rng: number) => (await find(lab, model, images, { rng })).latent;
  const found: Floats[] = [];
  for (const one of grown) found.push(await seek(one, lab.rng));
  const again = await seek(grown[0]!, lab.rng + 1);
  const alike = (a: Floats, b: Floats): Sampled =>
    sampled(
      unstack(a).map((z, i) => correlation(z.data, rows(b, i, i + 1).data)),
      lab.rng,
    );
  const others = Array.from({ length: images.shape[0]! }, (_, i) => (i + 1) % images.shape[0]!);
  // Another picture from the same noise: what seeds share that is the start's, not the picture's.
  const { latent: elsewhere } = await find(lab, grown[0]!.model, takeRows(images, others), {
    ...{ rng: lab.rng, noiseOf: images },
  });
  const apart = (a: Floats) =>
    unstack(a).map((z, i) => 1 - correlation(z.data, rows(found[0]!, i, i + 1).data));
  const between = found.slice(1).map(b => alike(found[0]!, b));
  const bands = bandsIn(moments).map(([first, last]) => {
    const [own, theirs, another] = [found[0]!, found[1]!, elsewhere].map(z =>
      coordinates(z, moments, first, last),
    );
    return { first, last, between: alike(own!, theirs!), sameNoise: alike(own!, another!) };
  });
  const [self, different] = [alike(found[0]!, again), alike(found[0]!, takeRows(found[1]!, others))];
  return {
    ...{ between, self, different, sameNoise: alike(found[0]!, elsewhere), bands },
    /** How far apart seeds of one picture by two networks are, in terms of those of two pictures by one, from the same noise. */
    shares: found.slice(1).map(b => ratioOfMeans(apart(b), apart(elsewhere), lab.rng, true)),
  };
}

/** Seeds so many times nearer than those of another picture from the same noise do not depend on the network. */
const NEARER = 10;

function sameSeeds({ title, names, seeds }: Networks): Claim {
  const { between, self, different, sameNoise, shares } = seeds;
  const mean = average(between.map(({ mean: r }) => r));
  const worst = shares.reduce((a, b) => (b.high > a.high ? b : a));
  const nearer = below(worst, 1);
  const ofStart =
    sameNoise.mean > mean / 2 ? 'the start’s for the most part' : 'the picture’s for the most part';
  return judged({
    models: names.slice(0, SEEKERS),
    // Pictures are many, but it is networks that are said not to matter.
    n: between.length,
    number: between[0]!,
    against: sameNoise,
    rests: [...between, ...shares],
    paper: `The latent code of a picture does not depend on the network (seeds instead of pictures, ${title}).`,
    ours: `seeds of one picture by ${between.length + 1} networks from the same start correlate by ${between.map(interval => withInterval(interval)).join(', ')} over pictures; a verdict counts networks less one`,
    control: `seeds of two pictures by one network from the same start ${withInterval(sameNoise)}, of different pictures from different starts ${withInterval(different)}; two seeds of one picture by one network from different starts ${withInterval(self)}`,
    asked: `at most ${figure(1 / NEARER, 1)} of how far seeds of two pictures are apart; in part, less than all of it`,
    numbersSay: orInPart(below(worst, 1 / NEARER), nearer),
    because:
      nearer === 'holds'
        ? `From one start, the seeds of one picture by different networks are ${withInterval(worst, 2)} times as far apart as the seeds of two pictures by one network: what they share is ${ofStart}.`
        : 'From one start, the seeds of one picture by different networks are not clearly nearer than those of two pictures by one: they may share no more than the start.',
    values: { between: mean, self, different, sameNoise, share: worst },
  });
}
