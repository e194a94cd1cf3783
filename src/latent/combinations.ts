import { fillUniform } from '../tensor/random.ts';
import { meanSquares } from '../tensor/statistics.ts';
import { concatRows, type Floats, float32, rows, sizeOf } from '../tensor/tensor.ts';
import { meanSeed } from './cloud.ts';

/** Linear combinations of seeds [K, ...]: row i is sum_k weights[i][k] z_k. */
export function combinations(weights: readonly ArrayLike<number>[], seeds: Floats): Floats {
  const [count = 0, ...shape] = seeds.shape;
  const width = sizeOf(shape);
  const result = new Float32Array(weights.length * width);
  weights.forEach((row, i) => {
    const sum = new Float64Array(width);
    for (let k = 0; k < count; k++) {
      const weight = row[k]!;
      if (weight === 0) continue;
      for (let at = 0; at < width; at++) sum[at]! += weight * seeds.data[k * width + at]!;
    }
    result.set(sum, i * width);
  });
  return float32([weights.length, ...shape], result);
}

/** Weights that add up to one: uniform over the simplex of `of` seeds out of `count`, drawn without order. */
export function simplexWeights(rng: number, rows: number, count: number, of: number): Float64Array[] {
  return Array.from({ length: rows }, (_, row) => {
    const uniform = new Float64Array(2 * count);
    fillUniform({ seed: rng, purpose: 'simplex' }, row, of, uniform);
    const order = Array.from({ length: count }, (_, k) => k).sort((a, b) => uniform[a]! - uniform[b]!);
    const weights = new Float64Array(count);
    for (const k of order.slice(0, of)) weights[k] = -Math.log(uniform[count + k]!);
    const sum = weights.reduce((total, weight) => total + weight, 0);
    return weights.map(weight => weight / sum);
  });
}

/** Points on the lines from a mean seed [1, ...] through seeds, at r times their distance from it. @param r one for all, or of each. */
export function pointsAt(mean: Floats, seeds: Floats, r: number | readonly number[]): Floats {
  const width = mean.data.length;
  const times = (i: number) => (typeof r === 'number' ? r : r[Math.floor(i / width)]!);
  return float32(
    seeds.shape,
    seeds.data.map((z, i) => mean.data[i % width]! + times(i) * (z - mean.data[i % width]!)),
  );
}

/** Rows rescaled to the mean squares given, one for each row. */
export function withSquares(latent: Floats, squares: readonly number[]): Floats {
  const width = sizeOf(latent.shape.slice(1));
  const factors = meanSquares(latent).map((own, row) => Math.sqrt(squares[row]! / own));
  return float32(
    latent.shape,
    latent.data.map((value, i) => value * factors[Math.floor(i / width)]!),
  );
}

/** The means of successive groups of `size` seeds, none of which is in two. */
export function groupMeans(seeds: Floats, size: number): Floats {
  const groups = Math.floor(seeds.shape[0]! / size);
  return concatRows(
    Array.from({ length: groups }, (_, g) => meanSeed(rows(seeds, g * size, (g + 1) * size))),
  );
}
