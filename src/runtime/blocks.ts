import type { GraphBuilder, Value } from '../graph/builder.ts';
import type { Attributes } from '../graph/ir.ts';

/** ONNX Runtime's own operators on blocked pictures. */
const DOMAIN = 'com.microsoft.nchwc';

/**
 * ONNX Runtime's blocked kernels: pictures whose channels lie side by side in blocks of `size`, 16 with AVX-512 and 8 with AVX2;
 * others have none. The runtime goes over to them by itself where weights are constant, and not where they are computed,
 * as in training. In a graph a blocked picture has the shape of the plain one, its channels whole blocks.
 */
export interface Blocks {
  readonly size: number;
  /** A convolution of a blocked picture with a filter [co / size, ci / size, ...kernel, size of ci, size of co]. */
  conv(b: GraphBuilder, inputs: readonly Value[], attributes: Attributes, shape: readonly number[]): Value;
  /** Blocked pictures that a graph holds already, by the plain ones. */
  readonly known: Map<Value, Value>;
}

/** The kernels for one graph. */
export function blocksOf(size: number): Blocks {
  return {
    size,
    known: new Map(),
    conv: (b, inputs, attributes, shape) => b.vendor(DOMAIN, 'Conv', inputs, attributes, shape),
  };
}

/** A picture [n, channels, height, width] in blocks. */
export function asBlocks(b: GraphBuilder, picture: Value, { known }: Blocks): Value {
  const blocked = known.get(picture) ?? b.vendor(DOMAIN, 'ReorderInput', [picture], {}, b.shape(picture));
  known.set(picture, blocked);
  return blocked;
}

/** A blocked picture as a plain one. */
export function asPicture(b: GraphBuilder, blocked: Value, { known }: Blocks): Value {
  const shape = b.shape(blocked);
  const picture = b.vendor(DOMAIN, 'ReorderOutput', [blocked], { channels: shape[1]! }, shape);
  known.set(picture, blocked);
  return picture;
}
