import { SeedbedError } from '../errors.ts';
import { toNumbers } from '../tensor/tensor.ts';
import { broadcastShapes, normalAxis } from './broadcast.ts';
import { dtypeFromOnnx } from './dtypes.ts';
import { reshaped, sliceRanges, squeezed, unsqueezed } from './evaluate.ts';
import {
  checkShape,
  type Dim,
  intOf,
  intsOf,
  isTensor,
  type NodeFacts,
  staticShape,
  type ValueType,
} from './ir.ts';
import { convOutput, convTransposeOutput, poolOutput } from './windows.ts';

type Infer = (n: NodeFacts) => ValueType[];

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
  Cast: n => [{ dtype: dtypeFromOnnx(intOf(n.attributes, 'to', 0), n.what), shape: typeAt(n, 0).shape }],
  Ceil: same,
  Clip: same,
  Cos: same,
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
  Softplus: same,
  Sqrt: same,
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

  ReduceMax: reduce,
  ReduceMean: reduce,
  ReduceMin: reduce,
  ReduceProd: reduce,
  ReduceSum: reduce,

  Concat: n => {
    const first = typeAt(n, 0);
    const axis = normalAxis(intOf(n.attributes, 'axis', 0), first.shape.length);
    const dims = n.types.map(type => type!.shape[axis]!);
    const shape = first.shape.map((dim, i) =>
      i === axis ? (dims.length === 1 ? dim : dims.reduce<number>((s, d) => s + number(n, d), 0)) : dim,
    );
    for (const type of n.types) {
      if (
        type!.shape.length !== shape.length ||
        type!.shape.some((dim, i) => i !== axis && dim !== shape[i])
      ) {
        throw new SeedbedError(
          'BadShape',
          `${n.what}: cannot join shapes ${n.types.map(t => `[${t!.shape}]`).join(', ')} on axis ${axis}`,
        );
      }
    }
    return [{ dtype: first.dtype, shape }];
  },
  ConstantOfShape: n => [
    {
      dtype: isTensor(n.attributes.value) ? n.attributes.value.dtype : 'float32',
      shape: requireValue(n, 0, 'shape'),
    },
  ],
  Expand: n => [
    { dtype: typeAt(n, 0).dtype, shape: broadcastShapes(typeAt(n, 0).shape, requireValue(n, 1, 'shape')) },
  ],
  Flatten: n => {
    const { dtype, shape } = typeAt(n, 0);
    const raw = intOf(n.attributes, 'axis', 1);
    const axis = raw < 0 ? raw + shape.length : raw;
    return [{ dtype, shape: [product(n, shape.slice(0, axis)), product(n, shape.slice(axis))] }];
  },
  Gather: n => {
    const { dtype, shape } = typeAt(n, 0);
    const axis = normalAxis(intOf(n.attributes, 'axis', 0), shape.length);
    return [{ dtype, shape: [...shape.slice(0, axis), ...typeAt(n, 1).shape, ...shape.slice(axis + 1)] }];
  },
  GatherElements: n => [{ dtype: typeAt(n, 0).dtype, shape: typeAt(n, 1).shape }],
  Pad: n => {
    const { dtype, shape } = typeAt(n, 0);
    const pads = requireValue(n, 1, 'pads');
    const padded = shape.map((dim, i) => {
      const added = pads[i]! + pads[i + shape.length]!;
      return added === 0 ? dim : number(n, dim) + added;
    });
    return [{ dtype, shape: padded }];
  },
  Range: n => [{ dtype: typeAt(n, 0).dtype, shape: [`${n.what} length`] }],
  Reshape: n => {
    const { dtype, shape } = typeAt(n, 0);
    const target = requireValue(n, 1, 'shape');
    const open = shape.findIndex(dim => typeof dim === 'string');
    if (open < 0)
      return [
        { dtype, shape: reshaped(shape as number[], target, intOf(n.attributes, 'allowzero', 0) === 1) },
      ];
    // An open dimension passes through when the target keeps it in place with 0; the rest must then agree in size.
    if (target[open] !== 0) staticShape(shape, n.what);
    const rest = (dims: readonly Dim[]) => dims.filter((_, i) => i !== open) as number[];
    const inner = reshaped(
      rest(shape),
      target.filter((_, i) => i !== open),
    );
    return [{ dtype, shape: [...inner.slice(0, open), shape[open]!, ...inner.slice(open)] }];
  },
  ScatterElements: same,
  Shape: n => [{ dtype: 'int64', shape: [typeAt(n, 0).shape.length] }],
  Slice: n => {
    const { dtype, shape } = typeAt(n, 0);
    const axes = valueAt(n, 3, 'axes') ?? requireValue(n, 1, 'starts').map((_, i) => i);
    const sliced = [...shape];
    const sizes = shape.map((dim, i) =>
      axes.some(axis => normalAxis(axis, shape.length) === i) ? number(n, dim) : 0,
    );
    for (const range of sliceRanges(
      sizes,
      requireValue(n, 1, 'starts'),
      requireValue(n, 2, 'ends'),
      axes,
      valueAt(n, 4, 'steps'),
    )) {
      sliced[range.axis] = range.count;
    }
    return [{ dtype, shape: sliced }];
  },
  Split: n => {
    const { dtype, shape } = typeAt(n, 0);
    const axis = normalAxis(intOf(n.attributes, 'axis', 0), shape.length);
    const parts: number[] =
      valueAt(n, 1, 'sizes') ?? new Array(n.outputCount).fill(number(n, shape[axis]!) / n.outputCount);
    if (typeof shape[axis] === 'number' && parts.reduce((sum, part) => sum + part, 0) !== shape[axis])
      throw new SeedbedError(
        'BadShape',
        `${n.what}: parts of ${parts.join(' + ')} do not make up ${shape[axis]}`,
      );
    return parts.map(part => ({ dtype, shape: shape.map((dim, i) => (i === axis ? part : dim)) }));
  },
  Squeeze: n => {
    const { dtype, shape } = typeAt(n, 0);
    return [{ dtype, shape: squeezed(shape, valueAt(n, 1, 'axes')) }];
  },
  Tile: n => {
    const repeats = requireValue(n, 1, 'repeats');
    const { dtype, shape } = typeAt(n, 0);
    return [{ dtype, shape: shape.map((dim, i) => (repeats[i] === 1 ? dim : number(n, dim) * repeats[i]!)) }];
  },
  Transpose: n => {
    const { dtype, shape } = typeAt(n, 0);
    const perm = intsOf(n.attributes, 'perm') ?? shape.map((_, i) => shape.length - 1 - i);
    if (new Set(perm).size !== shape.length || perm.some(axis => !(axis in shape)))
      throw new SeedbedError('BadShape', `${n.what}: [${perm}] does not order the axes of [${shape}]`);
    return [{ dtype, shape: perm.map(axis => shape[axis]!) }];
  },
  Unsqueeze: n => [
    { dtype: typeAt(n, 0).dtype, shape: unsqueezed(typeAt(n, 0).shape, requireValue(n, 1, 'axes')) },
  ],
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
  try {
    const types = INFER[op](facts);
    for (const { shape } of types) checkShape(shape, `${facts.what}: its output`);
    return types;
  } catch (error) {
    if (error instanceof SeedbedError && !error.message.startsWith(facts.what)) {
      throw new SeedbedError(error.kind, `${facts.what}: ${error.message}`);
    }
    throw error;
  }
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

function reduce(n: NodeFacts): ValueType[] {
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

function matMulType(n: NodeFacts): ValueType {
  const a = typeAt(n, 0);
  const b = typeAt(n, 1);
  const left = a.shape.length === 1 ? [1, ...a.shape] : a.shape;
  const right = b.shape.length === 1 ? [...b.shape, 1] : b.shape;
  if (left.at(-1) !== right.at(-2))
    throw new SeedbedError('BadShape', `${n.what}: cannot multiply [${a.shape}] by [${b.shape}]`);
  const matrix = [
    ...(a.shape.length === 1 ? [] : [left.at(-2)!]),
    ...(b.shape.length === 1 ? [] : [right.at(-1)!]),
  ];
  return { dtype: a.dtype, shape: [...broadcastShapes(left.slice(0, -2), right.slice(0, -2)), ...matrix] };
}

function typeAt(n: NodeFacts, index: number): ValueType {
  const type = n.types[index];
  if (!type) throw new SeedbedError('BadFile', `${n.what}: input ${index} is missing`);
  return type;
}

/** The common type of two operands; with one alone, folding a node of known numbers would find nothing to compute with. */
function pair(n: NodeFacts): ValueType {
  typeAt(n, 1);
  return elementwise(n);
}

/** The common type of the operands from `first` on. */
function elementwise(n: NodeFacts, first = 0): ValueType {
  const operands = n.types.map((_, i) => typeAt(n, i)).slice(first);
  const { dtype } = typeAt(n, first);
  if (operands.some(operand => operand.dtype !== dtype)) {
    const dtypes = operands.map(operand => operand.dtype).join(' and ');
    throw new SeedbedError(
      'BadFile',
      `its operands have different types, ${dtypes}; Seedbed computes in float32`,
    );
  }
  return { dtype, shape: broadcastShapes(...operands.map(operand => operand.shape)) };
}

/** The shape of an operator of `count` operands. */
function broadcastAll(n: NodeFacts, count: number): Dim[] {
  return broadcastShapes(...Array.from({ length: count }, (_, i) => typeAt(n, i).shape));
}

type Operands = Pick<NodeFacts, 'types' | 'values'>;

/** The numbers of an optional input; undefined where it is left out or empty. */
function valueAt(n: Operands, index: number, name: string): number[] | undefined {
  const value = n.types[index] ? requireValue(n, index, name) : [];
  return value.length > 0 ? value : undefined;
}

function requireValue(n: Operands, index: number, name: string): number[] {
  const value = n.values[index];
  if (value) return toNumbers(value);
  throw new SeedbedError(
    'Unsupported',
    `its ${name} depend on data; Seedbed needs them fixed when the graph is loaded. If an open dimension is behind it, bind that`,
  );
}

function number(n: NodeFacts, dim: Dim): number {
  return staticShape([dim], n.what)[0]!;
}

function product(n: NodeFacts, dims: readonly Dim[]): Dim {
  const sizes = dims.filter(dim => dim !== 1);
  return sizes.length === 1 ? sizes[0]! : sizes.reduce<number>((p, dim) => p * number(n, dim), 1);
}
