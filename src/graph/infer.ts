import { inPlace, SeedbedError } from '../errors.ts';
import { broadcastShapes, normalAxis } from './broadcast.ts';
import { dtypeFromOnnx } from './dtypes.ts';
import {
  broadcastAll,
  elementwise,
  type Infer,
  number,
  pair,
  requireValue,
  typeAt,
  valueAt,
} from './facts.ts';
import { checkShape, intOf, intsOf, type NodeFacts, type ValueType } from './ir.ts';
import { MOVING } from './moving.ts';
import { convOutput, convTransposeOutput, poolOutput } from './windows.ts';

const same: Infer = n => [typeAt(n, 0)];
const comparison: Infer = n => [{ dtype: 'bool', shape: pair(n).shape }];
const arithmetic: Infer = n => [pair(n)];
const ofAny: Infer = n => [elementwise(n)];

/**
 * The operators that Seedbed's graphs are made of, and for each the types of its outputs. Each has a gradient rule besides
 * (autodiff/rules.ts); composite operators are rewritten into these (lower.ts).
 */
const INFER = {
  Abs: same,
  Acos: same,
  Acosh: same,
  Asin: same,
  Asinh: same,
  Atan: same,
  Atanh: same,
  Cast: n => [{ dtype: dtypeFromOnnx(intOf(n.attributes, 'to', 0), n.what), shape: typeAt(n, 0).shape }],
  Ceil: same,
  Clip: same,
  Cos: same,
  Cosh: same,
  Elu: same,
  Erf: same,
  Exp: same,
  Floor: same,
  Identity: same,
  LeakyRelu: same,
  Log: same,
  Neg: same,
  Not: same,
  Reciprocal: same,
  Relu: same,
  Round: same,
  Sigmoid: same,
  Sign: same,
  Sin: same,
  Sinh: same,
  Softplus: same,
  Sqrt: same,
  Tan: same,
  Tanh: same,

  Add: arithmetic,
  And: comparison,
  Div: arithmetic,
  Equal: comparison,
  Greater: comparison,
  GreaterOrEqual: comparison,
  Less: comparison,
  LessOrEqual: comparison,
  Max: ofAny,
  Min: ofAny,
  Mod: arithmetic,
  Mul: arithmetic,
  Or: comparison,
  // The exponent may have a type of its own.
  Pow: n => [{ dtype: typeAt(n, 0).dtype, shape: broadcastAll(n, 2) }],
  Sub: arithmetic,
  Where: n => [{ dtype: elementwise(n, 1).dtype, shape: broadcastAll(n, 3) }],

  AveragePool: poolOutput,
  Conv: convOutput,
  ConvTranspose: convTransposeOutput,
  MatMul: n => [matMulType(n)],
  MaxPool: n => {
    const [output] = poolOutput(n);
    return n.outputCount > 1 ? [output!, { dtype: 'int64', shape: output!.shape }] : [output!];
  },
  Resize: n => {
    const x = typeAt(n, 0);
    const sizes = valueAt(n, 3, 'sizes');
    if (sizes)
      return [{ dtype: x.dtype, shape: x.shape.map((dim, i) => (dim === sizes[i] ? dim : sizes[i]!)) }];
    const scales = requireValue(n, 2, 'scales');
    return [
      {
        dtype: x.dtype,
        // The runtime multiplies in float32.
        shape: x.shape.map((dim, i) =>
          scales[i] === 1 ? dim : Math.floor(Math.fround(number(n, dim) * scales[i]!)),
        ),
      },
    ];
  },

  BatchNormalization: same,
  LogSoftmax: same,
  Softmax: same,

  ArgMax: place,
  ArgMin: place,
  CumSum: same,
  ReduceMax: reduce,
  ReduceMean: reduce,
  ReduceMin: reduce,
  ReduceProd: reduce,
  ReduceSum: reduce,
  TopK: n => {
    const { dtype, shape } = typeAt(n, 0);
    const axis = normalAxis(intOf(n.attributes, 'axis', -1), shape.length);
    const count = requireValue(n, 1, 'k')[0]!;
    if (count > number(n, shape[axis]!))
      throw new SeedbedError('BadShape', `${count} of ${shape[axis]} elements`, { at: n.what });
    const taken = shape.map((dim, i) => (i === axis ? count : dim));
    return [
      { dtype, shape: taken },
      { dtype: 'int64', shape: taken },
    ];
  },

  ...MOVING,
} satisfies Readonly<Record<string, Infer>>;

/**
 * An operator that graphs are made of, by its ONNX name.
 * @group Graphs and gradients
 * @useDeclaredType
 */
export type Op = keyof typeof INFER;

export const OPS = Object.keys(INFER) as readonly Op[];

export function isOp(op: string): op is Op {
  return Object.hasOwn(INFER, op);
}

/**
 * The types of an operator's outputs from what is known of its inputs.
 * @throws {SeedbedError} BadShape when the operands do not fit, Unsupported when a shape depends on data.
 */
export function inferTypes(op: Op, facts: NodeFacts): ValueType[] {
  return inPlace(facts.what, () => {
    const types = INFER[op](facts);
    for (const { shape } of types) checkShape(shape, 'its output');
    return types;
  });
}

/** The axes of a reduction, counted from the front; all of them where none are named. */
export function reductionAxes(facts: Pick<NodeFacts, 'attributes' | 'types' | 'values'>): number[] {
  const rank = facts.types[0]!.shape.length;
  const named = intsOf(facts.attributes, 'axes') ?? valueAt(facts, 1, 'axes');
  if (!named || named.length === 0) {
    return intOf(facts.attributes, 'noop_with_empty_axes', 0) === 1
      ? []
      : Array.from({ length: rank }, (_, i) => i);
  }
  return named.map(axis => normalAxis(axis, rank));
}

function reduce(n: NodeFacts): [ValueType] {
  const { dtype, shape } = typeAt(n, 0);
  const axes = reductionAxes(n);
  const keep = intOf(n.attributes, 'keepdims', 1) === 1;
  return [
    {
      dtype,
      shape: keep
        ? shape.map((dim, i) => (axes.includes(i) ? 1 : dim))
        : shape.filter((_, i) => !axes.includes(i)),
    },
  ];
}

/** Where along an axis the largest or smallest element lies. */
function place(n: NodeFacts): ValueType[] {
  const [{ shape }] = reduce({
    ...n,
    attributes: { ...n.attributes, axes: [intOf(n.attributes, 'axis', 0)] },
  });
  return [{ dtype: 'int64', shape }];
}

function matMulType(n: NodeFacts): ValueType {
  const a = typeAt(n, 0);
  const b = typeAt(n, 1);
  const left = a.shape.length === 1 ? [1, ...a.shape] : a.shape;
  const right = b.shape.length === 1 ? [...b.shape, 1] : b.shape;
  if (left.at(-1) !== right.at(-2))
    throw new SeedbedError('BadShape', `cannot multiply [${a.shape}] by [${b.shape}]`, { at: n.what });
  const matrix = [
    ...(a.shape.length === 1 ? [] : [left.at(-2)!]),
    ...(b.shape.length === 1 ? [] : [right.at(-1)!]),
  ];
  return { dtype: a.dtype, shape: [...broadcastShapes(left.slice(0, -2), right.slice(0, -2)), ...matrix] };
}
