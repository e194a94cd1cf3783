import { SeedbedError } from '../errors.ts';
import type { GraphBuilder, Value } from './builder.ts';
import { type CompositeNode, scaled } from './composite.ts';
import { intOf, textOf } from './ir.ts';

/** What a mode is called in operator set 16 and from 20 on: how many pixels it reaches to either side, and its weights. */
const KERNELS: Readonly<
  Record<string, { reach: number; weights: (b: GraphBuilder, t: Value) => readonly Value[] }>
> = {
  nearest: { reach: 0, weights: b => [b.scalar(1)] },
  linear: { reach: 1, weights: (b, t) => [b.sub(b.scalar(1), t), t] },
  cubic: { reach: 2, weights: cubicWeights },
};
const OLD_NAMES: Readonly<Record<string, string>> = { bilinear: 'linear', bicubic: 'cubic' };

/** One of the pixels that an output is made of: its places along an axis, and what it weighs, [N, outputs]. */
interface Tap {
  readonly place: Value;
  readonly weight: Value;
}

/**
 * x [N, C, ...sizes] at the places grid [N, ...outputs, axes] (Jaderberg et al. 2015), -1 to 1 from border to border, x
 * before y: of each pixel that a place is near, the value times its weights along the axes. Differentiable in both.
 */
export function gridSample({ b, inputs, attributes }: CompositeNode): Value {
  const [x, grid] = inputs as [Value, Value];
  const [count, channels, ...sizes] = b.shape(x) as [number, number, ...number[]];
  const outputs = b.shape(grid).slice(1, -1);
  const places = outputs.reduce((product, size) => product * size, 1);
  const mode = textOf(attributes, 'mode', 'linear');
  const kernel = KERNELS[OLD_NAMES[mode] ?? mode];
  const padding = textOf(attributes, 'padding_mode', 'zeros');
  if (!kernel || !Object.hasOwn(PADDINGS, padding))
    throw new SeedbedError('Unsupported', `mode '${mode}' with padding '${padding}' is not supported`);
  const corners = intOf(attributes, 'align_corners', 0) === 1;
  const flatGrid = b.reshape(grid, [count, places, sizes.length]);
  const along = sizes.map((size, axis): Tap[] => {
    const last = sizes.length - 1 - axis;
    const at = b.reshape(b.slice(flatGrid, 2, last, last + 1), [count, places]);
    return tapsAlong(b, at, size, kernel, PADDINGS[padding]!, corners);
  });

  const flatPicture = b.reshape(x, [count, channels, -1]);
  const pixels = product(along).map(taps => {
    const index = taps
      .map(({ place }) => place)
      .reduce((sum, place, axis) => b.add(b.mul(sum, b.ints([sizes[axis]!])), place));
    const weight = taps.map(tap => tap.weight).reduce((all, each) => b.mul(all, each));
    const whole = b.expand(b.reshape(index, [count, 1, places]), [count, channels, places]);
    const picked = b.op('GatherElements', [flatPicture, whole], { axis: 2 });
    return b.mul(picked, b.reshape(weight, [-1, 1, b.shape(weight).at(-1) ?? 1]));
  });
  return b.reshape(
    pixels.reduce((sum, pixel) => b.add(sum, pixel)),
    [count, channels, ...outputs],
  );
}

/** The pixels along one axis that places, -1 to 1, are near. */
function tapsAlong(
  b: GraphBuilder,
  at: Value,
  size: number,
  { reach, weights }: (typeof KERNELS)[string],
  padding: Padding,
  corners: boolean,
): Tap[] {
  const raw = corners
    ? scaled(b, b.add(at, b.scalar(1)), (size - 1) / 2)
    : scaled(b, b.sub(scaled(b, b.add(at, b.scalar(1)), size), b.scalar(1)), 0.5);
  // A linear kernel's place is moved inside before it is split, the others' pixels one by one.
  const position = reach === 1 ? padding.inside(b, raw, size, corners) : raw;
  if (reach === 0) return [tap(b, b.op('Round', [position]), b.scalar(1), size, padding, corners)];
  const low = b.op('Floor', [position]);
  return weights(b, b.sub(position, low)).map((weight, i) =>
    tap(b, b.add(low, b.scalar(i + 1 - reach)), weight, size, padding, corners),
  );
}

function tap(
  b: GraphBuilder,
  place: Value,
  weight: Value,
  size: number,
  padding: Padding,
  corners: boolean,
): Tap {
  const inside = padding.inside(b, place, size, corners);
  const clipped = b.op('Clip', [inside, b.scalar(0), b.scalar(size - 1)]);
  const whole = b.cast(clipped, 'int64');
  return { place: whole, weight: padding.zeros ? b.mul(weight, isInside(b, place, size)) : weight };
}

interface Padding {
  /** Whether pixels outside count as zero. */
  readonly zeros: boolean;
  /** Moves coordinates inside the picture. */
  inside(b: GraphBuilder, at: Value, size: number, corners: boolean): Value;
}

const PADDINGS: Readonly<Record<string, Padding>> = {
  zeros: { zeros: true, inside: (_, at) => at },
  border: {
    zeros: false,
    inside: (b, at, size) => b.op('Clip', [at, b.scalar(0), b.scalar(size - 1)]),
  },
  reflection: { zeros: false, inside: reflected },
};

/** 1 inside the picture, 0 outside. */
function isInside(b: GraphBuilder, place: Value, size: number): Value {
  const above = b.op('GreaterOrEqual', [place, b.scalar(0)]);
  const below = b.op('LessOrEqual', [place, b.scalar(size - 1)]);
  return b.cast(b.op('And', [above, below]), 'float32');
}

/** Coordinates folded at the outer pixels' centres, or at their borders. */
function reflected(b: GraphBuilder, at: Value, size: number, corners: boolean): Value {
  const low = corners ? 0 : -0.5;
  const span = corners ? size - 1 : size;
  if (span === 0) return scaled(b, at, 0);
  const distance = b.abs(b.sub(at, b.scalar(low)));
  const turns = b.op('Floor', [scaled(b, distance, 1 / (2 * span))]);
  const rest = b.sub(distance, scaled(b, turns, 2 * span));
  const folded = b.op('Min', [rest, b.sub(b.scalar(2 * span), rest)]);
  return b.op('Clip', [b.add(folded, b.scalar(low)), b.scalar(0), b.scalar(size - 1)]);
}

/** Keys' cubic kernel (1981), a = -0.75, at 1 + t, t, 1 - t and 2 - t. */
function cubicWeights(b: GraphBuilder, t: Value): Value[] {
  const a = -0.75;
  const polynomial = (x: Value, c: readonly [number, number, number, number]) =>
    c.map(factor => b.scalar(factor)).reduce((sum, factor) => b.add(b.mul(sum, x), factor));
  const near = (x: Value) => polynomial(x, [a + 2, -(a + 3), 0, 1]);
  const far = (x: Value) => polynomial(x, [a, -5 * a, 8 * a, -4 * a]);
  const other = b.sub(b.scalar(1), t);
  return [far(b.add(t, b.scalar(1))), near(t), near(other), far(b.add(other, b.scalar(1)))];
}

/** Every way to take one of each list. */
function product<T>(lists: readonly (readonly T[])[]): T[][] {
  return lists.reduce<T[][]>((all, list) => all.flatMap(some => list.map(one => [...some, one])), [[]]);
}
