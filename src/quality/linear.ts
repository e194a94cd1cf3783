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
  const off = float32(
    noisy.shape,
    noisy.data.map((x, i) => x - s * mean.data[i % mean.data.length]!),
  );
  return throughComponents(Float64Array.from(mean.data), components, off, kept);
}

/**
 * What the best linear denoiser of data with these moments grows from seeds [n, ...shape], standardised: the one that knows
 * mean and covariance and nothing else (Wiener's filter), epsilon = n (s^2 C + n^2)^-1 (x - s mean). Each component's
 * coordinate z becomes g z + h m, m that of the mean, g and h the model's sampler's for the component's variance (h is 1 - s_T g where
 * each step leads to the level of the next); directions outside of the components vary by nothing.
 */
export function wienerPictures(
  model: Denoiser,
  { mean, variances, components }: PrincipalComponents,
  latent: Floats,
): Floats {
  const through = samplerOfNumbers(model);
  const gains = variances.map(variance => through(variance, 1, 0));
  const shifts = variances.map(variance => through(variance, 0, 1));
  const outside = through(0, 0, 1);
  const along = innerProducts(
    Float64Array.from(mean.data),
    Float64Array.from(components.data),
    mean.data.length,
  );
  const base = withComponents(
    Float64Array.from(mean.data, value => outside * value),
    components,
    shifts.map((shift, k) => (shift - outside) * along[k]!),
  );
  return throughComponents(base, components, latent, gains);
}

/** Numbers as a space. */
const NUMBERS: Space<number> = {
  combine: (...terms) => terms.reduce((sum, [weight, x]) => sum + weight * x, 0),
};

/** Where a model's sampler leads a seed under the best denoiser of Gaussian data N(mean, variance): all samplers are affine there, unless they clip. */
function samplerOfNumbers({ info }: Pick<Denoiser, 'info'>) {
  const grid = samplerGrid(info, info.sampler);
  const row = samplerRow(info.sampler.kind);
  return (variance: number, seed: number, mean: number): number => {
    const predicted = ({ x, level: { signalRate: s, noiseRate: n, target } }: Request<number>) => {
      const off = (x - s * mean) / (s ** 2 * variance + n ** 2);
      return target.clean * (mean + s * variance * off) + target.noise * n * off;
    };
    if (row.states === 1) return follow(row.solver(NUMBERS, grid, seed), predicted);
    const pair = follow(row.solver.begin(NUMBERS, grid, seed), predicted);
    return row.solver.picture(follow(row.solver.forward(NUMBERS, grid, pair), predicted));
  };
}

/** base + sum_k gains_k c_k c_k' x of rows x. */
function throughComponents(
  base: Float64Array,
  components: Floats,
  points: Floats,
  gains: Float64Array,
): Floats {
  const width = base.length;
  const along = innerProducts(Float64Array.from(points.data), Float64Array.from(components.data), width);
  const out = new Float32Array(points.data.length);
  for (let row = 0; row < out.length / width; row++)
    out.set(
      withComponents(
        base,
        components,
        gains.map((gain, k) => gain * along[row * gains.length + k]!),
      ),
      row * width,
    );
  return float32(points.shape, out);
}

/** base + sum_k weights_k c_k. */
function withComponents(base: Float64Array, components: Floats, weights: Float64Array): Float64Array {
  const width = base.length;
  const sum = Float64Array.from(base);
  weights.forEach((weight, k) => {
    for (let i = 0; i < width; i++) sum[i]! += weight * components.data[k * width + i]!;
  });
  return sum;
}
