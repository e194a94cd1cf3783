import { SeedbedError } from '../errors.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { float32, sizeOf, zeros } from '../tensor/tensor.ts';
import type { Dataset } from './dataset.ts';

/** Mean and standard deviation of each channel (of each coordinate, for points); networks see (value - mean) / std. */
export interface Standardisation {
  readonly mean: number[];
  readonly std: number[];
}

/** Pictures [N, C, H, W] with `padding` zeros on each side: [N, C, H + 2 padding, W + 2 padding]. */
export function padImages(images: Tensor<'float32'>, padding: number): Tensor<'float32'> {
  const [n, c, height, width] = pictureShape('padImages', images);
  const padded = zeros('float32', [n, c, height + 2 * padding, width + 2 * padding]);
  copyRows(images, padded, padding, (to, from) => to.set(from, padding));
  return padded;
}

/** Undoes {@link padImages}. @throws {SeedbedError} BadShape when nothing would be left. */
export function cropImages(images: Tensor<'float32'>, padding: number): Tensor<'float32'> {
  const [n, c, height, width] = pictureShape('cropImages', images);
  if (Math.min(height, width) <= 2 * padding) {
    throw new SeedbedError('BadShape', `cropImages: nothing is left of ${width}x${height} without ${padding} on each side`);
  }
  const cropped = zeros('float32', [n, c, height - 2 * padding, width - 2 * padding]);
  copyRows(cropped, images, padding, (from, to) => to.set(from.subarray(padding, padding + to.length)));
  return cropped;
}
