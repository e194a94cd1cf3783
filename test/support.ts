import { type Tensor, toNumbers } from '../src/tensor/tensor.ts';

/** L2 norm of the difference over L2 norm of the reference; the shapes must agree. */
export function relativeError(got: Tensor, want: Tensor): number {
  if (got.shape.join() !== want.shape.join()) throw new Error(`shape [${got.shape}], expected [${want.shape}]`);
  const [a, b] = [toNumbers(got), toNumbers(want)];
  const difference = Math.sqrt(a.reduce((sum, value, i) => sum + (value - b[i]!) ** 2, 0));
  const norm = Math.sqrt(b.reduce((sum, value) => sum + value ** 2, 0));
  return difference / Math.max(norm, 1e-30);
}
