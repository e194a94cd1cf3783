import { requireWhole } from '../errors.ts';
import { fillNormal, fillUniform } from '../tensor/random.ts';
import { type Tensor, zeros } from '../tensor/tensor.ts';
import type { Dataset } from './dataset.ts';
import { checkedIndex } from './dataset.ts';

interface Curve {
  /** The point of item `index` at `turn`, uniform in (0, 1); the curve's mean is the origin. */
  point(index: number, turn: number): readonly [number, number];
  /** Of the curve's points, the mean over both coordinates. */
  readonly variance: number;
}

/** Standard deviation of the noise about a curve, in the curve's own units. */
const NOISE = 0.05;

const CURVES = {
  /** Two circles about one centre: r (cos a, sin a), r = 1 and 1/2 by turns, a uniform in (0, 2 pi). */
  circles: {
    point: (index, turn) => {
      const radius = index % 2 === 0 ? 1 : 0.5;
      const angle = 2 * Math.PI * turn;
      return [radius * Math.cos(angle), radius * Math.sin(angle)];
    },
    variance: (1 + 1 / 4) / 4,
  },
  /** Two half circles, one in the other: (cos a, sin a) and (1 - cos a, 1/2 - sin a) by turns, a in (0, pi), less (1/2, 1/4). */
  moons: {
    point: (index, turn) => {
      const sign = index % 2 === 0 ? 1 : -1;
      const angle = Math.PI * turn;
      return [sign * (Math.cos(angle) - 1 / 2), sign * (Math.sin(angle) - 1 / 4)];
    },
    variance: (3 / 4 + 9 / 16 - 1 / Math.PI) / 2,
  },
} as const satisfies Record<string, Curve>;

/**
 * Points in the plane about a curve: (curve + 0.05 n) / s, n standard normal and s such that the variance, mean
 * over both coordinates, is 1. The same numbers on every machine; splits draw from different streams.
 */
export function syntheticPoints(curve: keyof typeof CURVES, split: string, length: number): Dataset {
  const { point, variance } = CURVES[curve];
  const scale = 1 / Math.sqrt(variance + NOISE ** 2);
  const name = `${curve}:${split}`;
  const within = checkedIndex(name, length);
  const turn = new Float64Array(1);
  const noise = new Float32Array(2);
  return {
    name,
    kind: 'points',
    shape: [2],
    length,
    itemName: index => `${name}/${within(index)}`,
    read: async indices => {
      const batch = zeros('float32', [indices.length, 2]);
      for (let row = 0; row < indices.length; row++) {
        const index = within(indices[row]!);
        fillUniform({ seed: 0, purpose: name }, index, 0, turn);
        fillNormal({ seed: 0, purpose: `${name} noise` }, index, 0, noise);
        const [x, y] = point(index, turn[0]!);
        batch.data.set([scale * (x + NOISE * noise[0]!), scale * (y + NOISE * noise[1]!)], 2 * row);
      }
      return batch;
    },
  };
}

/**
 * Points in the plane about a curve, to train small denoisers on: two circles, or two moons (Asperti et al. 2023, fig. 9),
 * with noise of a twentieth of the greater radius, scaled so that a coordinate's variance is 1. The same points everywhere.
 * @param count n, from 1.
 * @returns [n, 2]
 * @throws {SeedbedError} BadArgument for a count that is no whole number from 1.
 * @group Models
 * @example
 * import { curvePoints } from 'seedbed';
 * const points = await curvePoints('moons', 512);
 * console.log(points.shape); // prints [ 512, 2 ]
 */
export async function curvePoints(curve: 'circles' | 'moons', count: number): Promise<Tensor<'float32'>> {
  requireWhole('count', count, 1);
  return syntheticPoints(curve, 'train', count).read(Array.from({ length: count }, (_, i) => i));
}

/** The arcs that a curve is made of: centre, radius, and the side on which half circles lie, 0 for whole ones. */
const ARCS = {
  circles: [
    { x: 0, y: 0, radius: 1, side: 0 },
    { x: 0, y: 0, radius: 0.5, side: 0 },
  ],
  moons: [1, -1].map(side => ({ x: -side / 2, y: -side / 4, radius: 1, side })),
} as const;

/**
 * Where a point of the plane lies to the curve that {@link syntheticPoints} scatters points about, in their units.
 * @returns the distance to the nearest point of the curve, and the unit tangent there.
 */
export function nearestOnCurve(
  curve: keyof typeof CURVES,
  x: number,
  y: number,
): { distance: number; tangent: readonly [number, number] } {
  const scale = 1 / Math.sqrt(CURVES[curve].variance + NOISE ** 2);
  const near = ARCS[curve].map(arc => {
    const [dx, dy] = [x / scale - arc.x, y / scale - arc.y];
    const length = Math.hypot(dx, dy) || 1;
    // Beyond the ends of a half circle its nearest point is an end.
    const beyond = arc.side !== 0 && dy * arc.side < 0;
    const [ux, uy] = beyond ? [Math.sign(dx) || 1, 0] : [dx / length, dy / length];
    const distance = scale * Math.hypot(dx - arc.radius * ux, dy - arc.radius * uy);
    return { distance, tangent: [-uy, ux] as const };
  });
  return near.reduce((best, other) => (other.distance < best.distance ? other : best));
}
