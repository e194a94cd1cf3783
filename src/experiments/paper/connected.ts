import { average, bootstrapMean } from '../../embedding/metrics.ts';
import { lineFigure } from '../../figures/line.ts';
import { interpolateSeeds, SEED_PATHS } from '../../latent/interpolation.ts';
import { permutation } from '../../tensor/random.ts';
import { concatRows, rows, type Tensor } from '../../tensor/tensor.ts';
import { errorsOf, subjectsAt } from '../around.ts';
import type { Claim, Picture } from '../findings.ts';
import {
  type Experiment,
  type Lab,
  randomSeeds,
  pictures as read,
  type SeedCloud,
  SUBJECTS,
} from '../lab.ts';
import { CURVES, type Curve, gravitationalMap, planeDenoiser, pointsOf } from '../plane.ts';
import { figure, percent, withInterval } from '../wording.ts';

type Floats = Tensor<'float32'>;

/** Pairs of seeds that are joined, and points of each path. */
const PAIRS = 24;
const POINTS = [0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1];
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
      const { title } = SUBJECTS[subject];
      const cloud = await lab.cloud(subject);
      const pairs = Math.min(PAIRS, Math.floor(cloud.latent.shape[0]! / 2));
      const noise = randomSeeds(lab, cloud.model, 2 * pairs, 'connected');
      const random = average(await errorsOf(lab, cloud, noise));
      const paths = await pathErrors(lab, cloud, cloud.latent, pairs);
      const foreign = await pathErrors(lab, cloud, noise, pairs);
      const stays = (errors: readonly number[][]) =>
        bootstrapMean(
          errors.map(path => (Math.max(...path) < WITH * random ? 1 : 0)),
          lab.rng,
        );
      const [lerp, slerp, control] = [stays(paths.lerp), stays(paths.slerp), stays(foreign.lerp)];
      const best = Math.max(lerp.low, slerp.low);
      claims.push({
        paper: `The paper asks whether emb(x) is a connected, convex space, and finds it convex (${title}).`,
        ours: `${percent(lerp.mean)} (${percent(lerp.low)} to ${percent(lerp.high)}) of ${pairs} straight paths between seeds grow the picture all along, ${percent(slerp.mean)} (${percent(slerp.low)} to ${percent(slerp.high)}) of arcs`,
        control: `${percent(control.mean)} of paths between random seeds do; a path does while its error is below ${percent(WITH)} of that of random pictures, ${figure(random)}`,
        verdict: best > 0.9 ? 'holds' : best > control.high ? 'partly' : 'fails',
        because:
          best > 0.9
            ? 'Nearly all pairs of seeds are joined by a path of seeds of the same picture.'
            : `Only ${percent(Math.max(lerp.mean, slerp.mean))} of the pairs are joined by a straight path or an arc; a crooked one may still join the others.`,
        values: { lerp: lerp.mean, slerp: slerp.mean, control: control.mean, random },
      });
      const at = (errors: readonly number[][]) => ({
        points: POINTS.map((t, i): [number, number] => [
          t,
          bootstrapMean(
            errors.map(path => path[i]!),
            lab.rng,
          ).mean,
        ]),
        band: POINTS.map((t, i): [number, number, number] => {
          const { low, high } = bootstrapMean(
            errors.map(path => path[i]!),
            lab.rng,
          );
          return [t, low, high];
        }),
      });
      pictures.push({
        kind: 'plot',
        file: `connected-${subject}`,
        caption: `Squared error along paths between two seeds of one picture, and between random seeds (${title}).`,
        svg: lineFigure({
          title: `Along paths between seeds, ${title}`,
          x: { label: 'part of the way' },
          y: { label: 'mean squared error of pixels in [0, 1]', log: true },
          series: [
            { name: 'straight', ...at(paths.lerp) },
            { name: 'arc', ...at(paths.slerp) },
            { name: 'between random seeds', ...at(foreign.lerp), dashed: true },
          ],
        }),
      });
    }
    return { claims, pictures };
  },
};

/** Errors along the paths that join seeds 0 and 1, 2 and 3, ...: a row a path. */
async function pathErrors(lab: Lab, cloud: SeedCloud, latent: Floats, pairs: number) {
  const result: Record<(typeof SEED_PATHS)[number], number[][]> = { slerp: [], lerp: [] };
  for (const way of SEED_PATHS) {
    const points = concatRows(
      Array.from({ length: pairs }, (_, i) => {
        const [a, b] = [rows(latent, 2 * i, 2 * i + 1), rows(latent, 2 * i + 1, 2 * i + 2)];
        return POINTS.map(t => interpolateSeeds(a, b, t, way));
      }).flat(),
    );
    const errors = await errorsOf(lab, cloud, points);
    for (let i = 0; i < pairs; i++)
      result[way].push(errors.slice(i * POINTS.length, (i + 1) * POINTS.length));
  }
  return result;
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
