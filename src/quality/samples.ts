import { average } from '../tensor/statistics.ts';
import type { Floats } from '../tensor/tensor.ts';

/**
 * What pictures are made of, before they are clipped to [0,1].
 * @group Quality
 */
export interface PixelFigures {
  /** Mean of all pixels. */
  readonly mean: number;
  /** Variance of all pixels, over all pictures. */
  readonly variance: number;
  /** Share of pixels more than .05 below 0 or above 1, which clipping cuts off; real pictures have none. */
  readonly saturated: number;
}

/** How far outside of [0,1] a pixel counts as cut off. */
const OUTSIDE = 0.05;

/** {@link PixelFigures} of pictures [n, ...], not clipped. */
export function pixelFigures({ data }: Floats): PixelFigures {
  const mean = average(data);
  let squares = 0;
  let outside = 0;
  for (const value of data) {
    squares += (value - mean) ** 2;
    if (value < -OUTSIDE || value > 1 + OUTSIDE) outside++;
  }
  return { mean, variance: squares / data.length, saturated: outside / data.length };
}
