import { SeedbedError } from '../errors.ts';
import { type Floats, float32, sizeOf, unstack } from '../tensor/tensor.ts';

/** @inline */
/**
 * The ways between two seeds that {@link interpolateSeeds} knows: `slerp`, the arc, and `lerp`, the chord.
 * @group Statistics
 * @example
 * import { SEED_PATHS } from 'seedbed';
 * console.log(SEED_PATHS.join(', ')); // prints slerp, lerp
 */
export const SEED_PATHS = ['slerp', 'lerp'] as const;
/**
 * One of {@link SEED_PATHS}.
 * @group Statistics
 * @useDeclaredType
 */
export type SeedPath = (typeof SEED_PATHS)[number];

/** Sines below this are not divided by: the arc is its chord, to a part in 10^8. */
const NEARLY_PARALLEL = 1e-4;

/**
 * A seed on the way from one to another: 'lerp' is the chord (1 - t) a + t b, as in the paper's fig. 19 (Asperti et al.
 * 2023), which runs through seeds shorter than noise is; 'slerp' the arc sin((1 - t) w) / sin w a + sin(t w) / sin w b
 * with the angle w between them (Shoemake 1985, "Animating rotation with quaternion curves"; Song et al. 2021), on which
 * seeds of equal norms keep it. Seeds that are nearly parallel are joined by the chord.
 * @param a of any shape, taken as one vector.
 * @param b of the same shape.
 * @param t 0 gives `a`, 1 gives `b`, exactly; outside [0,1] the path goes on.
 * @param path 'slerp' unless given.
 * @throws {SeedbedError} BadShape when they differ in shape; BadArgument when `t` is not finite, a norm is zero, or the
 * seeds are opposite, so that there is no one arc.
 * @group Statistics
 * @example
 * import { float32, interpolateSeeds } from 'seedbed';
 * const [a, b] = [float32([2], [1, 0]), float32([2], [0, 1])];
 * console.log(interpolateSeeds(a, b, 0.5).data); // prints Float32Array(2) [ 0.7071067690849304, 0.7071067690849304 ]
 * console.log(interpolateSeeds(a, b, 0.5, 'lerp').data); // prints Float32Array(2) [ 0.5, 0.5 ]
 */
export function interpolateSeeds(a: Floats, b: Floats, t: number, path: SeedPath = 'slerp'): Floats {
  if (a.shape.join() !== b.shape.join())
    throw new SeedbedError('BadShape', `interpolateSeeds: seeds [${a.shape}] and [${b.shape}] differ`);
  if (!Number.isFinite(t))
    throw new SeedbedError('BadArgument', `interpolateSeeds: t is ${t}, not a finite number`);
  if (!SEED_PATHS.includes(path))
    throw new SeedbedError(
      'BadArgument',
      `interpolateSeeds: path is one of ${SEED_PATHS.join(', ')}, not ${path}`,
    );
  if (t === 0) return a;
  if (t === 1) return b;
  const [left, right] = path === 'lerp' ? [1 - t, t] : arc(a, b, t);
  return float32(
    a.shape,
    a.data.map((value, i) => left * value + right * b.data[i]!),
  );
}

/** The weights of both ends at t on the arc. */
function arc(a: Floats, b: Floats, t: number): [number, number] {
  const [aa, bb, ab] = [dot(a, a), dot(b, b), dot(a, b)];
  if (!(aa > 0 && bb > 0))
    throw new SeedbedError('BadArgument', `interpolateSeeds: a seed of norm 0 has no direction; use 'lerp'`);
  const cosine = Math.max(-1, Math.min(1, ab / Math.sqrt(aa * bb)));
  const angle = Math.acos(cosine);
  if (Math.sin(angle) >= NEARLY_PARALLEL)
    return [Math.sin((1 - t) * angle) / Math.sin(angle), Math.sin(t * angle) / Math.sin(angle)];
  if (cosine > 0) return [1 - t, t];
  throw new SeedbedError(
    'BadArgument',
    `interpolateSeeds: opposite seeds are joined by many arcs, none of them the shortest; use 'lerp'`,
  );
}

function dot(a: Floats, b: Floats): number {
  let sum = 0;
  for (let i = 0; i < a.data.length; i++) sum += a.data[i]! * b.data[i]!;
  return sum;
}

/**
 * A linear combination of seeds that is as long as noise is: sum_i w_i z_i / sqrt(sum_ij w_i w_j rho_ij), with rho_ii = 1
 * and rho_ij = `correlation` for all others (Bodin et al. 2024, "Linear combinations of latents in generative models",
 * arXiv 2408.08558, for independent seeds, where it is sum_i w_i z_i / |w|). It assumes that each seed is standard normal
 * noise and that all pairs are equally correlated: 0 for random seeds and for seeds of different pictures; for seeds of one
 * picture what {@link cloudStatistics} measures, some tenths, without which their mean would come out too long.
 * @param weights a number for each seed; only their ratios count.
 * @param seeds [N, ...].
 * @param correlation of two seeds' coordinates, above -1 / (N - 1), at most 1; 0.
 * @returns [...], one seed.
 * @throws {SeedbedError} BadShape unless there is a weight for each seed, BadArgument for a correlation that N seeds
 * cannot have, or weights that cancel out.
 * @group Statistics
 * @example
 * import { combineSeeds, float32 } from 'seedbed';
 * const seeds = float32([2, 2], [3, 0, 0, 4]);
 * console.log(combineSeeds([3, 4], seeds).data); // prints Float32Array(2) [ 1.7999999523162842, 3.200000047683716 ]
 */
export function combineSeeds(weights: readonly number[], seeds: Floats, correlation = 0): Floats {
  const [count = 0, ...shape] = seeds.shape;
  if (count < 1 || weights.length !== count || seeds.shape.length < 2)
    throw new SeedbedError('BadShape', `combineSeeds: ${weights.length} weights for seeds [${seeds.shape}]`);
  if (!(correlation <= 1 && correlation * (count - 1) >= -1))
    throw new SeedbedError(
      'BadArgument',
      `combineSeeds: no ${count} seeds have correlations of ${correlation} with each other`,
    );
  const largest = Math.max(...weights.map(Math.abs));
  const shares = weights.map(weight => weight / largest);
  const squares = shares.reduce((sum, w) => sum + w * w, 0);
  const total = shares.reduce((sum, w) => sum + w, 0);
  const variance = (1 - correlation) * squares + correlation * total ** 2;
  if (!(variance > 1e-12 * squares))
    throw new SeedbedError('BadArgument', `combineSeeds: with weights ${weights} the seeds cancel out`);
  const sums = new Float64Array(sizeOf(shape));
  for (const [i, { data }] of unstack(seeds).entries())
    for (let j = 0; j < data.length; j++) sums[j]! += shares[i]! * data[j]!;
  return float32(
    shape,
    Float32Array.from(sums, sum => sum / Math.sqrt(variance)),
  );
}
