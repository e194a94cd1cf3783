import { normalAxis } from '../graph/broadcast.ts';
import type { Value } from '../graph/builder.ts';
import type { Op } from '../graph/infer.ts';
import { floatOf, intOf, intsOf } from '../graph/ir.ts';
import {
  flat,
  type NotDifferentiable,
  type Rule,
  type RuleContext,
  refused,
  unbroadcast,
} from './context.ts';
import { convRule, convTransposeRule } from './convolution.ts';
import { matMulRule } from './matmul.ts';
import { extremumRule, meanRule, reducedExtremumRule, sumRule } from './reductions.ts';
import { averagePoolRule, maxPoolRule, resizeRule } from './resampling.ts';
import { scatterElementsRule, scatterNDRule, scatterRows, topKRule } from './scatter.ts';
import { sliceRule } from './slice.ts';

/**
 * THE table of gradient rules. Every operator has an entry, or the code does not compile. A rule only uses operators
 * of this table, so a gradient graph can be differentiated again.
 */
export const RULES: Readonly<Record<Op, Rule | NotDifferentiable>> = {
  // Elementwise, y = f(x): dx = f'(x) dy.
  Abs: ({ b, I, GO }) => [b.mul(GO(0), b.op('Sign', [I(0)]))],
  Acos: ({ b, I, GO }) => [b.neg(b.div(GO(0), b.sqrt(b.sub(b.scalar(1), b.mul(I(0), I(0))))))],
  Acosh: ({ b, I, GO }) => [b.div(GO(0), b.sqrt(b.sub(b.mul(I(0), I(0)), b.scalar(1))))],
  Asin: ({ b, I, GO }) => [b.div(GO(0), b.sqrt(b.sub(b.scalar(1), b.mul(I(0), I(0)))))],
  Asinh: ({ b, I, GO }) => [b.div(GO(0), b.sqrt(b.add(b.mul(I(0), I(0)), b.scalar(1))))],
  Atan: ({ b, I, GO }) => [b.div(GO(0), b.add(b.mul(I(0), I(0)), b.scalar(1)))],
  Atanh: ({ b, I, GO }) => [b.div(GO(0), b.sub(b.scalar(1), b.mul(I(0), I(0))))],
  // The walk passes only casts from float32 to float32.
  Cast: ({ GO }) => [GO(0)],
  Ceil: flat('piecewise constant'),
  Clip: ({ b, GO, node, needs }) => {
    const [x, low, high] = node.inputs;
    const where = (test: 'GreaterOrEqual' | 'LessOrEqual' | 'Less' | 'Greater', bound: Value) =>
      b.cast(b.op(test, [x!, bound]), 'float32');
    const inside = [low && where('GreaterOrEqual', low), high && where('LessOrEqual', high)];
    return [
      inside.reduce<Value>((gradient, mask) => (mask ? b.mul(gradient, mask) : gradient), GO(0)),
      low && needs(1) ? b.mul(GO(0), where('Less', low)) : undefined,
      high && needs(2) ? b.mul(GO(0), where('Greater', high)) : undefined,
    ];
  },
  Cos: ({ b, I, GO }) => [b.neg(b.mul(GO(0), b.sin(I(0))))],
  Cosh: ({ b, I, GO }) => [b.mul(GO(0), b.op('Sinh', [I(0)]))],
  Elu: ({ b, I, O, GO, attributes }) => {
    const slope = b.add(O(0), b.scalar(floatOf(attributes, 'alpha', 1)));
    return [b.mul(GO(0), b.op('Where', [b.op('Greater', [I(0), b.scalar(0)]), b.scalar(1), slope]))];
  },
  Erf: ({ b, I, GO }) => [
    b.mul(GO(0), b.mul(b.exp(b.neg(b.mul(I(0), I(0)))), b.scalar(2 / Math.sqrt(Math.PI)))),
  ],
  Exp: ({ b, O, GO }) => [b.mul(GO(0), O(0))],
  Floor: flat('piecewise constant'),
  Identity: ({ GO }) => [GO(0)],
  LeakyRelu: ({ b, I, GO, attributes }) => {
    const slope = b.scalar(floatOf(attributes, 'alpha', 0.01));
    return [b.mul(GO(0), b.op('Where', [b.op('Greater', [I(0), b.scalar(0)]), b.scalar(1), slope]))];
  },
  Log: ({ b, I, GO }) => [b.div(GO(0), I(0))],
  Neg: ({ b, GO }) => [b.neg(GO(0))],
  Not: flat('a truth value'),
  Reciprocal: ({ b, O, GO }) => [b.neg(b.mul(GO(0), b.mul(O(0), O(0))))],
  Relu: ({ b, I, GO }) => [b.mul(GO(0), b.cast(b.op('Greater', [I(0), b.scalar(0)]), 'float32'))],
  Round: flat('piecewise constant'),
  Sigmoid: ({ b, O, GO }) => [b.mul(GO(0), b.sub(O(0), b.mul(O(0), O(0))))],
  Sign: flat('piecewise constant'),
  Sin: ({ b, I, GO }) => [b.mul(GO(0), b.cos(I(0)))],
  Sinh: ({ b, I, GO }) => [b.mul(GO(0), b.op('Cosh', [I(0)]))],
  Softplus: ({ b, I, GO }) => [b.mul(GO(0), b.sigmoid(I(0)))],
  Sqrt: ({ b, O, GO }) => [b.div(GO(0), b.mul(O(0), b.scalar(2)))],
  Tan: ({ b, O, GO }) => [b.mul(GO(0), b.add(b.mul(O(0), O(0)), b.scalar(1)))],
  Tanh: ({ b, O, GO }) => [b.mul(GO(0), b.sub(b.scalar(1), b.mul(O(0), O(0))))],

  // Elementwise with broadcasting; the walk sums over repeated axes.
  Add: ({ GO }) => [GO(0), GO(0)],
  And: flat('a truth value'),
  Div: ({ b, I, O, GO }) => {
    const dx = b.div(GO(0), I(1));
    return [dx, b.neg(b.mul(dx, O(0)))];
  },
  Equal: flat('a truth value'),
  Greater: flat('a truth value'),
  GreaterOrEqual: flat('a truth value'),
  Less: flat('a truth value'),
  LessOrEqual: flat('a truth value'),
  Max: extremumRule,
  Min: extremumRule,
  // x - y trunc(x / y).
  Mod: ({ b, I, GO, needs }) => {
    const quotient = () => b.div(I(0), I(1));
    const whole = () => b.mul(b.op('Sign', [quotient()]), b.op('Floor', [b.abs(quotient())]));
    return [GO(0), needs(1) ? b.neg(b.mul(GO(0), whole())) : undefined];
  },
  Mul: ({ b, I, GO, GOAsItIs, needs }) => {
    // Of a square, whose gradient is small where its mean is taken: one pass over x instead of four.
    if (I(0) === I(1)) return [b.mul(b.mul(GOAsItIs(0), b.scalar(2)), I(0)), undefined];
    return [needs(0) ? b.mul(GO(0), I(1)) : undefined, needs(1) ? b.mul(GO(0), I(0)) : undefined];
  },
  Or: flat('a truth value'),
  Pow: ({ b, I, O, GO, needs }) => {
    const isZero = (v: Value) => b.op('Equal', [v, b.scalar(0)]);
    const power = b.type(I(1)).dtype === 'float32' ? I(1) : b.cast(I(1), 'float32');
    // dx = p x^(p-1) is 0 for p = 0, also at x = 0, where x^-1 is infinite.
    const vanishes = needs(1) ? b.op('And', [isZero(I(0)), isZero(power)]) : isZero(power);
    const lowered = b.op('Where', [vanishes, b.scalar(0), b.sub(power, b.scalar(1))]);
    // dp = x^p log x is 0 at x = 0, its limit, where log x is infinite.
    const base = () => b.op('Where', [isZero(I(0)), b.scalar(1), I(0)]);
    return [
      b.mul(GO(0), b.mul(power, b.pow(I(0), lowered))),
      needs(1) ? b.mul(GO(0), b.mul(O(0), b.op('Log', [base()]))) : undefined,
    ];
  },
  Sub: ({ b, I, GO, needs, shape }) => [
    GO(0),
    needs(1) ? b.neg(unbroadcast(b, GO(0), shape(I(1)))) : undefined,
  ],
  Where: ({ b, I, GO }) => [
    undefined,
    b.op('Where', [I(0), GO(0), b.scalar(0)]),
    b.op('Where', [I(0), b.scalar(0), GO(0)]),
  ],

  // Linear maps: the gradient is the transposed map.
  AveragePool: averagePoolRule,
  Conv: convRule,
  ConvTranspose: convTransposeRule,
  MatMul: matMulRule,
  MaxPool: maxPoolRule,
  Resize: resizeRule,

  BatchNormalization: ({ b, node, I, GO, shape, attributes, needs }) => {
    // y = scale (x - mean) / deviation + bias on each channel, with the statistics as they are.
    const perChannel = (v: Value) =>
      b.reshape(v, [
        1,
        -1,
        ...shape(I(0))
          .slice(2)
          .map(() => 1),
      ]);
    const deviation = b.sqrt(b.add(I(4), b.scalar(floatOf(attributes, 'epsilon', 1e-5))));
    const slope = b.div(I(1), deviation);
    const dx = b.mul(GO(0), perChannel(slope));
    if (!node.inputs.some((_, i) => i > 0 && needs(i))) return [dx];
    const sums = (v: Value) =>
      b.sum(
        v,
        shape(I(0)).flatMap((_, axis) => (axis === 1 ? [] : [axis])),
        false,
      );
    const dBias = sums(GO(0));
    const normal = b.div(b.sub(I(0), perChannel(I(3))), perChannel(deviation));
    const dScale = sums(b.mul(GO(0), normal));
    const dVariance = b.mul(b.div(b.mul(slope, dScale), deviation), b.scalar(-0.5));
    return [dx, dScale, dBias, b.neg(b.mul(slope, dBias)), dVariance];
  },
  LogSoftmax: ({ b, O, GO, shape, attributes }) => {
    const axis = normalAxis(intOf(attributes, 'axis', -1), shape(O(0)).length);
    return [b.sub(GO(0), b.mul(b.exp(O(0)), b.sum(GO(0), [axis])))];
  },
  Softmax: ({ b, O, GO, shape, attributes }) => {
    const axis = normalAxis(intOf(attributes, 'axis', -1), shape(O(0)).length);
    const probabilities = guarded(b, O(0));
    const weighted = b.mul(GO(0), probabilities);
    return [b.sub(weighted, b.mul(probabilities, b.sum(weighted, [axis])))];
  },

  ArgMax: flat('a place'),
  ArgMin: flat('a place'),
  CumSum: ({ b, I, GO, attributes }) => {
    // Each element is in the sums from its place on, so the gradient is summed from the other end.
    const reverse = 1 - intOf(attributes, 'reverse', 0);
    return [b.op('CumSum', [GO(0), I(1)], { exclusive: intOf(attributes, 'exclusive', 0), reverse })];
  },
  ReduceMax: reducedExtremumRule,
  ReduceMean: meanRule,
  ReduceMin: reducedExtremumRule,
  ReduceProd: refused('exporters use it for shapes alone; write a product of values with Mul'),
  ReduceSum: sumRule,
  TopK: topKRule,

  // Moving elements: the gradient moves them back.
  Concat: ({ b, node, GO, shape, attributes }) => {
    const axis = normalAxis(intOf(attributes, 'axis', 0), shape(node.outputs[0]!).length);
    return b.split(
      GO(0),
      axis,
      node.inputs.map(input => shape(input)[axis]!),
    );
  },
  ConstantOfShape: flat('a constant'),
  Expand: ({ GO }) => [GO(0)],
  Flatten: reshapeBack,
  Gather: ({ b, I, GO, shape, attributes }) => {
    const axis = normalAxis(intOf(attributes, 'axis', 0), shape(I(0)).length);
    return [scatterRows(b, GO(0), I(1), axis, shape(I(0)))];
  },
  GatherElements: ({ b, I, GO, shape, attributes }) => [
    b.op('ScatterElements', [b.full(shape(I(0)), 0), I(1), GO(0)], {
      axis: intOf(attributes, 'axis', 0),
      reduction: 'add',
    }),
  ],
  GatherND: ({ b, I, GO, shape }) => [
    b.op('ScatterND', [b.full(shape(I(0)), 0), I(1), GO(0)], { reduction: 'add' }),
  ],
  Pad: ({ b, I, GO, shape, ints, needs }) => {
    const widths = ints(1).map(width => 0 - width);
    const rank = shape(I(0)).length;
    const dx = b.pad(GO(0), widths.slice(0, rank), widths.slice(rank));
    return [dx, undefined, needs(2) ? b.sub(b.sumAll(GO(0)), b.sumAll(dx)) : undefined];
  },
  Range: flat('a sequence of constants'),
  Reshape: reshapeBack,
  ScatterElements: scatterElementsRule,
  ScatterND: scatterNDRule,
  Shape: flat('a count of elements'),
  Slice: sliceRule,
  Split: ({ b, node, GO, shape, I, attributes }) => [
    b.concat(
      node.outputs.map((_, i) => GO(i)),
      normalAxis(intOf(attributes, 'axis', 0), shape(I(0)).length),
    ),
  ],
  Squeeze: reshapeBack,
  Tile: ({ b, I, GO, shape, ints }) => {
    const split = shape(I(0)).flatMap((dim, axis) => [ints(1)[axis]!, dim]);
    const axes = shape(I(0)).map((_, axis) => 2 * axis);
    return [b.sum(b.reshape(GO(0), split), axes, false)];
  },
  Transpose: ({ b, I, GO, shape, attributes }) => {
    const rank = shape(I(0)).length;
    const perm = intsOf(attributes, 'perm') ?? Array.from({ length: rank }, (_, i) => rank - 1 - i);
    return [
      b.transpose(
        GO(0),
        Array.from({ length: rank }, (_, axis) => perm.indexOf(axis)),
      ),
    ];
  },
  Unsqueeze: reshapeBack,
};

/**
 * Probabilities, with 0 where a graph asks whether they are numbers: exporters write 0 for a row that attends to nothing, whose
 * softmax is none, and 0 / 0 must not come back by the gradient.
 */
function guarded(b: RuleContext['b'], probabilities: Value): Value {
  // IsNaN(x) is not x = x.
  const test = b.nodes.find(
    ({ op, inputs }) => op === 'Equal' && inputs.every(input => input === probabilities),
  );
  return test ? b.op('Where', [test.outputs[0]!, probabilities, b.scalar(0)]) : probabilities;
}

function reshapeBack({ b, I, GO, shape }: RuleContext): Value[] {
  return [b.reshape(GO(0), shape(I(0)))];
}
