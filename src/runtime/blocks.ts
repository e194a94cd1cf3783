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

/** Weights [co, ci, ...kernel] as the filter of a blocked convolution, [co / size, ci / size, ...kernel, size of ci, size of co]. */
export function filterInBlocks(b: GraphBuilder, weight: Value, blocks: Blocks): Value {
  const { size } = blocks;
  const [co, ci, ...kernel] = b.shape(weight) as [number, number, ...number[]];
  const taps = kernel.reduce((product, k) => product * k, 1);
  const inner = asBlocks(b, b.reshape(weight, [co / size, size, ci, taps]), blocks);
  const byBlocks = b.reshape(inner, [co / size, ci / size, size, taps, size]);
  return b.reshape(b.transpose(byBlocks, [0, 1, 3, 2, 4]), [co, ci, ...kernel]);
}

/** The same for weights [ci, co, ...kernel] whose first two axes are swapped and whose taps come in reverse order. */
export function turnedFilter(b: GraphBuilder, weight: Value, blocks: Blocks): Value {
  const { size } = blocks;
  const [ci, co, ...kernel] = b.shape(weight) as [number, number, ...number[]];
  const taps = kernel.reduce((product, k) => product * k, 1);
  const inner = asBlocks(b, b.reshape(weight, [(ci * co) / size, size, taps, 1]), blocks);
  const byBlocks = b.reshape(inner, [ci / size, size, co / size, taps, size]);
  const moved = b.reshape(b.transpose(byBlocks, [2, 0, 3, 1, 4]), [co / size, ci / size, taps, size * size]);
  return b.reshape(b.reverse(moved, [2]), [co, ci, ...kernel]);
}
