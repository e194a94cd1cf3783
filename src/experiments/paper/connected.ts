import { lineFigure } from '../../figures/line.ts';
import { interpolateSeeds, type SeedPath } from '../../latent/interpolation.ts';
import { permutation } from '../../tensor/random.ts';
import { combine } from '../../tensor/rowwise.ts';
import { average, bootstrapMean, meanSquares } from '../../tensor/statistics.ts';
import { concatRows, type Floats, rows } from '../../tensor/tensor.ts';
import {
  type Experiment,
  type Lab,
  randomSeeds,
  pictures as read,
  type SeedCloud,
  SUBJECTS,
  type Subject,
} from './lab.ts';
import { errorsOf, subjectsAt } from './measure/around.ts';
import { CURVES, type Curve, gravitationalMap, planeDenoiser, pointsOf } from './measure/plane.ts';
import type { Claim, Picture } from './report/findings.ts';
import { figure, percent, withInterval } from './report/wording.ts';

/** Pairs of seeds that are joined, and points of each path. */
const PAIRS = 24;
const POINTS = [0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1];
/** A path leaves the picture where its error is so many times the worst of the cloud's seeds. */
const LEFT = [2, 4] as const;
/** A path stays with the picture while its error is below this part of that of random pictures. */
const WITH = 0.1;
/** The grid in the plane, how near a seed must land, and the points that are looked at. */
const SIDE = 101;
const REACH = 2.5;
const CLOSE = 0.2;
const CHOSEN = 12;

/** Whether emb(x) is connected (Asperti et al. 2023, section 1), by paths between seeds and by flooding a grid. */
export const connected: Experiment = {
  name: 'connected',
  title: 'is the set of seeds of a picture connected?',
  needs: ['fashion-mnist', 'data:fashion-mnist'],
  async run(lab) {
    const claims: Claim[] = [];
    const pictures: Picture[] = [];
    for (const curve of CURVES) claims.push(await inPlane(lab, curve));
    for (const subject of subjectsAt(lab, ['fashion-mnist', 'mnist', 'cifar10'])) {
      const { claim, picture } = await inCloud(lab, subject);
      claims.push(claim);
      pictures.push(picture);
    }
    return { claims, pictures };
  },
};

/** In pictures paths between the seeds of a cloud are tried. */
export async function inCloud(lab: Lab, subject: Subject): Promise<{ claim: Claim; picture: Picture }> {
  const { title } = SUBJECTS[subject];
  const cloud = await lab.cloud(subject);
  const pairs = Math.min(PAIRS, Math.floor(cloud.latent.shape[0]! / 2));
  const noise = randomSeeds(lab, cloud.model, 2 * pairs, 'connected');
  const random = average(await errorsOf(lab, cloud, noise));
  const along = (seeds: Floats, way: SeedPath) => pathErrors(lab, cloud, seeds, pairs, way);
  const [straight, arcs] = [await along(cloud.latent, 'lerp'), await along(cloud.latent, 'slerp')];
  const towards = await along(alternating(cloud.latent, noise, pairs), 'lerp');
  const foreign = await along(noise, 'lerp');
  const middle = POINTS.indexOf(0.5);
  const squares = meanSquares(middles(cloud.latent, pairs));
  const matched = await errorsOf(lab, cloud, withSquares(rows(noise, 0, pairs), squares));
  const worst = Math.max(...cloud.errors);
  const within = (errors: readonly number[][], times: number) =>
    average(errors.map(path => (Math.max(...path) < times * worst ? 1 : 0)));
  const kept = (errors: readonly number[]) =>
    bootstrapMean(
      errors.map(error => (error < WITH * random ? 1 : 0)),
      lab.rng,
    );
  const stays = (errors: readonly number[][]) => kept(errors.map(path => Math.max(...path)));
  const [lerp, slerp, control] = [stays(straight), stays(arcs), stays(foreign)];
  const [astray, chance] = [kept(towards.map(path => path[middle]!)), kept(matched)];
  const best = Math.max(lerp.low, slerp.low);
  const trivial = Math.max(astray.high, chance.high, control.high);
  const claim: Claim = {
    paper: `The paper asks whether emb(x) is a connected, convex space, and finds it convex (${title}).`,
    ours: `${percent(lerp.mean)} (${percent(lerp.low)} to ${percent(lerp.high)}) of ${pairs} straight paths between seeds grow the picture all along, ${percent(slerp.mean)} (${percent(slerp.low)} to ${percent(slerp.high)}) of arcs; within ${LEFT.join(' and ')} times the worst error of the seeds stay ${LEFT.map(times => percent(within(straight, times))).join(' and ')} of the straight ones, ${LEFT.map(times => percent(within(arcs, times))).join(' and ')} of the arcs`,
    control: `half way from a seed to one of another picture ${percent(astray.mean)} (${percent(astray.low)} to ${percent(astray.high)}) still grow the picture, and ${percent(chance.mean)} of random seeds as short as the middles of the paths; ${percent(control.mean)} of paths between random seeds do; a path does while its error is below ${percent(WITH)} of that of random pictures, ${figure(random)}`,
    verdict: best <= trivial ? 'fails' : best > 0.9 ? 'holds' : 'partly',
    because:
      best <= trivial
        ? 'Paths between seeds of the picture stay with it no more often than what has no reason to.'
        : best > 0.9
          ? `Nearly all pairs of seeds are joined by a ${lerp.low >= slerp.low ? 'straight path' : 'arc'} of seeds of the same picture, ${figure(random / Math.max(...(lerp.low >= slerp.low ? straight : arcs).flat()), 2)} times nearer to it than random ones at the worst.`
          : `Only ${percent(Math.max(lerp.mean, slerp.mean))} of the pairs are joined by a straight path or an arc; a crooked one may still join the others.`,
    values: {
      lerp: lerp.mean,
      slerp: slerp.mean,
      control: control.mean,
      towards: astray.mean,
      matched: chance.mean,
      lerpWithin: within(straight, LEFT[1]),
      slerpWithin: within(arcs, LEFT[1]),
      random,
    },
  };
  const at = (errors: readonly number[][]) => {
    const means = POINTS.map((_, i) =>
      bootstrapMean(
        errors.map(path => path[i]!),
        lab.rng,
      ),
    );
    return {
      points: means.map(({ mean }, i): [number, number] => [POINTS[i]!, mean]),
      band: means.map(({ low, high }, i): [number, number, number] => [POINTS[i]!, low, high]),
    };
  };
  const picture: Picture = {
    kind: 'plot',
    file: `connected-${subject}`,
    caption: `Squared error along paths between two seeds of one picture, from one to a random seed, and between random seeds (${title}).`,
    svg: lineFigure({
      title: `Along paths between seeds, ${title}`,
      x: { label: 'part of the way' },
      y: { label: 'mean squared error of pixels in [0, 1]', log: true },
      series: [
        { name: 'straight', ...at(straight) },
        { name: 'arc', ...at(arcs) },
        { name: 'to a seed of another picture', ...at(towards), dashed: true },
        { name: 'between random seeds', ...at(foreign), dashed: true },
      ],
    }),
  };
  return { claim, picture };
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

/** Rows rescaled to mean squares. */
function withSquares(latent: Floats, squares: readonly number[]): Floats {
  const own = meanSquares(latent);
  return combine([squares.map((square, i) => Math.sqrt(square / own[i]!)), latent]);
}

/** In the plane all seeds can be tried: how many pieces those of a point fall into, on a grid. */
async function inPlane(lab: Lab, curve: Curve): Promise<Claim> {
  const model = await planeDenoiser(lab, curve);
  const { landed } = await gravitationalMap(lab, model, SIDE, REACH);
  const points = pointsOf(await read(await lab.data(curve, 'test'), 0, CHOSEN));
  const to = pointsOf(landed);
  const shares = points.map(([x, y]) => largestPiece(to.map(([u, v]) => Math.hypot(u - x, v - y) < CLOSE)));
  const scattered = points.map(([x, y], k) => {
    const members = to.filter(([u, v]) => Math.hypot(u - x, v - y) < CLOSE).length;
    return largestPiece(scatter(to.length, members, lab.rng + k));
  });
  const [share, control] = [shares, scattered].map(values => bootstrapMean(values, lab.rng));
  return {
    paper: `Is emb(x) connected? In the plane every seed can be tried (${curve}).`,
    ours: `the largest connected piece holds ${withInterval(share!)} of a point's seeds, over ${points.length} points`,
    control: `as many seeds strewn over the grid: ${withInterval(control!)}`,
    verdict: share!.low > 0.9 ? 'holds' : share!.low > control!.high ? 'partly' : 'fails',
    because:
      share!.low > 0.9
        ? 'The seeds of a point are one piece of the plane.'
        : `The seeds of a point are mostly one piece, ${percent(share!.mean)} of them.`,
    values: { share: share!.mean, control: control!.mean },
  };
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
