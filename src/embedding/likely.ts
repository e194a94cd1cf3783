import { sizeOf, type Tensor, toFloat32 } from '../tensor/tensor.ts';
import { meanSquares } from './metrics.ts';

/** Seeds whose coordinates have a mean square outside of this are no likely noise. */
export const LIKELY_VARIANCE = [0.5, 2] as const;

/**
 * A remark on seeds that are no likely noise, one line however many they are: none where all are likely. With fewer than
 * some two hundred coordinates chance alone leaves {@link LIKELY_VARIANCE}; five standard deviations then count.
 * @param latent [n, ...shape]
 */
export function unlikelySeeds(latent: Tensor): string | undefined {
  const [count = 0, ...shape] = latent.shape;
  const chance = 5 * Math.sqrt(2 / sizeOf(shape));
  const low = Math.min(LIKELY_VARIANCE[0], 1 - chance);
  const high = Math.max(LIKELY_VARIANCE[1], 1 + chance);
  const unlikely = meanSquares(toFloat32(latent))
    .map((variance, seed) => ({ variance, seed, off: Math.abs(Math.log(variance)) }))
    .filter(({ variance }) => !(variance >= low && variance <= high));
  if (unlikely.length === 0) return undefined;
  const { seed, variance } = unlikely.reduce((worst, one) => (one.off > worst.off ? one : worst));
  const value = `the mean square of its coordinates is ${variance.toPrecision(3)}, where noise has 1`;
  if (count === 1) return `the seed is no likely noise: ${value}`;
  if (unlikely.length === 1) return `seed ${seed} is no likely noise: ${value}`;
  return `${unlikely.length} of ${count} seeds are no likely noise; the worst is seed ${seed}: ${value}`;
}
