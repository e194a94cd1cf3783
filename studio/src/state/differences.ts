/**
 * Where two pictures differ, and how that is drawn.
 * @module
 */
import type { Floats } from '../engine/engine.ts';
import { tensor } from './tensors.ts';

/** The difference of two pictures [1, C, H, W], pixel by pixel. */
export interface Difference {
  readonly sides: readonly [height: number, width: number];
  /** After less before, the mean over the channels. */
  readonly signed: Float32Array;
  /** How far apart they are, the mean over the channels. */
  readonly apart: Float32Array;
  /** Of these. */
  readonly largest: number;
}

export function differenceOf(before: Floats, after: Floats): Difference {
  const [channels = 1, height = 1, width = 1] = before.shape.slice(1);
  const plane = height * width;
  const [signed, apart] = [new Float32Array(plane), new Float32Array(plane)];
  for (let c = 0; c < channels; c++)
    for (let i = 0; i < plane; i++) {
      const difference = after.data[c * plane + i]! - before.data[c * plane + i]!;
      signed[i]! += difference / channels;
      apart[i]! += Math.abs(difference) / channels;
    }
  const largest = apart.reduce((most, value) => Math.max(most, value), 0);
  return { sides: [height, width], signed, apart, largest };
}

/** Red, green and blue of what is lighter and of what is darker; the same is white. style.css has them as well. */
const LIGHTER = [0.71, 0.33, 0.16] as const;
const DARKER = [0.24, 0.37, 0.66] as const;

/** A difference as a picture [1, 3, H, W]: the largest in full colour. */
export function drawn({ sides: [height, width], signed, apart, largest }: Difference): Floats {
  const plane = height * width;
  const rgb = new Float32Array(3 * plane);
  for (let i = 0; i < plane; i++) {
    const share = largest > 0 ? apart[i]! / largest : 0;
    const colour = signed[i]! > 0 ? LIGHTER : DARKER;
    for (let c = 0; c < 3; c++) rgb[c * plane + i] = 1 - share * (1 - colour[c]!);
  }
  return tensor([1, 3, height, width], rgb);
}
