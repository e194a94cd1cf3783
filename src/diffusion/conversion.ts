import { clipPixels, unstandardise } from '../data/pixels.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { Floats } from '../tensor/tensor.ts';
import { openAutoencoder } from './autoencoder.ts';
import { prepare } from './batches.ts';
import type { Denoiser } from './info.ts';
import { toPixels } from './pictures.ts';

/** The way from pictures to what a denoiser sees, and back: by numbers alone, or by its autoencoder. */
export interface Conversion {
  /** Pictures [n, C, H, W] (latents, where the denoiser has no autoencoder for them) as the network sees them. */
  toNetwork(images: Floats): Promise<Floats>;
  /** What the network's x0 [n, ...shape] shows: pixels in [0,1], clipped, inside the padding; else latents or points. */
  toPictures(x0: Floats): Promise<Floats>;
  /** Pixels (numbers of latents or points) of all that the network's x0 shows, padding too, not clipped. */
  unclipped(x0: Floats): Promise<Floats>;
  dispose(): Promise<void>;
}

/** @param batch pictures that an autoencoder works on at once, at most. */
export function openConversion(runtime: Runtime, model: Denoiser, batch: number): Conversion {
  const { info, autoencoder } = model;
  if (!autoencoder)
    return {
      toNetwork: async images => prepare(images, info.padding, info.range),
      toPictures: async x0 => toPixels(x0, info),
      unclipped: async x0 => unstandardise(x0, info.range),
      dispose: async () => {},
    };
  const { encode, decode, dispose } = openAutoencoder(runtime, autoencoder, batch);
  return {
    toNetwork: encode,
    toPictures: async x0 => clipPixels(await decode(x0)),
    unclipped: decode,
    dispose,
  };
}
