import { innerProducts } from '../../../tensor/products.ts';
import type { Tensor } from '../../../tensor/tensor.ts';

/** Of each picture, 1 where it is nearer to the images of its own set than to as many others by more than a third. */
export function memorised(
  pictures: Tensor<'float32'>,
  own: Tensor<'float32'>,
  other: Tensor<'float32'>,
): number[] {
  const [near, far] = [own, other].map(images => nearest(pictures, images));
  return near!.map((distance, i) => (distance < (2 / 3) * far![i]! ? 1 : 0));
}

/** The Euclidean distance of each picture to the nearest of the images. */
export function nearest(pictures: Tensor<'float32'>, images: Tensor<'float32'>): number[] {
  const width = pictures.data.length / pictures.shape[0]!;
  const [a, b] = [Float64Array.from(pictures.data), Float64Array.from(images.data)];
  const squares = (values: Float64Array) =>
    Array.from({ length: values.length / width }, (_, row) => {
      let sum = 0;
      for (let i = row * width; i < (row + 1) * width; i++) sum += values[i]! ** 2;
      return sum;
    });
  const [aa, bb] = [squares(a), squares(b)];
  const products = innerProducts(a, b, width);
  return aa.map((square, i) => {
    const least = bb.reduce(
      (best, other, j) => Math.min(best, square + other - 2 * products[i * bb.length + j]!),
      Infinity,
    );
    return Math.sqrt(Math.max(0, least));
  });
}
