/**
 * Many seeds of one picture, measured.
 * @module
 */
import { cloudStatistics, float32, marchenkoPastur, principalComponents, readSeeds } from 'seedbed';
import type { Floats } from './work.ts';

export interface CloudAnalysis {
  readonly statistics: ReturnType<typeof cloudStatistics>;
  readonly mean: Floats;
  readonly variances: readonly number[];
  /** [K, ...shape] */
  readonly components: Floats;
  /** Variances that isotropic noise of the cloud's own variance would show. */
  readonly noise: readonly number[];
}

/** Measures a cloud: its correlation, and its principal components beside those of noise. */
export async function analyse(seeds: Floats): Promise<CloudAnalysis> {
  const [count = 0, ...shape] = seeds.shape;
  const dims = shape.reduce((product, dim) => product * dim, 1);
  const statistics = cloudStatistics(seeds);
  const { mean, variances, components } = principalComponents(seeds);
  const total = variances.reduce((sum, value) => sum + value, 0);
  const noise = marchenkoPastur(count, dims, total / dims);
  return {
    statistics,
    mean: float32([1, ...shape], mean.data),
    variances: [...variances],
    components,
    noise: [...noise.expected],
  };
}

/** Reads seeds that ship with the studio. */
export async function fetchSeeds(address: string): Promise<Floats> {
  const response = await fetch(address);
  return readSeeds(new Uint8Array(await response.arrayBuffer()), address).latent;
}
