import type { Tensor } from '../tensor/tensor.ts';
import type { DescentState } from './descent.ts';
import type { SeedResult } from './result.ts';

/**
 * Keeps what is done of an embedding, batch by batch, so that work that was stopped goes on to the same bits.
 * @group Embedding
 */
export interface Journal {
  /** The state of descent that was written for a batch, of seeds of this `shape`; undefined where there is none. */
  read(batch: number, shape: readonly number[]): Promise<DescentState | undefined>;
  /** Keeps a batch's state of descent in place of the one before. */
  write(batch: number, state: DescentState): Promise<void>;
  /** Whether it is time to write a state again. */
  due(): boolean;
  /** What was kept of a batch that is done, of seeds of this `shape`; undefined where it is to be done. */
  finished(batch: number, shape: readonly number[]): Promise<FinishedBatch | undefined>;
  /** Keeps what was found for a batch. */
  finish(batch: number, found: FinishedBatch): Promise<void>;
}

/**
 * What was found for one batch of seeds.
 * @group Embedding
 */
export interface FinishedBatch {
  /** The seeds [n, ...shape]. */
  readonly latent: Tensor<'float32'>;
  /** Of samplers that keep two states: both, in double precision. */
  readonly pair?: { readonly latent: Tensor<'float64'>; readonly latent2: Tensor<'float64'> } | undefined;
  /** What they grow, standardised, [n, ...shape]. */
  readonly grown: Tensor<'float32'>;
  /** What was found for each seed. */
  readonly results: readonly SeedResult[];
}
