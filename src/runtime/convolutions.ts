import { GraphBuilder, type Value } from '../graph/builder.ts';
import { type Graph, intOf, intsOf, type Node } from '../graph/ir.ts';
import { bindInputs, type Rewrite, replay } from '../graph/replay.ts';
import { placesOf, type Window, windowOf } from '../graph/windows.ts';
import { toNumbers } from '../tensor/tensor.ts';
import { asBlocks, asPicture, type Blocks, blocksOf, filterInBlocks, turnedFilter } from './blocks.ts';
import { onKnownBlocks } from './elementwise.ts';
import { weightGradient } from './weight-gradient.ts';

/** Places of an output from which on a blocked convolution is faster, the reordering included. */
const PLACES = 64;

/** Whether a graph has convolutions whose weights are computed in it, and all shapes known. */
export function computesWeights({ nodes, inputs, initializers }: Graph): boolean {
  return (
    nodes.some(({ op, inputs: [, weight] }) => op === 'Conv' && !initializers.has(weight!)) &&
    inputs.every(({ shape }) => shape.every(dim => typeof dim === 'number'))
  );
}

/**
 * The graph with convolutions whose weights are computed in the form that runs fastest, the same results to rounding:
 * gradients on weights, which are convolutions with swapped axes and all of dy as filter, as matrix products or on blocked
 * kernels, and those forward on blocked kernels.
 * @param size channels of a block; undefined where the runtime has no such kernels.
 */
export function withFastConvolutions(graph: Graph, size: number | undefined): Graph {
  const b = new GraphBuilder(graph.name);
  const outputs = replay(b, graph, bindInputs(b, graph), graph.name, fasterForms(b, size));
  return b.build(outputs, graph.metadata);
}

function fasterForms(b: GraphBuilder, size: number | undefined): Rewrite {
  const blocks = size === undefined ? undefined : blocksOf(size);
  /** Values by those that are them with the first two axes swapped. */
  const swapped = new Map<Value, Value>();
  const swap = (value: Value) => {
    const before = swapped.get(value);
    if (before !== undefined) return before;
    const result = b.transpose(value, [1, 0, 2, 3]);
    swapped.set(result, value);
    return result;
  };
  /** Weights by those that are them with the first two axes swapped and all taps in reverse order. */
  const turned = new Map<Value, Value>();
  return (node, operands) => {
    const { op, attributes } = node;
    const before = op === 'Slice' ? swapped.get(operands[0]!) : undefined;
    if (before !== undefined) {
      const result = b.op('Slice', operands, attributes);
      if (reversesTaps(b, operands, result)) turned.set(result, before);
      return [result];
    }
    if (op === 'Transpose' && intsOf(attributes, 'perm')?.join() === '1,0,2,3') return [swap(operands[0]!)];
    if (op !== 'Conv' && blocks) return onKnownBlocks(b, node, operands, blocks);
    if (op !== 'Conv' || b.known(operands[1]!) || intOf(attributes, 'group', 1) !== 1) return undefined;
    const padded = b.nodes.find(({ op, outputs }) => op === 'Pad' && outputs[0] === operands[1]);
    if (padded) return [b.op('Conv', [operands[0]!, framed(b, padded), ...operands.slice(2)], attributes)];
    const [input, weight] = operands.map(value => b.shape(value)) as [readonly number[], readonly number[]];
    if (weight.length !== 4) return undefined;
    const w = windowOf(attributes, input.slice(2), weight.slice(2));
    const [x, dy] = operands.map(value => swapped.get(value));
    if (x !== undefined && dy !== undefined && operands.length === 2 && w.dilations.every(d => d === 1))
      return [swap(weightGradient(b, x, dy, convolutionOf(w, placesOf(w, input.slice(2))), blocks))];
    return blocks && onBlocks(b, operands, w, blocks, turned.get(operands[1]!));
  };
}

/**
 * What a Pad gives, without one: ONNX Runtime 1.30 takes a Pad on a convolution's weights for one on its picture, and
 * then refuses the graph.
 */
function framed(b: GraphBuilder, { inputs: [value, pads, filler] }: Node): Value {
  const counts = toNumbers(b.known(pads!)!);
  const rank = counts.length / 2;
  const frame = (shape: readonly number[], axis: number, count: number) => {
    const size = shape.map((dim, i) => (i === axis ? count : dim));
    return count > 0 ? [b.expand(filler || b.scalar(0), size)] : [];
  };
  return b.shape(value!).reduce<Value>((inner, size, axis) => {
    const [before, after] = [counts[axis]!, counts[axis + rank]!];
    const kept =
      before < 0 || after < 0 ? b.slice(inner, axis, Math.max(0, -before), size + Math.min(0, after)) : inner;
    const shape = b.shape(kept);
    return b.concat([...frame(shape, axis, before), kept, ...frame(shape, axis, after)], axis);
  }, value!);
}

/** The window of the convolution whose weights' gradient a convolution with this window is: its places are the taps. */
function convolutionOf({ strides, before, after }: Window, places: readonly number[]): Window {
  return { kernel: places, strides: [1, 1], dilations: strides, before, after };
}

/** Whether a Slice of weights [co, ci, kh, kw] does nothing but reverse both kernel axes. */
function reversesTaps(b: GraphBuilder, operands: readonly Value[], result: Value): boolean {
  const [weight, ...settings] = operands as [Value, ...Value[]];
  const [starts, , axes, steps] = settings.map(value => {
    const known = b.known(value);
    return known && toNumbers(known).join();
  });
  const whole = b.shape(weight).join() === b.shape(result).join();
  return whole && starts === '-1,-1' && steps === '-1,-1' && axes === '2,3';
}

/** A convolution on blocked kernels; undefined where that does not fit or is no faster. */
function onBlocks(
  b: GraphBuilder,
  operands: readonly Value[],
  w: Window,
  blocks: Blocks,
  turned: Value | undefined,
): Value[] | undefined {
  const [x, weight, ...bias] = operands as [Value, Value, ...Value[]];
  const [count, ci, ...source] = b.shape(x) as [number, number, number, number];
  const co = b.shape(weight)[0]!;
  const { size } = blocks;
  const out = placesOf(w, source);
  if (ci % size || co % size || w.kernel.every(k => k === 1) || out[0]! * out[1]! < PLACES) return undefined;
  const filter = turned ? turnedFilter(b, turned, blocks) : filterInBlocks(b, weight, blocks);
  const { kernel, strides, dilations, before, after } = w;
  const attributes = { kernel_shape: kernel, strides, dilations, pads: [...before, ...after] };
  const y = blocks.conv(b, [asBlocks(b, x, blocks), filter, ...bias], attributes, [count, co, ...out]);
  return [asPicture(b, y, blocks)];
}
