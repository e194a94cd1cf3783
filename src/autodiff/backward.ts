import { isSeedbedError, messageOf, placed, SeedbedError } from '../errors.ts';
import type { GraphBuilder, Value } from '../graph/builder.ts';
import type { Op } from '../graph/infer.ts';
import { describeNode, type Node } from '../graph/ir.ts';
import { SUPPORTED_OPS } from '../graph/replay.ts';
import { toNumbers } from '../tensor/tensor.ts';
import { type RuleContext, unbroadcast } from './context.ts';
import { RULES } from './rules.ts';

/**
 * The reverse walk: adds to a builder the nodes that carry cotangents back from some values to others.
 * Sums over broadcast axes, accumulation over several uses and pruning happen here, once, and not in the rules.
 * @param cotangents for each differentiated value, the gradient that arrives at it (same shape).
 * @param wrt the values whose gradients are asked for.
 * @returns their gradients, in the same order; zeros where a value has no influence.
 * @throws {SeedbedError} Unsupported naming the node where an operator on the way cannot be differentiated.
 */
export function backward(
  b: GraphBuilder,
  cotangents: ReadonlyMap<Value, Value>,
  wrt: readonly Value[],
): Value[] {
  const nodes = [...b.nodes];
  const active = influencedBy(b, nodes, wrt);
  for (const value of [...cotangents.keys(), ...wrt]) requireFloat32(b, value);
  const arriving = new Map<Value, Value[]>([...cotangents].map(([value, gradient]) => [value, [gradient]]));
  const sums = new Map<Value, Value>();
  const sumOf = (value: Value): Value | undefined => {
    const sum = sums.get(value) ?? arriving.get(value)?.reduce((a, part) => b.add(a, part));
    if (sum) sums.set(value, sum);
    return sum;
  };
  const gradientOf = (value: Value): Value | undefined => {
    const sum = sumOf(value);
    if (!sum) return undefined;
    const whole = expandTo(b, sum, b.shape(value));
    sums.set(value, whole);
    return whole;
  };

  for (const node of nodes.reverse()) {
    if (!node.outputs.some(output => active.has(output) && arriving.has(output))) continue;
    for (const value of [...node.inputs, ...node.outputs]) {
      if (active.has(value)) explained(node, () => requireFloat32(b, value));
    }
    const rule = RULES[node.op as Op];
    if (typeof rule !== 'function') {
      if (rule.kind === 'flat') continue;
      throw new SeedbedError(
        'Unsupported',
        `${describeNode(node)} has no gradient here: ${rule.because}. Supported operators: ${SUPPORTED_OPS.join(', ')}`,
      );
    }
    const gradients = explained(node, () => rule(contextOf(b, node, active, { sumOf, gradientOf })));
    node.inputs.forEach((input, i) => {
      const gradient = gradients[i];
      if (!gradient || !active.has(input)) return;
      const part = unbroadcast(b, gradient, b.shape(input));
      arriving.set(input, [...(arriving.get(input) ?? []), part]);
    });
  }
  return wrt.map(value => gradientOf(value) ?? b.full(b.shape(value), 0));
}

/** The floating-point values that depend on any of `sources`. */
function influencedBy(b: GraphBuilder, nodes: readonly Node[], sources: readonly Value[]): Set<Value> {
  const active = new Set(sources);
  for (const node of nodes) {
    if (!node.inputs.some(input => active.has(input))) continue;
    for (const output of node.outputs) {
      if (output && b.type(output).dtype.startsWith('float')) active.add(output);
    }
  }
  return active;
}

/** The rules compute in float32, constants included, and a graph may not mix types. */
function requireFloat32(b: GraphBuilder, value: Value): void {
  const { dtype } = b.type(value);
  if (dtype !== 'float32') {
    const remedy = dtype === 'float16' ? 'pass the graph through widen first' : 'export the model in float32';
    throw new SeedbedError(
      'Unsupported',
      `'${value}' is ${dtype}: ${dtype} computation is not supported. Seedbed differentiates float32 graphs; ${remedy}`,
    );
  }
}

function contextOf(
  b: GraphBuilder,
  node: Node,
  active: ReadonlySet<Value>,
  { sumOf, gradientOf }: Readonly<Record<'sumOf' | 'gradientOf', (value: Value) => Value | undefined>>,
): RuleContext {
  const zeros = (value: Value) => b.full(b.shape(value), 0);
  return {
    b,
    node,
    attributes: node.attributes,
    I: index => node.inputs[index]!,
    O: index => node.outputs[index]!,
    GO: index => gradientOf(node.outputs[index]!) ?? zeros(node.outputs[index]!),
    GOAsItIs: index => sumOf(node.outputs[index]!) ?? zeros(node.outputs[index]!),
    needs: index => active.has(node.inputs[index]!),
    shape: value => b.shape(value),
    ints: index => {
      const known = b.known(node.inputs[index]!);
      if (!known) throw new SeedbedError('Unsupported', `its input ${index} must be a constant`);
      return toNumbers(known);
    },
  };
}

/** Runs a rule so that its errors name the node; one that nobody foresaw means that the graph is not valid ONNX. */
function explained<T>(node: Node, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    const known = isSeedbedError(cause) ? cause : new SeedbedError('BadFile', messageOf(cause), { cause });
    throw placed(describeNode(node), known);
  }
}

/** A gradient may arrive smaller than its value where all its elements along an axis are equal (a mean's, say). */
function expandTo(b: GraphBuilder, gradient: Value, shape: readonly number[]): Value {
  return b.shape(gradient).join() === shape.join() ? gradient : b.expand(gradient, shape);
}
