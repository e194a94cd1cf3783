import { innerProducts } from '../tensor/products.ts';
import { type Floats, rows } from '../tensor/tensor.ts';

/** The neighbour whose distance is a point's radius (Kynkaanniemi et al. 2019 take the third). */
const NEIGHBOUR = 3;
/** Rows whose distances are held at once. */
const STRETCH = 256;

/**
 * How many points of one set lie within the other: inside the ball about one of its points that reaches to that point's third
 * neighbour, its radius (Kynkaanniemi et al. 2019, "Improved precision and recall metric"). For generated points within real ones that is
 * precision, for real ones within generated ones recall.
 * @param radii of the others.
 * @returns a share, 0 to 1.
 */
export function shareWithin(points: Floats, others: Floats, radii = radiiOf(others)): number {
  let inside = 0;
  eachDistances(points, others, (_, distances) => {
    if (distances.some((distance, i) => distance <= radii[i]!)) inside++;
  });
  return inside / points.shape[0]!;
}

/** The squared distance of each point to its third neighbour. */
export function radiiOf(points: Floats): Float64Array {
  const radii = new Float64Array(points.shape[0]!);
  eachDistances(points, points, (row, distances) => {
    // Its own distance, 0, is the first.
    radii[row] = Float64Array.from(distances).sort()[Math.min(NEIGHBOUR, distances.length - 1)]!;
  });
  return radii;
}

/** The distance from each of some points [n, D] to the nearest of others [m, D]. */
export function nearestDistances(points: Floats, others: Floats): number[] {
  const nearest: number[] = [];
  eachDistances(points, others, (_, distances) => {
    nearest.push(Math.sqrt(distances.reduce((least, d) => Math.min(least, d), Number.POSITIVE_INFINITY)));
  });
  return nearest;
}

/** The row of the nearest of others [m, D] to each of some points [n, D]. */
export function nearestRows(points: Floats, others: Floats): number[] {
  const nearest: number[] = [];
  eachDistances(points, others, (_, distances) => {
    nearest.push(distances.reduce((least, d, row) => (d < distances[least]! ? row : least), 0));
  });
  return nearest;
}

/** The distance to the nearest of others [m, D] within which a share of points [n, D] lie. */
export function nearestDistance(points: Floats, others: Floats, share: number): number {
  const distances = nearestDistances(points, others).sort((a, b) => a - b);
  return distances[Math.max(0, Math.ceil(share * distances.length) - 1)]!;
}

/** Calls back with the squared distances of each point to all others. */
function eachDistances(
  points: Floats,
  others: Floats,
  each: (row: number, distances: Float64Array) => void,
): void {
  const width = points.data.length / points.shape[0]!;
  const count = others.shape[0]!;
  const right = Float64Array.from(others.data);
  const rightSquares = squares(right, width);
  for (let from = 0; from < points.shape[0]!; from += STRETCH) {
    const left = Float64Array.from(rows(points, from, Math.min(from + STRETCH, points.shape[0]!)).data);
    const leftSquares = squares(left, width);
    const products = innerProducts(left, right, width);
    for (const [i, square] of leftSquares.entries()) {
      const distances = products.subarray(i * count, (i + 1) * count);
      each(
        from + i,
        distances.map((product, j) => Math.max(0, square + rightSquares[j]! - 2 * product)),
      );
    }
  }
}

function squares(points: Float64Array, width: number): Float64Array {
  const result = new Float64Array(points.length / width);
  points.forEach((value, i) => {
    result[Math.floor(i / width)]! += value ** 2;
  });
  return result;
}
