import { SeedbedError } from '../errors.ts';
import type { Value } from '../graph/builder.ts';
import { interpolationMatrix, interpolationOf } from '../graph/interpolation.ts';
import { intOf } from '../graph/ir.ts';
import { applyTransposed, matrixOf } from '../graph/matrix.ts';
import { reach, windowOf } from '../graph/windows.ts';
import { toNumbers } from '../tensor/tensor.ts';
import type { Rule, RuleContext } from './context.ts';

/** Interpolation is a small matrix on each axis, so its gradient is the transposed matrices, exactly. */
export const resizeRule: Rule = c => {
  const { b, I, GO, shape, attributes, node } = c;
  const [from, to] = [shape(I(0)), shape(node.outputs[0]!)];
  const scales = node.inputs[2] && b.known(node.inputs[2]);
  // The runtime copies whatever keeps its size, even where the scales are not 1.
  if (from.join() === to.join()) return [GO(0)];
  let gradient = GO(0);
  from.forEach((size, axis) => {
    const scale = scales && scales.data.length > 0 ? toNumbers(scales)[axis]! : Math.fround(to[axis]! / size);
    if (size === to[axis] && scale === 1) return;
    const matrix = interpolationMatrix(size, to[axis]!, scale, interpolationOf(attributes));
    gradient = applyTransposed(b, gradient, axis, matrix);
  });
  return [gradient];
};

/** Average pooling, too, is one small matrix on each axis. */
export const averagePoolRule: Rule = c => {
  const { b, I, GO, shape, attributes, node } = c;
  const from = shape(I(0));
  const to = b.shape(node.outputs[0]!);
  const w = windowOf(attributes, from.slice(2));
  const whole = w.kernel.every(
    (k, i) => k === w.strides[i] && w.before[i] === 0 && from[i + 2] === k * to[i + 2]!,
  );
  if (whole) return [spreadEvenly(c, w.kernel)];
  let gradient = GO(0);
  w.kernel.forEach((kernel, i) => {
    const size = from[i + 2]!;
    const countPadding = intOf(attributes, 'count_include_pad', 0) === 1;
    const matrix = matrixOf(to[i + 2]!, size, out => {
      const start = out * w.strides[i]! - w.before[i]!;
      const end = Math.min(start + kernel, size + w.after[i]!);
      const [low, high] = [Math.max(start, 0), Math.min(end, size)];
      const weight = 1 / (countPadding ? end - start : high - low);
      return Array.from({ length: size }, (_, at) => (at >= low && at < high ? weight : 0));
    });
    gradient = applyTransposed(b, gradient, i + 2, matrix);
  });
  return [gradient];
};

/** Each output's gradient, divided by the window's size, repeated over its window. */
function spreadEvenly({ b, GO, I, shape }: RuleContext, kernel: readonly number[]): Value {
  const share = b.mul(GO(0), b.scalar(1 / kernel.reduce((p, k) => p * k, 1)));
  return b.op('Resize', [share, '', '', b.ints(shape(I(0)))], {
    mode: 'nearest',
    coordinate_transformation_mode: 'asymmetric',
    nearest_mode: 'floor',
  });
}

/** The gradient of max pooling goes to the place that the forward pass picked. */
export const maxPoolRule: Rule = ({ b, I, GO, shape, attributes }) => {
  const from = shape(I(0));
  const w = windowOf(attributes, from.slice(2));
  if (w.kernel.some((_, i) => reach(w, i) > from[i + 2]! + w.before[i]!)) {
    throw new SeedbedError('Unsupported', 'MaxPool with a window larger than the data');
  }
  // Places counted row by row, as below.
  const rowMajor = { ...attributes, storage_order: 0 };
  const picked = b.node('MaxPool', [I(0)], rowMajor, { outputs: 2 })[1]!;
  const count = from.reduce((p, d) => p * d, 1);
  const flatTarget = b.full([count], 0);
  const updates = b.reshape(GO(0), [-1]);
  const scattered = b.op('ScatterElements', [flatTarget, b.reshape(picked, [-1]), updates], {
    axis: 0,
    reduction: 'add',
  });
  return [b.reshape(scattered, from)];
};
