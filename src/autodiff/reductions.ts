import type { Value } from '../graph/builder.ts';
import { reductionAxes } from '../graph/infer.ts';
import type { Rule, RuleContext } from './context.ts';

export const sumRule: Rule = c => [keptGradient(c).kept];

export const meanRule: Rule = c => {
  const { kept, axes } = keptGradient(c);
  const count = axes.reduce((product, axis) => product * c.shape(c.I(0))[axis]!, 1);
  return [c.b.mul(kept, c.b.scalar(1 / count))];
};

/** The gradient of a maximum goes to whoever attained it, in equal shares where several did. */
export const extremumRule: Rule = ({ b, node, O, GO }) => {
  const attained = node.inputs.map(input => b.cast(b.op('Equal', [input, O(0)]), 'float32'));
  const share = b.div(
    GO(0),
    attained.reduce((sum, hit) => b.add(sum, hit)),
  );
  return attained.map(hit => b.mul(share, hit));
};

/** So does that of a maximum along axes. */
export const reducedExtremumRule: Rule = c => {
  const { b } = c;
  const { kept, axes } = keptGradient(c);
  const keptShape = b.shape(kept);
  const attained = b.cast(b.op('Equal', [c.I(0), b.reshape(c.O(0), keptShape)]), 'float32');
  return [b.mul(attained, b.div(kept, b.sum(attained, axes)))];
};

/** The gradient of a reduction with its reduced axes kept as ones, and those axes. */
function keptGradient(c: RuleContext): { kept: Value; axes: number[] } {
  const shape = c.shape(c.I(0));
  const axes = reductionAxes({ attributes: c.attributes, ...c.b.facts(c.node.inputs) });
  return {
    kept: c.b.reshape(
      c.GO(0),
      shape.map((dim, axis) => (axes.includes(axis) ? 1 : dim)),
    ),
    axes,
  };
}
