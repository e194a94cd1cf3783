import { sha256 } from '@noble/hashes/sha2.js';
import { normals } from '../tensor/random.ts';
import { type Floats, rows } from '../tensor/tensor.ts';

/** Which of the starts of which picture a seed is. */
export interface Start {
  /** The picture's address, as {@link pictureAddress} gives it. */
  readonly image: number;
  /** From 0. */
  readonly start: number;
}

/**
 * Where a picture's random numbers lie: (w0 mod 2^20) 2^32 + w1, w0 and w1 the first two little-endian 32-bit words of the sha256 of
 * its pixels, rounded to 8 bits (of latents and points, of their float32 values). So a picture's seeds are its own, whatever else is embedded with it, and before it.
 */
export function pictureAddress(picture: Floats, ofLatents = false): number {
  const { data, shape } = picture;
  const bytes =
    shape.length > 2 && !ofLatents
      ? Uint8Array.from(data, value => Math.round(255 * Math.min(Math.max(value, 0), 1)))
      : new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const [first, second] = new Uint32Array(sha256(bytes).slice(0, 8).buffer);
  return (first! % 2 ** 20) * 2 ** 32 + second!;
}

/** Address of each picture [n, ...]. */
export function pictureAddresses(images: Floats, ofLatents = false): number[] {
  return Array.from({ length: images.shape[0]! }, (_, row) =>
    pictureAddress(rows(images, row, row + 1), ofLatents),
  );
}

/** The noise that seeds are sought from, standard normal [starts.length, ...shape], by `--rng`. */
export function startNoise(rng: number, shape: readonly number[], starts: readonly Start[]): Floats {
  return normals({ seed: rng, purpose: 'latent' }, [starts.length, ...shape], row => starts[row]!);
}
