import { gaussianDenoiser, mixtureDenoiser } from '../../diffusion/oracle.ts';
import { SeedbedError } from '../../errors.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import { normals } from '../../tensor/random.ts';
import { clouds, components } from './clouds.ts';
import { clusters, descents, methods } from './methods.ts';
import { frechet, linear, neighbours } from './pictures.ts';
import type { Bench, Check, Row } from './row.ts';
import { gains, gradients, twoMeans } from './samplers.ts';
import { comparisons, interpolation, intervals, noise, panel, patches, shrinking } from './statistics.ts';

export type { Row } from './row.ts';

/** Everything that is held against what is known in closed form. */
export const CHECKS: readonly Check[] = [
  noise,
  gains,
  twoMeans,
  gradients,
  methods,
  descents,
  clusters,
  interpolation,
  clouds,
  components,
  patches,
  panel,
  comparisons,
  frechet,
  neighbours,
  linear,
  intervals,
  shrinking,
];

export interface VerifyOptions {
  /** Random number seed; 0. What is random may be off by five standard deviations. */
  readonly rng?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** What is verified instead of the whole; all {@link CHECKS} unless given. */
  readonly checks?: readonly Check[] | undefined;
  /** For tests: replaces the oracles or the noise, so that checks must fail. */
  readonly wrong?: Partial<Pick<Bench, 'gaussian' | 'mixture' | 'noise'>> | undefined;
  /** Called with the rows of each check as soon as it is done. */
  readonly onRows?: ((title: string, rows: readonly Row[], done: number, total: number) => void) | undefined;
}

/** The rows of one check. */
export interface Verified {
  readonly title: string;
  readonly rows: readonly Row[];
}

/**
 * Runs samplers, gradients, every inversion method and the statistics of seeds on models and seeds whose answers are known in
 * closed form, and compares what came out with what was expected.
 * @throws {SeedbedError} Interrupted by `signal`, Machine when the device fails.
 */
export async function verify(runtime: Runtime, options: VerifyOptions = {}): Promise<Verified[]> {
  const { rng = 0, signal, checks = CHECKS, wrong, onRows } = options;
  const bench: Bench = {
    ...{ runtime, rng, gaussian: gaussianDenoiser, mixture: mixtureDenoiser },
    noise: (shape, purpose) => normals({ seed: rng, purpose }, shape),
    ...wrong,
  };
  const verified: Verified[] = [];
  for (const { title, run } of checks) {
    if (signal?.aborted)
      throw new SeedbedError('Interrupted', `stopped after ${verified.length} of ${checks.length} checks`);
    const rows = await run(bench);
    verified.push({ title, rows });
    onRows?.(title, rows, verified.length, checks.length);
  }
  return verified;
}
