import { SeedbedError } from '../errors.ts';
import { type DType, sizeOf, type Tensor, tensor, toFloat16, toNumbers, zeros } from '../tensor/tensor.ts';
import { broadcastShapes, normalAxis, stridesOf } from './broadcast.ts';
import { dtypeFromOnnx } from './dtypes.ts';
import { type Attributes, type Dim, intOf, intsOf, isTensor, textOf } from './ir.ts';

/** Tensors up to this many elements are computed while a graph is built; larger ones are left to the runtime. */
export const FOLD_LIMIT = 4096;

type Evaluate = (inputs: readonly (Tensor | undefined)[], attributes: Attributes) => Tensor | undefined;

/**
 * The operators that exporters use for arithmetic on shapes, computed on known tensors; this is what turns
 * Shape, Gather, Concat, Reshape and their like into static shapes.
 */
export const EVALUATORS: Readonly<Record<string, Evaluate>> = {
  Identity: ([x]) => x,
  Cast: ([x], a) => build(x!.shape, dtypeFromOnnx(intOf(a, 'to', 0), 'Cast'), toNumbers(x!)),
  Add: binary((a, b) => a + b),
  Sub: binary((a, b) => a - b),
  Mul: binary((a, b) => a * b),
  Div: ([a, b]) => binary(isInteger(a!) ? (x, y) => Math.trunc(x / y) : (x, y) => x / y)([a, b], {}),
  Mod: (inputs, a) =>
    binary(intOf(a, 'fmod', 0) === 1 ? (x, y) => x % y : (x, y) => ((x % y) + y) % y)(inputs, a),
  // 1 to any power is 1, as in C; JavaScript has none for infinite ones and NaN.
  Pow: binary((a, b) => (a === 1 || (a === -1 && Math.abs(b) === Number.POSITIVE_INFINITY) ? 1 : a ** b)),
  Max: (inputs, a) => inputs.reduce((x, y) => binary(Math.max)([x, y], a)),
  Min: (inputs, a) => inputs.reduce((x, y) => binary(Math.min)([x, y], a)),
  Equal: binary((a, b) => Number(a === b), 'bool'),
  Greater: binary((a, b) => Number(a > b), 'bool'),
  GreaterOrEqual: binary((a, b) => Number(a >= b), 'bool'),
  Less: binary((a, b) => Number(a < b), 'bool'),
  LessOrEqual: binary((a, b) => Number(a <= b), 'bool'),
  And: binary((a, b) => a & b, 'bool'),
  Or: binary((a, b) => a | b, 'bool'),
  Not: unary(x => 1 - x),
  Neg: unary(x => -x),
  Abs: unary(Math.abs),
  Sqrt: unary(Math.sqrt),
  Exp: unary(Math.exp),
  Log: unary(Math.log),
  Floor: unary(Math.floor),
  Ceil: unary(Math.ceil),
  Round: unary(halfToEven),
  Clip: ([x, low, high]) => {
    const [least, most] = [low, high].map(bound => bound && toNumbers(bound)[0]!);
    return unary(value => Math.min(Math.max(value, least ?? value), most ?? Number.POSITIVE_INFINITY))(
      [x],
      {},
    );
  },
  Reciprocal: unary(x => 1 / x),
  Where: ([c, a, b]) => {
    const shape = broadcastShapes(c!.shape, a!.shape, b!.shape) as number[];
    const [cs, as, bs] = [c!, a!, b!].map(t => spread(t, shape)) as [number[], number[], number[]];
    return build(
      shape,
      a!.dtype,
      cs.map((test, i) => (test ? as[i]! : bs[i]!)),
    );
  },
  Reshape: ([x, shape], a) =>
    build(reshaped(x!.shape, toNumbers(shape!), intOf(a, 'allowzero', 0) === 1), x!.dtype, toNumbers(x!)),
  Squeeze: ([x, axes]) => build(squeezed(x!.shape, axes && toNumbers(axes)), x!.dtype, toNumbers(x!)),
  Unsqueeze: ([x, axes]) => build(unsqueezed(x!.shape, toNumbers(axes!)), x!.dtype, toNumbers(x!)),
  Concat: (inputs, a) => {
    const parts = inputs as Tensor[];
    const axis = normalAxis(intOf(a, 'axis', 0), parts[0]!.shape.length);
    const shape = [...parts[0]!.shape];
    shape[axis] = parts.reduce((sum, part) => sum + part.shape[axis]!, 0);
    const outer = sizeOf(shape.slice(0, axis));
    const blocks = parts.map(part => ({ values: toNumbers(part), size: part.data.length / outer }));
    const rows = Array.from({ length: outer }, (_, row) =>
      blocks.flatMap(({ values, size }) => values.slice(row * size, (row + 1) * size)),
    );
    return build(shape, parts[0]!.dtype, rows.flat());
  },
  Gather: ([x, indices], a) => {
    const axis = normalAxis(intOf(a, 'axis', 0), x!.shape.length);
    const [before, after] = [x!.shape.slice(0, axis), x!.shape.slice(axis + 1)];
    const [size, stride] = [x!.shape[axis]!, sizeOf(after)];
    const values = toNumbers(x!);
    const rows = toNumbers(indices!).map(i => placeIn(i, size));
    const picked = Array.from({ length: sizeOf(before) }, (_, outer) =>
      rows.flatMap(row => values.slice((outer * size + row) * stride, (outer * size + row + 1) * stride)),
    );
    return build([...before, ...indices!.shape, ...after], x!.dtype, picked.flat());
  },
  ScatterElements: scatter,
  ScatterND: scatter,
  Tile: ([x, repeats]) => {
    const times = toNumbers(repeats!);
    const shape = x!.shape.map((dim, axis) => dim * times[axis]!);
    if (sizeOf(shape) > FOLD_LIMIT) return undefined;
    const values = toNumbers(x!);
    const places = gatherBy(
      x!.shape.flatMap((dim, axis) => [times[axis]!, dim]),
      stridesOf(x!.shape).flatMap(stride => [0, stride]),
    );
    return build(
      shape,
      x!.dtype,
      places.map(place => values[place]!),
    );
  },
  Slice: ([x, starts, ends, axes, steps]) => {
    const shape = [...x!.shape];
    const strides = stridesOf(x!.shape);
    let first = 0;
    const ranges = sliceRanges(
      x!.shape,
      toNumbers(starts!),
      toNumbers(ends!),
      axes && toNumbers(axes),
      steps && toNumbers(steps),
    );
    for (const { axis, start, step, count } of ranges) {
      first += start * strides[axis]!;
      strides[axis] = strides[axis]! * step;
      shape[axis] = count;
    }
    const values = toNumbers(x!);
    return build(
      shape,
      x!.dtype,
      gatherBy(shape, strides).map(i => values[first + i]!),
    );
  },
  Transpose: ([x], a) => {
    const perm = intsOf(a, 'perm') ?? x!.shape.map((_, i) => x!.shape.length - 1 - i);
    const shape = perm.map(axis => x!.shape[axis]!);
    const strides = stridesOf(x!.shape);
    const values = toNumbers(x!);
    return build(
      shape,
      x!.dtype,
      gatherBy(
        shape,
        perm.map(axis => strides[axis]!),
      ).map(i => values[i]!),
    );
  },
  Expand: ([x, target]) => {
    const shape = broadcastShapes(x!.shape, toNumbers(target!)) as number[];
    return build(shape, x!.dtype, spread(x!, shape));
  },
  ConstantOfShape: ([shape], a) => {
    const dims = toNumbers(shape!);
    const value = isTensor(a.value) ? a.value : undefined;
    return build(
      dims,
      value?.dtype ?? 'float32',
      new Array(sizeOf(dims)).fill(value ? toNumbers(value)[0] : 0),
    );
  },
  Range: ([start, limit, delta]) => {
    const [from, to, step] = [start!, limit!, delta!].map(t => toNumbers(t)[0]!) as [number, number, number];
    const count = rangeLength(from, to, step);
    return count <= FOLD_LIMIT
      ? build(
          [count],
          start!.dtype,
          Array.from({ length: count }, (_, i) => from + i * step),
        )
      : undefined;
  },
  ReduceProd: reduced(values => values.reduce((p, v) => p * v, 1)),
  ReduceSum: reduced(values => values.reduce((p, v) => p + v, 0)),
  ReduceMax: reduced(values => Math.max(...values)),
  ReduceMin: reduced(values => Math.min(...values)),
};

/** Where an index lies on an axis, counted from its end where it is negative. @throws {SeedbedError} BadShape outside. */
function placeIn(index: number, size: number): number {
  const place = index < 0 ? index + size : index;
  if (place >= 0 && place < size) return place;
  throw new SeedbedError(
    'BadShape',
    `index ${index} is outside an axis of ${size}, which takes 0 to ${size - 1}`,
  );
}

/** A vector with some of its elements replaced, or undefined for other tensors and for what is added up. */
function scatter([x, indices, updates]: readonly (Tensor | undefined)[], a: Attributes): Tensor | undefined {
  if (x!.shape.length !== 1 || textOf(a, 'reduction', 'none') !== 'none') return undefined;
  const [values, replacements] = [toNumbers(x!), toNumbers(updates!)];
  for (const [i, index] of toNumbers(indices!).entries())
    values[placeIn(index, values.length)] = replacements[i]!;
  return build(x!.shape, x!.dtype, values);
}

/** A reduction of all elements, or undefined where only some axes are reduced. */
function reduced(all: (values: readonly number[]) => number): Evaluate {
  return ([x, named], a) => {
    const rank = x!.shape.length;
    const axes = named ? toNumbers(named) : intsOf(a, 'axes');
    if (axes?.length === 0 && intOf(a, 'noop_with_empty_axes', 0) === 1) return x;
    const over = new Set(
      (axes?.length ? axes : x!.shape.map((_, i) => i)).map(axis => normalAxis(axis, rank)),
    );
    if (over.size < rank || x!.data.length === 0) return undefined;
    const shape = intOf(a, 'keepdims', 1) === 1 ? x!.shape.map(() => 1) : [];
    return build(shape, x!.dtype, [all(toNumbers(x!))]);
  };
}

/** The nearest whole number, of two the even one. */
function halfToEven(value: number): number {
  const rounded = Math.round(value);
  return Math.abs(value % 1) === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}

/** The value of an operator on known inputs, or undefined where it is not worth knowing at build time. */
export function evaluate(
  op: string,
  inputs: readonly (Tensor | undefined)[],
  attributes: Attributes,
): Tensor | undefined {
  const evaluator = Object.hasOwn(EVALUATORS, op) ? EVALUATORS[op] : undefined;
  if (!evaluator || inputs.some(t => t && t.data.length > FOLD_LIMIT)) return undefined;
  return evaluator(inputs, attributes);
}

/** How many elements a Range has. */
export function rangeLength(from: number, to: number, step: number): number {
  return Math.max(0, Math.ceil((to - from) / step));
}

/** The dimensions that a Shape node gives. */
export function takenDims<D extends Dim>(shape: readonly D[], attributes: Attributes): readonly D[] {
  return shape.slice(intOf(attributes, 'start', 0), intOf(attributes, 'end', shape.length));
}

/** The shape that ONNX's Reshape gives: -1 is what remains, 0 keeps the input's dimension unless `allowZero`. */
export function reshaped(from: readonly number[], to: readonly number[], allowZero = false): number[] {
  const shape = to.map((dim, i) => (dim === 0 && !allowZero ? from[i]! : dim));
  const open = shape.indexOf(-1);
  if (open >= 0) shape[open] = sizeOf(from) / sizeOf(shape.filter(dim => dim !== -1));
  if (sizeOf(shape) !== sizeOf(from) || shape.some(dim => !Number.isInteger(dim) || dim < 0)) {
    throw new SeedbedError('BadShape', `cannot reshape [${from}] to [${to}]`);
  }
  return shape;
}

/** A shape without the given axes, which must be ones; without all its ones where no axes are given. */
export function squeezed<D extends Dim>(shape: readonly D[], axes?: readonly number[]): D[] {
  const drop = axes?.map(axis => normalAxis(axis, shape.length));
  if (drop?.some(axis => shape[axis] !== 1))
    throw new SeedbedError('BadShape', `cannot squeeze axes [${axes}] of [${shape}]: they must be of size 1`);
  return shape.filter((dim, i) => (drop ? !drop.includes(i) : dim !== 1));
}

/** A shape with ones put in at the given axes of the result. */
export function unsqueezed<D>(shape: readonly D[], axes: readonly number[]): (D | 1)[] {
  const rank = shape.length + axes.length;
  const ones = new Set(axes.map(axis => normalAxis(axis, rank)));
  if (ones.size < axes.length) throw new SeedbedError('BadShape', `axes [${axes}] name one axis twice`);
  const rest = [...shape];
  return Array.from({ length: rank }, (_, i) => (ones.has(i) ? 1 : rest.shift()!));
}

/** For each axis named, where a Slice starts, how far it steps and how many elements it takes. */
export function sliceRanges(
  shape: readonly number[],
  starts: readonly number[],
  ends: readonly number[],
  axes: readonly number[] = starts.map((_, i) => i),
  steps: readonly number[] = starts.map(() => 1),
): { axis: number; start: number; step: number; count: number }[] {
  return axes.map((rawAxis, i) => {
    const axis = normalAxis(rawAxis, shape.length);
    const dim = shape[axis]!;
    const step = steps[i]!;
    if (step === 0) throw new SeedbedError('BadShape', 'a step of 0 leads nowhere');
    const high = step > 0 ? dim : dim - 1;
    const clamp = (at: number, low: number) => Math.min(Math.max(at < 0 ? at + dim : at, low), high);
    const start = clamp(starts[i]!, 0);
    // Only a walk backwards may end before the first element.
    const end = clamp(step < 0 && isLast(ends[i]!) ? Number.NEGATIVE_INFINITY : ends[i]!, step > 0 ? 0 : -1);
    return { axis, start, step, count: Math.max(0, Math.ceil((end - start) / step)) };
  });
}

/** The greatest integers of both widths, which the runtime takes for the end of the way, backwards too. */
const isLast = (end: number) => end === 2 ** 31 - 1 || end >= 2 ** 63;

function build(shape: readonly number[], dtype: DType, values: ArrayLike<number>): Tensor {
  if (dtype === 'float16') return toFloat16(tensor('float64', shape, Float64Array.from(values)));
  const result = zeros(dtype, shape);
  const element = CONVERSIONS[dtype] ?? Math.trunc;
  for (let i = 0; i < result.data.length; i++)
    (result.data as unknown as (number | bigint)[])[i] = element(values[i]!);
  return result;
}

/** Numbers as elements of a type, where that is more than cutting off the fraction. */
const CONVERSIONS: Readonly<Partial<Record<DType, (value: number) => number | bigint>>> = {
  float32: value => value,
  float64: value => value,
  bool: value => Number(value !== 0),
  // The largest integer, which exporters use for "to the end", is rounded up to 2^63 among numbers.
  int64: value => wide(value, 2n ** 63n - 1n),
  uint64: value => wide(value, 2n ** 64n - 1n),
};

function wide(value: number, largest: bigint): bigint {
  if (!Number.isFinite(value)) throw new SeedbedError('BadFile', `integer arithmetic gives ${value}`);
  const whole = BigInt(Math.trunc(value));
  return whole > largest ? largest : whole;
}

function isInteger(t: Tensor): boolean {
  return t.dtype !== 'float32' && t.dtype !== 'float64' && t.dtype !== 'float16';
}

function unary(f: (x: number) => number): Evaluate {
  return ([x]) => build(x!.shape, x!.dtype, toNumbers(x!).map(f));
}

function binary(f: (a: number, b: number) => number, dtype?: DType): Evaluate {
  return ([a, b]) => {
    const shape = broadcastShapes(a!.shape, b!.shape) as number[];
    const bs = spread(b!, shape);
    return build(
      shape,
      dtype ?? a!.dtype,
      spread(a!, shape).map((value, i) => f(value, bs[i]!)),
    );
  };
}

/** The elements of `t` broadcast to `shape`. */
function spread(t: Tensor, shape: readonly number[]): number[] {
  const lead = shape.length - t.shape.length;
  const strides = stridesOf(t.shape);
  const values = toNumbers(t);
  const steps = shape.map((_, axis) =>
    axis < lead || t.shape[axis - lead] === 1 ? 0 : strides[axis - lead]!,
  );
  return gatherBy(shape, steps).map(i => values[i]!);
}

/** For each element of a tensor of `shape`, the sum of its coordinates times `steps`. */
function gatherBy(shape: readonly number[], steps: readonly number[]): number[] {
  let offsets = [0];
  shape.forEach((dim, axis) => {
    offsets = offsets.flatMap(base => Array.from({ length: dim }, (_, i) => base + i * steps[axis]!));
  });
  return offsets;
}
