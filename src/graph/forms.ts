import { SeedbedError } from '../errors.ts';
import { float32, int64, toNumbers } from '../tensor/tensor.ts';
import { normalAxis } from './broadcast.ts';
import type { GraphBuilder, Value } from './builder.ts';
import { knownValue } from './composite.ts';
import { reductionAxes } from './infer.ts';
import { interpolationMatrix, interpolationOf } from './interpolation.ts';
import { type Attributes, intOf, intsOf, type Node, staticShape, textOf } from './ir.ts';
import { applyAlong } from './matrix.ts';
import { transposedForm, windowOf } from './windows.ts';

interface Form {
  readonly inputs: readonly Value[];
  readonly attributes: Attributes;
}

/**
 * An operator of any of the operator sets 13 to 26 in the one form that it has in set 17; where it has none, the value
 * that other operators give.
 */
export function formOf(b: GraphBuilder, node: Node, inputs: readonly Value[]): Form | Value {
  const { attributes } = node;
  switch (node.op) {
    case 'ReduceMax':
    case 'ReduceMean':
    case 'ReduceMin':
    case 'ReduceProd': {
      const axes = reductionAxes({ attributes, ...b.facts(inputs) });
      return { inputs: [inputs[0]!], attributes: { axes, keepdims: intOf(attributes, 'keepdims', 1) } };
    }
    case 'Split':
      return splitForm(b, node, inputs);
    case 'Pad':
      return padForm(b, inputs, attributes);
    case 'Conv':
    case 'AveragePool':
    case 'MaxPool':
      return windowForm(b, node, inputs);
    case 'ConvTranspose':
      return {
        inputs,
        attributes: transposedForm(attributes, b.shape(inputs[0]!).slice(2), b.shape(inputs[1]!).slice(2)),
      };
    case 'Resize':
      return resizeForm(b, inputs, attributes);
    case 'Mod':
      return modForm(b, inputs, attributes);
    case 'GatherND':
      return gatherForm(b, inputs, attributes);
    case 'ScatterElements':
    case 'ScatterND': {
      const reduction = textOf(attributes, 'reduction', 'none');
      if (reduction === 'min' || reduction === 'max')
        throw new SeedbedError('Unsupported', `its reduction '${reduction}' is not supported`);
      return { inputs, attributes };
    }
    case 'Cast':
      return { inputs, attributes: { to: intOf(attributes, 'to', 1) } };
    case 'BatchNormalization':
      if (intOf(attributes, 'training_mode', 0) === 1)
        throw new SeedbedError(
          'Unsupported',
          'training_mode=1 is not supported; export the model in evaluation mode',
        );
      return { inputs, attributes };
    default:
      return { inputs, attributes };
  }
}

/** Sizes of equal parts, the last of which may be smaller, as an input. */
function splitForm(b: GraphBuilder, { attributes, outputs }: Node, inputs: readonly Value[]): Form {
  if (inputs[1]) return { inputs, attributes };
  const axis = normalAxis(intOf(attributes, 'axis', 0), b.shape(inputs[0]!).length);
  const dim = b.shape(inputs[0]!)[axis]!;
  const each = Math.ceil(dim / outputs.length);
  const sizes = outputs.map((_, i) => Math.min(each, dim - i * each));
  return { inputs: [inputs[0]!, b.ints(sizes)], attributes: { axis } };
}

/** A convolution's or pooling's window in numbers. */
function windowForm(b: GraphBuilder, { op, attributes }: Node, inputs: readonly Value[]): Form {
  const spatial = b.type(inputs[0]!).shape.slice(2);
  const w = windowOf(attributes, spatial, inputs[1] ? b.shape(inputs[1]).slice(2) : undefined);
  const { auto_pad: _, dilations: __, ...rest } = attributes;
  const dilated = w.dilations.some(d => d !== 1);
  if (dilated && op !== 'Conv') throw new SeedbedError('Unsupported', 'dilated pooling is not supported');
  const [kernel_shape, strides, pads] = [w.kernel, w.strides, [...w.before, ...w.after]];
  return {
    inputs,
    attributes: { ...rest, kernel_shape, strides, pads, ...(dilated && { dilations: w.dilations }) },
  };
}

/** Zero padding; other modes as gathers along each axis. */
function padForm(b: GraphBuilder, inputs: readonly Value[], attributes: Attributes): Form | Value {
  const [x, padsInput, value, axesInput] = inputs as [Value, Value, Value?, Value?];
  const shape = b.type(x).shape;
  const rank = shape.length;
  const given = toNumbers(knownValue(b, padsInput, 'the width of the padding'));
  const axes = axesInput
    ? toNumbers(knownValue(b, axesInput, 'the padded axes')).map(a => normalAxis(a, rank))
    : shape.map((_, i) => i);
  const pads = new Array<number>(2 * rank).fill(0);
  axes.forEach((axis, i) => {
    pads[axis] = given[i]!;
    pads[axis + rank] = given[i + axes.length]!;
  });
  const mode = textOf(attributes, 'mode', 'constant');
  if (mode === 'constant')
    return { inputs: value ? [x, b.ints(pads), value] : [x, b.ints(pads)], attributes: {} };
  let padded = x;
  for (let axis = 0; axis < rank; axis++) {
    if (pads[axis] === 0 && pads[axis + rank] === 0) continue;
    const size = b.shape(padded)[axis]!;
    if (size + Math.abs(pads[axis]!) + Math.abs(pads[axis + rank]!) > 2 ** 20)
      throw new SeedbedError('Unsupported', `padding of ${size} elements by ${pads} in mode '${mode}'`);
    // A negative width cuts off, before the mode goes on from what is left.
    const cut = Math.max(0, -pads[axis]!);
    const left = size - cut - Math.max(0, -pads[axis + rank]!);
    const source = Array.from(
      { length: size + pads[axis]! + pads[axis + rank]! },
      (_, i) => cut + sourceOf(i - Math.max(0, pads[axis]!), left, mode),
    );
    padded = b.op('Gather', [padded, b.constant(int64(source))], { axis });
  }
  return padded;
}

/** The element that lies at position `at` once the axis is continued by the padding's mode. */
function sourceOf(at: number, size: number, mode: string): number {
  if (mode === 'edge') return Math.min(Math.max(at, 0), size - 1);
  if (mode === 'wrap') return ((at % size) + size) % size;
  if (mode !== 'reflect') throw new SeedbedError('Unsupported', `padding mode '${mode}' is not supported`);
  const period = Math.max(1, 2 * (size - 1));
  const folded = ((at % period) + period) % period;
  return folded < size ? folded : period - folded;
}

/** A Resize of all axes; one with `antialias` as a matrix on each. */
function resizeForm(b: GraphBuilder, inputs: readonly Value[], attributes: Attributes): Form | Value {
  const { antialias, axes, keep_aspect_ratio_policy = 'stretch', ...rest } = attributes;
  if (keep_aspect_ratio_policy !== 'stretch')
    throw new SeedbedError(
      'Unsupported',
      "a 'keep_aspect_ratio_policy' other than 'stretch' is not supported",
    );
  if (textOf(attributes, 'coordinate_transformation_mode', '') === 'tf_crop_and_resize')
    throw new SeedbedError(
      'Unsupported',
      "a region of interest, coordinate_transformation_mode 'tf_crop_and_resize', is not supported; crop with Slice before Resize",
    );
  const [x, , scalesInput, sizesInput] = inputs as [Value, Value?, Value?, Value?];
  const shape = b.type(x).shape;
  const named = intsOf(attributes, 'axes')?.map(axis => normalAxis(axis, shape.length));
  if (!antialias && !named) return { inputs: [x, '', ...inputs.slice(2)], attributes: rest };

  const numbers = (value: Value | undefined, what: string) =>
    value ? toNumbers(knownValue(b, value, what)) : [];
  const [scales, sizes] = [
    numbers(scalesInput, 'the scales of Resize'),
    numbers(sizesInput, 'the sizes of Resize'),
  ];
  const changed = named ?? shape.map((_, axis) => axis);
  const spread = (values: readonly number[], axis: number) => values[changed.indexOf(axis)];
  if (!antialias) {
    const all = shape.map((dim, axis) => spread(sizes, axis) ?? dim);
    return scales.length > 0
      ? {
          inputs: [
            x,
            '',
            b.constant(
              float32(
                [shape.length],
                shape.map((_, axis) => spread(scales, axis) ?? 1),
              ),
            ),
          ],
          attributes: rest,
        }
      : { inputs: [x, '', '', b.ints(staticShape(all, 'Resize'))], attributes: rest };
  }
  return changed.reduce<Value>((value, axis) => {
    const from = staticShape([shape[axis]!], 'Resize')[0]!;
    const to = spread(sizes, axis) ?? Math.floor(Math.fround(from * spread(scales, axis)!));
    const scale = spread(scales, axis) ?? Math.fround(to / from);
    // With antialias the runtime leaves an axis as it is that keeps its size, whatever the scale.
    if (to === from && (scale === 1 || antialias)) return value;
    return applyAlong(b, value, axis, interpolationMatrix(from, to, scale, interpolationOf(attributes)));
  }, x);
}

/** A remainder of real numbers with the sign of the divisor, which the runtime does not have, by two with that of the dividend. */
function modForm(b: GraphBuilder, inputs: readonly Value[], attributes: Attributes): Form | Value {
  const [x, y] = inputs as [Value, Value];
  const fmod = intOf(attributes, 'fmod', 0);
  if (fmod === 1 || !b.type(x).dtype.startsWith('float')) return { inputs, attributes: { fmod } };
  const rest = (value: Value) => b.op('Mod', [value, y], { fmod: 1 });
  return rest(b.add(rest(x), y));
}

/** A GatherND without leading axes in common: these become coordinates like others. */
function gatherForm(b: GraphBuilder, inputs: readonly Value[], attributes: Attributes): Form {
  const [x, indices] = inputs as [Value, Value];
  const common = intOf(attributes, 'batch_dims', 0);
  if (common === 0) return { inputs, attributes: {} };
  const shape = b.shape(indices);
  const lead = shape.slice(0, common);
  const places = lead.map((size, axis) => {
    const counted = b.constant(int64(Array.from({ length: size }, (_, i) => i)));
    const laid = b.reshape(
      counted,
      shape.map((_, i) => (i === axis ? size : 1)),
    );
    return b.expand(laid, [...shape.slice(0, -1), 1]);
  });
  return { inputs: [x, b.concat([...places, indices], shape.length - 1)], attributes: {} };
}
