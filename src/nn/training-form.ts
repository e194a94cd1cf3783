import type { GraphBuilder, Value } from '../graph/builder.ts';
import { floatOf, type Graph, type Node } from '../graph/ir.ts';
import { replay } from '../graph/replay.ts';

/** Keras's momentum of running statistics: new = momentum * old + (1 - momentum) * batch. */
export const STATISTICS_MOMENTUM = 0.99;

export interface TrainingForm {
  readonly outputs: Record<string, Value>;
  /** Running statistics after this batch, by initialiser name. */
  readonly statistics: Map<string, Value>;
}

/**
 * Plays a network into a builder in its training form: batch normalisations use the batch's own mean and variance
 * (biased) and move the running ones (variance unbiased).
 * Where a normalised value only feeds convolutions, its scale 1/deviation is folded into their weights, which saves
 * passes over the pixels forward and back.
 * @param values stand-ins for inputs, and for weights that are to be learned, by name.
 */
export function trainingForm(
  b: GraphBuilder,
  network: Graph,
  values: Readonly<Record<string, Value>>,
): TrainingForm {
  const statistics = new Map<string, Value>();
  /** Centred values whose scale [1, C, 1, 1] their convolutions still have to apply. */
  const pending = new Map<Value, Value>();
  const onlyIntoConvolutions = (name: string) =>
    network.nodes.every(
      node =>
        !node.inputs.includes(name) ||
        (node.op === 'Conv' && node.inputs[0] === name && isDense(network, node)),
    );

  const rewrite = (node: Node, inputs: readonly Value[]): Value[] | undefined => {
    if (node.op === 'BatchNormalization') {
      const x = inputs[0]!;
      const [, channels, ...spatial] = b.shape(x) as [number, number, ...number[]];
      const axes = [0, ...spatial.map((_, i) => i + 2)];
      const count = (b.shape(x)[0]! * spatial.reduce((p, d) => p * d, 1)) as number;
      const mean = b.mean(x, axes);
      const centred = b.sub(x, mean);
      const variance = b.mean(b.mul(centred, centred), axes);
      const move = (name: string, old: Value, batch: Value) => {
        const kept = b.mul(old, b.scalar(STATISTICS_MOMENTUM));
        statistics.set(
          name,
          b.add(kept, b.mul(b.reshape(batch, [channels]), b.scalar(1 - STATISTICS_MOMENTUM))),
        );
      };
      move(node.inputs[3]!, inputs[3]!, mean);
      move(node.inputs[4]!, inputs[4]!, b.mul(variance, b.scalar(count / Math.max(1, count - 1))));
      const scale = b.op('Reciprocal', [
        b.sqrt(b.add(variance, b.scalar(floatOf(node.attributes, 'epsilon', 1e-5)))),
      ]);
      if (!onlyIntoConvolutions(node.outputs[0]!)) return [b.mul(centred, scale)];
      pending.set(centred, scale);
      return [centred];
    }
    const scale = node.op === 'Conv' ? pending.get(inputs[0]!) : undefined;
    if (scale === undefined) return undefined;
    return [b.op('Conv', [inputs[0]!, b.mul(inputs[1]!, scale), ...inputs.slice(2)], node.attributes)];
  };
  return { outputs: replay(b, network, values, network.name, rewrite), statistics };
}

function isDense(network: Graph, node: Node): boolean {
  const weight = network.initializers.get(node.inputs[1]!);
  return weight !== undefined && (node.attributes.group ?? 1) === 1;
}
