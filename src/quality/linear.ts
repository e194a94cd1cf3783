import { samplerGrid } from '../diffusion/grid.ts';
import type { Denoiser } from '../diffusion/info.ts';
import { samplerRow } from '../diffusion/samplers.ts';
import type { Rates } from '../diffusion/schedule.ts';
import { follow, type Request, type Space } from '../diffusion/solvers.ts';
import { coordinates, type PrincipalComponents } from '../latent/pca.ts';
import { innerProducts } from '../tensor/products.ts';
import { type Floats, float32 } from '../tensor/tensor.ts';

/** Pictures as the data's components see them. */
export interface Seen {
  /** Their coordinates along all components, [n, K], from the data's mean. */
  readonly along: Floats;
  /** The sum of squares of what lies outside of all components. */
  readonly outside: number;
}

/** {@link Seen} of pictures [n, ...shape]. */
export function seenBy(data: PrincipalComponents, pictures: Floats): Seen {
  const width = data.mean.data.length;
  const along = coordinates(pictures, data, 0, data.variances.length);
  const square = (values: ArrayLike<number>, from: (i: number) => number) => {
    let sum = 0;
    for (let i = 0; i < values.length; i++) sum += (values[i]! - from(i)) ** 2;
    return sum;
  };
  const total = square(pictures.data, i => data.mean.data[i % width]!);
  return { along, outside: Math.max(0, total - square(along.data, () => 0)) };
}

/**
 * The squared error, per coordinate, of the clean picture that the best linear denoiser sees in s x0 + n epsilon: the one that
 * knows mean and covariance C of data and nothing else (Wiener's filter), x0 = mean + s C (s^2 C + n^2)^-1 (x - s mean).
 * Along a component of variance l it keeps s l / (s^2 l + n^2) of what it sees; outside of all it sees the mean.
 * @param noise coordinates [n, K] of epsilon along the components, from zero.
 */
export function linearError(
  { variances, mean }: PrincipalComponents,
  { along, outside }: Seen,
  noise: Floats,
  { signalRate: s, noiseRate: n }: Rates,
): number {
  const kept = variances.map(variance => (s * variance) / (s ** 2 * variance + n ** 2));
  let sum = outside;
  along.data.forEach((clean, i) => {
    sum += (kept[i % kept.length]! * (s * clean + n * noise.data[i]!) - clean) ** 2;
  });
  return sum / (along.shape[0]! * mean.data.length);
}

/**
 * The clean pictures that the best linear denoiser of data with these moments sees in x, [n, ...shape], standardised:
 * mean + s C (s^2 C + n^2)^-1 (x - s mean).
 */
export function linearClean(
  { mean, variances, components }: PrincipalComponents,
  noisy: Floats,
  { signalRate: s, noiseRate: n }: Rates,
): Floats {
  const kept = variances.map(variance => (s * variance) / (s ** 2 * variance + n ** 2));
  return throughComponents({ mean, components }, noisy, s, kept);
}

/**
 * What the best linear denoiser of data with these moments grows from seeds [n, ...shape], standardised: the one that knows
 * mean and covariance and nothing else (Wiener's filter), epsilon = n (s^2 C + n^2)^-1 (x - s mean). Each component's
 * coordinate of z - s_T mean is multiplied by the gain of the model's sampler for its variance; directions outside of the components
 * vary by nothing.
 */
export function wienerPictures(
  model: Denoiser,
  { mean, variances, components }: PrincipalComponents,
  latent: Floats,
): Floats {
  const grid = samplerGrid(model.info, model.info.sampler);
  const gains = variances.map(variance => gainOf(model, variance));
  return throughComponents({ mean, components }, latent, grid[0]!.from.signalRate, gains);
}

/** Numbers as a space. */
const NUMBERS: Space<number> = {
  combine: (...terms) => terms.reduce((sum, [weight, x]) => sum + weight * x, 0),
};

/** What a model's sampler multiplies Gaussian data N(0, variance) by, under their best denoiser: all samplers are linear there. */
export function gainOf({ info }: Pick<Denoiser, 'info'>, variance: number): number {
  const grid = samplerGrid(info, info.sampler);
  const predicted = ({ x, level: { signalRate: s, noiseRate: n, target } }: Request<number>) =>
    ((target.clean * s * variance + target.noise * n) * x) / (s ** 2 * variance + n ** 2);
  const row = samplerRow(info.sampler.kind);
  if (row.states === 1) return follow(row.solver(NUMBERS, grid, 1), predicted);
  const pair = follow(row.solver.begin(NUMBERS, grid, 1), predicted);
  return row.solver.picture(follow(row.solver.forward(NUMBERS, grid, pair), predicted));
}

/** mean + sum_k gains_k c_k c_k' (x - s mean) of rows x. */
function throughComponents(
  { mean, components }: Pick<PrincipalComponents, 'mean' | 'components'>,
  points: Floats,
  s: number,
  gains: Float64Array,
): Floats {
  const width = mean.data.length;
  const off = Float64Array.from(points.data, (x, i) => x - s * mean.data[i % width]!);
  const basis = Float64Array.from(components.data);
  const along = innerProducts(off, basis, width);
  const out = new Float32Array(points.data.length);
  for (let row = 0; row < out.length / width; row++) {
    const sum = Float64Array.from(mean.data);
    gains.forEach((gain, k) => {
      const weight = gain * along[row * gains.length + k]!;
      for (let i = 0; i < width; i++) sum[i]! += weight * basis[k * width + i]!;
    });
    out.set(sum, row * width);
  }
  return float32(points.shape, out);
}
