import { cloudStatistics } from '../../../latent/cloud.ts';
import type { Floats } from '../../../tensor/tensor.ts';

/**
 * The share of the variance of a cloud's mean seed that is common to all its seeds: rho / (rho + (1 - rho) / K) of K seeds that
 * correlate by rho, and at least a thousandth; the rest is noise of their own, which nothing that is known of the picture explains.
 */
export function commonShare(latent: Floats): number {
  const { correlation, count } = cloudStatistics(latent);
  return Math.max(1e-3, correlation / (correlation + (1 - correlation) / count));
}
