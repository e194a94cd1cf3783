import type { GraphBuilder, Value } from '../graph/builder.ts';

/**
 * Adds the slices of `updates` into zeros of shape `target`, at `indices` along `axis`: the transpose of Gather.
 * @param updates of shape target[..axis] + shape(indices) + target[axis+1..].
 */
export function scatterRows(
  b: GraphBuilder,
  updates: Value,
  indices: Value,
  axis: number,
  target: readonly number[],
): Value {
  const count = b.shape(indices).reduce((product, dim) => product * dim, 1);
  const flat = [...target.slice(0, axis), count, ...target.slice(axis + 1)];
  const places = b.expand(
    b.reshape(
      indices,
      flat.map((_, i) => (i === axis ? count : 1)),
    ),
    flat,
  );
  return b.op('ScatterElements', [b.full(target, 0), places, b.reshape(updates, flat)], {
    axis,
    reduction: 'add',
  });
}
