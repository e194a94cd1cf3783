import { openConversion } from '../diffusion/conversion.ts';
import type { Denoiser } from '../diffusion/info.ts';
import { createSampler } from '../diffusion/sampler.ts';
import type { SamplerInfo } from '../diffusion/sampler-info.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { requireFinite, type Tensor } from '../tensor/tensor.ts';

/** What is said of pictures that diverged. */
export const NO_NUMBERS = 'the pictures are not numbers: the model or the seeds are broken';

/** What grows pictures from seeds, made ready once and used piece after piece. */
export interface Decoder {
  /**
   * Pixels in [0,1] inside the padding; latents of a model that has no autoencoder for them.
   * @param second of samplers that keep two states, the second one of each seed.
   * @throws {SeedbedError} Diverged when a pixel is not a number.
   */
  grow(
    latent: Tensor,
    onProgress?: (done: number, total: number) => void,
    second?: Tensor,
  ): Promise<Tensor<'float32'>>;
  dispose(): Promise<void>;
}

export async function createDecoder(
  runtime: Runtime,
  model: Denoiser,
  sampler: SamplerInfo,
  batch: number,
): Promise<Decoder> {
  const engine = await createSampler(runtime, model, sampler, batch);
  const conversion = openConversion(runtime, model, batch);
  return {
    async grow(latent, onProgress, second) {
      const pictures = await conversion.toPictures(await engine.sample(latent, onProgress, second));
      requireFinite(pictures, NO_NUMBERS);
      return pictures;
    },
    async dispose() {
      await Promise.all([engine.dispose(), conversion.dispose()]);
    },
  };
}
