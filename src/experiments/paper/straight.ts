import { nearestOnCurve } from '../../data/synthetic.ts';
import { prepare } from '../../diffusion/batches.ts';
import type { Denoiser } from '../../diffusion/info.ts';
import { toPixels } from '../../diffusion/pictures.ts';
import { planeFigure } from '../../figures/plane.ts';
import { type PrincipalComponents, principalComponents } from '../../latent/pca.ts';
import { combine, norms } from '../../tensor/rowwise.ts';
import type { Floats } from '../../tensor/tensor.ts';
import {
  type Claim,
  figure,
  judged,
  type PlotPicture,
  percent,
  percentInterval,
  ratioOfMeans,
  type Sampled,
  sampled,
  withInterval,
} from './claims.ts';
import { experiment, type Lab, randomSeeds, readPictures } from './lab.ts';
import { bestDenoiser, CURVES, type Curve, planeDenoiser, pointsOf } from './measure/plane.ts';
import {
  energyShare,
  evenTurns,
  linearTrajectories,
  shuffledSteps,
  straightness,
  trajectories,
  unscaled,
} from './measure/trajectories.ts';

/** Trajectories drawn, points of the data beside them and of the best denoiser, and how far seeds lie that are drawn. */
const DRAWN = 60;
const DATA = 400;
const REACH = 2.5;
/** Training pictures that the moments are taken from, seeds at most, and the variance that their components hold. */
const MOMENTS = 2000;
const SEEDS = 100;
const HELD = 0.9;
/** A path is almost straight where it has less than this part of the detour of an even turn. */
const STRAIGHTER = 0.5;

/** Whether trajectories are almost straight and orthogonal to the data (Asperti et al. 2023, section 3.3, of fig. 9). */
export const straight = experiment({
  name: 'straight',
  title: 'are trajectories straight, and orthogonal to the data?',
  needs: ['fashion-mnist', 'data:fashion-mnist'],
  async measure(lab) {
    const planes: Plane[] = [];
    for (const curve of CURVES) planes.push(await inPlane(lab, curve));
    return { numbers: { planes, pictures: await ofPictures(lab) } };
  },
  report({ planes, pictures }) {
    return {
      claims: [...planes.map(planeClaim), straightClaim(pictures), orthogonalClaim(pictures)],
      plots: planes.flatMap(({ curve, drawn, drawnBest }) => [
        plotOf(curve, drawn),
        plotOf(curve, drawnBest, '-best'),
      ]),
      notes: [
        'Straight is the length of the chord from seed to result over that of the path; both also of x / s, the state without the signal rate, in which a step follows the predicted noise alone and the seed lies 50 times farther out.',
        'Where there is almost no signal a small error of the predicted noise moves a state far, by up to the ratio of signal rates of the step; the best denoiser of some of the points makes none.',
        'The components of all pictures are not the tangents of their manifold at one of them: a direction may be along the former and across the latter.',
      ],
    };
  },
});

type Plane = Awaited<ReturnType<typeof inPlane>>;
type Drawn = Awaited<ReturnType<typeof drawn>>;

async function inPlane(lab: Lab, curve: Curve) {
  const model = await planeDenoiser(lab, curve);
  const seeds = randomSeeds(lab, model, lab.sizes.sample, 'straight');
  const bestModel = await bestDenoiser(lab, curve, model, [0, DATA]);
  const [own, exact] = [await trajectories(lab, model, seeds), await trajectories(lab, bestModel, seeds)];
  const measured = (states: readonly Floats[]) => {
    const shown = states.map(state => toPixels(state, model.info));
    const { last, lastChance, chord, chordChance } = anglesToCurve(curve, shown);
    const mean = (values: readonly number[]) => sampled(values, lab.rng);
    return {
      straight: mean(straightness(shown)),
      turn: mean(straightness(evenTurns(states, model).map(state => toPixels(state, model.info)))),
      unscaled: mean(straightness(unscaled(states, model))),
      jump: mean(Array.from(norms(combine([1, states[1]!], [-1, states[0]!])))),
      last: mean(last),
      lastChance: mean(lastChance),
      chord: mean(chord),
      chordChance: mean(chordChance),
    };
  };
  return {
    ...{ curve, trained: measured(own), best: measured(exact) },
    ...{ drawn: await drawn(lab, curve, model, own), drawnBest: await drawn(lab, curve, bestModel, exact) },
  };
}

function planeClaim({ curve, trained, best }: Plane): Claim {
  const isStraight = straighter(best.straight, best.turn);
  const isOrthogonal = best.last.high < best.lastChance.low / 2;
  const aslant = best.last.high < best.lastChance.low;
  const meets = isOrthogonal
    ? 'meet the data nearly at right angles at the end'
    : aslant
      ? 'meet the data more steeply than by chance at the end, but not at right angles'
      : 'meet the data at no particular angle at the end';
  return judged({
    models: [],
    number: best.last,
    against: best.lastChance,
    rests: [best.straight, best.turn],
    paper: `The trajectories are almost straight and oriented along directions orthogonal to the data manifold (${curve}).`,
    ours: `chord over path ${withInterval(trained.straight)} for the trained denoiser, ${withInterval(best.straight)} for the best one; |cos| between curve and last step ${withInterval(trained.last)} and ${withInterval(best.last)}, between curve and chord ${withInterval(trained.chord)} and ${withInterval(best.chord)}`,
    control: `with the curve's direction where another seed lands, |cos| is ${withInterval(best.lastChance)} for last steps and ${withInterval(best.chordChance)} for chords (best denoiser); an even turn by a right angle between the same ends has chord over path ${withInterval(best.turn)}; without the signal rate paths are straighter by construction, ${withInterval(trained.unscaled)} and ${withInterval(best.unscaled)}; the first step, which should be next to none, is ${withInterval(trained.jump, 2)} long for the trained denoiser and ${withInterval(best.jump, 2)} for the best`,
    numbersSay: isStraight && isOrthogonal ? 'holds' : isStraight || aslant ? 'partly' : 'fails',
    because: `Even the best denoiser's paths are ${figure(1 / best.straight.mean)} times as long as their chords${isStraight ? ', nearly straight' : `, where an even turn's would be ${figure(1 / best.turn.mean)} times`}, the trained one's ${figure(1 / trained.straight.mean)} times; they ${meets}.`,
    values: {
      straight: trained.straight,
      best: best.straight,
      turn: best.turn,
      unscaled: trained.unscaled,
      bestUnscaled: best.unscaled,
      jump: trained.jump,
      bestJump: best.jump,
      last: trained.last,
      bestLast: best.last,
      lastChance: best.lastChance,
      chord: trained.chord,
      bestChord: best.chord,
      chordChance: best.chordChance,
    },
  });
}

/** Whether paths are clearly straighter than even turns between the same ends. */
const straighter = (path: Sampled, turn: Sampled): boolean =>
  1 / path.low - 1 < STRAIGHTER * (1 / turn.mean - 1);

/** |cos| between directions and the curve where the seed lands, and, as chance, where another one does. */
export function anglesToCurve(curve: Curve, states: readonly Floats[]) {
  const [starts, before, ends] = [0, -2, -1].map(k => pointsOf(states.at(k)!)) as [
    [number, number][],
    [number, number][],
    [number, number][],
  ];
  const tangents = ends.map(([x, y]) => nearestOnCurve(curve, x, y).tangent);
  const cosines = (from: readonly [number, number][], shift: number) =>
    ends.map(([x, y], i) => {
      const [tx, ty] = tangents[(i + shift) % ends.length]!;
      const [dx, dy] = [x - from[i]![0], y - from[i]![1]];
      return Math.abs(dx * tx + dy * ty) / (Math.hypot(dx, dy) || 1);
    });
  return {
    last: cosines(before, 0),
    lastChance: cosines(before, 1),
    chord: cosines(starts, 0),
    chordChance: cosines(starts, 1),
  };
}

/** The points that a plot of trajectories shows. */
async function drawn(lab: Lab, curve: Curve, model: Denoiser, states: readonly Floats[]) {
  const shown = states.map(state => pointsOf(toPixels(state, model.info)));
  const data = pointsOf(await readPictures(await lab.data(curve, 'test'), 0, DATA));
  const chosen = shown[0]!.flatMap(([x, y], i) => (Math.hypot(x, y) < REACH ? [i] : [])).slice(0, DRAWN);
  return { data, paths: chosen.map(i => shown.map(points => points[i]!)) };
}

function plotOf(curve: Curve, { data, paths }: Drawn, ending = ''): PlotPicture {
  const at = (k: number) => paths.map(path => path.at(k)!);
  const which = ending ? `the best denoiser of ${DATA} points` : 'the trained denoiser';
  return {
    file: `straight-${curve}${ending}`,
    caption: `Trajectories of ${paths.length} random seeds through ${which} (${curve}).`,
    svg: planeFigure({
      title: `Trajectories of ${which}, ${curve}`,
      x: { label: 'first coordinate' },
      y: { label: 'second coordinate' },
      groups: [
        { name: 'data', points: data, radius: 1.2 },
        { name: 'seeds', points: at(0), radius: 2.5 },
        { name: 'where they land', points: at(-1), radius: 2.5 },
      ],
      paths,
      width: 640,
    }),
  };
}

/** The same of pictures, whose manifold is known by the components of their training data alone. */
async function ofPictures(lab: Lab) {
  const model = await lab.denoiser('fashion-mnist');
  const { padding, range } = model.info;
  const data = await lab.data('fashion-mnist', 'train');
  const moments = principalComponents(
    prepare(await readPictures(data, 0, Math.min(MOMENTS, data.length)), padding, range),
  );
  const seeds = randomSeeds(lab, model, Math.min(lab.sizes.sample, SEEDS), 'straight');
  const [own, linear] = [await trajectories(lab, model, seeds), linearTrajectories(model, moments, seeds)];
  const mean = (values: readonly number[]) => sampled(values, lab.rng);
  const [share, expected] = [mean(straightness(own)), mean(straightness(linear))];
  const turned = mean(straightness(shuffledSteps(own)));
  const turn = mean(straightness(evenTurns(own, model)));
  const free = mean(straightness(unscaled(own, model)));
  const freeLinear = mean(straightness(unscaled(linear, model)));
  const count = componentsOf(moments);
  const along = (states: readonly Floats[], from: number) =>
    energyShare(combine([1, states.at(-1)!], [-1, states.at(from)!]), moments, count);
  const [lasts, lastsLinear] = [along(own, -2), along(linear, -2)];
  return {
    ...{ share, expected, turned, turn, free, freeLinear },
    ...{ count, chance: count / moments.mean.data.length },
    ...{ chord: mean(along(own, 0)), chordLinear: mean(along(linear, 0)) },
    ...{ last: mean(lasts), lastLinear: mean(lastsLinear) },
    /** The last steps' share of themselves along the components over that of Gaussian data's, from the same seeds. */
    ratio: ratioOfMeans(lasts, lastsLinear, lab.rng, true),
  };
}

type OfPictures = Awaited<ReturnType<typeof ofPictures>>;

function straightClaim({ share, expected, turned, turn, free, freeLinear }: OfPictures): Claim {
  return judged({
    number: share,
    against: expected,
    rests: [turned, turn],
    paper: 'The trajectories are almost straight (said of fig. 9; here for pictures, Fashion-MNIST).',
    ours: `chord over path ${withInterval(share)}; without the signal rate ${withInterval(free, 4)}`,
    control: `Gaussian data of the same mean and covariance, whose trajectories are known: ${withInterval(expected)}; without the signal rate ${withInterval(freeLinear, 4)}; an even turn by a right angle between the same ends ${withInterval(turn)}; steps as long in random directions ${withInterval(turned)}`,
    numbersSay: straighter(share, turn) ? 'holds' : share.low > turned.high ? 'partly' : 'fails',
    because: `The path of a seed to its picture is ${figure(1 / share.mean)} times as long as its chord, ${share.high < expected.low ? 'more' : share.low > expected.high ? 'less' : 'no more'} bent than that of Gaussian data (${figure(1 / expected.mean)} times), where an even turn by a right angle would be ${figure(1 / turn.mean)} times as long.`,
    values: {
      straight: share,
      gaussian: expected,
      turned,
      turn,
      unscaled: free,
      gaussianUnscaled: freeLinear,
    },
  });
}

function orthogonalClaim(found: OfPictures): Claim {
  const { count, chance, chord, last, chordLinear, lastLinear, ratio } = found;
  // Good denoisers take off noise in the last step, of which little lies along the data: that of Gaussian data does, too.
  const [less, across] = [ratio.high < 1, chord.high < chordLinear.low];
  const avoids = less && last.high < chance / 2;
  return judged({
    number: last,
    against: lastLinear,
    rests: [chord, chordLinear, ratio],
    paper: 'The trajectories are orthogonal to the data manifold (said of fig. 9; here for pictures).',
    ours: `along the ${count} components that hold ${percent(HELD)} of the data's variance lie ${percentInterval(last)} of the square of the last step, ${percentInterval(chord)} of that of the chord`,
    control: `a direction in no relation to the data has ${percent(chance)} there; with Gaussian data of the same moments the last step has ${percentInterval(lastLinear)}, the chord ${percentInterval(chordLinear)}`,
    numbersSay: avoids && across ? 'holds' : less || across ? 'partly' : 'fails',
    because: `The last step has ${figure(last.mean / chance, 2)} times as much of itself along the data's components as a direction by chance and ${withInterval(ratio, 2)} times as much as that of Gaussian data, the whole way ${figure(chord.mean / chance, 2)} times, ${across ? 'less' : 'no less'} than the way of Gaussian data, which grows along the components by itself (${figure(chordLinear.mean / chance, 2)} times).`,
    values: { count, chance, last, chord, lastLinear, chordLinear, ratio },
  });
}

/** How many components hold most of the variance. */
function componentsOf({ variances }: PrincipalComponents): number {
  const total = variances.reduce((sum, value) => sum + value);
  let [count, held] = [0, 0];
  while (held < HELD * total) held += variances[count++]!;
  return count;
}
