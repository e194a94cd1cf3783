/**
 * Points of the plane as the address holds them: two bytes each, over a square of side 2 REACH.
 * @module
 */
import type { Floats } from '../engine/engine.ts';
import { tensor } from './tensors.ts';

/** Half of the side of the square that is shown. */
export const REACH = 3.2;

export type Point = readonly [x: number, y: number];

export function writePoints(points: readonly Point[]): string {
  const byte = (value: number) => Math.max(0, Math.min(255, Math.round(127.5 * (1 + value / REACH))));
  const letters = points.flatMap(([x, y]) => [String.fromCharCode(byte(x)), String.fromCharCode(byte(y))]);
  return btoa(letters.join('')).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

/** The points that letters hold; none where they are damaged. */
export function readPoints(text: string): Point[] {
  try {
    const bytes = Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), l => l.charCodeAt(0));
    const coordinate = (byte: number) => REACH * (byte / 127.5 - 1);
    return Array.from({ length: bytes.length >> 1 }, (_, i) => [
      coordinate(bytes[2 * i]!),
      coordinate(bytes[2 * i + 1]!),
    ]);
  } catch {
    return [];
  }
}

/** The points of a tensor [n, 2]. */
export function pointsOf({ data }: Floats): Point[] {
  return Array.from({ length: data.length / 2 }, (_, i) => [data[2 * i]!, data[2 * i + 1]!]);
}

/** Points as a tensor [n, 2]. */
export function pointsTensor(points: readonly Point[]): Floats {
  return tensor([points.length, 2], Float32Array.from(points.flat()));
}

/** Points on a grid about 0, `side` in a row, as far as `reach`: farther out there is hardly a seed. */
export function gridOf(side: number, reach: number): Point[] {
  const at = (i: number) => reach * ((2 * i) / (side - 1) - 1);
  const square = Array.from(
    { length: side * side },
    (_, i): Point => [at(i % side), at(Math.floor(i / side))],
  );
  return square.filter(([x, y]) => Math.hypot(x, y) <= reach + 1e-9);
}

/** The place of the point that is nearest. */
export function nearest(points: readonly Point[], [x, y]: Point): number | undefined {
  let [best, least]: [number | undefined, number] = [undefined, Number.POSITIVE_INFINITY];
  points.forEach(([px, py], i) => {
    const distance = (px - x) ** 2 + (py - y) ** 2;
    if (distance < least) [best, least] = [i, distance];
  });
  return best;
}

/** Mean distance of landed seeds from the nearest point of the data. */
export function missOf(landed: readonly Point[], points: readonly Point[]): number {
  const sum = landed.reduce((total, point) => {
    const [x, y] = points[nearest(points, point)!]!;
    return total + Math.hypot(point[0] - x, point[1] - y);
  }, 0);
  return sum / landed.length;
}

/** A small displacement, the same for the same number. */
export function jitter(i: number): Point {
  const angle = i * 2.399963;
  const radius = 0.05 * Math.sqrt(((i * 0.618034) % 1) as number);
  return [radius * Math.cos(angle), radius * Math.sin(angle)];
}
