import { normalAxis } from './broadcast.ts';
import type { GraphBuilder, Value } from './builder.ts';
import { alongAxis, type CompositeNode, rootOf, spatialAxes } from './composite.ts';
import { floatOf, intOf, intsOf } from './ir.ts';

const EPSILON = 1e-5;

/** (x - mean) / sqrt(variance + epsilon) over the given axes. */
function normalise(b: GraphBuilder, x: Value, axes: readonly number[], epsilon: number): Value {
  return byRoot(b, b.sub(x, b.mean(x, axes)), axes, epsilon);
}

/** x / sqrt(mean of x^2 + epsilon) over the given axes. */
function byRoot(b: GraphBuilder, x: Value, axes: readonly number[], epsilon: number): Value {
  const power = b.mean(b.mul(x, x), axes);
  return b.div(x, b.sqrt(b.add(power, b.scalar(epsilon))));
}

/** Wu and He 2018. */
export function groupNormalization({ b, inputs, attributes }: CompositeNode): Value {
  const [x, scale, bias] = inputs as [Value, Value, Value];
  const shape = b.shape(x);
  const groups = intOf(attributes, 'num_groups', 1);
  const grouped = b.reshape(x, [shape[0]!, groups, -1]);
  const normal = b.reshape(normalise(b, grouped, [2], floatOf(attributes, 'epsilon', EPSILON)), shape);
  // Operator set 18 gives scale and bias by group, 21 by channel.
  const perChannel = (v: Value) => {
    const each = shape[1]! / b.shape(v)[0]!;
    return each === 1 ? v : b.reshape(b.expand(b.reshape(v, [-1, 1]), [groups, each]), [-1]);
  };
  const affine = (v: Value) => alongAxis(b, perChannel(v), 1, shape.length);
  return b.add(b.mul(normal, affine(scale)), affine(bias));
}

export function instanceNormalization({ b, inputs, attributes }: CompositeNode): Value {
  const [x, scale, bias] = inputs as [Value, Value, Value];
  const rank = b.type(x).shape.length;
  const normal = normalise(b, x, spatialAxes(b, x), floatOf(attributes, 'epsilon', EPSILON));
  return b.add(b.mul(normal, alongAxis(b, scale, 1, rank)), alongAxis(b, bias, 1, rank));
}

/** Ba et al. 2016. */
export function layerNormalization(n: CompositeNode): Value {
  const { b, inputs, attributes } = n;
  const [x, scale, bias] = inputs as [Value, Value, Value?];
  const normal = normalise(b, x, axesFrom(n), floatOf(attributes, 'epsilon', EPSILON));
  return bias ? b.add(b.mul(normal, scale), bias) : b.mul(normal, scale);
}

/** Zhang and Sennrich 2019. */
export function rmsNormalization(n: CompositeNode): Value {
  const [x, scale] = n.inputs as [Value, Value];
  return n.b.mul(byRoot(n.b, x, axesFrom(n), floatOf(n.attributes, 'epsilon', EPSILON)), scale);
}

/** x over its L1 or L2 norm along an axis; a vector of zeros stays. */
export function lpNormalization({ b, inputs: [x], attributes }: CompositeNode): Value {
  const axes = [normalAxis(intOf(attributes, 'axis', -1), b.type(x!).shape.length)];
  const isFirst = intOf(attributes, 'p', 2) === 1;
  const total = b.sum(isFirst ? b.abs(x!) : b.mul(x!, x!), axes);
  const safe = b.op('Where', [b.op('Equal', [total, b.scalar(0)]), b.scalar(1), total]);
  return b.div(x!, isFirst ? safe : b.sqrt(safe));
}

export function meanVarianceNormalization({ b, inputs: [x], attributes }: CompositeNode): Value {
  const axes = intsOf(attributes, 'axes') ?? [0, 2, 3];
  const centred = b.sub(x!, b.mean(x!, axes));
  const deviation = rootOf(b, b.mean(b.mul(centred, centred), axes));
  return b.div(centred, b.add(deviation, b.scalar(1e-9)));
}

/** The axes from the one named to the last. */
function axesFrom({ b, inputs: [x], attributes }: CompositeNode): number[] {
  const rank = b.type(x!).shape.length;
  const first = normalAxis(intOf(attributes, 'axis', -1), rank);
  return Array.from({ length: rank - first }, (_, i) => first + i);
}
