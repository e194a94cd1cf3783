import { gridOf, pointsTensor } from '../../state/points.ts';

/** How far out seeds are drawn, in standard deviations. */
const REACH = 2.6;

function seeds(side: number) {
  const points = gridOf(side, REACH);
  return { points, tensor: pointsTensor(points) };
}

/** Seeds whose fall is drawn. */
export const ARROW_SEEDS = seeds(19);
/** Seeds that are coloured. */
export const DENSE_SEEDS = seeds(61);
