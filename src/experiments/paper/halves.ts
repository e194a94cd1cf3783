import { samplerGrid } from '../../diffusion/grid.ts';
import { createNetwork } from '../../diffusion/network.ts';
import { lineFigure } from '../../figures/line.ts';
import { compareGrown } from '../../latent/comparison.ts';
import { principalComponents } from '../../latent/pca.ts';
import { linearDisagreement } from '../../quality/agreement.ts';
import { linearClean } from '../../quality/linear.ts';
import { combine, inBatches } from '../../tensor/rowwise.ts';
import { average, meanSquaredErrors, percentiles, timesDrawn } from '../../tensor/statistics.ts';
import { type Floats, rows, sizeOf, unstack } from '../../tensor/tensor.ts';
import {
  below,
  type Claim,
  curveOf,
  figure,
  judged,
  orInPart,
  type Sampled,
  sampled,
  withInterval,
} from './claims.ts';
import { BATCH, experiment, type Lab, readPictures } from './lab.ts';
import { inBands } from './measure/bands.ts';
import { cleanBy, HALF_TIME, inNoise, levelsOf, shownTo, stepOnwards } from './measure/clean.ts';
import {
  besideLinear,
  compareSiblings,
  type Grown,
  growTrainings,
  type LinearSibling,
  linearSibling,
  pixelsOf,
  SECOND,
} from './measure/siblings.ts';

const FIRST_HALF = `mnist-small-${SECOND}a`;
const SECOND_HALF = `mnist-small-${SECOND}b`;
/** The second half, from the starts, in the order and in the noise of the trainings of the first. */
const SAME_CHANCE = `${SECOND_HALF}-as-a`;
/** Pictures of disjoint halves are as alike as those of one where they are at most so many times as far apart; in part where fewer than twice. */
const AS_ALIKE = 1.2;
const RESAMPLES = 2000;

/**
 * Whether networks of disjoint halves of the data differ by more than networks trained again on one half: the part of their
 * difference that the images make, and the part that is their training's chance. With networks a = A + e and b = B + f of two
 * halves, e and f their chance, E|a - b|^2 = |A - B|^2 + (E|a - a'|^2 + E|b - b'|^2) / 2.
 */
export const halves = experiment({
  name: 'halves',
  title: 'disjoint halves, or one half again: what the images make of the difference, and what chance',
  needs: ['data:mnist', FIRST_HALF, `${FIRST_HALF}-2`, SECOND_HALF, `${SECOND_HALF}-2`],
  async measure(lab) {
    const trained: Trained<Grown> = {
      first: await growTrainings(lab, FIRST_HALF, lab.sizes.sample),
      second: await growTrainings(lab, SECOND_HALF, lab.sizes.sample),
      start: lab.has(SAME_CHANCE) ? await growTrainings(lab, SAME_CHANCE, lab.sizes.sample) : [],
    };
    const linear = await linearSibling(lab, 'mnist', trained.first[0]!);
    const all = [...trained.first, ...trained.second];
    return {
      numbers: {
        trainings: [trained.first.length, trained.second.length],
        pictures: differences(lab, trained, (a, b) => compareSiblings(lab, a, b).ratio.mean),
        linear: besideLinear(lab, all, linear),
        bands: bandsOf(lab, trained, linear),
        levels: await cleanOf(lab, trained),
        jointly: await jointly(lab, trained),
      },
      sheets: [
        {
          file: 'halves-pictures',
          caption:
            'What networks of both halves grow from the same seeds, each trained several times (MNIST).',
          title: 'Disjoint halves, or one half again (MNIST)',
          rows: all.map((one, i) => ({
            label: one.name.replace('mnist-small-', ''),
            pictures: unstack(rows(one.pictures, 0, Math.min(lab.sizes.shown, one.pictures.shape[0]!))),
            apart: i === 0 || i === trained.first.length,
          })),
        },
      ],
    };
  },
  report: ({ trainings, pictures, linear, bands, levels, jointly: networks }) => ({
    claims: [picturesClaim(pictures, linear), cleanClaim(levels)],
    tables: [
      {
        title:
          "Squared distance of two networks' pictures of one seed, over that of different seeds, by principal components of the data",
        columns: ['components', ...HEADS, 'networks and a linear model'],
        rows: [
          ['all', ...shown(pictures), withInterval(linear)],
          ...bands.map(({ first, last, ratios, toLinear }) => [
            `${first + 1} to ${last}`,
            ...shown(ratios),
            withInterval(toLinear),
          ]),
        ],
      },
      {
        title:
          'Squared difference of the clean pictures that two networks see in the same noise, per coordinate',
        columns: [
          'time',
          ...HEADS,
          'what the images add',
          'linear denoisers of the halves',
          'theory of these',
        ],
        rows: levels.map(({ time, apart, linear: ofLinear, theory }) => [
          figure(time),
          ...shown(apart),
          withInterval(apart.added),
          figure(ofLinear),
          figure(theory),
        ]),
      },
    ],
    plots: [
      {
        file: 'halves-jointly',
        caption:
          'How alike the pictures of disjoint halves are when several networks of each grow together, each step by the mean of what they see.',
        svg: lineFigure({
          title: 'Disjoint halves, by the networks that grow together',
          x: { label: 'networks of each half' },
          y: { label: 'distance, relative to random pairs', log: true },
          series: [
            curveOf(
              'measured',
              networks.map((_, i) => i + 1),
              networks,
            ),
            {
              name: "one network's, divided by their number",
              points: networks.map((_, i) => [i + 1, networks[0]!.mean / (i + 1)] as const),
              dashed: true,
            },
          ],
        }),
      },
    ],
    notes: [
      `${trainings.join(' and ')} trainings of the halves, of which all pairs are compared; n counts trainings, those of one half less one. What the images add is the mean difference of disjoint halves less that of one half, each half counting alike: by chance it can be negative. Of the same random numbers, networks of both halves begin with the same weights, and see images of the same places in their halves in the same noise. When networks of one half grow together, ${networks.map(({ mean }, i) => `${i + 1} of each come to a ratio of ${figure(mean)}`).join(', ')}.`,
    ],
  }),
});

/** Trainings of the halves, and of the second with the random numbers of the first. */
interface Trained<T> {
  readonly first: readonly T[];
  readonly second: readonly T[];
  readonly start: readonly T[];
}

/** By how much trainings differ. */
interface Differences {
  /** Of one half. */
  readonly one: Sampled;
  readonly disjoint: Sampled;
  /** Of disjoint halves, with the same random numbers. */
  readonly start: Sampled | null;
  /** `disjoint` over `one`, and less `one`. */
  readonly times: Sampled;
  readonly added: Sampled;
}

const HEADS = ['one half', 'disjoint halves', 'disjoint halves, same random numbers'];
const shown = ({ one, disjoint, start }: Differences) => [
  withInterval(one),
  withInterval(disjoint),
  start ? withInterval(start) : '',
];

/** What pairs of trainings differ by, with intervals from drawing the trainings of each half anew. */
function differences<T>(lab: Lab, trained: Trained<T>, of: (a: T, b: T) => number): Differences {
  const { first, second, start } = trained;
  const within = [first, second].map(half => half.map((a, i) => half.slice(i + 1).map(b => of(a, b))));
  const across = first.map(a => second.map(b => of(a, b)));
  const n = Math.min(first.length, second.length);
  const over = (statistic: (one: number, disjoint: number) => number, n: number): Sampled => {
    const at = (drawn: readonly Float64Array[]) => {
      const one = average(
        within.map((half, k) => weighted(half, (i, j) => drawn[k]![i]! * drawn[k]![i + 1 + j]!)),
      );
      return statistic(
        one,
        weighted(across, (i, j) => drawn[0]![i]! * drawn[1]![j]!),
      );
    };
    const stream = { seed: lab.rng, purpose: 'trainings' };
    const resampled = Array.from({ length: RESAMPLES }, (_, round) =>
      at([first, second].map(({ length }, k) => timesDrawn(stream, length, round, k))),
    );
    // Of a half of which one training alone was drawn there are no pairs.
    const sorted = resampled.filter(value => !Number.isNaN(value)).sort((a, b) => a - b);
    return {
      mean: at([first, second].map(({ length }) => new Float64Array(length).fill(1))),
      ...percentiles(sorted, n),
      n,
    };
  };
  const alike = start.slice(0, first.length).map((b, i) => of(first[i]!, b));
  return {
    one: over(one => one, n - 1),
    disjoint: over((_, disjoint) => disjoint, n),
    start: alike.length > 0 ? sampled(alike, lab.rng) : null,
    times: over((one, disjoint) => disjoint / one, n - 1),
    added: over((one, disjoint) => disjoint - one, n - 1),
  };
}

/** The mean of numbers in rows, each with its weight. */
function weighted(values: readonly (readonly number[])[], weight: (i: number, j: number) => number): number {
  let [sum, weights] = [0, 0];
  for (const [i, row] of values.entries())
    for (const [j, value] of row.entries()) {
      sum += weight(i, j) * value;
      weights += weight(i, j);
    }
  return sum / weights;
}

/** Something of each training, in the same arrangement. */
function each<T, U>({ first, second, start }: Trained<T>, of: (one: T) => U): Trained<U> {
  return { first: first.map(of), second: second.map(of), start: start.map(of) };
}

/** The ratios of pairs along bands of the data's components. */
function bandsOf(lab: Lab, trained: Trained<Grown>, linear: LinearSibling) {
  const all = [...trained.first, ...trained.second, ...trained.start];
  const ratio = (a: Floats, b: Floats) => compareGrown(a, b, lab.rng).ratio.mean;
  return inBands([...all, linear], all[0]!.model, linear.moments).map(({ first, last, parts }) => ({
    ...{ first, last },
    ratios: differences(
      lab,
      each(trained, one => parts[all.indexOf(one)]!),
      ratio,
    ),
    toLinear: sampled(
      [...trained.first, ...trained.second].map(one => ratio(parts[all.indexOf(one)]!, parts.at(-1)!)),
      lab.rng,
    ),
  }));
}

/** By how much the clean pictures differ that trainings see in the same noise, beside linear denoisers of the halves. */
async function cleanOf(lab: Lab, trained: Trained<Grown>) {
  const common = trained.first[0]!.model;
  const read = async (split: 'train' | 'test', from: number, to: number) => {
    const data = await lab.data('mnist', split);
    return readPictures(data, from, Math.min(to, data.length));
  };
  const images = await read('test', 0, lab.sizes.sample);
  const seen = new Map<Grown, Floats[]>();
  for (const one of Object.values(trained).flat())
    seen.set(one, await cleanBy(lab, one.model, images, common));
  const own = principalComponents(shownTo(common, await read('train', 0, SECOND)));
  const other = principalComponents(shownTo(common, await read('train', SECOND, 2 * SECOND)));
  const size = { count: SECOND, dims: sizeOf(common.info.shape) };
  const apart = (a: Floats, b: Floats) => average(meanSquaredErrors(a, b));
  return levelsOf(common).map((at, k) => {
    const noisy = inNoise(lab, shownTo(common, images), at);
    return {
      time: at.time,
      apart: differences(
        lab,
        each(trained, one => seen.get(one)![k]!),
        apart,
      ),
      linear: apart(linearClean(own, noisy, at.level), linearClean(other, noisy, at.level)),
      theory: linearDisagreement(own.variances, size, at.level),
    };
  });
}

/**
 * The ratio of disjoint halves where one, two, three networks of each grow together, over neighbours among its trainings: were what
 * they differ by small and chance alone, it would fall as their number grows.
 */
async function jointly(lab: Lab, { first, second }: Trained<Grown>): Promise<Sampled[]> {
  const trainings = Math.min(first.length, second.length);
  const found: Sampled[] = [];
  for (let networks = 1; networks <= trainings; networks++) {
    lab.report?.(networks - 1, trainings);
    const ratios: number[] = [];
    for (let from = 0; from + networks <= trainings; from += networks) {
      const [a, b] = [first, second].map(half => half.slice(from, from + networks));
      ratios.push(compareSiblings(lab, await growJointly(lab, a!), await growJointly(lab, b!)).ratio.mean);
    }
    found.push(sampled(ratios, lab.rng));
  }
  return found;
}

/** What networks of one half grow if each step is taken by the mean of the clean pictures that they see. */
async function growJointly(lab: Lab, some: readonly Grown[]): Promise<Pick<Grown, 'pictures'>> {
  const { model, latent } = some[0]!;
  const networks = await Promise.all(some.map(one => createNetwork(lab.runtime, one.model, BATCH)));
  try {
    let x = latent;
    for (const step of samplerGrid(model.info, model.info.sampler)) {
      const seen: Floats[] = [];
      for (const network of networks)
        seen.push(await inBatches(x, BATCH, part => network.clean(part, step.from)));
      x = stepOnwards(x, step, combine(...seen.map(clean => [1 / seen.length, clean] as const)));
    }
    return pixelsOf(model, x);
  } finally {
    for (const network of networks) await network.dispose();
  }
}

function picturesClaim({ one, disjoint, start, times }: Differences, linear: Sampled): Claim {
  return judged({
    number: disjoint,
    against: one,
    rests: [times],
    paper:
      'Beyond the paper: networks of disjoint halves grow pictures as alike as networks trained again on one half.',
    ours: `squared distance of one seed's pictures over that of different seeds' ${withInterval(disjoint)} for disjoint halves, ${withInterval(times)} times the ${withInterval(one)} of one half again${start ? `; with the same random numbers for both halves ${withInterval(start)}` : ''}`,
    control: `different seeds have 1; a linear model that knows the data's mean and covariance alone comes to ${withInterval(linear)} of the networks; networks that differ by their half as well as by chance are told apart (test/experiments/paper/known.test.ts)`,
    numbersSay: orInPart(below(times, AS_ALIKE), times.high < 2),
    because: `The pictures that networks of disjoint halves grow are ${figure(times.mean)} times as far apart as those of one half.`,
    values: { disjoint, one, times, linear, ...(start && { start }) },
  });
}

function cleanClaim(levels: readonly { apart: Differences; linear: number; theory: number }[]): Claim {
  const { apart, linear, theory } = levels[HALF_TIME]!;
  const { added, disjoint } = apart;
  return judged({
    number: added,
    against: linear,
    paper:
      "Beyond the paper: what disjoint images add to the difference of clean pictures is no more than they make linear denoisers differ; all else is training's chance.",
    ours: `at half time networks of disjoint halves differ by ${withInterval(disjoint)}, those of one half by ${withInterval(apart.one)}: the images add ${withInterval(added)}`,
    control: `linear denoisers of the halves differ by ${figure(linear)}, theory says ${figure(theory)}; networks with a known difference of halves and a known chance show both (test/experiments/paper/known.test.ts)`,
    numbersSay: below(added, AS_ALIKE * linear),
    because: `The images account for ${figure(Math.max(0, added.mean / disjoint.mean), 2)} of what networks of disjoint halves differ by at half time.`,
    values: { added, linear, theory, disjoint, one: apart.one },
  });
}
