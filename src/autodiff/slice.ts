import { SeedbedError } from '../errors.ts';
import { sliceRanges } from '../graph/evaluate.ts';
import type { Rule } from './context.ts';
import { scatterRows } from './scatter.ts';

/** The most places that are listed one by one; a damaged file may say anything. */
const MOST_PLACES = 2 ** 22;

/** The gradient goes back between zeros axis by axis: by padding, or by scattering where the slice took steps. */
export const sliceRule: Rule = ({ b, I, GO, shape, node, ints }) => {
  const optional = (index: number) => (node.inputs[index] ? ints(index) : undefined);
  let from = [...b.shape(node.outputs[0]!)];
  let gradient = GO(0);
  for (const { axis, start, step, count } of sliceRanges(
    shape(I(0)),
    ints(1),
    ints(2),
    optional(3),
    optional(4),
  )) {
    const size = shape(I(0))[axis]!;
    const target = from.map((dim, i) => (i === axis ? size : dim));
    if (Math.abs(step) === 1) {
      const low = step === 1 ? start : start - count + 1;
      if (step === -1) gradient = b.reverse(gradient, [axis]);
      const at = (width: number) => from.map((_, i) => (i === axis ? width : 0));
      gradient = b.pad(gradient, at(low), at(size - low - count));
    } else {
      if (count > MOST_PLACES)
        throw new SeedbedError('Unsupported', `a slice of ${count} places in steps of ${step}`);
      const places = b.ints(Array.from({ length: count }, (_, i) => start + i * step));
      gradient = scatterRows(b, gradient, places, axis, target);
    }
    from = target;
  }
  return [gradient];
};
