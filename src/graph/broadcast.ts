import { SeedbedError } from '../errors.ts';
import type { Dim } from './ir.ts';

/** The common shape of operands under NumPy's broadcasting rule. @throws {SeedbedError} BadShape when there is none. */
export function broadcastShapes(...shapes: readonly (readonly Dim[])[]): Dim[] {
  const rank = Math.max(0, ...shapes.map(shape => shape.length));
  const result: Dim[] = new Array(rank).fill(1);
  for (const shape of shapes) {
    for (let i = 0; i < shape.length; i++) {
      const at = rank - shape.length + i;
      const dim = shape[i]!;
      if (dim === 1 || dim === result[at]) continue;
      if (result[at] !== 1) {
        throw new SeedbedError(
          'BadShape',
          `shapes ${shapes.map(s => `[${s}]`).join(' and ')} do not broadcast`,
        );
      }
      result[at] = dim;
    }
  }
  return result;
}

/** The axes over which an operand of shape `from` was repeated to give shape `to`, counted in `to`. */
export function broadcastAxes(from: readonly Dim[], to: readonly Dim[]): number[] {
  const lead = to.length - from.length;
  return to.flatMap((dim, axis) => (axis < lead || (from[axis - lead] === 1 && dim !== 1) ? [axis] : []));
}

/** An axis counted from either end, as a number from 0 to rank-1. @throws {SeedbedError} BadShape outside that. */
export function normalAxis(axis: number, rank: number): number {
  const normal = axis < 0 ? axis + rank : axis;
  if (!(Number.isInteger(normal) && normal >= 0 && normal < Math.max(rank, 1))) {
    throw new SeedbedError('BadShape', `axis ${axis} is outside a tensor of rank ${rank}`);
  }
  return normal;
}

/** Row-major strides of a shape. */
export function stridesOf(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length).fill(1);
  for (let i = shape.length - 2; i >= 0; i--) strides[i] = strides[i + 1]! * shape[i + 1]!;
  return strides;
}
