import type { GraphBuilder, Value } from '../graph/builder.ts';
import { intOf } from '../graph/ir.ts';
import { reach, type Window, windowOf } from '../graph/windows.ts';
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
  const plain = spatial.map(i => (out[i]! - 1) * w.strides[i]! + reach(w, i) - w.before[i]! - w.after[i]!);
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
  if (axes.length === 0) return swapped;
  const all = (value: number) => b.ints(axes.map(() => value));
  return b.op('Slice', [swapped, all(-1), all(Number.MIN_SAFE_INTEGER), b.ints(axes), all(-1)]);
}

/** dW[co, ci, k] = sum over images and places of dy[co] times x[ci] at the place that tap k sees. */
export function convWeightGradient(
  b: GraphBuilder,
  x: Value,
  dy: Value,
  w: Window,
  group: number,
  weight: readonly number[],
): Value {
  const unit = w.strides.every(s => s === 1);
  if (group === 1 && w.kernel.length === 2 && unit) {
    return w.kernel.every(k => k === 1) && [...w.before, ...w.after].every(p => p === 0)
      ? b.reshape(pixelProduct(b, dy, x), weight)
      : splitTaps(b, x, dy, w, weight);
  }
  return correlate(b, x, dy, w, group, weight);
}

/** For [N, p, ...] and [N, q, ...] the product [p, q] summed over images and pixels. */
function pixelProduct(b: GraphBuilder, left: Value, right: Value): Value {
  const flat = (v: Value) => {
    const [n, channels, ...spatial] = b.shape(v) as [number, number, ...number[]];
    return b.reshape(v, [n, channels, spatial.reduce((p, d) => p * d, 1)]);
  };
  const [l, r] = [flat(left), flat(right)];
  const [n, p, pixels] = b.shape(l) as [number, number, number];
  const q = b.shape(r)[1]!;
  if (pixels >= 256) return b.sum(b.matmul(l, b.transpose(r, [0, 2, 1])), [0], false);
  // Small pictures: one long product over all images instead of many short ones.
  const rowsOf = b.reshape(b.transpose(l, [1, 0, 2]), [p, n * pixels]);
  const columnsOf = b.reshape(b.transpose(r, [0, 2, 1]), [n * pixels, q]);
  return b.matmul(rowsOf, columnsOf);
}

/**
 * All taps in one matrix product: x is copied once for each kernel row, shifted by rows, and dy once for each
 * kernel column, shifted by columns; tap (i, j) is then the product of row copy i with column copy j.
 */
function splitTaps(b: GraphBuilder, x: Value, dy: Value, w: Window, weight: readonly number[]): Value {
  const [co, ci, kh, kw] = weight as [number, number, number, number];
  const [height, width] = b.shape(dy).slice(2) as [number, number];
  const sourceWidth = b.shape(x)[3]!;
  const [dh, dw] = w.dilations as [number, number];
  const [top, left] = w.before as [number, number];
  const [bottom] = w.after as [number];
  const tallX = b.pad(x, [0, 0, top, 0], [0, 0, bottom, 0]);
  const rowCopies = Array.from({ length: kh }, (_, i) => b.slice(tallX, 2, i * dh, i * dh + height));
  // Column j of the kernel looks at x's column c + j dw - left, so dy moves right by j dw - left.
  const lead = Math.max(0, (kw - 1) * dw - left);
  const trail = Math.max(0, left + sourceWidth - width);
  const wideDy = b.pad(dy, [0, 0, 0, lead], [0, 0, 0, trail]);
  const columnCopies = Array.from({ length: kw }, (_, j) => {
    const start = lead + left - j * dw;
    return b.slice(wideDy, 3, start, start + sourceWidth);
  });
  const product = pixelProduct(b, b.concat(columnCopies, 1), b.concat(rowCopies, 1));
  return b.transpose(b.reshape(product, [kw, co, kh, ci]), [1, 3, 2, 0]);
}

/** The general case as one convolution with batch and channels swapped: strides become dilations. */
function correlate(
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
  // Groups become a block of "images" on the left and of convolution groups on the right.
  const source = b.reshape(b.transpose(b.reshape(x, [n, group, ci, ...spatial]), [2, 1, 0, ...rest]), [
    ci,
    group * n,
    ...spatial,
  ]);
  const filter = b.reshape(b.transpose(b.reshape(dy, [n, group, co / group, ...out]), [1, 2, 0, ...rest]), [
    co,
    n,
    ...out,
  ]);
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
