import { meanSquares } from '../tensor/statistics.ts';
import { sizeOf, type Tensor, toFloat32 } from '../tensor/tensor.ts';

/**
 * Whether a mean square of a seed's coordinates is one that noise has. With fewer than some two hundred coordinates chance
 * alone leaves a half to two; five standard deviations then count.
 * @param size the number of coordinates
 */
export function isLikely(variance: number, size: number): boolean {
  const chance = 5 * Math.sqrt(2 / size);
  return variance >= Math.min(0.5, 1 - chance) && variance <= Math.max(2, 1 + chance);
}

/**
 * A remark on seeds that are no likely noise, one line however many they are: none where all are likely.
 * @param latent [n, ...shape]
 */
export function unlikelySeeds(latent: Tensor): string | undefined {
  const [count = 0, ...shape] = latent.shape;
  const size = sizeOf(shape);
  const unlikely = meanSquares(toFloat32(latent))
    .map((variance, seed) => ({ variance, seed, off: Math.abs(Math.log(variance)) }))
    .filter(({ variance }) => !isLikely(variance, size));
  if (unlikely.length === 0) return undefined;
  const { seed, variance } = unlikely.reduce((worst, one) => (one.off > worst.off ? one : worst));
  const value = `the mean square of its coordinates is ${variance.toPrecision(3)}, where noise has 1`;
  if (count === 1) return `the seed is no likely noise: ${value}`;
  if (unlikely.length === 1) return `seed ${seed} is no likely noise: ${value}`;
  return `${unlikely.length} of ${count} seeds are no likely noise; the worst is seed ${seed}: ${value}`;
}
