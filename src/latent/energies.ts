import { SeedbedError } from '../errors.ts';
import { sizeOf, type Tensor } from '../tensor/tensor.ts';
import type { PictureShape } from './spatial.ts';

/** A seed's energy in bands of directions, as seen along an orthonormal basis. */
export interface Bands {
  /** How many directions each band has. */
  readonly sizes: readonly number[];
  /** The mean square of the seed's coordinates along the directions of each band: 1 on average for Gaussian noise. */
  energies(seed: Float32Array): number[];
}

/**
 * How far energies in bands are from those of white noise: the mean over bands of n_b (e_b - 1 - ln e_b), twice the
 * divergence KL(N(0, e_b) || N(0, 1)) of a band's n_b directions, about chi-square with one degree of freedom for Gaussian
 * noise. Unlike squares of e_b - 1 it sees energy that is missing as well as energy in excess. 0 where all are 1.
 */
export function deviation(energies: readonly number[], sizes: readonly number[]): number {
  const terms = energies.map((energy, b) => {
    return sizes[b]! * (energy - 1 - Math.log(Math.max(energy, Number.MIN_VALUE)));
  });
  return terms.reduce((sum, term) => sum + term, 0) / terms.length;
}

/** Energies below this part of a seed's squares are rounding. */
const ROUNDING = 1e-20;

/** The octave that x of at least 1 lies in: 0 below 2, 1 below 4, 2 below 8 and so on. */
const octave = (x: number) => 31 - Math.clz32(x);

/**
 * The power spectrum in octaves of spatial frequency, relative to its mean without frequency 0: band b holds the waves of
 * 2^b to 2^(b+1) periods along the longer side. Taken by Hartley's transform H_k = sum_x z_x cas(2 pi k x / n) / sqrt(n),
 * cas = cos + sin, along both axes (Bracewell 1983): its squares sum to the Fourier transform's over each ring of
 * frequencies, and of white noise its n numbers are again white noise.
 */
export function spectrumBands([channels, height, width]: PictureShape): Bands {
  const [rows, columns] = [hartley(height), hartley(width)];
  const bandOf = Array.from({ length: height * width }, (_, i) => {
    return ringOf(Math.floor(i / width), i % width, height, width);
  });
  const sizes = countOf(bandOf).map(n => n * channels);
  return {
    sizes,
    energies(seed) {
      const sums = new Array<number>(sizes.length).fill(0);
      for (let c = 0; c < channels; c++) {
        const channel = seed.subarray(c * height * width, (c + 1) * height * width);
        const waves = transform(channel, rows, columns, height, width);
        for (let i = 1; i < waves.length; i++) sums[bandOf[i]!]! += waves[i]! ** 2;
      }
      const total = sums.reduce((sum, value) => sum + value, 0);
      // Of a constant seed the transform leaves rounding.
      const none = total <= ROUNDING * seed.reduce((sum, value) => sum + value ** 2, 0);
      const mean = total / (seed.length - channels);
      return sums.map((sum, b) => (none ? 0 : sum / sizes[b]! / mean));
    },
  };
}

/** The octave of a wave by its periods along the longer side, -1 for frequency 0. Frequencies above n/2 are negative ones. */
function ringOf(ky: number, kx: number, height: number, width: number): number {
  const longer = Math.max(height, width);
  const y = Math.min(ky, height - ky) * (longer / height);
  const x = Math.min(kx, width - kx) * (longer / width);
  return ky + kx === 0 ? -1 : octave(Math.hypot(y, x));
}

function hartley(n: number): Float64Array {
  return Float64Array.from({ length: n * n }, (_, i) => {
    const angle = (2 * Math.PI * ((Math.floor(i / n) * (i % n)) % n)) / n;
    return (Math.cos(angle) + Math.sin(angle)) / Math.sqrt(n);
  });
}

/** The product rows z columns of matrices, [height, height] [height, width] [width, width]. */
function transform(
  z: Float32Array,
  rows: Float64Array,
  columns: Float64Array,
  height: number,
  width: number,
): Float64Array {
  const half = new Float64Array(z.length);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const value = z[y * width + x]!;
      for (let k = 0; k < width; k++) half[y * width + k]! += value * columns[x * width + k]!;
    }
  }
  const result = new Float64Array(z.length);
  for (let k = 0; k < height; k++) {
    for (let y = 0; y < height; y++) {
      const value = rows[k * height + y]!;
      for (let x = 0; x < width; x++) result[k * width + x]! += value * half[y * width + x]!;
    }
  }
  return result;
}

/**
 * The energies along data's principal components in octaves of their rank: the first, the second and third, the fourth to
 * seventh and so on, and as the last band the directions that the components leave out, if any.
 * @param components [K, ...shape], orthonormal, as `principalComponents` gives them.
 * @throws {SeedbedError} BadShape when the components are not of the seeds' shape.
 */
export function componentBands(components: Tensor<'float32'>, shape: readonly number[]): Bands {
  const [count = 0, ...of] = components.shape;
  if (count < 1 || of.join() !== shape.join()) {
    throw new SeedbedError(
      'BadShape',
      `components of seeds [${shape}] are [K, ${shape}], got [${components.shape}]`,
    );
  }
  const dims = sizeOf(shape);
  const bandOf = Array.from({ length: count }, (_, k) => octave(k + 1));
  const inside = countOf(bandOf);
  const sizes = count < dims ? [...inside, dims - count] : inside;
  return {
    sizes,
    energies(seed) {
      const sums = new Array<number>(sizes.length).fill(0);
      let left = 0;
      for (const z of seed) left += z * z;
      for (let k = 0, at = 0; k < count; k++) {
        let inner = 0;
        for (let i = 0; i < dims; i++, at++) inner += components.data[at]! * seed[i]!;
        sums[bandOf[k]!]! += inner * inner;
        left -= inner * inner;
      }
      if (count < dims) sums[inside.length] = Math.max(left, 0);
      return sums.map((sum, b) => sum / sizes[b]!);
    },
  };
}

/** How many directions lie in each band; those of band -1 in none. */
function countOf(bandOf: readonly number[]): number[] {
  const sizes = new Array<number>(bandOf.reduce((a, b) => Math.max(a, b)) + 1).fill(0);
  for (const band of bandOf) if (band >= 0) sizes[band]! += 1;
  return sizes;
}
