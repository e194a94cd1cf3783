import { openConversion } from '../diffusion/conversion.ts';
import type { Denoiser } from '../diffusion/info.ts';
import { createSampler } from '../diffusion/sampler.ts';
import { chooseSampler, type Grid, type SamplerInfo } from '../diffusion/sampler-info.ts';
import { type SamplerKind, samplerRow, samplersThat } from '../diffusion/samplers.ts';
import { requireWhole, SeedbedError } from '../errors.ts';
import { sharedRuntime } from '../runtime/platform.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { normals } from '../tensor/random.ts';
import { copyOf, requireFinite, type Tensor } from '../tensor/tensor.ts';
import { checkSeeds } from './checks.ts';
import { createDecoder, NO_NUMBERS } from './decoder.ts';
import { unlikelySeeds } from './likely.ts';

/**
 * How {@link decode} works.
 * @group Sampling
 */
export interface DecodeOptions {
  /** Where to compute; one that calls share, the default of {@link createRuntime}, unless given. */
  readonly runtime?: Runtime | undefined;
  /** What grows the pictures: a kind, or a whole sampler as seed files tell it; the model's own unless given. */
  readonly sampler?: SamplerKind | SamplerInfo | undefined;
  /** T, the sampler's steps; the model's own unless given. */
  readonly samplerSteps?: number | undefined;
  /** How its levels are spaced; as the model's own unless given. */
  readonly samplerGrid?: Grid | undefined;
  /** The second states of the seeds, of samplers that keep two; made from the first unless given. */
  readonly latent2?: Tensor<'float32' | 'float64'> | undefined;
  /** Seeds in work at once; 16. */
  readonly batch?: number | undefined;
  /** Told how many of the sampler's evaluations are done, and how many there are. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
  /** Told, in a sentence that names the worst, where seeds are no likely noise; they are grown all the same. */
  readonly onNote?: ((note: string) => void) | undefined;
}

/**
 * Grows pictures from seeds by the model's sampler, with no noise added on the way (DDIM: Song et al. 2021, eq. 12 with sigma = 0), so that
 * the same seed always gives the same picture.
 * @param latent [n, ...model.info.shape], as standard normal noise is.
 * @returns [n, C, H, W], pixels in [0,1], clipped, without the model's padding; latents as the description gives them, where
 * the model is of latents and has no autoencoder ({@link withAutoencoder}).
 * @throws {SeedbedError} BadShape for seeds of another shape, Diverged when a pixel is not a number, Machine when the
 * device fails.
 * @group Sampling
 * @example
 * import { decode, loadModel, sample, SHIPPED_DENOISER } from 'seedbed';
 * const model = await loadModel(SHIPPED_DENOISER);
 * const { latent } = await sample(model, { count: 1 });
 * const inFiveSteps = await decode(model, latent, { samplerSteps: 5 });
 * console.log(inFiveSteps.shape); // prints [ 1, 1, 28, 28 ]
 */
export async function decode(
  model: Denoiser,
  latent: Tensor<'float32' | 'float64'>,
  options: DecodeOptions = {},
): Promise<Tensor<'float32'>> {
  const { batch = 16, latent2 } = options;
  requireWhole('batch', batch, 1);
  const sampler = chooseSampler(model.info.sampler, options);
  const count = checkSeeds(model, latent).shape[0]!;
  if (latent2 && samplerRow(sampler.kind).states === 1)
    throw new SeedbedError(
      'BadArgument',
      `sampler '${sampler.kind}' keeps one state; second states are of samplers ${samplersThat(({ states }) => states === 2)}`,
    );
  if (latent2 && latent2.shape.join() !== latent.shape.join()) {
    const message = `second states [${latent2.shape}] do not fit seeds [${latent.shape}]`;
    throw new SeedbedError('BadShape', message);
  }
  const note = unlikelySeeds(latent);
  if (note) options.onNote?.(note);
  const [first, second] = [copyOf(latent), latent2 && copyOf(latent2)];
  const { runtime = await sharedRuntime() } = options;
  const decoder = await createDecoder(runtime, model, sampler, Math.min(batch, count));
  return decoder.grow(first, options.onProgress, second).finally(decoder.dispose);
}

/**
 * How {@link sample} works.
 * @group Sampling
 */
export interface SampleOptions {
  /** How many pictures. */
  readonly count: number;
  /** Random number seed, a whole number from 0; 0. Picture i is the same for any `count`. */
  readonly rng?: number | undefined;
  /** Where to compute; one that calls share, the default of {@link createRuntime}, unless given. */
  readonly runtime?: Runtime | undefined;
  /** What grows the pictures: a kind, or a whole sampler as seed files tell it; the model's own unless given. */
  readonly sampler?: SamplerKind | SamplerInfo | undefined;
  /** T, the sampler's steps; the model's own unless given. */
  readonly samplerSteps?: number | undefined;
  /** How its levels are spaced; as the model's own unless given. */
  readonly samplerGrid?: Grid | undefined;
}

/**
 * Grows pictures from random seeds: standard normal noise (Philox4x32-10, Salmon et al. 2011; Box and Muller), the
 * same numbers for the same `rng`.
 * @returns the seeds [n, ...model.info.shape], and what {@link decode} grows from them, [n, C, H, W] in [0,1].
 * @throws {SeedbedError} Diverged when a pixel is not a number, Machine when the device fails.
 * @group Sampling
 * @example
 * import { loadModel, sample, SHIPPED_DENOISER } from 'seedbed';
 * const model = await loadModel(SHIPPED_DENOISER);
 * const { latent, pictures } = await sample(model, { count: 4, rng: 7 });
 * console.log(latent.shape, pictures.shape); // prints [ 4, 1, 32, 32 ] [ 4, 1, 28, 28 ]
 */
export async function sample(
  model: Denoiser,
  options: SampleOptions,
): Promise<{ latent: Tensor<'float32'>; pictures: Tensor<'float32'> }> {
  const { count, rng = 0 } = options;
  requireWhole('count', count, 1);
  requireWhole('rng', rng, 0);
  const latent = normals({ seed: rng, purpose: 'sample' }, [count, ...model.info.shape]);
  return { latent, pictures: await decode(model, latent, options) };
}

/**
 * A model's sampler that is ready to run: see {@link openSampler}.
 * @group Sampling
 */
export interface SamplerSession {
  /** The pictures [n, C, H, W] in [0,1] that seeds [n, ...model.info.shape] grow, as {@link decode} gives them. */
  grow(latent: Tensor<'float32'>): Promise<Tensor<'float32'>>;
  /**
   * The states that seeds are led through: T + 1 tensors [n, ...model.info.shape], standardised, the seeds first.
   * @throws {SeedbedError} BadArgument for samplers other than 'ddim'.
   */
  trajectories(latent: Tensor<'float32'>): Promise<Tensor<'float32'>[]>;
  /**
   * The same, with what the network believes of them: `states` as {@link SamplerSession.trajectories} gives them, and the
   * clean picture that it predicts in each of the first T, x0 of x = s x0 + n epsilon, T tensors [n, C, H, W] in [0,1].
   * @throws {SeedbedError} BadArgument for samplers other than 'ddim'.
   */
  growth(latent: Tensor<'float32'>): Promise<{ states: Tensor<'float32'>[]; clean: Tensor<'float32'>[] }>;
  /** Gives back the memory that it holds. */
  dispose(): Promise<void>;
}

/**
 * Makes a model's sampler ready, for programs that grow pictures again and again: {@link decode} does so for every call.
 * @param options as for {@link decode}; `batch` is how many seeds are in work at once, 16.
 * @throws {SeedbedError} BadArgument for contradictory options, Machine when the device fails.
 * @group Sampling
 * @example
 * import { loadModel, openSampler, sample, SHIPPED_DENOISER } from 'seedbed';
 * const model = await loadModel(SHIPPED_DENOISER);
 * const { latent } = await sample(model, { count: 1 });
 * const sampler = await openSampler(model);
 * const states = await sampler.trajectories(latent);
 * await sampler.dispose();
 * console.log(states.length); // prints 11
 */
export async function openSampler(
  model: Denoiser,
  options: Omit<DecodeOptions, 'latent2' | 'onNote' | 'onProgress'> = {},
): Promise<SamplerSession> {
  const { batch = 16, runtime = await sharedRuntime() } = options;
  requireWhole('batch', batch, 1);
  const sampler = await createSampler(runtime, model, chooseSampler(model.info.sampler, options), batch);
  const conversion = openConversion(runtime, model, batch);
  const checked = (latent: Tensor<'float32'>) => checkSeeds(model, latent);
  return {
    async grow(latent) {
      const pictures = await conversion.toPictures(await sampler.sample(checked(latent)));
      requireFinite(pictures, NO_NUMBERS);
      return pictures;
    },
    trajectories: async latent => (await sampler.growth(checked(latent))).states,
    async growth(latent) {
      const { states, clean } = await sampler.growth(checked(latent));
      const pictures: Tensor<'float32'>[] = [];
      for (const x0 of clean) pictures.push(await conversion.toPictures(x0));
      return { states, clean: pictures };
    },
    async dispose() {
      await Promise.all([sampler.dispose(), conversion.dispose()]);
    },
  };
}
