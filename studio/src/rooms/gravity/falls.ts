import { createMemo, createSignal } from 'solid-js';
import { ask } from '../../engine/client.ts';
import type { ScheduleName } from '../../engine/engine.ts';
import { numberPart, part } from '../../state/address.ts';
import { whenever } from '../../state/latest.ts';
import {
  nearest,
  type Point,
  pointsOf,
  pointsTensor,
  REACH,
  readPoints,
  writePoints,
} from '../../state/points.ts';
import { ARROW_SEEDS, DENSE_SEEDS } from './grids.ts';
import { SCHEDULE_NAMES, samplingOf } from './schedules.ts';
import type { GravityState } from './state.ts';

/** The seed that is followed at first. */
const SEED: Point = [2.2, 1.5];

/** Where the trained denoiser pulls seeds. */
export function useFalls({ trained, landing, points, isDrawn, isOwn }: GravityState) {
  const [steps, setSteps] = numberPart('steps', 20, [2, 60]);
  const [schedule, setSchedule] = part<ScheduleName>('schedule', 'continuousCosine', SCHEDULE_NAMES);
  /** A model of one's own keeps its schedule. */
  const led = createMemo(() => (isOwn() ? 'continuousCosine' : schedule()));
  const [seedText, setSeedText] = part<string>('seed', writePoints([SEED]));
  const [chosenText, setChosen] = part<string>('chosen', '');
  const [landed, setLanded] = createSignal<readonly Point[]>([]);
  const [dense, setDense] = createSignal<readonly Point[]>([]);
  const [way, setWay] = createSignal<readonly Point[]>([]);

  const { placed, standardised } = placing(trained);
  whenever(
    () => [trained(), steps(), led()] as const,
    async ([model, steps, schedule], counts) => {
      if (!model) {
        for (const clear of [setLanded, setDense, setWay]) clear([]);
        return;
      }
      const sampling = samplingOf(steps, schedule);
      const near = await ask('grow', model.key, ARROW_SEEDS.tensor, sampling);
      if (!counts()) return;
      setLanded(pointsOf(near));
      const all = await ask('grow', model.key, DENSE_SEEDS.tensor, sampling);
      if (counts()) setDense(pointsOf(all));
    },
  );
  const seed = createMemo<Point>(() => readPoints(seedText())[0] ?? SEED);
  whenever(
    () => [trained(), steps(), led(), seed()] as const,
    async ([model, steps, schedule, seed], counts) => {
      if (!model) return;
      const states = await ask('trajectories', model.key, pointsTensor([seed]), samplingOf(steps, schedule));
      if (counts()) setWay(states.map(state => placed(pointsOf(state)[0]!)));
    },
  );

  /** The chosen point of the data, and the seeds that land nearer to it than to any other shown. */
  const chosen = createMemo(() => {
    const at = readPoints(chosenText())[0];
    const place = at && nearest(points(), at);
    return place === undefined ? undefined : points()[place];
  });
  const drawnTo = createMemo(() => {
    const target = chosen();
    return target && dense().length > 0 ? landingAt(target, dense(), isDrawn() ? points() : undefined) : [];
  });

  const lost = createMemo(() => outOfSight(landed().map(standardised)));

  return {
    ...{ steps, setSteps, schedule, setSchedule, landed, dense, way, chosen, drawnTo, lost, placed },
    seed: () => placed(seed()),
    arrows: () => {
      const ends = landed().length > 0 ? landed() : landing();
      return ends.map((to, i) => [placed(ARROW_SEEDS.points[i]!), to] as const);
    },
    choose: (point: Point) => setChosen(writePoints([point])),
    follow: (point: Point) => setSeedText(writePoints([standardised(point)])),
  };
}
export type FallsState = ReturnType<typeof useFalls>;

/** Standardised coordinates as the data's own, and back. */
function placing(trained: GravityState['trained']) {
  const range = () => trained() ?? { mean: [0, 0], std: [1, 1] };
  return {
    placed([x, y]: Point): Point {
      const { mean, std } = range();
      return [mean[0]! + std[0]! * x, mean[1]! + std[1]! * y];
    },
    standardised([x, y]: Point): Point {
      const { mean, std } = range();
      return [(x - mean[0]!) / std[0]!, (y - mean[1]!) / std[1]!];
    },
  };
}

/** How many points lie out of sight, and how far the farthest. */
function outOfSight(landed: readonly Point[]): { count: number; farthest: number } | undefined {
  const far = landed.map(point => Math.hypot(...point)).filter(distance => distance > 2 * REACH);
  return far.length > 0 ? { count: far.length, farthest: Math.max(...far) } : undefined;
}

/** The seeds that land beside a point; of drawn points, nearer to it than to any other. */
function landingAt(target: Point, dense: readonly Point[], drawn: readonly Point[] | undefined): Point[] {
  const within = drawn ? 0.35 : 0.25;
  return DENSE_SEEDS.points.filter((_, i) => {
    const [x, y] = dense[i]!;
    const near = Math.hypot(x - target[0], y - target[1]) < within;
    return near && (!drawn || drawn[nearest(drawn, [x, y])!] === target);
  });
}
