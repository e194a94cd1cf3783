/** Lanczos' kernel of three lobes, sinc(x) sinc(x / 3) for |x| < 3 (Duchon 1979). */
function lanczos3(x: number): number {
  if (x === 0) return 1;
  if (Math.abs(x) >= LOBES) return 0;
  const angle = Math.PI * x;
  return (LOBES * Math.sin(angle) * Math.sin(angle / LOBES)) / angle ** 2;
}

const LOBES = 3;

/** What one pixel of the new row or column is made of: pixels of the old one from `from` on, times their weights. */
interface Taps {
  readonly from: number;
  /** Their sum is 1. Of single precision, so that engines whose sines differ in the last bit have the same weights. */
  readonly weights: Float64Array;
}

/** Of a row or column of `before` pixels made `after` long; the kernel is as wide as what it shrinks (no aliases). */
function tapsOf(before: number, after: number): Taps[] {
  const scale = before / after;
  const stretch = Math.max(1, scale);
  return Array.from({ length: after }, (_, i) => {
    const centre = (i + 0.5) * scale;
    const from = Math.max(0, Math.floor(centre - LOBES * stretch + 0.5));
    const to = Math.min(before, Math.floor(centre + LOBES * stretch + 0.5));
    const weights = Float64Array.from({ length: to - from }, (_, k) =>
      lanczos3((from + k + 0.5 - centre) / stretch),
    );
    const sum = weights.reduce((total, weight) => total + weight, 0);
    return { from, weights: weights.map(weight => Math.fround(weight / sum)) };
  });
}

export interface Size {
  readonly width: number;
  readonly height: number;
}

/**
 * Resizes a picture by Lanczos' filter, one direction after the other; additions and products of double precision in one
 * order, so that every engine gives the same bits.
 * @param row the row y, each channel's `before.width` values after those of the last; asked for from the top down.
 * @returns [channels, after.height, after.width], not rounded: beside edges the filter overshoots.
 */
export function resize(
  row: (y: number) => ArrayLike<number>,
  channels: number,
  before: Size,
  after: Size,
): Float64Array {
  const [across, down] = [tapsOf(before.width, after.width), tapsOf(before.height, after.height)];
  const result = new Float64Array(channels * after.height * after.width);
  const narrowed = new Float64Array(channels * after.width);
  for (let y = 0, first = 0; y < before.height; y++) {
    narrow(row(y), before.width, across, narrowed);
    while (first < down.length && down[first]!.from + down[first]!.weights.length <= y) first++;
    for (let i = first; i < down.length && down[i]!.from <= y; i++) {
      const weight = down[i]!.weights[y - down[i]!.from]!;
      for (let c = 0; c < channels; c++) {
        const place = (c * after.height + i) * after.width;
        for (let x = 0; x < after.width; x++) {
          result[place + x]! += weight * narrowed[c * after.width + x]!;
        }
      }
    }
  }
  return result;
}

/** Resizes one row of all channels. */
function narrow(row: ArrayLike<number>, width: number, taps: readonly Taps[], into: Float64Array): void {
  for (let i = 0; i < into.length; i++) {
    const { from, weights } = taps[i % taps.length]!;
    const start = Math.floor(i / taps.length) * width + from;
    let sum = 0;
    for (let k = 0; k < weights.length; k++) sum += weights[k]! * row[start + k]!;
    into[i] = sum;
  }
}
