import { nearestOnCurve } from '../../data/synthetic.ts';
import { prepare } from '../../diffusion/batches.ts';
import type { Denoiser } from '../../diffusion/info.ts';
import { toPixels } from '../../diffusion/pictures.ts';
import { planeFigure } from '../../figures/plane.ts';
import { principalComponents } from '../../latent/pca.ts';
import { combine, norms } from '../../tensor/rowwise.ts';
import { type Floats, rows } from '../../tensor/tensor.ts';
import {
  above,
  below,
  type Claim,
  judged,
  less,
  orInPart,
  type PlotPicture,
  type Verdict,
  worded,
} from './claims.ts';
import { experiment, type Lab, randomSeeds, readPictures } from './lab.ts';
import { figure, percent, percentInterval, type Sampled, sampled, times, withInterval } from './means.ts';
import { bestDenoiser, CURVES, type Curve, planeDenoiser, pointsOf } from './measure/plane.ts';
import { pictureTangents, TANGENT } from './measure/tangent.ts';
import {
  energyShare,
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
/** Training pictures that the moments are taken from, and seeds at most. */
const MOMENTS = 2000;
const SEEDS = 100;
/** Seeds of pictures at which the manifold's directions are sought. */
const TANGENTS = 20;
/** Chord over path of a quarter circle; a path is almost straight where it has less than half its detour. */
const QUARTER = (2 * Math.SQRT2) / Math.PI;
const STRAIGHT = 1 / (1 + (1 / QUARTER - 1) / 2);
const STRAIGHT_ASKED = `more than ${figure(STRAIGHT)}, half the detour of a quarter circle; in part, more than ${figure(QUARTER)}, its own`;

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
      claims: [
        ...planes.flatMap(plane => [planeStraight(plane), planeOrthogonal(plane)]),
        straightClaim(pictures),
        acrossClaim('in the last step', pictures.last, pictures),
        acrossClaim('from seed to picture', pictures.chord, pictures),
      ],
      plots: planes.flatMap(({ curve, drawn, drawnBest }) => [
        plotOf(curve, drawn),
        plotOf(curve, drawnBest, '-best'),
      ]),
      notes: [
        'Straight is the length of the chord from seed to result over that of the path; both also of x / s, the state without the signal rate, in which a step follows the predicted noise alone and the seed lies 50 times farther out.',
        'Where there is almost no signal a small error of the predicted noise moves a state far, by up to the ratio of signal rates of the step; the best denoiser of some of the points makes none.',
        `The manifold's directions at a picture are the ${TANGENT} in which it moves most as its seed is moved, of ${TANGENTS} seeds; for Gaussian data they are the data's first ${TANGENT} components everywhere.`,
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

function planeStraight({ curve, trained, best }: Plane): Claim {
  return judged({
    models: [],
    number: best.straight,
    against: QUARTER,
    paper: `The trajectories are almost straight (${curve}).`,
    ours: `chord over path ${withInterval(best.straight)} for the best denoiser, ${withInterval(trained.straight)} for the trained one`,
    control: `a quarter circle has ${figure(QUARTER)}, half its detour ${figure(STRAIGHT)}; without the signal rate paths are straighter by construction, ${withInterval(best.unscaled)} and ${withInterval(trained.unscaled)}; the first step, which should be next to none, is ${withInterval(best.jump, 2)} long for the best denoiser and ${withInterval(trained.jump, 2)} for the trained one`,
    asked: STRAIGHT_ASKED,
    numbersSay: straighter(best.straight),
    because: `Even the best denoiser's paths are ${figure(1 / best.straight.mean)} times as long as their chords, where a quarter circle is ${figure(1 / QUARTER)} times; the trained one's are ${figure(1 / trained.straight.mean)} times as long.`,
    values: {
      ...{ straight: trained.straight, best: best.straight },
      ...{ unscaled: trained.unscaled, bestUnscaled: best.unscaled },
      ...{ jump: trained.jump, bestJump: best.jump },
    },
  });
}

function planeOrthogonal({ curve, trained, best }: Plane): Claim {
  const across = less(best.last, times(best.lastChance, 1 / 2));
  const steeper = less(best.last, best.lastChance);
  return judged({
    models: [],
    number: best.last,
    against: best.lastChance,
    paper: `The trajectories are oriented along directions orthogonal to the data manifold (${curve}).`,
    ours: `|cos| between curve and last step ${withInterval(best.last)} for the best denoiser, ${withInterval(trained.last)} for the trained one; between curve and chord ${withInterval(best.chord)} and ${withInterval(trained.chord)}`,
    control: `with the curve's direction where another seed lands, |cos| is ${withInterval(best.lastChance)} for last steps and ${withInterval(best.chordChance)} for chords (best denoiser)`,
    asked: 'less than half of |cos| where another seed lands; in part, less than all of it',
    numbersSay: orInPart(across, steeper),
    because: `In the last step they meet the data ${worded(across, { holds: 'nearly at right angles', fails: 'not at right angles', open: 'at an angle that cannot be told from half of chance' })}${across !== 'holds' && steeper === 'holds' ? ', more steeply than by chance' : ''}.`,
    values: {
      ...{ last: trained.last, bestLast: best.last, lastChance: best.lastChance },
      ...{ chord: trained.chord, bestChord: best.chord, chordChance: best.chordChance },
    },
  });
}

/** Whether paths are straight: they have less than half the detour of a quarter circle, in part where they have less than all of it. */
function straighter(path: Sampled): Verdict {
  return orInPart(above(path, STRAIGHT), above(path, QUARTER));
}

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
        { name: 'where seeds land', points: at(-1), radius: 2.5 },
        { name: 'seeds', points: at(0), radius: 2.5 },
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
  const free = mean(straightness(unscaled(own, model)));
  const freeLinear = mean(straightness(unscaled(linear, model)));
  const first = rows(moments.components, 0, TANGENT);
  const looked = Math.min(TANGENTS, seeds.shape[0]!);
  const tangents: Floats[] = [];
  for (let i = 0; i < looked; i++)
    tangents.push(await pictureTangents(lab, model, rows(seeds, i, i + 1), TANGENT));
  /** What lies along the manifold's directions of the way from a state to the picture: there, and as Gaussian data have it. */
  const along = (from: number) => {
    const way = (states: readonly Floats[]) => combine([1, states.at(-1)!], [-1, states.at(from)!]);
    const ways = rows(way(own), 0, looked);
    const shares = tangents.map((basis, i) => energyShare(rows(ways, i, i + 1), basis)[0]!);
    return { own: mean(shares), linear: mean(energyShare(way(linear), first)) };
  };
  return {
    ...{ share, expected, turned, free, freeLinear },
    ...{ chance: TANGENT / moments.mean.data.length, chord: along(0), last: along(-2) },
  };
}

type OfPictures = Awaited<ReturnType<typeof ofPictures>>;

function straightClaim({ share, expected, turned, free, freeLinear }: OfPictures): Claim {
  return judged({
    number: share,
    against: expected,
    rests: [turned],
    paper: 'The trajectories are almost straight (said of fig. 9; here for pictures, Fashion-MNIST).',
    ours: `chord over path ${withInterval(share)}; without the signal rate ${withInterval(free, 4)}`,
    control: `Gaussian data of the same mean and covariance, whose trajectories are known: ${withInterval(expected)}; without the signal rate ${withInterval(freeLinear, 4)}; a quarter circle ${figure(QUARTER)}, half its detour ${figure(STRAIGHT)}; steps as long in random directions ${withInterval(turned)}`,
    asked: STRAIGHT_ASKED,
    numbersSay: straighter(share),
    because: `The path of a seed to its picture is ${figure(1 / share.mean)} times as long as its chord, ${worded(less(share, expected), { holds: 'more', fails: 'less', open: 'no more' })} bent than that of Gaussian data (${figure(1 / expected.mean)} times), where a quarter circle is ${figure(1 / QUARTER)} times as long${straighter(expected) === 'holds' ? '' : ': the paths of Gaussian data would not pass for straight either'}.`,
    values: {
      straight: share,
      gaussian: expected,
      turned,
      unscaled: free,
      gaussianUnscaled: freeLinear,
    },
  });
}

function acrossClaim(
  where: string,
  { own, linear }: { readonly own: Sampled; readonly linear: Sampled },
  { chance }: OfPictures,
): Claim {
  const across = below(own, chance);
  return judged({
    number: own,
    against: chance,
    paper: `The trajectories are orthogonal to the data manifold (said of fig. 9; here for pictures, ${where}).`,
    ours: `along the ${TANGENT} directions in which the picture moves most as its seed is moved lie ${percentInterval(own)} of the square of the way`,
    control: `a direction in no relation to the data has ${percent(chance)} there; the way of Gaussian data of the same moments ${percentInterval(linear)}`,
    asked: 'less than a direction has that is in no relation to the data',
    numbersSay: across,
    because: `Along the manifold lies ${figure(own.mean / chance, 2)} times as much of the way as of a direction by chance, of Gaussian data's ${figure(linear.mean / chance, 2)} times.`,
    values: { chance, own, linear },
  });
}
