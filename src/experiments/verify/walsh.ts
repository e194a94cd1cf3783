import { float32, sizeOf, type Tensor } from '../../tensor/tensor.ts';

/**
 * Walsh's functions 1 to `count`: rows of 1 and -1 at right angles to each other and to the constant one, so that seeds
 * made of them have exactly the correlations, spectra and lengths that one wants.
 * @param shape of each, as many numbers as a power of two greater than `count`.
 */
export function walsh(count: number, shape: readonly number[]): Tensor<'float32'> {
  const size = sizeOf(shape);
  const sign = (bits: number): number => (bits === 0 ? 1 : -sign(bits & (bits - 1)));
  return float32(
    [count, ...shape],
    Float32Array.from({ length: count * size }, (_, i) => sign((Math.floor(i / size) + 1) & (i % size))),
  );
}
