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

/**
 * How much of each original's fine detail is in its picture: <L p, L q> / <L q, L q>, L the Laplacian over the inner pixels, p the
 * picture and q its original. 1 for the original, less for blur; detail that is not the original's does not count. 1 where there is none.
 * @param pictures [n, C, H, W]; @param originals as many.
 */
export function coherence(pictures: Tensor<'float32'>, originals: Tensor<'float32'>): number[] {
  return unstack(pictures).map((picture, i) => {
    const [original] = unstack(rows(originals, i, i + 1));
    const wanted = laplacian(original!);
    const whole = squares(wanted, wanted);
    return whole > 0 ? squares(laplacian(picture), wanted) / whole : 1;
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
