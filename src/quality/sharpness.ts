import { average } from '../tensor/statistics.ts';
import { rows, type Tensor, unstack } from '../tensor/tensor.ts';

/**
 * How much fine detail pictures have: the mean square of the Laplacian 4 p - left - right - above - below, over the inner
 * pixels, beside that of the originals: 1 for equal detail, less for blurred pictures, more for artefacts too.
 * @param pictures [n, C, H, W]; @param originals as many, or one for all.
 */
export function sharpness(pictures: Tensor<'float32'>, originals: Tensor<'float32'>): number {
  const detail = (all: Tensor<'float32'>) =>
    average(unstack(all).map(picture => squares(laplacian(picture), laplacian(picture))));
  return detail(pictures) / detail(originals);
}

/** How much of an original's fine detail is in a picture. */
export interface Detail {
  /**
   * How strong it is there: <L p, L q> / <L q, L q>, L the Laplacian over the inner pixels, p the picture and q its original. 1 for the
   * original, less for blur; detail that is not the original's does not count, harder edges make up for lost texture.
   */
  readonly strength: number;
  /** What part of it is told: 1 - |L (p - q)|^2 / |L q|^2. 1 for the original, less whatever the fault; 0 for a flat picture, and less where faults outweigh it. */
  readonly kept: number;
}

/** How much of each original's fine detail is in its picture; all where there is none. @param pictures [n, C, H, W]; @param originals as many. */
export function fineDetail(pictures: Tensor<'float32'>, originals: Tensor<'float32'>): Detail[] {
  return unstack(pictures).map((picture, i) => {
    const [original] = unstack(rows(originals, i, i + 1));
    const [found, wanted] = [laplacian(picture), laplacian(original!)];
    const whole = squares(wanted, wanted);
    if (whole === 0) return { strength: 1, kept: 1 };
    const missing = found.map((value, at) => value - wanted[at]!);
    return { strength: squares(found, wanted) / whole, kept: 1 - squares(missing, missing) / whole };
  });
}

function squares(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

/** Of the inner pixels of a picture [C, H, W]. */
function laplacian({ shape, data: p }: Tensor<'float32'>): Float64Array {
  const [channels = 0, height = 0, width = 0] = shape;
  const found = new Float64Array(p.length);
  for (let c = 0; c < channels; c++)
    for (let y = 1; y < height - 1; y++)
      for (let x = 1; x < width - 1; x++) {
        const at = (c * height + y) * width + x;
        found[at] = 4 * p[at]! - p[at - 1]! - p[at + 1]! - p[at - width]! - p[at + width]!;
      }
  return found;
}
