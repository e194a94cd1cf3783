import { requireWhole, SeedbedError } from '../errors.ts';
import { innerProducts, transposed } from '../tensor/products.ts';
import { requireFinite, type Tensor } from '../tensor/tensor.ts';
import type { SeedStatistic } from './marginal.ts';

/** Channels, height and width of a seed. */
export type PictureShape = readonly [channels: number, height: number, width: number];

/** The side of the patches in which correlations are looked for, in pixels. */
export const PATCH = 8;

/**
 * How similar neighbours are in one seed: the Pearson correlation of the pixels of a patch with their right neighbours in
 * it (8 x 7 pairs), and with their lower ones, averaged over both and over all whole 8 x 8 patches of all channels.
 * Each patch has its own mean, so that light and dark regions alone do not count. About -1/64 for Gaussian noise.
 */
export function neighbourCorrelation([channels, height, width]: PictureShape): SeedStatistic {
  return seed => {
    let sum = 0;
    let patches = 0;
    for (let c = 0; c < channels; c++) {
      for (let y = 0; y + PATCH <= height; y += PATCH) {
        for (let x = 0; x + PATCH <= width; x += PATCH) {
          const at = (c * height + y) * width + x;
          sum += pairCorrelation(seed, at, width, 0, 1) + pairCorrelation(seed, at, width, 1, 0);
          patches += 1;
        }
      }
    }
    return sum / (2 * patches);
  };
}

/** Pearson's correlation of the pixels of the patch at `at` with those `down` and `right` of them; 0 where one side is constant. */
function pairCorrelation(seed: Float32Array, at: number, width: number, down: number, right: number): number {
  // From one of its pixels: sums of a constant patch are then nought, not what rounding leaves.
  const middle = seed[at]!;
  let [a, b, aa, bb, ab] = [0, 0, 0, 0, 0];
  for (let y = 0; y < PATCH - down; y++) {
    for (let x = 0; x < PATCH - right; x++) {
      const u = seed[at + y * width + x]! - middle;
      const v = seed[at + (y + down) * width + x + right]! - middle;
      a += u;
      b += v;
      aa += u * u;
      bb += v * v;
      ab += u * v;
    }
  }
  const pairs = (PATCH - down) * (PATCH - right);
  const spread = (pairs * aa - a * a) * (pairs * bb - b * b);
  return spread > 0 ? (pairs * ab - a * b) / Math.sqrt(spread) : 0;
}

/**
 * Autocorrelation at several scales, the noise regulariser of Karras et al. (2020, StyleGAN2) and of Parmar et al. (2023,
 * pix2pix-zero), each scale weighted by its certainty: the mean over scales and both axes of n (mean of z roll(z, 1))^2
 * for the scale's n numbers. From scale to scale 2 x 2 pixels become half their sum, which leaves white noise its variance;
 * it ends at a side of 8 or fewer. 1 on average for Gaussian noise.
 */
export function autocorrelation(shape: PictureShape): SeedStatistic {
  return seed => {
    let [channels, height, width] = shape;
    let picture: Float64Array = Float64Array.from(seed);
    let sum = 0;
    for (let terms = 2; ; terms += 2) {
      const n = picture.length;
      sum +=
        n * (meanProduct(picture, height, width, 1, 0) ** 2 + meanProduct(picture, height, width, 0, 1) ** 2);
      if (Math.min(height, width) <= PATCH) return sum / terms;
      picture = halved(picture, channels, height, width);
      height = Math.floor(height / 2);
      width = Math.floor(width / 2);
    }
  };
}

/** The mean of the pixels' products with those `down` and `right` of them, round the edges. */
function meanProduct(
  picture: Float64Array,
  height: number,
  width: number,
  down: number,
  right: number,
): number {
  let sum = 0;
  for (let channel = 0; channel < picture.length; channel += height * width) {
    for (let y = 0; y < height; y++) {
      const row = channel + y * width;
      const other = channel + ((y + down) % height) * width;
      for (let x = 0; x < width; x++) sum += picture[row + x]! * picture[other + ((x + right) % width)]!;
    }
  }
  return sum / picture.length;
}

function halved(picture: Float64Array, channels: number, height: number, width: number): Float64Array {
  const [h, w] = [Math.floor(height / 2), Math.floor(width / 2)];
  const result = new Float64Array(channels * h * w);
  for (let c = 0, to = 0; c < channels; c++) {
    for (let y = 0; y < h; y++) {
      for (let x = 0; x < w; x++, to++) {
        const at = (c * height + 2 * y) * width + 2 * x;
        result[to] = (picture[at]! + picture[at + 1]! + picture[at + width]! + picture[at + width + 1]!) / 2;
      }
    }
  }
  return result;
}

/**
 * How correlated the pixels of patches are across many seeds: the mean over the 8 x 8 patches of the 20 greatest absolute
 * Pearson correlations between two of a patch's C x 8 x 8 coordinates (Staniszewski et al. 2024, "There and Back Again",
 * table 1). It falls with the number of seeds for Gaussian noise too: compare it with as many seeds of noise.
 * @param latents [N, C, H, W], N at least 3; patches at the right and lower edge may be smaller.
 * @param top how many of a patch's correlations count; 20.
 * @returns from 0 to 1.
 * @throws {SeedbedError} BadShape for tensors of another rank, fewer seeds, or seeds of a single number, BadArgument for another `top`.
 * @group Statistics
 * @example
 * import { float32, patchCorrelation } from 'seedbed';
 * const alike = float32([3, 1, 1, 2], [1, 2, 3, 6, 5, 10]);
 * console.log(patchCorrelation(alike).toFixed(3)); // prints 1.000
 */
export function patchCorrelation(latents: Tensor<'float32'>, top = 20): number {
  const [count = 0, channels = 0, height = 0, width = 0] = latents.shape;
  requireWhole('top', top, 1);
  if (latents.shape.length !== 4 || count < 3 || channels * height * width < 2) {
    throw new SeedbedError(
      'BadShape',
      `patchCorrelation: takes 3 seeds or more of 2 numbers or more, [N, C, H, W], got [${latents.shape}]`,
    );
  }
  requireFinite(latents, 'patchCorrelation: the seeds hold what is not a number');
  const greatest: number[] = [];
  for (let y = 0; y < height; y += PATCH) {
    for (let x = 0; x < width; x += PATCH) {
      const coordinates: number[] = [];
      for (let c = 0; c < channels; c++) {
        for (let dy = y; dy < Math.min(y + PATCH, height); dy++) {
          for (let dx = x; dx < Math.min(x + PATCH, width); dx++) {
            coordinates.push((c * height + dy) * width + dx);
          }
        }
      }
      greatest.push(...greatestCorrelations(latents.data, count, coordinates, top));
    }
  }
  return greatest.reduce((sum, value) => sum + value, 0) / greatest.length;
}

/** The greatest absolute correlations between two of the coordinates, over the rows of `data`. */
function greatestCorrelations(
  data: Float32Array,
  count: number,
  coordinates: readonly number[],
  top: number,
): Float64Array {
  const size = coordinates.length;
  const stride = data.length / count;
  const picked = new Float64Array(count * size);
  for (let n = 0; n < count; n++) {
    for (let i = 0; i < size; i++) picked[n * size + i] = data[n * stride + coordinates[i]!]!;
  }
  const columns = transposed(picked, count);
  for (let i = 0; i < size; i++) standardise(columns.subarray(i * count, (i + 1) * count));
  const products = innerProducts(columns, columns, count);
  const pairs = new Float64Array((size * (size - 1)) / 2);
  for (let i = 0, to = 0; i < size; i++) {
    for (let j = 0; j < i; j++, to++) pairs[to] = Math.abs(products[i * size + j]!);
  }
  return pairs.sort().slice(-top);
}

/** Takes the mean from the values and makes their squares sum to 1; equal values become 0. */
function standardise(values: Float64Array): void {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const norm = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0));
  for (let i = 0; i < values.length; i++) values[i] = norm > 0 ? (values[i]! - mean) / norm : 0;
}
