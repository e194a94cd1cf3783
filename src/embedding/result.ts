import type { Certificate } from './certificate.ts';

/**
 * What was found for one seed. Errors are of pixels in [0,1], clipped, inside the padding; of a model of an autoencoder's
 * latents they are of latents as the description gives them.
 * @group Embedding
 */
export interface SeedResult {
  /** Index of the picture, from 0. */
  readonly image: number;
  /** Index of the start among those of the picture, from `firstStart`. */
  readonly start: number;
  /** Mean squared error of the grown picture. */
  readonly mse: number;
  /** Its peak signal-to-noise ratio, decibels; of latents, with the span of the one wanted as the peak. */
  readonly psnr: number;
  /**
   * Of a model with an autoencoder: the error of the latents, as the denoiser sees them, and the mean squared error of the
   * picture that the autoencoder alone makes of the one wanted, below which `mse` can hardly come without `throughDecoder`.
   */
  readonly latents?: { readonly mse: number; readonly psnr: number; readonly floor: number };
  /** Mean squared error of the embedder's seed, before it was refined; of 'embedder+...' but split only. */
  readonly mseBefore?: number;
  /** Largest relative residual |g(x) - x| / |x| of a step that was undone, where that was measured. */
  readonly residual?: number;
  /** What inversion measured on its way, and what is wrong. */
  readonly certificate?: Certificate;
  /**
   * Descent: true only when a tolerance was given and reached. Inversion that solves equations: they were solved, or the sampler
   * grows the picture that they were fitted to, and nothing is flagged. What only predicts (`naive`, `uni-inv`, `pmi`) never has.
   */
  readonly converged: boolean;
  /** Mean square of the seed's coordinates; 1 for Gaussian noise. */
  readonly latentVariance: number;
  /** Network passes for this seed: forward 1, forward with its gradient 2, the check at the end included. */
  readonly evaluations: number;
  /** The loss before each iteration of descent; empty where there was none. */
  readonly losses: readonly number[];
}
