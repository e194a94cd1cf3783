import type { GraphBuilder, Value } from '../graph/builder.ts';
import { reductionAxes } from '../graph/infer.ts';
import { intOf, type Node } from '../graph/ir.ts';
import { asPicture, type Blocks } from './blocks.ts';

/** Operators that treat every element by itself. */
const ELEMENTWISE = new Set(['Add', 'Div', 'Mul', 'Neg', 'Sigmoid', 'Sub']);
const REDUCTIONS = new Set(['ReduceMean', 'ReduceSum']);
/** What is summed up for a number of each channel. */
const ALL_BUT_CHANNELS = '0,2,3';

/**
 * What a node gives that works on pictures which lie in blocks already, worked out on the blocks: from one convolution to the next
 * nothing is then put in order. Undefined where it is no such node. The plain form of the result costs nothing unless it is used.
 */
export function onKnownBlocks(
  b: GraphBuilder,
  node: Node,
  operands: readonly Value[],
  blocks: Blocks,
): Value[] | undefined {
  if (ELEMENTWISE.has(node.op)) return elementwise(b, node, operands, blocks);
  return REDUCTIONS.has(node.op) ? reduced(b, node, operands, blocks) : undefined;
}

/** Of pictures of one shape, scalars, and numbers of each channel. */
function elementwise(
  b: GraphBuilder,
  { op, attributes }: Node,
  operands: readonly Value[],
  blocks: Blocks,
): Value[] | undefined {
  const { known, size } = blocks;
  const picture = operands.find(value => known.has(value));
  if (picture === undefined) return undefined;
  const shape = b.shape(picture) as readonly [number, number, number, number];
  const [count, channels, height, width] = shape;
  const apart = [count, channels / size, height, width, size];
  const kindOf = (value: Value) => {
    const own = b.shape(value);
    if (known.has(value) && own.join() === shape.join()) return 'picture';
    if (own.every(dim => dim === 1) && own.length <= 4) return 'scalar';
    return own.join() === [1, channels, 1, 1].join() ? 'channels' : undefined;
  };
  const kinds = operands.map(kindOf);
  if (kinds.includes(undefined)) return undefined;
  const byChannels = kinds.includes('channels');
  const given = operands.map((value, i) => {
    if (kinds[i] === 'scalar') return value;
    if (kinds[i] === 'channels') return b.reshape(value, [1, channels / size, 1, 1, size]);
    return byChannels ? b.reshape(known.get(value)!, apart) : known.get(value)!;
  });
  const result = b.op(op as 'Add', given, attributes);
  return [asPicture(b, byChannels ? b.reshape(result, shape) : result, blocks)];
}

/** Of sums and means over all but the channels. */
function reduced(
  b: GraphBuilder,
  { op, attributes }: Node,
  operands: readonly Value[],
  { known, size }: Blocks,
): Value[] | undefined {
  const blocked = known.get(operands[0]!);
  if (blocked === undefined) return undefined;
  const [count, channels, height, width] = b.shape(blocked) as [number, number, number, number];
  if (reductionAxes({ attributes, ...b.facts(operands) }).join() !== ALL_BUT_CHANNELS) return undefined;
  const over = (value: Value, axis: number) =>
    op === 'ReduceMean' ? b.mean(value, [axis], false) : b.sum(value, [axis], false);
  const ofEach = over(b.reshape(blocked, [count, channels / size, height * width, size]), 2);
  const total = over(b.reshape(ofEach, [count, channels]), 0);
  return [intOf(attributes, 'keepdims', 1) === 0 ? total : b.reshape(total, [1, channels, 1, 1])];
}
