import { SeedbedError } from '../errors.ts';
import { float32, type Tensor, tensor, toNumbers, zeros } from '../tensor/tensor.ts';
import { attention, rotaryEmbedding } from './attention.ts';
import { normalAxis } from './broadcast.ts';
import type { GraphBuilder, Value } from './builder.ts';
import {
  alongAxis,
  type CompositeNode,
  knownValue,
  type Lowering,
  scaled,
  spatialAxes,
} from './composite.ts';
import { einsum } from './einsum.ts';
import { reductionAxes } from './infer.ts';
import { type Attributes, floatOf, intOf, intsOf, isTensor, textOf } from './ir.ts';
import {
  groupNormalization,
  instanceNormalization,
  layerNormalization,
  rmsNormalization,
} from './normalisation.ts';

/** The most elements of Trilu's mask, 64 MiB; a damaged file may say anything. */
const MOST_MASK = 2 ** 26;

/** Operators that are written as a few plain ones, so that neither shapes nor gradients need a rule of their own. */
export const LOWERINGS: Readonly<Record<string, Lowering>> = {
  Attention: attention,
  CastLike: ({ b, inputs: [x, like] }) => b.cast(x!, b.type(like!).dtype),
  Celu: ({ b, inputs: [x], attributes }) => {
    // Barron 2017: Elu with x and y measured in units of alpha.
    const alpha = floatOf(attributes, 'alpha', 1);
    return scaled(b, b.op('Elu', [scaled(b, x!, 1 / alpha)]), alpha);
  },
  Constant: ({ b, attributes }) => b.constant(constantOf(attributes)),
  DepthToSpace: n => depthToSpace(n, textOf(n.attributes, 'mode', 'DCR') === 'DCR'),
  DequantizeLinear: n => {
    const { b, inputs } = n;
    const [x, scale, zero] = inputs.map(value => value && b.cast(value, 'float32'));
    const rank = b.shape(inputs[0]!).length;
    const axis = normalAxis(intOf(n.attributes, 'axis', 1), rank);
    if (intOf(n.attributes, 'block_size', 0) !== 0)
      throw new SeedbedError('Unsupported', 'blocked DequantizeLinear is not supported');
    const perAxis = (v: Value) => (b.shape(v).length === 0 ? v : alongAxis(b, v, axis, rank));
    return b.mul(zero ? b.sub(x!, perAxis(zero)) : x!, perAxis(scale!));
  },
  Dropout: ({ inputs: [x] }) => x!,
  Einsum: ({ b, inputs, attributes }) => einsum(b, inputs, textOf(attributes, 'equation', '')),
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
  GroupNormalization: groupNormalization,
  HardSigmoid: ({ b, inputs: [x], attributes }) =>
    hardSigmoid(b, x!, floatOf(attributes, 'alpha', 0.2), floatOf(attributes, 'beta', 0.5)),
  HardSwish: ({ b, inputs: [x] }) => b.mul(x!, hardSigmoid(b, x!, 1 / 6, 0.5)),
  InstanceNormalization: instanceNormalization,
  IsNaN: ({ b, inputs: [x] }) => b.op('Not', [b.op('Equal', [x!, x!])]),
  LayerNormalization: layerNormalization,
  Mean: ({ b, inputs }) =>
    b.mul(
      inputs.reduce((sum, x) => b.add(sum, x)),
      b.scalar(1 / inputs.length),
    ),
  Mish: ({ b, inputs: [x] }) => b.mul(x!, b.op('Tanh', [b.op('Softplus', [x!])])),
  Mod: ({ b, inputs: [x, y], attributes }) => {
    const remainder = b.type(x!).dtype.startsWith('float') ? floatRemainder : intRemainder;
    const rest = remainder(b, x!, y!);
    // The sign is that of x with fmod, else that of y.
    return intOf(attributes, 'fmod', 0) === 1 ? rest : remainder(b, b.add(rest, y!), y!);
  },
  PRelu: ({ b, inputs: [x, slope] }) =>
    b.add(b.op('Relu', [x!]), b.mul(slope!, b.op('Min', [x!, b.scalar(0)]))),
  ReduceL1: n => reduceSum(n, n.b.abs(n.inputs[0]!)),
  ReduceL2: n => {
    const { b } = n;
    const squared = reduceSum(n, b.mul(n.inputs[0]!, n.inputs[0]!));
    // No gradient passes the root of 0, where its slope is infinite.
    const [zero, one] = [0, 1].map(v => b.cast(b.scalar(v), b.type(squared).dtype));
    const isZero = b.op('Equal', [squared, zero!]);
    return b.op('Where', [isZero, zero!, b.sqrt(b.op('Where', [isZero, one!, squared]))]);
  },
  ReduceLogSum: n => n.b.op('Log', [reduceSum(n, n.inputs[0]!)]),
  ReduceLogSumExp: n => {
    const { b, inputs, attributes } = n;
    const axes = reductionAxes({ attributes, ...b.facts(inputs) });
    const largest = b.op('ReduceMax', [inputs[0]!], { axes });
    const sum = b.sum(b.exp(b.sub(inputs[0]!, largest)), axes);
    const result = b.add(b.op('Log', [sum]), largest);
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
  Size: ({ b, inputs: [x] }) => b.op('ReduceProd', [b.op('Shape', [x!])], { keepdims: 0 }),
  Softsign: ({ b, inputs: [x] }) => b.div(x!, b.add(b.abs(x!), b.scalar(1))),
  SpaceToDepth: ({ b, inputs: [x], attributes }) => {
    const [n, c, h, w] = b.shape(x!) as [number, number, number, number];
    const s = intOf(attributes, 'blocksize', 1);
    const blocks = b.transpose(b.reshape(x!, [n, c, h / s, s, w / s, s]), [0, 3, 5, 1, 2, 4]);
    return b.reshape(blocks, [n, c * s * s, h / s, w / s]);
  },
  Sum: ({ b, inputs }) => inputs.reduce((sum, x) => b.add(sum, x)),
  // Ramachandran et al. 2017.
  Swish: ({ b, inputs: [x], attributes }) =>
    b.mul(x!, b.sigmoid(scaled(b, x!, floatOf(attributes, 'alpha', 1)))),
  Trilu: ({ b, inputs: [x, k], attributes }) => {
    const [h, w] = b.shape(x!).slice(-2) as [number, number];
    if (h * w > MOST_MASK) throw new SeedbedError('Unsupported', `Trilu of a matrix of ${h} by ${w}`);
    const diagonal = k ? toNumbers(knownValue(b, k, 'the diagonal of Trilu'))[0]! : 0;
    const upper = intOf(attributes, 'upper', 1) === 1;
    const keep = (i: number) => {
      const offset = (i % w) - Math.floor(i / w) - diagonal;
      return Number(upper ? offset >= 0 : offset <= 0);
    };
    const mask = tensor(
      'bool',
      [h, w],
      Uint8Array.from({ length: h * w }, (_, i) => keep(i)),
    );
    return b.op('Where', [b.constant(mask), x!, b.constant(zeros(b.type(x!).dtype, []))]);
  },
  Xor: ({ b, inputs: [x, y] }) => b.op('Not', [b.op('Equal', [x!, y!])]),
};

/** x - y trunc(x / y) of integers, whose division is cut off. */
function intRemainder(b: GraphBuilder, x: Value, y: Value): Value {
  return b.sub(x, b.mul(y, b.div(x, y)));
}

/** x - y trunc(x / y) of real numbers. */
function floatRemainder(b: GraphBuilder, x: Value, y: Value): Value {
  const quotient = b.div(x, y);
  const whole = b.mul(b.op('Sign', [quotient]), b.op('Floor', [b.abs(quotient)]));
  return b.sub(x, b.mul(y, whole));
}

function depthToSpace({ b, inputs: [x], attributes }: CompositeNode, depthFirst: boolean): Value {
  const [n, c, h, w] = b.shape(x!) as [number, number, number, number];
  const s = intOf(attributes, 'blocksize', 1);
  const rest = c / (s * s);
  const blocks = depthFirst
    ? b.transpose(b.reshape(x!, [n, s, s, rest, h, w]), [0, 3, 4, 1, 5, 2])
    : b.transpose(b.reshape(x!, [n, rest, s, s, h, w]), [0, 1, 4, 2, 5, 3]);
  return b.reshape(blocks, [n, rest, h * s, w * s]);
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
  const result = zeros('int64', value_ints === undefined ? [] : [list.length]);
  result.data.set(list.map(BigInt));
  return result;
}
