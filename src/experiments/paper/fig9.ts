import { nearestOnCurve } from '../../data/synthetic.ts';
import { planeFigure } from '../../figures/plane.ts';
import { permutation } from '../../tensor/random.ts';
import { combine, norms } from '../../tensor/rowwise.ts';
import { type Tensor, takeRows } from '../../tensor/tensor.ts';
import { above, type Claim, judged, less, orInPart, type PlotPicture } from './claims.ts';
import { experiment, grow, type Lab, randomSeeds, readPictures } from './lab.ts';
import { figure, percent, percentInterval, sampled, shareOf, withInterval } from './means.ts';
import {
  bestDenoiser,
  CURVES,
  type Curve,
  gravitationalMap,
  planeDenoiser,
  pointsOf,
  stoppedEarly,
} from './measure/plane.ts';

/** Random seeds that are measured. */
const SEEDS = 1000;
/** Seeds in a row of the maps that arrows are drawn on, of those that embeddings are found on, and how far they reach. */
const ARROWS = 21;
const SIDE = 61;
const REACH = 2.5;
/** Nearer than this a seed has landed on the data, or on a chosen point of it. */
const LANDED = 0.2;
const CLOSE = 0.15;
/** Nearly every seed is more than this share of them. */
const NEARLY_ALL = 0.9;
/** Chosen points of the data, and points of the best denoiser's data. */
const CHOSEN = 5;
const DATA = 400;

/** The gravitational map of two data sets in the plane, and embeddings of chosen points (Asperti et al. 2023, fig. 9). */
export const fig9 = experiment({
  name: 'fig9',
  title: 'circles and two moons: where seeds land, and which land on a point',
  needs: [],
  async measure(lab) {
    const numbers: Landed[] = [];
    for (const curve of CURVES) numbers.push(await landedOn(lab, curve));
    return { numbers: { curves: numbers, steps: lab.sizes.plane } };
  },
  report: ({ curves, steps }) => ({
    claims: curves.map(claimOf),
    plots: curves.flatMap(landed => [map(landed), embeddings(landed)]),
    notes: [
      `The denoisers are small perceptrons, trained when the experiment runs, ${steps} steps of 512 points. What is measured is of ${SEEDS} random seeds; the maps are of grids that reach to ${REACH} standard deviations.`,
    ],
  }),
});

type Landed = Awaited<ReturnType<typeof landedOn>>;

async function landedOn(lab: Lab, curve: Curve) {
  const model = await planeDenoiser(lab, curve);
  const random = randomSeeds(lab, model, SEEDS, 'fig9');
  const away = (points: Tensor<'float32'>) =>
    pointsOf(points).map(([x, y]) => nearestOnCurve(curve, x, y).distance);
  const near = (points: Tensor<'float32'>) => shareOf(away(points).map(d => (d < LANDED ? 1 : 0)));
  const where = await grow(lab, model, random);
  const [onData, still] = [near(where), near(random)];
  const stopped = near(await grow(lab, stoppedEarly(model), random));
  const bests = [];
  for (const from of [0, DATA]) bests.push(await bestDenoiser(lab, curve, model, [from, from + DATA]));
  const [best, other] = [await grow(lab, bests[0]!, random), await grow(lab, bests[1]!, random)];
  const shuffled = takeRows(best, permutation({ seed: lab.rng, purpose: 'fig9' }, SEEDS, 0));
  const between = (a: Tensor<'float32'>, b: Tensor<'float32'>) =>
    sampled(Array.from(norms(combine([1, a], [-1, b]))), lab.rng);
  const coarse = await gravitationalMap(lab, model, ARROWS, REACH);
  const { seeds, landed } = await gravitationalMap(lab, model, SIDE, REACH);
  const data = pointsOf(await readPictures(await lab.data(curve, 'test'), 0, DATA));
  const [from, to] = [pointsOf(seeds), pointsOf(landed)];
  const chosen = data
    .slice(0, CHOSEN)
    .map(([x, y]) => [
      [x, y] as [number, number],
      ...from.filter((_, i) => Math.hypot(to[i]![0] - x, to[i]![1] - y) < CLOSE),
    ]);
  return {
    curve,
    ...{ onData, still, stopped },
    ...{ apart: between(where, best), resampled: between(other, best), chance: between(where, shuffled) },
    ...{ data, chosen, from: pointsOf(coarse.seeds), to: pointsOf(coarse.landed) },
  };
}

function claimOf({ curve, onData, still, stopped, apart, resampled, chance }: Landed): Claim {
  return judged({
    models: [],
    number: onData,
    against: still,
    rests: [apart, chance],
    paper: `Reverse diffusion lets nearly every seed of the plane land on the data, as bodies that are attracted (${curve}).`,
    ours: `${percentInterval(onData)} of random seeds land within ${LANDED} of the curve`,
    control: `of the seeds themselves ${percentInterval(still)} lie there; with a sampler that stops at the signal rate of pictures' schedules, .95, ${percentInterval(stopped)} land; the best possible denoiser of ${DATA} of the points lets them land ${withInterval(apart)} away from where the trained one does, that of ${DATA} others ${withInterval(resampled)} away from the first; unrelated seeds land ${withInterval(chance)} apart`,
    asked: `more than ${percent(NEARLY_ALL)} of the seeds; in part, more than lie there already`,
    numbersSay: orInPart(above(onData, NEARLY_ALL), less(still, onData)),
    because: `${percent(onData.mean)} of the seeds of this one trained denoiser land on the data; from where the best denoiser, which is the data alone, lets them land they are ${figure(apart.mean / chance.mean, 2)} of the distance of unrelated seeds, where another sample of the data gives ${figure(resampled.mean / chance.mean, 2)}.`,
    values: { landed: onData, still, stopped, apart, resampled, chance },
  });
}

function map({ curve, from, to, data }: Landed): PlotPicture {
  return {
    file: `fig9-${curve}`,
    caption: `Where each seed of a grid lands (${curve}).`,
    svg: planeFigure({
      title: `Gravitational map, ${curve}`,
      x: { label: 'first coordinate' },
      y: { label: 'second coordinate' },
      groups: [
        { name: 'data', points: data, radius: 1.5 },
        { name: 'where seeds land', points: to, radius: 2.5 },
        { name: 'seeds', points: from, radius: 1.5 },
      ],
      arrows: from.map((point, i) => [point, to[i]!]),
      width: 640,
    }),
  };
}

function embeddings({ curve, data, chosen }: Landed): PlotPicture {
  // The first of each is the point itself.
  const groups = chosen.map(([, ...points], k) => ({ name: `seeds of point ${k + 1}`, points, radius: 2.5 }));
  const targets = { name: 'the points', points: chosen.map(([point]) => point!), radius: 5 };
  return {
    file: `fig9-${curve}-embeddings`,
    caption: `All seeds of the grid that land within ${CLOSE} of each of ${CHOSEN} points of the data (${curve}).`,
    svg: planeFigure({
      title: `Embeddings of ${CHOSEN} points, ${curve}`,
      x: { label: 'first coordinate' },
      y: { label: 'second coordinate' },
      groups: [...groups, targets, { name: 'data', points: data, radius: 1 }],
      width: 640,
    }),
  };
}
