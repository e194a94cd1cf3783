import { SeedbedError } from '../errors.ts';
import type { Attributes, Dim, NodeFacts, ValueType } from './ir.ts';
import { intOf, intsOf, staticShape, textOf } from './ir.ts';

/** A sliding window's geometry, an entry for each spatial axis. */
export interface Window {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  /** Zeros added before and after the data on each axis. */
  readonly before: readonly number[];
  readonly after: readonly number[];
}

/** Reads a Conv's, ConvTranspose's or pool's window from its attributes. `spatial` is the input's spatial shape. */
export function windowOf(
  attributes: Attributes,
  spatial: readonly Dim[],
  kernelShape?: readonly number[],
): Window {
  const rank = spatial.length;
  const ones = new Array<number>(rank).fill(1);
  const kernel = intsOf(attributes, 'kernel_shape') ?? kernelShape ?? ones;
  const strides = intsOf(attributes, 'strides') ?? ones;
  const dilations = intsOf(attributes, 'dilations') ?? ones;
  const auto = textOf(attributes, 'auto_pad', 'NOTSET');
  const pads = (auto === 'NOTSET' && intsOf(attributes, 'pads')) || new Array<number>(2 * rank).fill(0);
  const sizes = [kernel, strides, dilations];
  if (sizes.some(list => list.length !== rank || list.some(n => n < 1)) || pads.length !== 2 * rank) {
    throw new SeedbedError(
      'BadShape',
      `a window of kernel [${kernel}], strides [${strides}], dilations [${dilations}] and pads [${pads}] does not fit ${rank} axes`,
    );
  }
  if (auto === 'SAME_UPPER' || auto === 'SAME_LOWER') {
    const total = staticShape(spatial, 'auto_pad').map((size, i) => {
      const out = Math.ceil(size / strides[i]!);
      return Math.max(0, (out - 1) * strides[i]! + (kernel[i]! - 1) * dilations[i]! + 1 - size);
    });
    const [less, more] = halved(total);
    const [before, after] = auto === 'SAME_UPPER' ? [less, more] : [more, less];
    return { kernel, strides, dilations, before, after };
  }
  return { kernel, strides, dilations, before: pads.slice(0, rank), after: pads.slice(rank) };
}

/** Pixels of each axis in two halves, the second of which has one more of an odd number. */
function halved(pixels: readonly number[]): [number[], number[]] {
  const less = pixels.map(count => Math.floor(count / 2));
  return [less, pixels.map((count, axis) => count - less[axis]!)];
}

/** The pixels of an axis that a transposed convolution of `size` of them reaches, before any are cut off or added. */
export function spread(w: Window, axis: number, size: number): number {
  return (size - 1) * w.strides[axis]! + reach(w, axis);
}

/** The extent of a dilated kernel on an axis. */
export function reach(w: Window, axis: number): number {
  return (w.kernel[axis]! - 1) * w.dilations[axis]! + 1;
}

/** The pixels of an axis of `size` over which a window may move. */
function roomOn(w: Window, axis: number, size: number): number {
  return size + w.before[axis]! + w.after[axis]! - reach(w, axis);
}

/** At how many places a window stands on each axis. @param spatial the input's spatial shape, into which it fits. */
export function placesOf(w: Window, spatial: readonly number[]): number[] {
  return spatial.map((size, axis) => Math.floor(roomOn(w, axis, size) / w.strides[axis]!) + 1);
}

export function convOutput(n: NodeFacts): ValueType[] {
  const [x, weight] = n.types as [ValueType, ValueType];
  const kernel = staticShape(weight.shape, n.what);
  const group = intOf(n.attributes, 'group', 1);
  if (x.shape[1] !== kernel[1]! * group) {
    throw new SeedbedError(
      'BadShape',
      `the input has ${x.shape[1]} channels, the weights [${kernel}] in ${group} group(s) take ${kernel[1]! * group}`,
      { at: n.what },
    );
  }
  const w = windowOf(n.attributes, x.shape.slice(2), kernel.slice(2));
  return [{ dtype: x.dtype, shape: [x.shape[0]!, kernel[0]!, ...slide(n, x, w, Math.floor)] }];
}

export function poolOutput(n: NodeFacts): ValueType[] {
  const x = n.types[0]!;
  const w = windowOf(n.attributes, x.shape.slice(2));
  const round = intOf(n.attributes, 'ceil_mode', 0) === 1 ? Math.ceil : Math.floor;
  return [{ dtype: x.dtype, shape: [x.shape[0]!, x.shape[1]!, ...slide(n, x, w, round)] }];
}

function slide(n: NodeFacts, x: ValueType, w: Window, round: (v: number) => number): number[] {
  return staticShape(x.shape.slice(2), n.what).map((size, i) => {
    const room = roomOn(w, i, size);
    if (room < 0)
      throw new SeedbedError(
        'BadShape',
        `a kernel of ${reach(w, i)} does not fit into ${size} padded pixels`,
        { at: n.what },
      );
    const count = round(room / w.strides[i]!) + 1;
    // With ceil_mode a last window must still start inside the data or its leading padding.
    return round === Math.ceil && (count - 1) * w.strides[i]! >= size + w.before[i]! ? count - 1 : count;
  });
}

export function convTransposeOutput(n: NodeFacts): ValueType[] {
  const [x, weight] = n.types as [ValueType, ValueType];
  const kernel = staticShape(weight.shape, n.what);
  const w = windowOf(n.attributes, x.shape.slice(2), kernel.slice(2));
  const extra = intsOf(n.attributes, 'output_padding') ?? w.kernel.map(() => 0);
  const spatial = staticShape(x.shape.slice(2), n.what).map(
    (size, i) => spread(w, i, size) - w.before[i]! - w.after[i]! + extra[i]!,
  );
  return [{ dtype: x.dtype, shape: [x.shape[0]!, kernel[1]! * intOf(n.attributes, 'group', 1), ...spatial] }];
}

/**
 * A ConvTranspose's attributes with all that it cuts off or adds written out, so that its output has the `output_shape`
 * asked for or, with an `auto_pad` of SAME, the input's shape times the strides. Of an odd number of pixels one more is
 * cut off at the start, with SAME_UPPER at the end; what is missing is added at the end.
 * @param spatial the input's spatial shape.
 */
export function transposedForm(
  attributes: Attributes,
  spatial: readonly number[],
  kernelShape: readonly number[],
): Attributes {
  const { auto_pad, output_shape, ...rest } = attributes;
  const auto = textOf(attributes, 'auto_pad', 'NOTSET');
  if (auto === 'NOTSET' && !output_shape) return rest;
  const w = windowOf(rest, spatial, kernelShape);
  const extra = intsOf(attributes, 'output_padding') ?? spatial.map(() => 0);
  const whole = spatial.map((size, i) => spread(w, i, size) + extra[i]!);
  const shape = intsOf(attributes, 'output_shape');
  const asked = shape ?? spatial.map((size, i) => (auto === 'VALID' ? whole[i]! : size * w.strides[i]!));
  // There the runtime makes fewer pixels than ONNX says.
  if (!shape && asked.some((size, i) => size > whole[i]!))
    throw new SeedbedError(
      'Unsupported',
      `an auto_pad of ${auto} with strides [${w.strides}] that are longer than its windows; write pads and output_padding out`,
    );
  const cut = whole.map((size, i) => Math.max(0, size - asked[i]!));
  const [less, more] = halved(cut);
  return {
    ...rest,
    pads: auto === 'SAME_UPPER' ? [...less, ...more] : [...more, ...less],
    output_padding: extra.map((pixels, i) => pixels + Math.max(0, asked[i]! - whole[i]!)),
  };
}
