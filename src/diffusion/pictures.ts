import { clipPixels, cropImages, unstandardise } from '../data/pixels.ts';
import { seedAsPicture } from '../data/sheet.ts';
import { type Tensor, unstack } from '../tensor/tensor.ts';
import type { ModelInfo } from './info.ts';

/**
 * What a network's output [N, ...shape] shows. Pictures: pixels in [0,1], clipped, inside the padding; points: their
 * coordinates.
 */
export function toPixels(
  x0: Tensor<'float32'>,
  info: Pick<ModelInfo, 'range' | 'padding' | 'shape'>,
): Tensor<'float32'> {
  const data = unstandardise(x0, info.range);
  if (info.shape.length !== 3) return data;
  return cropImages(clipPixels(data), info.padding);
}

/** Seeds [n, ...shape] as pictures of the size of what they grow. */
export function seedPictures(
  { info }: { readonly info: Pick<ModelInfo, 'padding'> },
  latent: Tensor<'float32'>,
): Tensor<'float32'>[] {
  return unstack(cropImages(latent, info.padding)).map(seedAsPicture);
}
