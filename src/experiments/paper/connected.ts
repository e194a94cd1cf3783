import { lineFigure } from '../../figures/line.ts';
import { withSquares } from '../../latent/combinations.ts';
import { interpolateSeeds, type SeedPath } from '../../latent/interpolation.ts';
import { permutation } from '../../tensor/random.ts';
import { average, meanSquares } from '../../tensor/statistics.ts';
import { concatRows, type Floats, rows } from '../../tensor/tensor.ts';
import {
  above,
  below,
  type Claim,
  judged,
  type PlotPicture,
  together,
  type Verdict,
  worded,
} from './claims.ts';
import {
  errorsOf,
  experiment,
  type Lab,
  type Named,
  noiseFor,
  perCloud,
  perSubject,
  readPictures,
  type SeedCloud,
  type Subject,
} from './lab.ts';
import {
  curveOf,
  figure,
  type Means,
  percent,
  percentInterval,
  type Sampled,
  sampled,
  withInterval,
} from './means.ts';
import { CURVES, type Curve, gravitationalMap, planeDenoiser, pointsOf } from './measure/plane.ts';

/** Pairs of seeds of each picture that are joined, and points of each path. */
const PAIRS = 4;
const POINTS = [0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1];
/** A path leaves the picture where its error is so many times the worst of the cloud's seeds. */
const LEFT = [2, 4] as const;
/** A path stays with the picture while its error is below this part of that of random pictures. */
const WITH = 0.1;
/** Nearly all: a mean above the first, of which it is certain that it is above the second. */
const NEARLY_ALL = 0.9;
const CERTAINLY = 0.7;
/** The grid in the plane, how near a seed must land, and the points that are looked at. */
const SIDE = 101;
const REACH = 2.5;
const CLOSE = 0.2;
const CHOSEN = 20;

/** Whether emb(x) is connected (Asperti et al. 2023, section 1), by paths between seeds and by flooding a grid. */
export const connected = experiment({
  name: 'connected',
  title: 'is the set of seeds of a picture connected?',
  needs: ['fashion-mnist', 'data:fashion-mnist'],
  async measure(lab) {
    const planes: Plane[] = [];
    for (const curve of CURVES) planes.push(await inPlane(lab, curve));
    const { numbers: clouds } = await perSubject(lab, async subject => ({
      numbers: { subject, ...(await perCloud(lab, subject, cloud => inCloud(lab, cloud))) },
    }));
    return { numbers: { planes, clouds } };
  },
  report: ({ planes, clouds }) => ({
    claims: [...planes.map(planeClaim), ...clouds.flatMap(cloud => [joinedClaim(cloud), convexClaim(cloud)])],
    plots: clouds.map(plotOf),
  }),
});

type Plane = Awaited<ReturnType<typeof inPlane>>;
type Cloud = Means<Awaited<ReturnType<typeof inCloud>>> & Named & { readonly subject: Subject };

/** In pictures paths between the seeds of a cloud are tried. */
export async function inCloud(lab: Lab, cloud: SeedCloud) {
  const pairs = Math.min(PAIRS, Math.floor(cloud.latent.shape[0]! / 2));
  const noise = noiseFor(lab, cloud, 2 * pairs, 'connected');
  const random = average(await errorsOf(lab, cloud, noise));
  const along = (seeds: Floats, way: SeedPath) => pathErrors(lab, cloud, seeds, pairs, way);
  const [straight, arcs] = [await along(cloud.latent, 'lerp'), await along(cloud.latent, 'slerp')];
  const towards = await along(alternating(cloud.latent, noise, pairs), 'lerp');
  const foreign = await along(noise, 'lerp');
  const middle = POINTS.indexOf(0.5);
  const squares = meanSquares(middles(cloud.latent, pairs));
  const matched = await errorsOf(lab, cloud, withSquares(rows(noise, 0, pairs), squares));
  const worst = Math.max(...cloud.errors);
  const share = (errors: readonly number[], limit: number) =>
    average(errors.map(error => (error < limit ? 1 : 0)));
  const kept = (errors: readonly number[]) => share(errors, WITH * random);
  const worstOf = (errors: readonly number[][]) => errors.map(path => Math.max(...path));
  const within = (errors: readonly number[][]) =>
    LEFT.map(times => ({ ofOne: share(worstOf(errors), times * worst) }));
  const [worstStraight, worstArcs] = [worstOf(straight), worstOf(arcs)];
  const [lerp, slerp] = [kept(worstStraight), kept(worstArcs)];
  /** Pairs that the better of straight path and arc joins. */
  const joined = kept(worstStraight.map((error, i) => Math.min(error, worstArcs[i]!)));
  const [astray, chance] = [kept(towards.map(path => path[middle]!)), kept(matched)];
  const control = kept(worstOf(foreign));
  const at = (errors: readonly number[][]) => POINTS.map((_, i) => average(errors.map(path => path[i]!)));
  return {
    random,
    ...{ lerp: { ofOne: lerp }, slerp: { ofOne: slerp }, joined: { ofOne: joined } },
    ...{ control: { ofOne: control }, astray: { ofOne: astray }, chance: { ofOne: chance } },
    lead: {
      joined: joined - Math.max(astray, chance, control),
      lerp: lerp - Math.max(astray, chance, control),
    },
    lerpWithin: within(straight),
    slerpWithin: within(arcs),
    worst: { straight: Math.max(...straight.flat()), arcs: Math.max(...arcs.flat()) },
    curves: { straight: at(straight), arcs: at(arcs), towards: at(towards), foreign: at(foreign) },
  };
}

/** Whether nearly all are so, and more than what has no reason to be. */
function nearlyAll(share: Sampled, lead: Sampled): Verdict {
  const many = share.mean > NEARLY_ALL && above(share, CERTAINLY) === 'holds';
  const few = below(share, NEARLY_ALL) === 'holds';
  return together(many ? 'holds' : few ? 'fails' : 'open', above(lead, 0));
}

const controlOf = ({ astray, chance, control, random }: Cloud) =>
  `half way from a seed to one of another picture ${percentInterval(astray)} still grow the picture, and ${percentInterval(chance)} of random seeds as short as the middles of the paths; ${percentInterval(control)} of paths between random seeds do; a path does while its error is below ${percent(WITH)} of that of random pictures, ${withInterval(random)}`;

function joinedClaim(cloud: Cloud): Claim {
  const { title, model, lerp, slerp, joined, astray, chance, control, lead } = cloud;
  const [connects, more] = [nearlyAll(joined, lead.joined), above(lead.joined, 0)];
  return judged({
    models: [model],
    number: joined,
    against: astray,
    rests: [chance, control, lead.joined],
    paper: `Is emb(x) connected? A seed of a picture leads to another by way of seeds of it (${title}).`,
    ours: `${percentInterval(joined)} of ${PAIRS} pairs of seeds of each picture are joined by a straight path or an arc that grows it all along, ${percentInterval(lerp)} by the former, ${percentInterval(slerp)} by the latter`,
    control: controlOf(cloud),
    asked: `of ${percent(NEARLY_ALL)} and more, of more than ${percent(CERTAINLY)} by the interval, and of more than of any control`,
    // Pairs that neither path joins may be joined by a crooked one.
    numbersSay: connects === 'fails' && more !== 'fails' ? 'open' : connects,
    because:
      more !== 'holds'
        ? 'Paths between seeds of the picture do not clearly stay with it more often than what has no reason to.'
        : `${percentInterval(joined)} of the pairs are joined${connects === 'holds' ? '' : '; a crooked path may still join the others'}.`,
    values: { joined, lerp, slerp, control, towards: astray, matched: chance },
  });
}

function convexClaim(cloud: Cloud): Claim {
  const { title, model, random, lerp, astray, chance, control, lead, lerpWithin, slerpWithin, worst } = cloud;
  const convex = nearlyAll(lerp, lead.lerp);
  const words = (shares: readonly Sampled[]) => shares.map(percentInterval).join(' and ');
  return judged({
    models: [model],
    number: lerp,
    against: astray,
    rests: [chance, control, lead.lerp],
    paper: `emb(x) is convex, roughly: straight paths between its seeds grow the picture (${title}).`,
    ours: `${percentInterval(lerp)} of ${PAIRS} straight paths between seeds of each picture grow it all along; within ${LEFT.join(' and ')} times the worst error of the seeds stay ${words(lerpWithin)} of them, ${words(slerpWithin)} of arcs`,
    control: controlOf(cloud),
    asked: `of ${percent(NEARLY_ALL)} and more, of more than ${percent(CERTAINLY)} by the interval, and of more than of any control`,
    numbersSay: convex,
    because:
      above(lead.lerp, 0) !== 'holds'
        ? 'Straight paths between seeds of the picture do not clearly stay with it more often than what has no reason to.'
        : `${percentInterval(lerp)} of the straight paths grow the picture all along, ${figure(random.mean / worst.straight.mean, 2)} times nearer to it than random ones at the worst; ${percentInterval(lerpWithin[1]!)} stay within ${LEFT[1]} times the error of the seeds.`,
    values: { lerp, lerpWithin: lerpWithin[1]!, slerpWithin: slerpWithin[1]!, random },
  });
}

function plotOf({ title, subject, curves }: Cloud): PlotPicture {
  return {
    file: `connected-${subject}`,
    caption: `Squared error along paths between two seeds of one picture, from one to a seed of another picture, and between random seeds (${title}).`,
    svg: lineFigure({
      title: `Along paths between seeds, ${title}`,
      x: { label: 'part of the way' },
      y: { label: 'mean squared error of pixels in [0, 1]', log: true },
      series: [
        curveOf('straight', POINTS, curves.straight),
        curveOf('arc', POINTS, curves.arcs),
        { ...curveOf('to a seed of another picture', POINTS, curves.towards), dashed: true },
        { ...curveOf('between random seeds', POINTS, curves.foreign), dashed: true },
      ],
    }),
  };
}

/** Errors along the paths that join seeds 0 and 1, 2 and 3, ...: a row a path. */
async function pathErrors(
  lab: Lab,
  cloud: SeedCloud,
  latent: Floats,
  pairs: number,
  way: SeedPath,
): Promise<number[][]> {
  const points = Array.from({ length: pairs }, (_, i) => {
    const [a, b] = [rows(latent, 2 * i, 2 * i + 1), rows(latent, 2 * i + 1, 2 * i + 2)];
    return POINTS.map(t => interpolateSeeds(a, b, t, way));
  });
  const errors = await errorsOf(lab, cloud, concatRows(points.flat()));
  return points.map((_, i) => errors.slice(i * POINTS.length, (i + 1) * POINTS.length));
}

/** The seeds of a cloud and random ones by turns. */
function alternating(seeds: Floats, noise: Floats, pairs: number): Floats {
  return concatRows(
    Array.from({ length: pairs }, (_, i) => [rows(seeds, 2 * i, 2 * i + 1), rows(noise, i, i + 1)]).flat(),
  );
}

/** The middles of the straight paths. */
function middles(seeds: Floats, pairs: number): Floats {
  return concatRows(
    Array.from({ length: pairs }, (_, i) =>
      interpolateSeeds(rows(seeds, 2 * i, 2 * i + 1), rows(seeds, 2 * i + 1, 2 * i + 2), 0.5, 'lerp'),
    ),
  );
}

/** In the plane all seeds can be tried: how many pieces those of a point fall into, on a grid. */
async function inPlane(lab: Lab, curve: Curve) {
  const model = await planeDenoiser(lab, curve);
  const { landed } = await gravitationalMap(lab, model, SIDE, REACH);
  const points = pointsOf(await readPictures(await lab.data(curve, 'test'), 0, CHOSEN));
  const to = pointsOf(landed);
  const members = points
    .map(([x, y]) => to.map(([u, v]) => Math.hypot(u - x, v - y) < CLOSE))
    .filter(own => own.some(Boolean));
  const shares = members.map(largestPiece);
  const scattered = members.map((own, k) =>
    largestPiece(scatter(to.length, own.filter(Boolean).length, lab.rng + k)),
  );
  return { curve, share: sampled(shares, lab.rng), control: sampled(scattered, lab.rng) };
}

function planeClaim({ curve, share, control }: Plane): Claim {
  return judged({
    models: [],
    number: share,
    against: control,
    paper: `Is emb(x) connected? In the plane every seed can be tried (${curve}).`,
    ours: `the largest connected piece holds ${withInterval(share)} of a point's seeds, over the ${share.n} of ${CHOSEN} points that seeds land on`,
    control: `as many seeds strewn over the grid: ${withInterval(control)}`,
    asked: `more than ${figure(NEARLY_ALL, 1)} of a point's seeds`,
    numbersSay: above(share, NEARLY_ALL),
    because: worded(above(share, NEARLY_ALL), {
      holds: 'The seeds of a point are one piece of the plane.',
      fails: `The largest piece holds ${percent(share.mean)} of the seeds of a point.`,
      open: `The largest piece holds ${percent(share.mean)} of the seeds of a point, which is about what is asked, ${percent(NEARLY_ALL)}.`,
    }),
    values: { share, control },
  });
}

/** The share of the members of a square grid that the largest piece of neighbours holds; 1 where there are none. */
export function largestPiece(members: readonly boolean[]): number {
  const side = Math.round(Math.sqrt(members.length));
  const seen = members.map(member => !member);
  let largest = 0;
  for (let start = 0; start < members.length; start++) {
    if (seen[start]) continue;
    seen[start] = true;
    const queue = [start];
    for (let at = 0; at < queue.length; at++) {
      const [x, y] = [queue[at]! % side, Math.floor(queue[at]! / side)];
      for (const [u, v] of [
        [x - 1, y],
        [x + 1, y],
        [x, y - 1],
        [x, y + 1],
      ] as const) {
        const next = v * side + u;
        if (u < 0 || u >= side || v < 0 || v >= side || seen[next]) continue;
        seen[next] = true;
        queue.push(next);
      }
    }
    largest = Math.max(largest, queue.length);
  }
  const count = members.filter(Boolean).length;
  return count === 0 ? 1 : largest / count;
}

/** So many members at random places. */
function scatter(size: number, count: number, seed: number): boolean[] {
  const members = new Array<boolean>(size).fill(false);
  for (const i of permutation({ seed, purpose: 'scatter' }, size, 0).subarray(0, count)) members[i] = true;
  return members;
}
