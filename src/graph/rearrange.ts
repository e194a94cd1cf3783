import { SeedbedError } from '../errors.ts';
import { tensor, toNumbers, zeros } from '../tensor/tensor.ts';
import { normalAxis } from './broadcast.ts';
import type { Value } from './builder.ts';
import { type CompositeNode, knownValue } from './composite.ts';
import { dtypeFromOnnx } from './dtypes.ts';
import { intOf, intsOf, textOf } from './ir.ts';

/** The most elements of a mask that is made here, 64 MiB; a damaged file may say anything. */
const MOST_MASK = 2 ** 26;

/** A constant of truth values, from a function of row and column. */
function mask(
  { b }: CompositeNode,
  rows: number,
  columns: number,
  test: (row: number, column: number) => boolean,
): Value {
  if (rows * columns > MOST_MASK)
    throw new SeedbedError('Unsupported', `a mask of ${rows} by ${columns} is too large`);
  const tests = Uint8Array.from({ length: rows * columns }, (_, i) =>
    Number(test(Math.floor(i / columns), i % columns)),
  );
  return b.constant(tensor('bool', [rows, columns], tests));
}

export function trilu(n: CompositeNode): Value {
  const { b, inputs, attributes } = n;
  const [x, k] = inputs as [Value, Value?];
  const [rows, columns] = b.shape(x).slice(-2) as [number, number];
  const diagonal = k ? toNumbers(knownValue(b, k, 'the diagonal of Trilu'))[0]! : 0;
  const upper = intOf(attributes, 'upper', 1) === 1;
  const kept = mask(n, rows, columns, (row, column) => {
    const offset = column - row - diagonal;
    return upper ? offset >= 0 : offset <= 0;
  });
  const { dtype } = b.type(x);
  // The runtime has no Where between truth values.
  return dtype === 'bool' ? b.op('And', [kept, x]) : b.op('Where', [kept, x, b.constant(zeros(dtype, []))]);
}

/** Ones on a diagonal of a matrix of the shape given. */
export function eyeLike(n: CompositeNode): Value {
  const { b, inputs, attributes } = n;
  const { dtype } = b.type(inputs[0]!);
  const [rows, columns] = b.shape(inputs[0]!) as [number, number];
  const offset = intOf(attributes, 'k', 0);
  const named =
    attributes.dtype === undefined ? dtype : dtypeFromOnnx(intOf(attributes, 'dtype', 1), 'EyeLike');
  return b.cast(
    mask(n, rows, columns, (row, column) => column - row === offset),
    named,
  );
}

/** For each index a vector along a new axis: one value at its place, another elsewhere. */
export function oneHot({ b, inputs, attributes }: CompositeNode): Value {
  const [indices, depthInput, values] = inputs as [Value, Value, Value];
  const depth = toNumbers(knownValue(b, depthInput, 'the depth of OneHot'))[0]!;
  if (!(depth >= 0 && depth <= MOST_MASK)) throw new SeedbedError('BadShape', `a depth of ${depth}`);
  const rank = b.type(indices).shape.length + 1;
  const axis = normalAxis(intOf(attributes, 'axis', -1), rank);
  const whole = b.cast(indices, 'int64');
  const fromStart = b.op('Where', [b.op('Less', [whole, b.ints([0])]), b.add(whole, b.ints([depth])), whole]);
  const places = b.reshape(
    b.ints(Array.from({ length: depth }, (_, i) => i)),
    Array.from({ length: rank }, (_, i) => (i === axis ? depth : 1)),
  );
  const hit = b.op('Equal', [b.op('Unsqueeze', [fromStart, b.ints([axis])]), places]);
  const [off, on] = b.split(values, 0, [1, 1]) as [Value, Value];
  return b.op('Where', [hit, on, off]);
}

export function depthToSpace({ b, inputs: [x], attributes }: CompositeNode): Value {
  const [n, c, h, w] = b.shape(x!) as [number, number, number, number];
  const s = intOf(attributes, 'blocksize', 1);
  const rest = c / (s * s);
  const blocks =
    textOf(attributes, 'mode', 'DCR') === 'DCR'
      ? b.transpose(b.reshape(x!, [n, s, s, rest, h, w]), [0, 3, 4, 1, 5, 2])
      : b.transpose(b.reshape(x!, [n, rest, s, s, h, w]), [0, 1, 4, 2, 5, 3]);
  return b.reshape(blocks, [n, rest, h * s, w * s]);
}

export function spaceToDepth({ b, inputs: [x], attributes }: CompositeNode): Value {
  const [n, c, h, w] = b.shape(x!) as [number, number, number, number];
  const s = intOf(attributes, 'blocksize', 1);
  const blocks = b.transpose(b.reshape(x!, [n, c, h / s, s, w / s, s]), [0, 3, 5, 1, 2, 4]);
  return b.reshape(blocks, [n, c * s * s, h / s, w / s]);
}

/** The middle of each axis, or zeros around it. */
export function centerCropPad({ b, inputs, attributes }: CompositeNode): Value {
  const [x, sizes] = inputs as [Value, Value];
  const shape = b.shape(x);
  const wanted = toNumbers(knownValue(b, sizes, 'the sizes of CenterCropPad'));
  const axes = intsOf(attributes, 'axes')?.map(axis => normalAxis(axis, shape.length));
  const before = shape.map(() => 0);
  const after = shape.map(() => 0);
  wanted.forEach((size, i) => {
    const axis = axes ? axes[i]! : i;
    const added = size - shape[axis]!;
    before[axis] = Math.trunc(added / 2);
    after[axis] = added - before[axis]!;
  });
  return b.pad(x, before, after);
}

/** Overlapping blocks [N, C blocks, L] laid back into pictures and added up: a transposed convolution with ones. */
export function col2Im(n: CompositeNode): Value {
  const { b, inputs, attributes } = n;
  const [x, pictureInput, blockInput] = inputs as [Value, Value, Value];
  const picture = toNumbers(knownValue(b, pictureInput, 'the shape of the picture'));
  const block = toNumbers(knownValue(b, blockInput, 'the shape of the blocks'));
  const strides = intsOf(attributes, 'strides') ?? block.map(() => 1);
  const dilations = intsOf(attributes, 'dilations') ?? block.map(() => 1);
  const pads = intsOf(attributes, 'pads') ?? [...block, ...block].map(() => 0);
  const room = picture.map((size, i) => {
    const reach = (block[i]! - 1) * dilations[i]! + 1;
    return size + pads[i]! + pads[i + block.length]! - reach;
  });
  const places = room.map((free, i) => Math.floor(free / strides[i]!) + 1);
  const [count, rows] = b.shape(x) as [number, number];
  const taps = block.reduce((product, size) => product * size, 1);
  const channels = rows / taps;
  const identity = b.reshape(
    b.cast(
      mask(n, taps, taps, (row, column) => row === column),
      'float32',
    ),
    [taps, 1, ...block],
  );
  const apart = b.reshape(x, [count * channels, taps, ...places]);
  const whole = b.op('ConvTranspose', [apart, identity], {
    kernel_shape: block,
    strides,
    dilations,
    pads,
    output_padding: room.map((free, i) => free % strides[i]!),
  });
  return b.reshape(whole, [count, channels, ...picture]);
}
