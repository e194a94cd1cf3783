import type { Tensor } from './tensor.ts';
import { sizeOf, zeros } from './tensor.ts';

/**
 * A stream of random numbers, addressed and not consumed: the same (seed, purpose, image, start, element)
 * gives the same number whatever was drawn before, so shards, batch sizes and resumed runs agree. An image's address is a
 * whole number from 0 to 2^53, a start's to 2^32.
 */
export interface RandomKey {
  /** The user's `--rng`, an integer from 0 to 2^53. */
  readonly seed: number;
  /** What the numbers are for, such as 'latent' or 'training noise'; streams of different purposes are independent. */
  readonly purpose: string;
}

/**
 * One block of Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3").
 * @param counter four 32-bit words; @param key two 32-bit words; the result is written to `out`.
 */
export function philox(
  counter: readonly [number, number, number, number],
  key: readonly [number, number],
  out: Uint32Array,
): void {
  let [c0, c1, c2, c3] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < 10; round++) {
    const high0 = multiplyHigh(0xd2511f53, c0);
    const low0 = Math.imul(0xd2511f53, c0);
    const high1 = multiplyHigh(0xcd9e8d57, c2);
    const low1 = Math.imul(0xcd9e8d57, c2);
    c0 = high1 ^ c1 ^ k0;
    c1 = low1;
    c2 = high0 ^ c3 ^ k1;
    c3 = low0;
    k0 = (k0 + 0x9e3779b9) | 0;
    k1 = (k1 + 0xbb67ae85) | 0;
  }
  out[0] = c0;
  out[1] = c1;
  out[2] = c2;
  out[3] = c3;
}

/** The upper 32 bits of the 64-bit product of two 32-bit words. */
function multiplyHigh(a: number, b: number): number {
  const aHigh = a >>> 16;
  const aLow = a & 0xffff;
  const bHigh = b >>> 16;
  const bLow = b & 0xffff;
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16);
  const cross = aLow * bHigh + (middle % 0x10000);
  return aHigh * bHigh + Math.floor(middle / 0x10000) + Math.floor(cross / 0x10000);
}

function keyWords({ seed, purpose }: RandomKey): [number, number] {
  // FNV-1a over the purpose; the seed's upper bits are mixed in so that all 53 of them count.
  let hash = 0x811c9dc5 ^ Math.floor(seed / 2 ** 32);
  for (let i = 0; i < purpose.length; i++) hash = Math.imul(hash ^ purpose.charCodeAt(i), 0x01000193);
  return [seed | 0, hash];
}

/** Uniform numbers in (0, 1), 32 bits each, written to `out`; one in 2^25 rounds to 1 in float32. */
export function fillUniform(
  key: RandomKey,
  image: number,
  start: number,
  out: Float64Array | Float32Array,
): void {
  const words = keyWords(key);
  const block = new Uint32Array(4);
  for (let i = 0; i < out.length; i += 4) {
    philox([i >>> 2, Math.floor(image / 2 ** 32), start, image], words, block);
    for (let j = 0; j < 4 && i + j < out.length; j++) out[i + j] = (block[j]! + 0.5) / 2 ** 32;
  }
}

/** Standard normal numbers by Box and Muller's transform in double precision, rounded to float32. */
export function fillNormal(key: RandomKey, image: number, start: number, out: Float32Array): void {
  const words = keyWords(key);
  const block = new Uint32Array(4);
  for (let i = 0; i < out.length; i += 4) {
    philox([i >>> 2, Math.floor(image / 2 ** 32), start, image], words, block);
    for (let pair = 0; pair < 4; pair += 2) {
      const radius = Math.sqrt(-2 * Math.log((block[pair]! + 0.5) / 2 ** 32));
      const angle = (2 * Math.PI * (block[pair + 1]! + 0.5)) / 2 ** 32;
      if (i + pair < out.length) out[i + pair] = radius * Math.cos(angle);
      if (i + pair + 1 < out.length) out[i + pair + 1] = radius * Math.sin(angle);
    }
  }
}

/**
 * A batch of standard normal tensors, row r being the numbers of (image, start) = `address(r)`.
 * @param shape the batch's whole shape, [N, ...].
 * @param address defaults to image r, start 0.
 * @example normals({ seed: 0, purpose: 'latent' }, [16, 1, 32, 32])
 */
export function normals(
  key: RandomKey,
  shape: readonly number[],
  address: (row: number) => { image: number; start: number } = row => ({ image: row, start: 0 }),
): Tensor<'float32'> {
  const result = zeros('float32', shape);
  const stride = sizeOf(shape.slice(1));
  for (let row = 0; row < (shape[0] ?? 0); row++) {
    const { image, start } = address(row);
    fillNormal(key, image, start, result.data.subarray(row * stride, (row + 1) * stride));
  }
  return result;
}

/** A random order of 0 ... count-1 (Fisher and Yates), the same for the same key and `round`. */
export function permutation(key: RandomKey, count: number, round: number): Uint32Array {
  const order = Uint32Array.from({ length: count }, (_, i) => i);
  const uniform = new Float64Array(count);
  fillUniform(key, round, 0, uniform);
  for (let i = count - 1; i > 0; i--) {
    const j = Math.floor(uniform[i]! * (i + 1));
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}
