import { SeedbedError } from '../errors.ts';
import type { GraphBuilder, Value } from '../graph/builder.ts';
import { intOf, textOf } from '../graph/ir.ts';
import type { Rule, RuleContext } from './context.ts';

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

/** What is put in place, or added, gets the gradient that arrives there; what it takes the place of gets none. */
export const scatterElementsRule: Rule = c => {
  const { b, I, GO, shape } = c;
  const at = { axis: intOf(c.attributes, 'axis', 0) };
  const emptied = () => b.op('ScatterElements', [GO(0), I(1), b.full(shape(I(2)), 0)], at);
  return [adds(c) ? GO(0) : emptied(), undefined, b.op('GatherElements', [GO(0), I(1)], at)];
};

export const scatterNDRule: Rule = c => {
  const { b, I, GO, shape } = c;
  const emptied = () => b.op('ScatterND', [GO(0), I(1), b.full(shape(I(2)), 0)]);
  return [adds(c) ? GO(0) : emptied(), undefined, b.op('GatherND', [GO(0), I(1)])];
};

/** Whether a scatter adds to what is there instead of taking its place. */
function adds({ attributes }: RuleContext): boolean {
  const reduction = textOf(attributes, 'reduction', 'none');
  if (reduction !== 'add' && reduction !== 'none')
    throw new SeedbedError('Unsupported', `reduction '${reduction}' has no gradient here`);
  return reduction === 'add';
}

/** The gradient of the largest elements goes to where they were picked. */
export const topKRule: Rule = ({ b, I, O, GO, shape, attributes }) => {
  const at = { axis: intOf(attributes, 'axis', -1), reduction: 'add' };
  return [b.op('ScatterElements', [b.full(shape(I(0)), 0), O(1), GO(0)], at)];
};
