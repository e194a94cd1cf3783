import { samplerGrid } from '../../diffusion/grid.ts';
import { createNetwork } from '../../diffusion/network.ts';
import { SeedbedError } from '../../errors.ts';
import { lineFigure } from '../../figures/line.ts';
import { meanSeed } from '../../latent/cloud.ts';
import { type PrincipalComponents, principalComponents } from '../../latent/pca.ts';
import { linearDisagreement } from '../../quality/agreement.ts';
import { linearClean, wienerPictures } from '../../quality/linear.ts';
import { combine, inBatches } from '../../tensor/rowwise.ts';
import { average, meanSquaredErrors } from '../../tensor/statistics.ts';
import { type Floats, rows, sizeOf, unstack } from '../../tensor/tensor.ts';
import { below, type Claim, judged, orInPart, type PlotPicture, type Table } from './claims.ts';
import { BATCH, errorsAgainst, experiment, type Lab, readPictures } from './lab.ts';
import { figure, type Sampled, sampled, withInterval } from './means.ts';
import { inBands } from './measure/bands.ts';
import { cleanBy, HALF_TIME, inNoise, levelsOf, shownTo, stepOnwards } from './measure/clean.ts';
import { type Differences, differences, each, type Trained } from './measure/differences.ts';
import {
  type Grown,
  growTrainings,
  halfName,
  pixelsOf,
  requireAlike,
  SECOND,
  TRAINED_ON,
  trainingName,
} from './measure/siblings.ts';

/** Two trainings of each half, which is the least that tells what a half is from what chance is. */
const twiceTrained = (size: number) =>
  (['a', 'b'] as const).flatMap(half => [1, 2].map(which => trainingName(halfName(size, half), which)));

/** Pictures are as alike as those of one half where their squared distance is at most so many times as large. */
const AS_ALIKE = 1.2;
const AT_MOST = 2;
/** Ratios below this are drawn there. */
const LEAST_DRAWN = 1e-3;

/**
 * What networks of the two halves of a data set differ by, in two parts: what the images add, and what a training's chance makes.
 * With a = A + e and b = B + f what networks of the halves see or grow, e and f their training's chance, and a', b' further
 * trainings, E|a - b|^2 = |A - B|^2 + (E|a - a'|^2 + E|b - b'|^2) / 2.
 */
export const halves = experiment({
  name: 'halves',
  title: 'two halves, or one half again: what the images make of the difference, and what chance',
  needs: ['data:mnist', ...twiceTrained(SECOND)],
  async measure(lab) {
    const results = [];
    for (const size of TRAINED_ON)
      if (twiceTrained(size).every(name => lab.has(name))) results.push(await measureHalves(lab, size));
    const { numbers: largest, trained } = results.at(-1)!;
    return {
      numbers: { largest, smaller: results.slice(0, -1).map(({ numbers }) => numbers) },
      sheets: [
        {
          file: 'halves-pictures',
          caption: `What networks of both halves of ${SECOND.toLocaleString('en')} images grow from the same seeds, each half trained several times (MNIST).`,
          title: 'Two halves, or one half again (MNIST)',
          rows: [trained.first, trained.second].flatMap(half =>
            half.map(({ name, pictures }, i) => ({
              label: name.replace('mnist-small-', ''),
              pictures: unstack(rows(pictures, 0, Math.min(lab.sizes.shown, pictures.shape[0]!))),
              apart: i === 0,
            })),
          ),
        },
      ],
    };
  },
  report: ({ largest, smaller }) => ({
    claims: [picturesClaim(largest, smaller), cleanClaim(largest, smaller)],
    tables: [...smaller, largest].flatMap(one => [picturesTable(one), cleanTable(one)]),
    plots: [jointlyPlot(largest)],
    notes: [
      `Halves are by position in the data set, which of MNIST is in part by who wrote: they differ by more than random halves would. Of one half all pairs of trainings are compared, of two every one with every other; n counts trainings (of one half, and of differences to it, less one), not splits of the data, of which there is one. Ratios are of ${largest.seeds.toLocaleString('en')} seeds: the mean squared distance of two networks' pictures of one seed over that of different seeds, which is twice the variance of a network's own pictures. Of the same random numbers, networks of both halves begin with the same weights, and see images of the same places in their halves in the same noise: what they differ by is no less than what the images add. Several networks grow together from the first ${largest.sample} of these seeds.`,
    ],
  }),
});

type Halves = Awaited<ReturnType<typeof measureHalves>>['numbers'];

async function measureHalves(lab: Lab, size: number) {
  const seeds = lab.sizes.table;
  const trained: Trained<Grown> = {
    first: await growTrainings(lab, halfName(size, 'a'), seeds),
    second: await growTrainings(lab, halfName(size, 'b'), seeds),
    sameChance: await growTrainings(lab, halfName(size, 'b-as-a'), seeds),
  };
  requireComparable(size, trained);
  const { model, latent } = trained.first[0]!;
  const data = await lab.data('mnist', 'train');
  const read = async (from: number, to: number) =>
    shownTo(model, await readPictures(data, from, Math.min(to, data.length)));
  const all = principalComponents(await read(0, 2 * SECOND));
  const own = principalComponents(await read(0, size));
  const other = principalComponents(await read(SECOND, SECOND + size));
  const linear = pixelsOf(model, wienerPictures(model, all, latent));
  const both = [...trained.first, ...trained.second];
  const grown = [...both, ...trained.sameChance];
  const bands = inBands([...grown, linear], model, all).map(({ first, last, parts }) => ({
    ...{ first, last },
    ...pictureDifferences(
      lab,
      each(trained, one => parts[grown.indexOf(one)]!),
      parts.at(-1)!,
    ),
  }));
  const pixels = each(trained, one => one.pictures);
  return {
    trained,
    numbers: {
      ...{ size, seeds, sample: lab.sizes.sample, names: both.map(({ name }) => name) },
      pictures: pictureDifferences(lab, pixels, linear.pictures),
      bands,
      levels: await cleanDifferences(lab, trained, { size, own, other, all }),
      jointly: await jointly(lab, trained),
    },
  };
}

/** @throws {SeedbedError} Mismatch where trainings were not alike in all but halves and random numbers, or have not those that they should share. */
function requireComparable(size: number, { first, second, sameChance }: Trained<Grown>): void {
  for (const other of [...second, ...sameChance]) requireAlike(first[0]!, other);
  for (const [i, other] of sameChance.entries()) {
    const its = first[i];
    if (!its)
      throw new SeedbedError(
        'Mismatch',
        `${other.name} is compared with ${trainingName(halfName(size, 'a'), i + 1)}, which is not among the models. Train that, or leave this one out`,
      );
    const [a, b] = [its, other].map(one => one.model.info.training?.rng);
    if (a !== b)
      throw new SeedbedError(
        'Mismatch',
        `${other.name} was trained with random numbers ${b}, and is compared with ${its.name}, of random numbers ${a}. Train it with --rng ${a}`,
      );
  }
}

/** Squared distances of pictures of one seed, in parts of those of different seeds; and the mean one to a linear model's. */
function pictureDifferences(lab: Lab, pictures: Trained<Floats>, linear: Floats) {
  const both = [...pictures.first, ...pictures.second];
  const chance = average(both.map(distanceOfSeeds));
  const apart = (a: Floats, b: Floats) => average(meanSquaredErrors(a, b)) / chance;
  return {
    apart: differences(lab.rng, pictures, apart),
    linear: average(both.map(one => apart(one, linear))),
  };
}

/** The mean squared distance of two different pictures, per coordinate: twice their variance. */
function distanceOfSeeds(pictures: Floats): number {
  const count = pictures.shape[0]!;
  return (2 * average(errorsAgainst(pictures, meanSeed(pictures))) * count) / (count - 1);
}

/** By how much the clean pictures differ that trainings see in the same noise, beside linear denoisers of the halves and theory. */
async function cleanDifferences(
  lab: Lab,
  trained: Trained<Grown>,
  { size, own, other, all }: { size: number } & Record<'own' | 'other' | 'all', PrincipalComponents>,
) {
  const common = trained.first[0]!.model;
  const test = await lab.data('mnist', 'test');
  const images = await readPictures(test, 0, Math.min(lab.sizes.sample, test.length));
  const seen = new Map<Grown, Floats[]>();
  for (const one of Object.values(trained).flat())
    seen.set(one, await cleanBy(lab, one.model, images, common));
  const apart = (a: Floats, b: Floats) => average(meanSquaredErrors(a, b));
  return levelsOf(common).map((at, k) => {
    const noisy = inNoise(lab, shownTo(common, images), at);
    return {
      time: at.time,
      apart: differences(
        lab.rng,
        each(trained, one => seen.get(one)![k]!),
        apart,
      ),
      linear: apart(linearClean(own, noisy, at), linearClean(other, noisy, at)),
      theory: linearDisagreement(all.variances, { count: size, dims: sizeOf(common.info.shape) }, at),
    };
  });
}

/** How alike pictures of two halves are where one, two, three trainings of each grow together: the mean over as many as there are, none of which is in two. */
async function jointly(lab: Lab, { first, second }: Trained<Grown>): Promise<Sampled[]> {
  const trainings = Math.min(first.length, second.length);
  const seeds = rows(first[0]!.latent, 0, Math.min(lab.sizes.sample, first[0]!.latent.shape[0]!));
  const found: Sampled[] = [];
  for (let number = 1; number <= trainings; number++) {
    lab.report?.(number - 1, trainings);
    const ratios: number[] = [];
    for (let from = 0; from + number <= trainings; from += number) {
      const some = [first, second].map(half => half.slice(from, from + number));
      const [a, b] = [await growJointly(lab, some[0]!, seeds), await growJointly(lab, some[1]!, seeds)];
      ratios.push(average(meanSquaredErrors(a, b)) / average([a, b].map(distanceOfSeeds)));
    }
    found.push(sampled(ratios, lab.rng));
  }
  return found;
}

/** What networks of one half grow if each step is taken by the mean of the clean pictures that they see. */
async function growJointly(lab: Lab, some: readonly Grown[], seeds: Floats): Promise<Floats> {
  const { model } = some[0]!;
  const networks = await Promise.all(some.map(one => createNetwork(lab.runtime, one.model, BATCH)));
  try {
    let x = seeds;
    for (const step of samplerGrid(model.info, model.info.sampler)) {
      const seen: Floats[] = [];
      for (const network of networks)
        seen.push(await inBatches(x, BATCH, part => network.clean(part, step.from)));
      x = stepOnwards(x, step, combine(...seen.map(clean => [1 / seen.length, clean] as const)));
    }
    return pixelsOf(model, x).pictures;
  } finally {
    for (const network of networks) await network.dispose();
  }
}

const HEADS = ['one half', 'two halves', 'two halves, same random numbers', 'what the images add'];
const shown = ({ one, disjoint, sameChance, added }: Differences) => [
  withInterval(one),
  withInterval(disjoint),
  sameChance ? withInterval(sameChance) : '',
  withInterval(added),
];

function picturesTable({ size, pictures, bands }: Halves): Table {
  return {
    title: `Squared distance of two networks' pictures of one seed, in parts of that of different seeds, by principal components of the data (${imagesOf(size)} of each half)`,
    columns: ['components', ...HEADS, 'networks and a linear model'],
    rows: [
      ['all', ...shown(pictures.apart), figure(pictures.linear)],
      ...bands.map(({ first, last, apart, linear }) => [
        `${first + 1} to ${last}`,
        ...shown(apart),
        figure(linear),
      ]),
    ],
  };
}

function cleanTable({ size, levels }: Halves): Table {
  return {
    title: `Squared difference of the clean pictures that two networks see in the same noise, per coordinate (${imagesOf(size)} of each half)`,
    columns: ['time', ...HEADS, 'linear denoisers of the halves', 'theory, of random halves'],
    rows: levels.map(({ time, apart, linear, theory }) => [
      figure(time),
      ...shown(apart),
      figure(linear),
      figure(theory),
    ]),
  };
}

const imagesOf = (size: number) => `${size.toLocaleString('en')} images`;

function jointlyPlot({ jointly: measured, pictures: { apart } }: Halves): PlotPicture {
  const { added, one } = apart;
  return {
    file: 'halves-jointly',
    caption:
      'How alike the pictures of two halves are when several networks of each grow together, each step by the mean of what they see.',
    svg: lineFigure({
      title: 'Two halves, by the networks of each that grow together',
      x: { label: 'networks of each half' },
      y: { label: 'distance, relative to random pairs', log: true },
      series: [
        {
          name: 'measured',
          points: measured.map(({ mean }, i) => [i + 1, Math.max(LEAST_DRAWN, mean)] as const),
        },
        {
          name: 'what the images add, and chance over the number',
          points: measured.map(
            (_, i) => [i + 1, Math.max(LEAST_DRAWN, added.mean + one.mean / (i + 1))] as const,
          ),
          dashed: true,
        },
      ],
    }),
  };
}

function picturesClaim(
  { names, pictures: { apart, linear }, jointly: together }: Halves,
  smaller: readonly Halves[],
): Claim {
  const { one, disjoint, sameChance, times } = apart;
  const learnedByHeart = smaller.map(
    ({ size, pictures }) =>
      `${withInterval(pictures.apart.times)} times that of one half with ${imagesOf(size)} of each`,
  );
  return judged({
    models: names,
    number: disjoint,
    against: one,
    rests: [times],
    paper: `Beyond the paper: networks of MNIST's two halves grow pictures as alike as networks trained again on one half (their squared distance at most ${figure(AS_ALIKE, 2)} times as large).`,
    ours: `squared distance of one seed's pictures in parts of that of different seeds' ${withInterval(disjoint)} for two halves, ${withInterval(times)} times the ${withInterval(one)} of one half again${sameChance ? `; with the same random numbers for both halves ${withInterval(sameChance)}` : ''}; ${together.map(({ mean }, i) => `${i + 1} of each growing together ${figure(mean)}`).join(', ')}`,
    control: `different seeds have 1${learnedByHeart.length > 0 ? `; squared distances of halves of fewer images are ${learnedByHeart.join(', ')}` : ''}; a linear model that knows mean and covariance of both halves alone comes to ${figure(linear)} of the networks`,
    asked: `less than ${figure(AS_ALIKE, 2)} times; in part, less than ${AT_MOST}`,
    numbersSay: orInPart(below(times, AS_ALIKE), below(times, AT_MOST)),
    because: `The squared distance of pictures by networks of the two halves is ${figure(times.mean)} times that of one half's.`,
    values: {
      ...{ disjoint, one, times, linear },
      ...(sameChance && { sameChance }),
      ...Object.fromEntries(together.map((ratio, i) => [`jointly.${i + 1}`, ratio])),
    },
  });
}

function cleanClaim({ names, levels }: Halves, smaller: readonly Halves[]): Claim {
  const { apart, linear, theory } = levels[HALF_TIME]!;
  const { added, disjoint, one, sameChance } = apart;
  const others = smaller.map(({ size, levels: of }) => {
    const at = of[HALF_TIME]!;
    return `with ${imagesOf(size)} of each the images add ${withInterval(at.apart.added)}, to linear denoisers ${figure(at.linear)}`;
  });
  return judged({
    models: names,
    number: added,
    against: linear,
    paper:
      "Beyond the paper: the images of MNIST's two halves add less to the difference of clean pictures by networks, at half time, than to that by linear denoisers.",
    ours: `networks of the two halves differ by ${withInterval(disjoint)}, those of one half by ${withInterval(one)}: the images add ${withInterval(added)}${sameChance ? `; networks of the same random numbers differ by ${withInterval(sameChance)}, in expectation no less than what images add` : ''}`,
    control: `linear denoisers of the two halves differ by ${figure(linear)}, of random ones in theory by ${figure(theory)}${others.length > 0 ? `; ${others.join('; ')}` : ''}`,
    asked: 'less than linear denoisers differ by',
    numbersSay: below(added, linear),
    because: `At half time the images add ${figure(added.mean)} to the ${figure(one.mean)} by which trainings on one half differ; linear denoisers of the halves differ by ${figure(linear)}.`,
    values: { added, linear, theory, disjoint, one },
  });
}
