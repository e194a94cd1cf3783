import { broadcastAxes } from '../graph/broadcast.ts';
import type { GraphBuilder, Value } from '../graph/builder.ts';
import type { Attributes, Node } from '../graph/ir.ts';

/**
 * What a gradient rule sees of its node, in ONNX Runtime's vocabulary: inputs `I(i)`, outputs `O(i)` and the
 * gradients `GO(i)` that arrive at the outputs.
 */
export interface RuleContext {
  readonly b: GraphBuilder;
  readonly node: Node;
  readonly attributes: Attributes;
  I(index: number): Value;
  O(index: number): Value;
  /** The gradient on output `index`; zeros where none arrives. */
  GO(index: number): Value;
  /** The same where a smaller shape that broadcasts to the output's will do. */
  GOAsItIs(index: number): Value;
  /** Whether anyone asks for the gradient of input `index`. */
  needs(index: number): boolean;
  shape(value: Value): readonly number[];
  /** The integers behind input `index`, which must be constant. */
  ints(index: number): number[];
}

/**
 * A gradient rule: from the gradients on a node's outputs, those on its inputs; undefined where an input has none.
 * A gradient may have the broadcast shape of its node, which the walk sums back to the input's own, or a smaller one
 * that broadcasts to it.
 */
export type Rule = (c: RuleContext) => readonly (Value | undefined)[];

/** An operator without a rule, and why. */
export interface NotDifferentiable {
  /** 'flat': its gradient is zero wherever it exists; 'refused': it has one that Seedbed does not offer. */
  readonly kind: 'flat' | 'refused';
  readonly because: string;
}

export function flat(because: string): NotDifferentiable {
  return { kind: 'flat', because };
}

export function refused(because: string): NotDifferentiable {
  return { kind: 'refused', because };
}

/** Sums a gradient over the axes along which its value was repeated. */
export function unbroadcast(b: GraphBuilder, gradient: Value, shape: readonly number[]): Value {
  const from = b.shape(gradient);
  const axes = broadcastAxes(shape, from);
  if (axes.length > 0) {
    const lead = from.length - shape.length;
    const kept = b.sum(gradient, axes);
    return lead > 0 ? b.reshape(kept, shape) : kept;
  }
  return gradient;
}
