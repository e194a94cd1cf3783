import { SeedbedError } from '../errors.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { float32, sizeOf, zeros } from '../tensor/tensor.ts';
import type { Dataset } from './dataset.ts';

/** Of each channel of pictures, or coordinate of points; networks see (value - mean) / std. */
export interface Standardisation {
  readonly mean: number[];
  readonly std: number[];
}

/** Pictures [N, C, H, W] with `padding` zeros on each side: [N, C, H + 2 padding, W + 2 padding]. */
export function padImages(images: Tensor<'float32'>, padding: number): Tensor<'float32'> {
  return reframe('padImages', images, padding);
}

/** Pictures [N, C, H, W] without `padding` pixels on each side. @throws {SeedbedError} BadShape when none are left. */
export function cropImages(images: Tensor<'float32'>, padding: number): Tensor<'float32'> {
  return reframe('cropImages', images, -padding);
}

/** Widens the frame by `border` zeros on each side, or narrows it when `border` is negative. */
function reframe(operation: string, images: Tensor<'float32'>, border: number): Tensor<'float32'> {
  const [n = 0, c = 0, height = 0, width = 0] = images.shape;
  const [newHeight, newWidth] = [height + 2 * border, width + 2 * border];
  if (images.shape.length !== 4 || newHeight <= 0 || newWidth <= 0) {
    const message = `${operation}: expected pictures [N, C, H, W] larger than the padding ${Math.abs(border)}`;
    throw new SeedbedError('BadShape', `${message}, got [${images.shape}]`);
  }
  const result = zeros('float32', [n, c, newHeight, newWidth]);
  const [inset, offset] = [Math.max(0, -border), Math.max(0, border)];
  const length = Math.min(width, newWidth);
  for (let plane = 0; plane < n * c; plane++) {
    for (let row = 0; row < Math.min(height, newHeight); row++) {
      const from = (plane * height + row + inset) * width + inset;
      const to = (plane * newHeight + row + offset) * newWidth + offset;
      result.data.set(images.data.subarray(from, from + length), to);
    }
  }
  return result;
}

/**
 * (t - mean) / std, channel by channel along the second axis: [N, C, H, W] or [N, D].
 * @throws {SeedbedError} BadShape when there are not as many means and deviations as channels.
 */
export function standardise(t: Tensor<'float32'>, { mean, std }: Standardisation): Tensor<'float32'> {
  return eachChannel('standardise', t, mean, std, (value, m, s) => (value - m) / s);
}

/** t * std + mean, which undoes {@link standardise}. @throws {SeedbedError} as there. */
export function unstandardise(t: Tensor<'float32'>, { mean, std }: Standardisation): Tensor<'float32'> {
  return eachChannel('unstandardise', t, mean, std, (value, m, s) => value * s + m);
}

function eachChannel(
  operation: string,
  t: Tensor<'float32'>,
  mean: readonly number[],
  std: readonly number[],
  change: (value: number, mean: number, std: number) => number,
): Tensor<'float32'> {
  const [, channels = 0, ...rest] = t.shape;
  if (mean.length !== channels || std.length !== channels) {
    const given = `${mean.length} means and ${std.length} deviations`;
    throw new SeedbedError(
      'BadShape',
      `${operation}: [${t.shape}] has ${channels} channels, given are ${given}`,
    );
  }
  const plane = sizeOf(rest);
  const channelOf = (i: number) => Math.floor(i / plane) % channels;
  return float32(
    t.shape,
    t.data.map((value, i) => change(value, mean[channelOf(i)]!, std[channelOf(i)]!)),
  );
}

const BATCH = 512;
/** Of the mean square, more than what sums in double precision leave of a variance that is 0. */
const ROUNDING = 1e-10;

/**
 * Mean and standard deviation of each channel over a whole set, pictures padded by zeros first; summed in double
 * precision. A channel that never changes, to rounding, gets the deviation 1.
 */
export async function measureStandardisation(dataset: Dataset, padding: number): Promise<Standardisation> {
  const [channels = 0, ...rest] = dataset.shape;
  const sums = new Float64Array(channels);
  const squares = new Float64Array(channels);
  const plane = sizeOf(rest);
  for (let from = 0; from < dataset.length; from += BATCH) {
    const count = Math.min(BATCH, dataset.length - from);
    const { data } = await dataset.read(Array.from({ length: count }, (_, i) => from + i));
    for (let i = 0; i < data.length; i++) {
      const channel = Math.floor(i / plane) % channels;
      sums[channel]! += data[i]!;
      squares[channel]! += data[i]! ** 2;
    }
  }
  // The zeros of the padding add nothing to the sums, only to the number of pixels.
  const elements = dataset.length * sizeOf(rest.map(side => side + 2 * padding));
  const mean = Array.from(sums, sum => sum / elements);
  const std = mean.map((m, c) => {
    const power = squares[c]! / elements;
    const variance = power - m ** 2;
    return variance > ROUNDING * power ? Math.sqrt(variance) : 1;
  });
  return { mean, std };
}

/** The values clipped to [0,1]. */
export function clipPixels(t: Tensor<'float32'>): Tensor<'float32'> {
  return float32(
    t.shape,
    t.data.map(value => Math.min(1, Math.max(0, value))),
  );
}
