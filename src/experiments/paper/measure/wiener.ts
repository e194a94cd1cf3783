import { samplerGrid } from '../../../diffusion/grid.ts';
import type { Denoiser } from '../../../diffusion/info.ts';
import { affineStep } from '../../../diffusion/solvers.ts';
import type { PrincipalComponents } from '../../../latent/pca.ts';
import { innerProducts } from '../../../tensor/products.ts';
import { type Floats, float32, sizeOf } from '../../../tensor/tensor.ts';

/**
 * What the best linear denoiser of data with these moments grows from seeds [n, ...shape], standardised: the one that knows
 * mean and covariance and nothing else (Wiener's filter), epsilon = n (s^2 C + n^2)^-1 (x - s mean). Each component's
 * coordinate of z - s_T mean is multiplied by the sampler's gain for its variance; directions outside of the components
 * vary by nothing.
 */
export function wienerPictures(
  model: Denoiser,
  { mean, variances, components }: PrincipalComponents,
  latent: Floats,
): Floats {
  const grid = samplerGrid(model.info, model.info.sampler);
  const { signalRate } = grid[0]!.from;
  const [count = 0, ...shape] = latent.shape;
  const width = sizeOf(shape);
  const off = Float64Array.from(latent.data, (z, i) => z - signalRate * mean.data[i % width]!);
  const basis = Float64Array.from(components.data);
  const along = innerProducts(off, basis, width);
  const number = variances.length;
  const gains = Array.from(variances, variance =>
    grid.reduce((gain, step) => {
      const { alpha, beta, level } = affineStep(step);
      return (
        gain * (alpha + (beta * level.noiseRate) / (level.signalRate ** 2 * variance + level.noiseRate ** 2))
      );
    }, 1),
  );
  const grown = new Float32Array(count * width);
  for (let row = 0; row < count; row++) {
    const sum = Float64Array.from(mean.data);
    for (let k = 0; k < number; k++) {
      const weight = gains[k]! * along[row * number + k]!;
      for (let i = 0; i < width; i++) sum[i]! += weight * basis[k * width + i]!;
    }
    grown.set(sum, row * width);
  }
  return float32(latent.shape, grown);
}

/** Coordinates of rows [n, ...shape] along components `first` to `last` of the data, as [n, last - first]. */
export function coordinates(
  rows: Floats,
  { mean, components }: PrincipalComponents,
  first: number,
  last: number,
): Floats {
  const width = mean.data.length;
  const centred = Float64Array.from(rows.data, (value, i) => value - mean.data[i % width]!);
  const basis = Float64Array.from(components.data.subarray(first * width, last * width));
  return float32([rows.shape[0]!, last - first], innerProducts(centred, basis, width));
}
