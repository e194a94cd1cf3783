import type { gaussianDenoiser, mixtureDenoiser } from '../../diffusion/oracle.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import { float32, sizeOf, type Tensor } from '../../tensor/tensor.ts';

/** Standard deviations by which what is random may be off. */
export const SIGMAS = 5;
/** What rounding alone may be off by. */
export const EXACT = 1e-6;

/** Something known in closed form, and what came out. */
export interface Row {
  readonly what: string;
  readonly expected: number;
  readonly got: number;
  /** The least and the greatest that pass: what is expected, give or take rounding, or five standard deviations of what is random. */
  readonly low: number;
  readonly high: number;
  readonly passed: boolean;
}

/** What is verified: a runtime, the oracles that it runs, and where noise comes from. */
export interface Bench {
  readonly runtime: Runtime;
  readonly rng: number;
  readonly gaussian: typeof gaussianDenoiser;
  readonly mixture: typeof mixtureDenoiser;
  /** Standard normal numbers. */
  noise(shape: readonly number[], purpose: string): Tensor<'float32'>;
}

/** Some rows that belong together. */
export interface Check {
  readonly title: string;
  run(bench: Bench): Promise<readonly Row[]> | readonly Row[];
}

/** Passes from `low` to `high`; what is not a number does not. */
export function within(what: string, expected: number, got: number, low: number, high: number): Row {
  return { what, expected, got, low, high, passed: got >= low && got <= high };
}

/** Passes to `tolerance` on either side. */
export function near(what: string, expected: number, got: number, tolerance: number): Row {
  return within(what, expected, got, expected - tolerance, expected + tolerance);
}

/** Passes to a part of what is expected. */
export function nearly(what: string, expected: number, got: number, part: number): Row {
  return near(what, expected, got, part * Math.abs(expected));
}

/** An error or a share that should be nothing. */
export function nothing(what: string, got: number, most: number): Row {
  return within(what, 0, got, 0, most);
}

/** Norm of the difference over norm of what is wanted. */
export function distance(got: Tensor, wanted: Tensor): number {
  let [off, norm] = [0, 0];
  for (let i = 0; i < wanted.data.length; i++) {
    off += (Number(got.data[i]) - Number(wanted.data[i])) ** 2;
    norm += Number(wanted.data[i]) ** 2;
  }
  return Math.sqrt(off / norm);
}

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
