import { SeedbedError } from '../errors.ts';
import { toNumbers } from '../tensor/tensor.ts';
import { broadcastShapes, normalAxis } from './broadcast.ts';
import { rangeLength, reshaped, sliceRanges, squeezed, takenDims, unsqueezed } from './evaluate.ts';
import { type Infer, number, product, requireValue, typeAt, valueAt } from './facts.ts';
import { type Dim, intOf, intsOf, isTensor, staticShape } from './ir.ts';

/** Operators that move elements, and for each the types of its outputs; a part of the table in infer.ts. */
export const MOVING = {
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
          `cannot join shapes ${n.types.map(t => `[${t!.shape}]`).join(', ')} on axis ${axis}`,
          { at: n.what },
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
  GatherND: n => {
    const { dtype, shape } = typeAt(n, 0);
    const indices = typeAt(n, 1).shape;
    const depth = intOf(n.attributes, 'batch_dims', 0) + number(n, indices.at(-1)!);
    if (depth > shape.length)
      throw new SeedbedError('BadShape', `${depth} coordinates into [${shape}]`, { at: n.what });
    return [{ dtype, shape: [...indices.slice(0, -1), ...shape.slice(depth)] }];
  },
  Pad: n => {
    const { dtype, shape } = typeAt(n, 0);
    const pads = requireValue(n, 1, 'pads');
    const padded = shape.map((dim, i) => {
      const added = pads[i]! + pads[i + shape.length]!;
      return added === 0 ? dim : number(n, dim) + added;
    });
    return [{ dtype, shape: padded }];
  },
  Range: n => {
    const [from, to, step] = n.values.map(value => value && toNumbers(value)[0]);
    const isKnown = from !== undefined && to !== undefined && step !== undefined;
    return [
      { dtype: typeAt(n, 0).dtype, shape: [isKnown ? rangeLength(from, to, step) : `${n.what} length`] },
    ];
  },
  Reshape: n => {
    const { dtype, shape } = typeAt(n, 0);
    const target = requireValue(n, 1, 'shape');
    const open = shape.findIndex(dim => typeof dim === 'string');
    if (open < 0)
      return [
        { dtype, shape: reshaped(shape as number[], target, intOf(n.attributes, 'allowzero', 0) === 1) },
      ];
    // An open dimension passes through when the target keeps it in place with 0; the rest must then agree in size.
    const isLone = shape.findLastIndex(dim => typeof dim === 'string') === open;
    if (target[open] !== 0 || !isLone) staticShape(shape, n.what);
    const rest = (dims: readonly Dim[]) => dims.filter((_, i) => i !== open) as number[];
    const inner = reshaped(
      rest(shape),
      target.filter((_, i) => i !== open),
    );
    return [{ dtype, shape: [...inner.slice(0, open), shape[open]!, ...inner.slice(open)] }];
  },
  ScatterElements: n => [typeAt(n, 0)],
  ScatterND: n => [typeAt(n, 0)],
  Shape: n => [{ dtype: 'int64', shape: [takenDims(typeAt(n, 0).shape, n.attributes).length] }],
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
      throw new SeedbedError('BadShape', `parts of ${parts.join(' + ')} do not make up ${shape[axis]}`, {
        at: n.what,
      });
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
      throw new SeedbedError('BadShape', `[${perm}] does not order the axes of [${shape}]`, { at: n.what });
    return [{ dtype, shape: perm.map(axis => shape[axis]!) }];
  },
  Unsqueeze: n => [
    { dtype: typeAt(n, 0).dtype, shape: unsqueezed(typeAt(n, 0).shape, requireValue(n, 1, 'axes')) },
  ],
} satisfies Readonly<Record<string, Infer>>;
