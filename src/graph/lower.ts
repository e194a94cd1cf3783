import { SeedbedError } from '../errors.ts';
import { float32, int64, sizeOf, type Tensor, toNumbers } from '../tensor/tensor.ts';
import { attention, rotaryEmbedding } from './attention.ts';
import { normalAxis } from './broadcast.ts';
import type { GraphBuilder, Value } from './builder.ts';
import {
  alongAxis,
  type CompositeNode,
  knownValue,
  type Lowering,
  rootOf,
  scaled,
  spatialAxes,
} from './composite.ts';
import { einsum } from './einsum.ts';
import { gridSample } from './grid-sample.ts';
import { reductionAxes } from './infer.ts';
import { type Attributes, floatOf, intOf, intsOf, isTensor, textOf } from './ir.ts';
import {
  groupNormalization,
  instanceNormalization,
  layerNormalization,
  lpNormalization,
  meanVarianceNormalization,
  rmsNormalization,
} from './normalisation.ts';
import { centerCropPad, col2Im, depthToSpace, eyeLike, oneHot, spaceToDepth, trilu } from './rearrange.ts';

/** Operators that are written as a few plain ones, so that neither shapes nor gradients need a rule of their own. */
export const LOWERINGS: Readonly<Record<string, Lowering>> = {
  Attention: attention,
  CastLike: ({ b, inputs: [x, like] }) => b.cast(x!, b.type(like!).dtype),
  Celu: ({ b, inputs: [x], attributes }) => {
    // Barron 2017: Elu with x and y measured in units of alpha.
    const alpha = floatOf(attributes, 'alpha', 1);
    return scaled(b, b.op('Elu', [scaled(b, x!, 1 / alpha)]), alpha);
  },
  CenterCropPad: centerCropPad,
  Col2Im: col2Im,
  Constant: ({ b, attributes }) => b.constant(constantOf(attributes)),
  DepthToSpace: depthToSpace,
  DequantizeLinear: dequantizeLinear,
  Dropout: dropout,
  Einsum: ({ b, inputs, attributes }) => einsum(b, inputs, textOf(attributes, 'equation', '')),
  EyeLike: eyeLike,
  Gelu: ({ b, inputs: [x], attributes }) => {
    // Hendrycks and Gimpel 2016: x times the normal distribution function, or its tanh approximation.
    const inner =
      textOf(attributes, 'approximate', 'none') === 'tanh'
        ? b.op('Tanh', [
            b.mul(
              b.add(x!, b.mul(b.scalar(0.044715), b.mul(x!, b.mul(x!, x!)))),
              b.scalar(Math.sqrt(2 / Math.PI)),
            ),
          ])
        : b.op('Erf', [b.mul(x!, b.scalar(Math.SQRT1_2))]);
    return b.mul(b.mul(x!, b.scalar(0.5)), b.add(inner, b.scalar(1)));
  },
  Gemm: ({ b, inputs: [x, y, c], attributes }) => {
    const left = intOf(attributes, 'transA', 0) ? b.transpose(x!, [1, 0]) : x!;
    const right = intOf(attributes, 'transB', 0) ? b.transpose(y!, [1, 0]) : y!;
    const product = scaled(b, b.matmul(left, right), floatOf(attributes, 'alpha', 1));
    return c ? b.add(product, scaled(b, c, floatOf(attributes, 'beta', 1))) : product;
  },
  GlobalAveragePool: ({ b, inputs: [x] }) => b.mean(x!, spatialAxes(b, x!)),
  GlobalMaxPool: ({ b, inputs: [x] }) => b.op('ReduceMax', [x!], { axes: spatialAxes(b, x!) }),
  GridSample: gridSample,
  GroupNormalization: groupNormalization,
  HardSigmoid: ({ b, inputs: [x], attributes }) =>
    hardSigmoid(b, x!, floatOf(attributes, 'alpha', 0.2), floatOf(attributes, 'beta', 0.5)),
  HardSwish: ({ b, inputs: [x] }) => b.mul(x!, hardSigmoid(b, x!, 1 / 6, 0.5)),
  InstanceNormalization: instanceNormalization,
  IsInf: ({ b, inputs: [x], attributes }) => {
    const is = (value: number) => b.op('Equal', [x!, b.cast(b.scalar(value), b.type(x!).dtype)]);
    const [above, below] = [is(Number.POSITIVE_INFINITY), is(Number.NEGATIVE_INFINITY)];
    const counted = [
      intOf(attributes, 'detect_positive', 1) === 1 ? above : undefined,
      intOf(attributes, 'detect_negative', 1) === 1 ? below : undefined,
    ].filter(test => test !== undefined);
    if (counted.length === 0) return b.op('And', [above, below]);
    return counted.reduce((either, test) => b.op('Or', [either, test]));
  },
  IsNaN: ({ b, inputs: [x] }) => b.op('Not', [b.op('Equal', [x!, x!])]),
  LayerNormalization: layerNormalization,
  LpNormalization: lpNormalization,
  Mean: ({ b, inputs }) =>
    b.mul(
      inputs.reduce((sum, x) => b.add(sum, x)),
      b.scalar(1 / inputs.length),
    ),
  MeanVarianceNormalization: meanVarianceNormalization,
  Mish: ({ b, inputs: [x] }) => b.mul(x!, b.op('Tanh', [b.op('Softplus', [x!])])),
  OneHot: oneHot,
  PRelu: ({ b, inputs: [x, slope] }) =>
    b.op('Where', [b.op('Greater', [x!, b.scalar(0)]), x!, b.mul(slope!, x!)]),
  ReduceL1: n => reduceSum(n, n.b.abs(n.inputs[0]!)),
  ReduceL2: n => {
    const { b } = n;
    return rootOf(b, reduceSum(n, b.mul(n.inputs[0]!, n.inputs[0]!)));
  },
  ReduceLogSum: n => n.b.op('Log', [reduceSum(n, n.inputs[0]!)]),
  ReduceLogSumExp: n => {
    const { b, inputs, attributes } = n;
    const axes = reductionAxes({ attributes, ...b.facts(inputs) });
    if (axes.length === 0) return inputs[0]!;
    const largest = b.op('ReduceMax', [inputs[0]!], { axes });
    // Infinity less infinity is no number; where the largest is infinite, nothing is taken off.
    const finite = b.op('Less', [b.abs(largest), b.scalar(Number.POSITIVE_INFINITY)]);
    const shift = b.op('Where', [finite, largest, b.scalar(0)]);
    const sum = b.sum(b.exp(b.sub(inputs[0]!, shift)), axes);
    const result = b.add(b.op('Log', [sum]), shift);
    return intOf(attributes, 'keepdims', 1) === 1 ? result : b.op('Squeeze', [result, b.ints(axes)]);
  },
  ReduceSumSquare: n => reduceSum(n, n.b.mul(n.inputs[0]!, n.inputs[0]!)),
  RMSNormalization: rmsNormalization,
  RotaryEmbedding: rotaryEmbedding,
  Selu: ({ b, inputs: [x], attributes }) => {
    // Klambauer et al. 2017.
    const alpha = floatOf(attributes, 'alpha', 1.6732632);
    const elu = b.op('Elu', [x!], { alpha: { float: alpha } });
    return scaled(b, elu, floatOf(attributes, 'gamma', 1.050701));
  },
  Shrink: ({ b, inputs: [x], attributes }) => {
    const limit = b.scalar(floatOf(attributes, 'lambd', 0.5));
    const bias = b.scalar(floatOf(attributes, 'bias', 0));
    const below = b.op('Where', [b.op('Less', [x!, b.neg(limit)]), b.add(x!, bias), b.scalar(0)]);
    return b.op('Where', [b.op('Greater', [x!, limit]), b.sub(x!, bias), below]);
  },
  Size: ({ b, inputs: [x] }) => b.op('ReduceProd', [b.op('Shape', [x!])], { keepdims: 0 }),
  Softsign: ({ b, inputs: [x] }) => b.div(x!, b.add(b.abs(x!), b.scalar(1))),
  SpaceToDepth: spaceToDepth,
  Sum: ({ b, inputs }) => inputs.reduce((sum, x) => b.add(sum, x)),
  // Ramachandran et al. 2017.
  Swish: ({ b, inputs: [x], attributes }) =>
    b.mul(x!, b.sigmoid(scaled(b, x!, floatOf(attributes, 'alpha', 1)))),
  ThresholdedRelu: ({ b, inputs: [x], attributes }) => {
    const alpha = b.scalar(floatOf(attributes, 'alpha', 1));
    return b.op('Where', [b.op('Greater', [x!, alpha]), x!, b.scalar(0)]);
  },
  Trilu: trilu,
  Xor: ({ b, inputs: [x, y] }) => b.op('Not', [b.op('Equal', [x!, y!])]),
};

/** (x - zero) scale: one scale for all, one for each place on an axis, or one for each block of places there. */
function dequantizeLinear({ b, inputs, attributes }: CompositeNode): Value {
  const [x, scale, zero] = inputs.map(value => value && b.cast(value, 'float32'));
  const rank = b.type(x!).shape.length;
  const block = intOf(attributes, 'block_size', 0);
  const laid = (v: Value) => {
    if (b.type(v).shape.length === 0) return v;
    if (block === 0 && sizeOf(b.shape(v)) === 1) return alongAxis(b, v, 0, rank);
    const axis = normalAxis(intOf(attributes, 'axis', 1), rank);
    if (block === 0) return alongAxis(b, v, axis, rank);
    const places = Array.from({ length: b.shape(x!)[axis]! }, (_, i) => Math.floor(i / block));
    return b.op('Gather', [v, b.constant(int64(places))], { axis });
  };
  return b.mul(zero ? b.sub(x!, laid(zero)) : x!, laid(scale!));
}

/** The identity; in training it would draw random numbers. */
function dropout({ b, inputs, outputs }: CompositeNode): readonly Value[] {
  const [x, , training] = inputs as [Value, Value?, Value?];
  if (training && toNumbers(knownValue(b, training, 'whether Dropout is in training mode'))[0] !== 0)
    throw new SeedbedError(
      'Unsupported',
      'it is in training mode and drops values at random; export the model in evaluation mode, after model.eval() in PyTorch',
    );
  if (!outputs[1]) return [x];
  return [x, b.expand(b.cast(b.scalar(1), 'bool'), b.shape(x))];
}

function hardSigmoid(b: GraphBuilder, x: Value, alpha: number, beta: number): Value {
  return b.op('Clip', [b.add(b.mul(x, b.scalar(alpha)), b.scalar(beta)), b.scalar(0), b.scalar(1)]);
}

function reduceSum({ b, inputs, attributes }: CompositeNode, x: Value): Value {
  const { axes, ...rest } = attributes;
  const named = intsOf({ axes: axes ?? [] }, 'axes') ?? [];
  const axesInput = inputs[1] ?? (named.length > 0 ? b.ints(named) : '');
  return b.op('ReduceSum', axesInput ? [x, axesInput] : [x], rest);
}

function constantOf(attributes: Attributes): Tensor {
  const { value, value_float, value_int, value_floats, value_ints } = attributes;
  if (isTensor(value)) return value;
  if (value_float !== undefined) return float32([], [floatOf(attributes, 'value_float', 0)]);
  if (value_floats !== undefined) {
    const { floats } = value_floats as { floats: readonly number[] };
    return float32([floats.length], floats);
  }
  const list = value_ints === undefined ? [value_int as number] : (value_ints as readonly number[]);
  return int64(list, value_ints === undefined ? [] : [list.length]);
}
