import { inPlace, SeedbedError } from '../errors.ts';
import { GraphBuilder, type Value } from '../graph/builder.ts';
import type { Graph } from '../graph/ir.ts';
import { bindInputs, replay } from '../graph/replay.ts';
import { backward } from './backward.ts';

/**
 * What to differentiate with respect to what.
 * @group Graphs and gradients
 */
export interface DifferentiateOptions {
  /** The output to differentiate. */
  readonly of: string;
  /** The inputs, or weights by name, with respect to which. */
  readonly wrt: readonly string[];
  /** Sizes for open dimensions, such as `{ N: 1 }`; gradients need all of them. */
  readonly bind?: Readonly<Record<string, number>>;
  /** Name for messages; the graph's own unless given. */
  readonly file?: string;
}

/**
 * A graph's gradient as another graph: the same inputs plus the cotangent `grad/OF`, the same outputs plus
 * `grad/X` for every X in `wrt`, the vector-Jacobian products (grad/OF)^T d OF / d X of reverse-mode differentiation.
 * @returns a graph of standard ONNX operators, operator set 17, which can be differentiated again (an output `grad/X` that it
 * has already gives way to the new one); `grad/X` has the shape and type of X, `grad/OF` those of OF.
 * @throws {SeedbedError} BadArgument when `of` or `wrt` do not exist or are not floating-point, BadShape when a
 * dimension is open, Unsupported for operators without a rule.
 * @group Graphs and gradients
 * @example
 * import { createRuntime, differentiate, float32, GraphBuilder } from 'seedbed';
 * const b = new GraphBuilder('square');
 * const x = b.input('x', 'float32', [3]);
 * const gradient = differentiate(b.build({ y: b.mul(x, x) }), { of: 'y', wrt: ['x'] });
 * const session = await (await createRuntime()).load(gradient);
 * const results = await session.run({ x: float32([3], [1, 2, 3]), 'grad/y': float32([3], [1, 1, 1]) });
 * console.log(results['grad/x'].data); // prints Float32Array(3) [ 2, 4, 6 ]
 */
export function differentiate(graph: Graph, options: DifferentiateOptions): Graph {
  const { file = graph.name } = options;
  return inPlace(file, () => gradientOf(graph, options, file));
}

function gradientOf(graph: Graph, { of, wrt, bind }: DifferentiateOptions, file: string): Graph {
  const b = new GraphBuilder(graph.name);
  const inputs = bindInputs(b, graph, bind);
  const outputs = replay(b, graph, { ...inputs, ...variables(b, graph, wrt) }, file);
  const target = outputs[of];
  if (!target)
    throw new SeedbedError(
      'BadArgument',
      `no output is named '${of}'. It has: ${list(Object.keys(outputs))}`,
    );
  for (const name of wrt) {
    if (!b.has(name))
      throw new SeedbedError(
        'BadArgument',
        `no input is named '${name}'. It has: ${list(Object.keys(inputs))}`,
      );
  }
  for (const [name, value] of [[of, target], ...wrt.map(name => [name, name])] as [string, Value][]) {
    if (!b.type(value).dtype.startsWith('float')) {
      throw new SeedbedError(
        'BadArgument',
        `'${name}' is ${b.type(value).dtype}; only floating-point values have a gradient`,
      );
    }
  }
  const cotangent = b.input(`grad/${of}`, b.type(target).dtype, b.shape(target));
  const gradients = backward(b, new Map([[target, cotangent]]), wrt);
  // Without the metadata: what a file says of the network is not true of its gradient.
  return b.build({
    ...outputs,
    ...Object.fromEntries(wrt.map((name, i) => [`grad/${name}`, gradients[i]!])),
  });
}

/**
 * A graph's Jacobian-vector product as another graph: inputs as before plus the tangents `tangent/X`, output
 * `tangent/OF` = sum over X of (d OF / d X) tangent/X. It is the gradient of the gradient graph on its cotangent.
 * @returns a graph of standard ONNX operators; `tangent/X` has the shape and type of X, `tangent/OF` those of OF.
 * @throws {SeedbedError} as {@link differentiate}.
 * @group Graphs and gradients
 * @example
 * import { createRuntime, float32, GraphBuilder, pushForward } from 'seedbed';
 * const b = new GraphBuilder('square');
 * const x = b.input('x', 'float32', [3]);
 * const jvp = pushForward(b.build({ y: b.mul(x, x) }), { of: 'y', wrt: ['x'] });
 * const session = await (await createRuntime()).load(jvp);
 * const results = await session.run({ x: float32([3], [1, 2, 3]), 'tangent/x': float32([3], [1, 0, 0]) });
 * console.log(results['tangent/y'].data); // prints Float32Array(3) [ 2, 0, 0 ]
 */
export function pushForward(graph: Graph, options: DifferentiateOptions): Graph {
  const { of, wrt } = options;
  const gradient = differentiate(graph, options);
  const b = new GraphBuilder(graph.name);
  const inputs = bindInputs(b, gradient);
  const outputs = replay(b, gradient, inputs);
  const cotangents = new Map<Value, Value>();
  for (const name of wrt) {
    const value = outputs[`grad/${name}`]!;
    const tangent = b.input(`tangent/${name}`, b.type(value).dtype, b.shape(value));
    // Inputs may share one gradient, as those of an Add do.
    const others = cotangents.get(value);
    cotangents.set(value, others ? b.add(others, tangent) : tangent);
  }
  const [tangent] = backward(b, cotangents, [`grad/${of}`]);
  const primal = Object.fromEntries(graph.outputs.map(({ name }) => [name, outputs[name]!]));
  const full = b.build({ ...primal, [`tangent/${of}`]: tangent! });
  // The gradient graph is linear in its cotangent, so nothing depends on the point at which it was differentiated.
  return { ...full, inputs: full.inputs.filter(i => i.name !== `grad/${of}`) };
}

/** The weights among `names`, kept out of the arithmetic that is done ahead of time, which gradients cannot see. */
function variables(b: GraphBuilder, graph: Graph, names: readonly string[]): Record<string, Value> {
  const weights = names.filter(name => graph.initializers.has(name));
  return Object.fromEntries(weights.map(name => [name, b.variable(graph.initializers.get(name)!, name)]));
}

function list(names: readonly string[]): string {
  return names.map(name => `'${name}'`).join(', ');
}
