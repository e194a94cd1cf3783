import type { GraphBuilder, Value } from '../graph/builder.ts';
import type { Window } from '../graph/windows.ts';
import { asBlocks, asPicture, type Blocks } from './blocks.ts';

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
  const [batch, ci] = b.shape(x) as [number, number];
  const co = b.shape(dy)[1]!;
  if (w.kernel.every(k => k === 1) && [...w.before, ...w.after].every(p => p === 0))
    return b.reshape(pixelProduct(b, dy, x), [co, ci, 1, 1]);
  if (blocks && w.dilations.every(d => d === 1) && [batch, co].every(n => n % blocks.size === 0))
    return onBlocks(b, x, dy, w, blocks);
  return splitTaps(b, x, dy, w);
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

/**
 * As a blocked convolution of x, batch and channels swapped, with all of dy as filter. Whole blocks are moved at a time: for dy
 * [N, co] the filter's layout is that of its picture's blocks with N's blocks put second, and x is padded in blocks, since the
 * kernel is fastest where no window reaches over an edge.
 */
function onBlocks(b: GraphBuilder, x: Value, dy: Value, w: Window, blocks: Blocks): Value {
  const { size } = blocks;
  const [batch, ci, height, width] = b.shape(x) as [number, number, number, number];
  const [, co, ...out] = b.shape(dy) as [number, number, number, number];
  const swapped = asBlocks(b, b.transpose(x, [1, 0, 2, 3]), blocks);
  const framed = b.pad(
    b.reshape(swapped, [ci, batch / size, height, width, size]),
    [0, 0, ...w.before, 0],
    [0, 0, ...w.after, 0],
  );
  const [, , tall, wide] = b.shape(framed) as [number, number, number, number];
  const source = b.reshape(framed, [ci, batch, tall, wide]);
  const pixels = out[0]! * out[1]!;
  const byBlocks = b.reshape(asBlocks(b, dy, blocks), [batch / size, size, co / size, pixels, size]);
  const filter = b.reshape(b.transpose(byBlocks, [2, 0, 3, 1, 4]), [co, batch, ...out]);
  const taps = blocks.conv(b, [source, filter], { kernel_shape: out, pads: [0, 0, 0, 0] }, [
    ci,
    co,
    ...w.kernel,
  ]);
  return b.transpose(asPicture(b, taps, blocks), [1, 0, 2, 3]);
}
