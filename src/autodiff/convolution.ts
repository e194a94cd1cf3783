import type { GraphBuilder, Value } from '../graph/builder.ts';
import { intOf } from '../graph/ir.ts';
import { reach, spread, type Window, windowOf } from '../graph/windows.ts';
import type { Rule } from './context.ts';

/** y = Conv(x, w, bias): the input's gradient is a transposed convolution, the weights' a correlation of x with dy. */
export const convRule: Rule = ({ b, I, GO, node, needs, shape, attributes }) => {
  const [x, weight] = [shape(I(0)), shape(I(1))];
  const group = intOf(attributes, 'group', 1);
  const w = windowOf(attributes, x.slice(2), weight.slice(2));
  return [
    needs(0) ? convInputGradient(b, GO(0), I(1), w, group, x) : undefined,
    needs(1) ? convWeightGradient(b, I(0), GO(0), w, group, weight) : undefined,
    node.inputs[2] && needs(2) ? channelSums(b, GO(0)) : undefined,
  ];
};

/** y = ConvTranspose(x, w): the roles of x and y are those of y and x in a convolution with the same weights. */
export const convTransposeRule: Rule = ({ b, I, GO, node, needs, shape, attributes }) => {
  const group = intOf(attributes, 'group', 1);
  const weight = shape(I(1));
  const w = windowOf(attributes, shape(I(0)).slice(2), weight.slice(2));
  const settings = {
    kernel_shape: w.kernel,
    strides: w.strides,
    dilations: w.dilations,
    pads: [...w.before, ...w.after],
    group,
  };
  const dx = () => {
    const full = b.op('Conv', [GO(0), I(1)], settings);
    return shape(full).join() === shape(I(0)).join() ? full : cropTo(b, full, shape(I(0)));
  };
  return [
    needs(0) ? dx() : undefined,
    needs(1) ? convWeightGradient(b, GO(0), I(0), w, group, weight) : undefined,
    node.inputs[2] && needs(2) ? channelSums(b, GO(0)) : undefined,
  ];
};

function channelSums(b: GraphBuilder, dy: Value): Value {
  return b.sum(
    dy,
    b.shape(dy).flatMap((_, axis) => (axis === 1 ? [] : [axis])),
    false,
  );
}

function cropTo(b: GraphBuilder, x: Value, target: readonly number[]): Value {
  return b.pad(
    x,
    target.map(() => 0),
    target.map((size, i) => size - b.shape(x)[i]!),
  );
}

/**
 * The gradient on a convolution's input. With stride 1 it is again a convolution, with flipped and transposed
 * weights, which keeps frozen weights constant and so on the runtime's fast path.
 */
function convInputGradient(
  b: GraphBuilder,
  dy: Value,
  weight: Value,
  w: Window,
  group: number,
  x: readonly number[],
): Value {
  const spatial = w.kernel.map((_, i) => i);
  if (
    w.strides.every(s => s === 1) &&
    spatial.every(i => reach(w, i) - 1 >= Math.max(w.before[i]!, w.after[i]!))
  ) {
    const before = spatial.map(i => reach(w, i) - 1 - w.before[i]!);
    const after = spatial.map(i => reach(w, i) - 1 - w.after[i]!);
    return b.op('Conv', [dy, flipWeights(b, weight, group)], {
      kernel_shape: w.kernel,
      dilations: w.dilations,
      pads: [...before, ...after],
      group,
    });
  }
  const out = b.shape(dy).slice(2);
  const plain = spatial.map(i => spread(w, i, out[i]!) - w.before[i]! - w.after[i]!);
  return b.op('ConvTranspose', [dy, weight], {
    kernel_shape: w.kernel,
    strides: w.strides,
    dilations: w.dilations,
    pads: [...w.before, ...w.after],
    output_padding: spatial.map(i => x[i + 2]! - plain[i]!),
    group,
  });
}

/** [co, ci/g, k...] to [ci, co/g, k reversed...]. */
function flipWeights(b: GraphBuilder, weight: Value, group: number): Value {
  const [co, ci, ...kernel] = b.shape(weight) as [number, number, ...number[]];
  const swapped =
    group === 1
      ? b.transpose(weight, [1, 0, ...kernel.map((_, i) => i + 2)])
      : b.reshape(
          b.transpose(b.reshape(weight, [group, co / group, ci, ...kernel]), [
            0,
            2,
            1,
            ...kernel.map((_, i) => i + 3),
          ]),
          [group * ci, co / group, ...kernel],
        );
  const axes = kernel.flatMap((size, i) => (size > 1 ? [i + 2] : []));
  return axes.length === 0 ? swapped : b.reverse(swapped, axes);
}

/**
 * dW[co, ci, k] = sum over images and places of dy[co] times x[ci] at the place that tap k sees: a convolution with batch and
 * channels swapped, whose filter is all of dy; strides become dilations. The runtime knows faster forms of it.
 */
export function convWeightGradient(
  b: GraphBuilder,
  x: Value,
  dy: Value,
  w: Window,
  group: number,
  weight: readonly number[],
): Value {
  const [co, ci, ...kernel] = weight as [number, number, ...number[]];
  const [n, , ...spatial] = b.shape(x) as [number, number, ...number[]];
  const out = b.shape(dy).slice(2);
  const rest = spatial.map((_, i) => i + 3);
  const swapped = [1, 0, ...spatial.map((_, i) => i + 2)];
  // Groups become a block of "images" on the left and of convolution groups on the right.
  const [source, filter] =
    group === 1
      ? [b.transpose(x, swapped), b.transpose(dy, swapped)]
      : [
          b.reshape(b.transpose(b.reshape(x, [n, group, ci, ...spatial]), [2, 1, 0, ...rest]), [
            ci,
            group * n,
            ...spatial,
          ]),
          b.reshape(b.transpose(b.reshape(dy, [n, group, co / group, ...out]), [1, 2, 0, ...rest]), [
            co,
            n,
            ...out,
          ]),
        ];
  const full = b.op('Conv', [source, filter], {
    kernel_shape: out,
    strides: w.dilations,
    dilations: w.strides,
    pads: [...w.before, ...w.after],
    group,
  });
  const gradient = b.transpose(full, [1, 0, ...kernel.map((_, i) => i + 2)]);
  // Rows of x that no window reached leave a tap too many at the end.
  return cropTo(b, gradient, weight);
}
