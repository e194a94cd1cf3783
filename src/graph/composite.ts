import { SeedbedError } from '../errors.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { GraphBuilder, Value } from './builder.ts';
import type { Attributes } from './ir.ts';

/** A composite node about to be rewritten into plain operators. */
export interface CompositeNode {
  readonly b: GraphBuilder;
  readonly inputs: readonly Value[];
  /** What its outputs are called in the file; '' for one that nobody uses. */
  readonly outputs: readonly string[];
  readonly attributes: Attributes;
}

/** Gives the value of a composite node's first output, or of all. */
export type Lowering = (n: CompositeNode) => Value | readonly Value[];

export function scaled(b: GraphBuilder, x: Value, factor: number): Value {
  return factor === 1 ? x : b.mul(x, b.scalar(factor));
}

/** The square root; no gradient passes that of 0, where its slope is infinite. */
export function rootOf(b: GraphBuilder, x: Value): Value {
  const [zero, one] = [0, 1].map(v => b.cast(b.scalar(v), b.type(x).dtype)) as [Value, Value];
  const isZero = b.op('Equal', [x, zero]);
  return b.op('Where', [isZero, zero, b.sqrt(b.op('Where', [isZero, one, x]))]);
}

/** The axes behind the first two, those of pictures and of channels. */
export function spatialAxes(b: GraphBuilder, x: Value): number[] {
  return b
    .type(x)
    .shape.slice(2)
    .map((_, i) => i + 2);
}

/** A vector laid along one axis of a tensor of the given rank, for broadcasting. */
export function alongAxis(b: GraphBuilder, vector: Value, axis: number, rank: number): Value {
  return b.reshape(
    vector,
    Array.from({ length: rank }, (_, i) => (i === axis ? -1 : 1)),
  );
}

/** The tensor behind a value that must be known. @throws {SeedbedError} Unsupported when it depends on data. */
export function knownValue(b: GraphBuilder, value: Value, what: string): Tensor {
  const known = b.known(value);
  if (!known)
    throw new SeedbedError(
      'Unsupported',
      `${what} depends on data; Seedbed needs it fixed when the graph is loaded`,
    );
  return known;
}
