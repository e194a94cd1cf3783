import { average } from '../tensor/statistics.ts';
import { rows, type Tensor } from '../tensor/tensor.ts';

/**
 * How much fine detail pictures have: the mean square of the Laplacian 4 p - left - right - above - below, over the inner
 * pixels, beside that of the originals: 1 for equal detail, less for blurred pictures.
 * @param pictures [n, C, H, W]; @param originals as many, or one for all.
 */
export function sharpness(pictures: Tensor<'float32'>, originals: Tensor<'float32'>): number {
  return detail(pictures) / detail(originals);
}

function detail(pictures: Tensor<'float32'>): number {
  const [count = 0, channels = 0, height = 0, width = 0] = pictures.shape;
  return average(
    Array.from({ length: count }, (_, n) => {
      const p = rows(pictures, n, n + 1).data;
      let sum = 0;
      for (let c = 0; c < channels; c++)
        for (let y = 1; y < height - 1; y++)
          for (let x = 1; x < width - 1; x++) {
            const at = (c * height + y) * width + x;
            sum += (4 * p[at]! - p[at - 1]! - p[at + 1]! - p[at - width]! - p[at + width]!) ** 2;
          }
      return sum;
    }),
  );
}
