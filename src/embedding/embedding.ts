import type { Embedder } from '../diffusion/info.ts';
import type { Grid, SamplerInfo } from '../diffusion/sampler-info.ts';
import type { SamplerKind } from '../diffusion/samplers.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { Journal } from './journal.ts';
import type { Method } from './methods.ts';
import type { DescentRecipe, Memory } from './recipes.ts';
import type { SeedResult } from './result.ts';
import type { InversionOptions } from './settings.ts';

/**
 * How seeds are sought.
 * @group Embedding
 */
export interface EmbedOptions {
  /** 'embedder+descent' where an embedder is given, else 'auto'. */
  readonly method?: Method | undefined;
  /** The embedding network, trained for the denoiser at hand; methods that name it need it. */
  readonly embedder?: Embedder | undefined;
  /** How descent moves; `RECIPES.refine` after an embedder, `RECIPES.seedbed` from noise. Other methods pass it over. */
  readonly recipe?: DescentRecipe | undefined;
  /** How inversion weighs a faithful picture against a Gaussian seed, and when it stops; the method's own, as `SPLIT`. Settings of other methods are passed over. */
  readonly inversion?: Partial<InversionOptions> | undefined;
  /**
   * Of a model with an autoencoder: whether latents are fitted to the picture's pixels through the decoder, beginning at the
   * encoder's; false. Passes of the decoder are not counted among `evaluations`.
   */
  readonly throughDecoder?: boolean | undefined;
  /** Seeds sought for each picture, from 1; 1. Only methods that begin from noise find different ones. */
  readonly starts?: number | undefined;
  /** Number of the first start, so that any part of a cloud draws the same; 0. Results count their starts from it. */
  readonly firstStart?: number | undefined;
  /**
   * Random number seed of the starts, a whole number from 0; 0. A picture's starts are drawn by it and by the picture's own
   * pixels, so that they do not depend on what else is embedded.
   */
  readonly rng?: number | undefined;
  /**
   * Pictures, as many and of the same size, by whose pixels the starts are drawn instead of by the pictures' own: what is
   * compared, or changed step by step, keeps its noise.
   */
  readonly noiseOf?: Tensor<'float32'> | undefined;
  /** The sampler that is to grow the pictures; the model's own unless given. 'exact' needs 'edict', 'bdia', 'obelm' or 'rex'. */
  readonly sampler?: SamplerKind | undefined;
  /** T, the sampler's steps, from 1; the model's own unless given. */
  readonly samplerSteps?: number | undefined;
  /** How its levels are spaced; as the model's own unless given. */
  readonly samplerGrid?: Grid | undefined;
  /** Seeds in work at once, from 1; 16. */
  readonly batch?: number | undefined;
  /** Of methods that descend: the way through the sampler; the fastest that fits into memory unless given. */
  readonly memory?: Memory | undefined;
  /** Of methods that descend: a seed stops once its mean squared error, of standardised pixels, is at most this; it never does unless given. */
  readonly tolerance?: number | undefined;
  /** Stops the work before its next iteration or network evaluation, with `Interrupted`; what is done is in the journal. */
  readonly signal?: AbortSignal | undefined;
  /** Called with what was found as soon as a batch is done. */
  readonly onResults?: ((results: readonly SeedResult[]) => void) | undefined;
  /** Called after each batch, and by 'descent' and 'lbfgs' after each iteration of one. */
  readonly onProgress?: ((progress: EmbedProgress) => void) | undefined;
  /** Where unfinished work is kept, so that it can go on. */
  readonly journal?: Journal | undefined;
}

/**
 * How far an embedding has come.
 * @group Embedding
 */
export interface EmbedProgress {
  /** Work done, in seeds times iterations. */
  readonly done: number;
  /** Work in all, in seeds times iterations. */
  readonly total: number;
  /** Mean loss of the seeds in work. */
  readonly loss: number;
}

/**
 * Seeds that were found, and what they grow.
 * @group Embedding
 */
export interface Embedding {
  /** The seeds [n * starts, ...shape], start by start for each picture. */
  readonly latent: Tensor<'float32'>;
  /** Of samplers that keep two states: both, in double precision, of the same shape; `latent` is the first, rounded. */
  readonly pair?: { readonly latent: Tensor<'float64'>; readonly latent2: Tensor<'float64'> };
  /**
   * What they grow, [n * starts, C, H, W]: pixels in [0,1], clipped, inside the padding; latents of a denoiser of latents that
   * has no autoencoder.
   */
  readonly pictures: Tensor<'float32'>;
  /** What was found for each seed, in the same order. */
  readonly results: SeedResult[];
  /** The sampler that grows them. */
  readonly sampler: SamplerInfo;
  /** Method, settings and evaluations, as seed files record them. */
  readonly method: Readonly<Record<string, unknown>>;
}
