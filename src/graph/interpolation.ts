import { SeedbedError } from '../errors.ts';
import { type Attributes, floatOf, intOf, textOf } from './ir.ts';
import { type Matrix, matrixOf } from './matrix.ts';

const { fround } = Math;

/** How ONNX's Resize picks and weighs source pixels. */
export interface Interpolation {
  readonly mode: string;
  readonly coordinates: string;
  readonly nearest: string;
  /** The coefficient a of Keys' cubic kernel. */
  readonly cubic: number;
  readonly excludeOutside: boolean;
  /** Whether the kernel is stretched over all pixels that a smaller picture's pixel stands for. */
  readonly antialias: boolean;
}

/** How a Resize node says it. */
export function interpolationOf(attributes: Attributes): Interpolation {
  return {
    mode: textOf(attributes, 'mode', 'nearest'),
    coordinates: textOf(attributes, 'coordinate_transformation_mode', 'half_pixel'),
    nearest: textOf(attributes, 'nearest_mode', 'round_prefer_floor'),
    cubic: floatOf(attributes, 'cubic_coeff_a', -0.75),
    excludeOutside: intOf(attributes, 'exclude_outside', 0) === 1,
    antialias: intOf(attributes, 'antialias', 0) === 1,
  };
}

/**
 * The matrix [to x from] of a one-dimensional resize: output = matrix times input (ONNX, operator Resize).
 * @param scale output size over input size, as the node gives it.
 */
export function interpolationMatrix(from: number, to: number, scale: number, how: Interpolation): Matrix {
  return matrixOf(to, from, out => {
    const row = new Array<number>(from).fill(0);
    const at = sourceCoordinate(out, from, to, scale, how.coordinates);
    for (const [place, weight] of taps(at, from, scale, how)) {
      row[Math.min(Math.max(place, 0), from - 1)]! += weight;
    }
    return row;
  });
}

/** Rounded to float32 where the runtime rounds, or it would now and then pick other pixels. */
function sourceCoordinate(out: number, from: number, to: number, scale: number, mode: string): number {
  switch (mode) {
    case 'half_pixel':
      return fround(fround((out + 0.5) / scale) - 0.5);
    case 'pytorch_half_pixel':
      return to > 1 ? fround(fround((out + 0.5) / scale) - 0.5) : 0;
    case 'half_pixel_symmetric': {
      const offset = fround((from / 2) * fround(1 - fround(to / fround(scale * from))));
      return fround(offset + (out + 0.5) / scale - 0.5);
    }
    case 'asymmetric':
      return fround(out / scale);
    case 'align_corners':
      return to > 1 ? fround(fround(out * (from - 1)) / (to - 1)) : 0;
    default:
      throw new SeedbedError(
        'Unsupported',
        `Resize: coordinate_transformation_mode '${mode}' is not supported`,
      );
  }
}

/** Source places and their weights for a coordinate; places outside the data stand for its border. */
function taps(at: number, size: number, scale: number, how: Interpolation): [number, number][] {
  if (how.mode === 'nearest') return [[nearest(at, how.nearest), 1]];
  const kernel = KERNELS[how.mode];
  if (!kernel) throw new SeedbedError('Unsupported', `Resize: mode '${how.mode}' is not supported`);
  const stretch = how.antialias ? Math.min(scale, 1) : 1;
  const low = Math.floor(at);
  const first = Math.floor(-kernel.reach / stretch) + 1;
  const all = Array.from({ length: 2 * (1 - first) }, (_, i): [number, number] => {
    const place = low + first + i;
    return [place, kernel.weight(stretch * (place - at), how.cubic)];
  });
  const inside = all.filter(([place, weight]) => place >= 0 && place < size && weight !== 0);
  const kept = how.excludeOutside && inside.length > 0 ? inside : all;
  const total = kept.reduce((sum, [, weight]) => sum + weight, 0);
  return kept.map(([place, weight]) => [place, weight / total]);
}

/** How far from halfway between two pixels the runtime still takes a coordinate for halfway. */
const ABOUT_HALF = 1e-6;

function nearest(at: number, mode: string): number {
  switch (mode) {
    case 'round_prefer_floor':
      return Math.ceil(at - 0.5 - ABOUT_HALF);
    case 'round_prefer_ceil':
      return Math.floor(at + 0.5 + ABOUT_HALF);
    case 'floor':
      return Math.floor(at);
    case 'ceil':
      return Math.ceil(at);
    default:
      throw new SeedbedError('Unsupported', `Resize: nearest_mode '${mode}' is not supported`);
  }
}

/** Interpolation kernels by mode: how many pixels they reach to either side, and what a pixel weighs at a distance. */
const KERNELS: Readonly<Record<string, { reach: number; weight: (distance: number, a: number) => number }>> =
  {
    linear: { reach: 1, weight: distance => Math.max(0, 1 - Math.abs(distance)) },
    cubic: { reach: 2, weight: keys },
  };

/** Keys' cubic convolution kernel (1981). */
function keys(distance: number, a: number): number {
  const x = Math.abs(distance);
  if (x <= 1) return (a + 2) * x ** 3 - (a + 3) * x ** 2 + 1;
  return x < 2 ? a * x ** 3 - 5 * a * x ** 2 + 8 * a * x - 4 * a : 0;
}
