import type { GraphBuilder, Value } from '../graph/builder.ts';
import type { Window } from '../graph/windows.ts';
import { asBlocks, asPicture, type Blocks } from './blocks.ts';

/** Bytes of a filter that stay in a core's second cache while the kernel goes over the pictures. */
const CACHED = 2 ** 19;
/** Blocks of a filter's output channels that the kernel takes at once. */
const AT_ONCE = 4;

/**
 * dW[co, ci, k] = sum over pictures and places of dy[co] times x[ci] at the place that tap k sees, for x [N, ci, ...] and
 * dy [N, co, ...] of a convolution over two axes with stride 1: see `convWeightGradient` in autodiff, whose result it is.
 */
export function weightGradient(
  b: GraphBuilder,
  x: Value,
  dy: Value,
  w: Window,
  blocks: Blocks | undefined,
): Value {
  const [, ci, ...source] = b.shape(x) as [number, number, ...number[]];
  const [, co, ...places] = b.shape(dy) as [number, number, ...number[]];
  const isAligned = [...w.before, ...w.after].every(p => p === 0) && source.join() === places.join();
  if (isAligned && w.kernel.every(k => k === 1)) return b.reshape(pixelProduct(b, dy, x), [co, ci, 1, 1]);
  const blocked = blocks && w.dilations.every(d => d === 1) && onKernels(b, x, dy, w, blocks);
  return blocked || splitTaps(b, x, dy, w);
}

/** On blocked kernels; undefined where channels or pictures are no whole blocks. */
function onKernels(b: GraphBuilder, x: Value, dy: Value, w: Window, blocks: Blocks): Value | undefined {
  const { size } = blocks;
  const [batch, ci] = b.shape(x) as [number, number];
  const co = b.shape(dy)[1]!;
  // The kernel is fastest with a filter of many channels: where x has more than dy, it is the filter.
  if (ci % size === 0 && co < Math.min(ci, AT_ONCE * size)) return withRolesSwapped(b, x, dy, w, blocks);
  if (co % size !== 0) return undefined;
  if (batch % size === 0) return onBlocks(b, x, dy, w, blocks);
  return batch < size ? onPlanes(b, x, dy, w, blocks) : undefined;
}

/** With x as the filter that goes over dy: taps come in reverse order. */
function withRolesSwapped(
  b: GraphBuilder,
  x: Value,
  dy: Value,
  w: Window,
  blocks: Blocks,
): Value | undefined {
  const before = w.kernel.map((k, i) => k - 1 - w.before[i]!);
  const after = w.kernel.map((k, i) => b.shape(x)[i + 2]! + k - 1 - before[i]! - b.shape(dy)[i + 2]!);
  const taps = onKernels(b, dy, x, { ...w, before, after }, blocks);
  if (taps === undefined) return undefined;
  return b.reverse(b.transpose(taps, [1, 0, 2, 3]), [2, 3]);
}

/** For [N, p, ...] and [N, q, ...] the product [p, q] summed over images and pixels. */
function pixelProduct(b: GraphBuilder, left: Value, right: Value): Value {
  const flat = (v: Value) => {
    const [n, channels, ...spatial] = b.shape(v) as [number, number, ...number[]];
    return b.reshape(v, [n, channels, spatial.reduce((p, d) => p * d, 1)]);
  };
  const [l, r] = [flat(left), flat(right)];
  const [n, p, pixels] = b.shape(l) as [number, number, number];
  const q = b.shape(r)[1]!;
  if (pixels >= 256) return b.sum(b.matmul(l, b.transpose(r, [0, 2, 1])), [0], false);
  // Small pictures: one long product over all images instead of many short ones.
  const rowsOf = b.reshape(b.transpose(l, [1, 0, 2]), [p, n * pixels]);
  const columnsOf = b.reshape(b.transpose(r, [0, 2, 1]), [n * pixels, q]);
  return b.matmul(rowsOf, columnsOf);
}

/**
 * All taps in one matrix product: x is copied once for each kernel row, shifted by rows, and dy once for each
 * kernel column, shifted by columns; tap (i, j) is then the product of row copy i with column copy j.
 */
function splitTaps(b: GraphBuilder, x: Value, dy: Value, w: Window): Value {
  const [kh, kw] = w.kernel as [number, number];
  const [, co, height, width] = b.shape(dy) as [number, number, number, number];
  const [, ci, , sourceWidth] = b.shape(x) as [number, number, number, number];
  const [dh, dw] = w.dilations as [number, number];
  const [top, left] = w.before as [number, number];
  const [bottom] = w.after as [number];
  const tallX = b.pad(x, [0, 0, top, 0], [0, 0, bottom, 0]);
  const rowCopies = Array.from({ length: kh }, (_, i) => b.slice(tallX, 2, i * dh, i * dh + height));
  // Column j of the kernel looks at x's column c + j dw - left, so dy moves right by j dw - left.
  const lead = Math.max(0, (kw - 1) * dw - left);
  const trail = Math.max(0, left + sourceWidth - width);
  const wideDy = b.pad(dy, [0, 0, 0, lead], [0, 0, 0, trail]);
  const columnCopies = Array.from({ length: kw }, (_, j) => {
    const start = lead + left - j * dw;
    return b.slice(wideDy, 3, start, start + sourceWidth);
  });
  const product = pixelProduct(b, b.concat(columnCopies, 1), b.concat(rowCopies, 1));
  return b.transpose(b.reshape(product, [kw, co, kh, ci]), [1, 3, 2, 0]);
}

/** Rows of dy that make a filter small enough for the cache: a divisor of its height, which is cut in eight at most. */
function rowsAtOnce([height, width]: readonly [number, number], co: number, { size }: Blocks): number {
  const bytes = 4 * Math.min(co, AT_ONCE * size) * size * width;
  const cuts = [1, 2, 4, 8].filter(parts => height % parts === 0);
  return height / (cuts.find(parts => (bytes * height) / parts <= CACHED) ?? cuts.at(-1)!);
}

/**
 * As a blocked convolution of x, batch and channels swapped, with all of dy as filter: piece by piece, a block of pictures and some
 * rows of dy each, with what came before added. Whole blocks are moved at a time: for dy [N, co] the filter's layout is that of its
 * picture's blocks with N's blocks put second. x is padded in blocks, since the kernel is fastest where no window reaches over an
 * edge.
 */
function onBlocks(b: GraphBuilder, x: Value, dy: Value, w: Window, blocks: Blocks): Value {
  const { size } = blocks;
  const [batch, ci] = b.shape(x) as [number, number];
  const [, co, ...out] = b.shape(dy) as [number, number, number, number];
  const pictures = b.pad(picturesInBlocks(b, x, blocks), [0, 0, ...w.before, 0], [0, 0, ...w.after, 0]);
  const rows = rowsAtOnce(out, co, blocks);
  const [groups, strips] = [batch / size, out[0] / rows];
  const byBlocks = b.reshape(asBlocks(b, dy, blocks), [groups, size, co / size, strips, rows * out[1], size]);
  const filters = b.reshape(b.transpose(byBlocks, [0, 3, 2, 4, 1, 5]), [-1, size, rows, out[1]]);
  const settings = { kernel_shape: [rows, out[1]], pads: [0, 0, 0, 0] };
  const tall = rows + w.kernel[0]! - 1;
  const wide = b.shape(pictures)[3]!;
  const taps = inParts(b, filters, groups * strips).reduce<Value | undefined>((sum, filter, i) => {
    const [group, first] = [Math.floor(i / strips), (i % strips) * rows];
    const [start, end] = [b.ints([group, first]), b.ints([group + 1, first + tall])];
    const seen = groups * strips === 1 ? pictures : b.op('Slice', [pictures, start, end, b.ints([0, 2])]);
    const inputs = [b.reshape(seen, [ci, size, tall, wide]), filter, ...(sum ? ['', sum] : [])];
    return blocks.conv(b, inputs, settings, [ci, co, ...w.kernel]);
  }, undefined);
  return b.transpose(asPicture(b, taps!, blocks), [1, 0, 2, 3]);
}

/** A value in so many equal parts along its first axis. */
function inParts(b: GraphBuilder, value: Value, count: number): readonly Value[] {
  if (count === 1) return [value];
  return b.split(value, 0, new Array(count).fill(b.shape(value)[0]! / count));
}

/** Pictures [batch, ci, height, width] as [batch / size, ci, height, width, size]: it is them that lie in blocks. */
function picturesInBlocks(b: GraphBuilder, x: Value, blocks: Blocks): Value {
  const { size } = blocks;
  const [batch, ci, height, width] = b.shape(x) as [number, number, number, number];
  const asChannels = asBlocks(b, b.reshape(x, [batch / size, size, ci * height, width]), blocks);
  return b.reshape(asChannels, [batch / size, ci, height, width, size]);
}

/**
 * As a blocked convolution of x, batch and channels swapped, for a batch smaller than a block: the runtime's kernel for pictures of
 * few channels, which takes them plain and gives blocks.
 */
function onPlanes(b: GraphBuilder, x: Value, dy: Value, w: Window, blocks: Blocks): Value {
  const { size } = blocks;
  const [batch, ci] = b.shape(x) as [number, number];
  const [, co, ...out] = b.shape(dy) as [number, number, number, number];
  const source = b.pad(b.transpose(x, [1, 0, 2, 3]), [0, 0, ...w.before], [0, 0, ...w.after]);
  const byBlocks = b.reshape(asBlocks(b, dy, blocks), [batch, co / size, out[0]! * out[1]!, size]);
  const filter = b.reshape(b.transpose(byBlocks, [1, 0, 2, 3]), [co, batch, ...out]);
  const taps = blocks.conv(b, [source, filter], { kernel_shape: out, pads: [0, 0, 0, 0] }, [
    ci,
    co,
    ...w.kernel,
  ]);
  return b.transpose(asPicture(b, taps, blocks), [1, 0, 2, 3]);
}
