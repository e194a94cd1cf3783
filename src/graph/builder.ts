import { SeedbedError } from '../errors.ts';
import { type DType, float32, int64, sizeOf, type Tensor } from '../tensor/tensor.ts';
import { ONNX_DTYPES } from './dtypes.ts';
import { evaluate, FOLD_LIMIT, takenDims } from './evaluate.ts';
import type { Op } from './infer.ts';
import { inferTypes } from './infer.ts';
import {
  type Attributes,
  checkShape,
  type Dim,
  describeNode,
  type Graph,
  intOf,
  type Node,
  type NodeFacts,
  SAVED_OPSET,
  staticShape,
  type ValueInfo,
  type ValueType,
} from './ir.ts';
import { liveNodes } from './nodes.ts';

/**
 * A value in a graph under construction: its name.
 * @group Graphs and gradients
 */
export type Value = string;

/**
 * How a node is called and what its outputs are named; made up where left out.
 * @group Graphs and gradients
 */
export interface NodeOptions {
  /** Its name, for messages; numbered if it is taken. */
  readonly name?: string;
  /** Names of the outputs, or how many there are; 1 unless given. */
  readonly outputs?: readonly string[] | number;
}

/**
 * Builds a graph node by node. Every node's output types are inferred as it is added, and small nodes whose
 * inputs are all known are computed at once, so shapes are static wherever they can be. Methods that add a node throw a
 * {@link SeedbedError}: BadShape when shapes do not fit, BadFile when an operand is missing or a name is taken.
 * @group Graphs and gradients
 * @example
 * import { GraphBuilder } from 'seedbed';
 * const b = new GraphBuilder('double');
 * const x = b.input('x', 'float32', ['N', 3]);
 * const graph = b.build({ y: b.add(x, x) });
 * console.log(graph.outputs[0].shape); // prints [ 'N', 3 ]
 */
export class GraphBuilder {
  /** The graph's name, for messages. */
  readonly name: string;
  /** The nodes so far, in order. */
  readonly nodes: Node[] = [];
  private readonly inputs = new Map<Value, ValueInfo>();
  private readonly types = new Map<Value, ValueType>();
  private readonly constants = new Map<Value, Tensor>();
  private readonly variables = new Set<Value>();
  private readonly shared = new Map<string, Value>();
  private readonly nodeNames = new Map<string, number>();
  private counter = 0;

  /** An empty graph. */
  constructor(name: string) {
    this.name = name;
  }

  /** Declares an input of the graph. Its name is its own: a value inside that has it is called otherwise when it is built. */
  input(name: string, dtype: DType, shape: readonly Dim[]): Value {
    if ([...this.inputs.values()].some(input => input.name === name))
      throw new SeedbedError('BadFile', `graph '${this.name}': two inputs are named '${name}'`);
    const value = this.has(name) ? this.fresh(name) : name;
    this.declare(value, { dtype, shape });
    this.inputs.set(value, { name, dtype, shape });
    return value;
  }

  /** Adds a constant: a weight under its own name, or an anonymous value. */
  constant(value: Tensor, name = this.fresh('constant')): Value {
    if (this.constants.get(name) === value) return name;
    this.declare(name, value);
    this.constants.set(name, value);
    return name;
  }

  /** A constant that nodes are not computed from ahead of time, so that gradients can reach it. */
  variable(value: Tensor, name: string): Value {
    this.variables.add(this.constant(value, name));
    return name;
  }

  /** A float32 scalar; equal scalars are one constant. */
  scalar(value: number): Value {
    return this.share(`scalar ${Object.is(value, -0) ? '-0' : value}`, () => float32([], [value]));
  }

  /** A vector of integers, as ONNX takes shapes and axes; equal vectors are one constant. */
  ints(values: readonly number[]): Value {
    return this.share(`ints ${values}`, () => int64(values));
  }

  /** Adds a node and returns its outputs. @throws {SeedbedError} when the operands do not fit the operator. */
  node(op: Op, inputs: readonly Value[], given: Attributes = {}, options: NodeOptions = {}): Value[] {
    const attributes = inSinglePrecision(given);
    const name = this.nodeName(options.name ?? op);
    const what = describeNode({ op, name });
    const outputs = this.outputNames(options.outputs ?? 1, op);
    const facts = {
      what,
      attributes,
      ...this.facts(inputs),
      outputCount: outputs.length,
    };
    const types = inferTypes(op, facts);
    if (outputs.length > types.length)
      throw new SeedbedError('BadFile', `names ${outputs.length} outputs, but has ${types.length}`, {
        at: what,
      });
    const folded = this.fold(op, inputs, facts.types[0], types[0]!, attributes);
    if (folded) return [this.constant(folded, outputs[0])];
    if (op === 'Split' && this.known(inputs[0]!)) return this.parts(inputs[0]!, types, attributes, outputs);
    outputs.forEach((output, i) => {
      if (output) this.declare(output, types[i]!);
    });
    this.nodes.push({ op, name, inputs, outputs, attributes });
    return outputs;
  }

  /** Adds a node with a single output. */
  op(op: Op, inputs: readonly Value[], attributes: Attributes = {}, options: NodeOptions = {}): Value {
    return this.node(op, inputs, attributes, options)[0]!;
  }

  /**
   * Adds a node of another domain than ONNX's own, whose output's type the caller knows.
   * @internal
   */
  vendor(
    domain: string,
    op: string,
    inputs: readonly Value[],
    attributes: Attributes,
    shape: readonly number[],
  ): Value {
    const output = this.fresh(op);
    this.declare(output, { dtype: 'float32', shape });
    this.nodes.push({ op, domain, name: this.nodeName(op), inputs, outputs: [output], attributes });
    return output;
  }

  /** The parts of a known value, which are known, too. */
  private parts(
    whole: Value,
    types: readonly ValueType[],
    attributes: Attributes,
    outputs: readonly Value[],
  ): Value[] {
    const axis = intOf(attributes, 'axis', 0);
    let first = 0;
    return outputs.map((output, i) => {
      const size = types[i]!.shape.at(axis) as number;
      const range = [[first], [first + size], [axis]].map(numbers => int64(numbers));
      first += size;
      const part = evaluate('Slice', [this.known(whole), ...range], {})!;
      return output ? this.constant(part, output) : output;
    });
  }

  private fold(
    op: Op,
    inputs: readonly Value[],
    first: ValueType | undefined,
    result: ValueType,
    attributes: Attributes,
  ): Tensor | undefined {
    if (op === 'Shape') {
      const dims = takenDims(first!.shape, attributes);
      if (dims.every(dim => typeof dim === 'number')) return int64(dims);
    }
    if (inputs.some(input => this.variables.has(input))) return undefined;
    // Small operands may have a large result: those of an Add broadcast, of a Concat add up.
    if (sizeOf(result.shape.filter(dim => typeof dim === 'number')) > FOLD_LIMIT) return undefined;
    const values = inputs.map(input => this.constants.get(input));
    return inputs.every((input, i) => !input || values[i]) ? evaluate(op, values, attributes) : undefined;
  }

  /**
   * The graph with the given outputs, by name; nodes and constants that they do not need are left out. Values inside that
   * have the name of an input or output are called otherwise.
   * @throws {SeedbedError} BadArgument when an output has an input's name.
   */
  build(outputs: Readonly<Record<string, Value>>, metadata: ReadonlyMap<string, string> = new Map()): Graph {
    const inputs = [...this.inputs.values()];
    const shared = inputs.find(({ name }) => Object.hasOwn(outputs, name));
    if (shared)
      throw new SeedbedError('BadArgument', `graph '${this.name}': output '${shared.name}' is an input`);
    /** What inputs and outputs are called in the graph. */
    const ports = new Map([...this.inputs].map(([value, { name }]) => [value, name]));
    const copies: Node[] = [];
    for (const [name, value] of Object.entries(outputs)) {
      // A constant cannot be an output itself.
      const made = name === value && !this.constants.has(value);
      const output = made ? value : this.fresh(name);
      if (!made) copies.push(copyTo(output, name, value));
      ports.set(output, name);
    }
    const taken = new Set(ports.values());
    const inside = [...taken].filter(name => this.has(name) && ports.get(name) !== name);
    const names = new Map([...ports, ...inside.map(name => [name, this.fresh(name)] as const)]);
    const nameOf = (value: Value) => names.get(value) ?? value;
    const nodes = liveNodes([...this.nodes, ...copies], [...ports.keys()]).map(node => ({
      ...node,
      inputs: node.inputs.map(nameOf),
      outputs: node.outputs.map(nameOf),
    }));
    const used = new Set(nodes.flatMap(node => node.inputs));
    return {
      name: this.name,
      opset: SAVED_OPSET,
      inputs,
      outputs: Object.entries(outputs).map(([name, value]) => ({ name, ...this.type(value) })),
      initializers: new Map(
        [...this.constants]
          .map(([value, tensor]) => [nameOf(value), tensor] as const)
          .filter(([name]) => used.has(name)),
      ),
      nodes,
      metadata,
    };
  }

  /** Whether there is a value of this name. */
  has(value: Value): boolean {
    return this.types.has(value);
  }

  /** A value's element type and shape. @throws {SeedbedError} BadFile when there is no such value. */
  type(value: Value): ValueType {
    const type = this.types.get(value);
    if (!type)
      throw new SeedbedError(
        'BadFile',
        `graph '${this.name}': '${value}' is used before anything produces it`,
      );
    return type;
  }

  /**
   * What is known of a node's operands.
   * @internal
   */
  facts(inputs: readonly Value[]): Pick<NodeFacts, 'types' | 'values'> {
    return {
      types: inputs.map(input => (input ? this.type(input) : undefined)),
      values: inputs.map(input => this.constants.get(input)),
    };
  }

  /** A value's shape, all dimensions bound. @throws {SeedbedError} BadShape when one is still open. */
  shape(value: Value): readonly number[] {
    return staticShape(this.type(value).shape, `graph '${this.name}', value '${value}'`);
  }

  /** The tensor behind a value that is a constant. */
  known(value: Value): Tensor | undefined {
    return this.constants.get(value);
  }

  /** A name that nothing in this graph has yet. */
  fresh(stem: string): string {
    let name: string;
    do name = `${stem}_${this.counter++}`;
    while (this.types.has(name));
    return name;
  }

  private share(key: string, make: () => Tensor): Value {
    const value = this.shared.get(key) ?? this.constant(make());
    this.shared.set(key, value);
    return value;
  }

  /** The name itself for the first node that asks for it, numbered for those after. */
  private nodeName(stem: string): string {
    const count = this.nodeNames.get(stem) ?? 0;
    this.nodeNames.set(stem, count + 1);
    return count === 0 ? stem : this.nodeName(`${stem}_${count}`);
  }

  private outputNames(outputs: readonly string[] | number, op: Op): string[] {
    if (typeof outputs !== 'number') return [...outputs];
    return Array.from({ length: outputs }, () => this.fresh(op));
  }

  private declare(name: string, type: ValueType): void {
    if (this.types.has(name))
      throw new SeedbedError('BadFile', `graph '${this.name}': two values are named '${name}'`);
    checkShape(type.shape, `graph '${this.name}', value '${name}'`);
    this.types.set(name, { dtype: type.dtype, shape: type.shape });
  }

  // Shorthands for the operators that this code base writes by hand.

  /** a + b, broadcast. */
  add = (a: Value, b: Value) => this.op('Add', [a, b]);
  /** a - b, broadcast. */
  sub = (a: Value, b: Value) => this.op('Sub', [a, b]);
  /** a b element by element, broadcast. */
  mul = (a: Value, b: Value) => this.op('Mul', [a, b]);
  /** a / b, broadcast. */
  div = (a: Value, b: Value) => this.op('Div', [a, b]);
  /** a to the power of b, broadcast. */
  pow = (a: Value, b: Value) => this.op('Pow', [a, b]);
  /** -a. */
  neg = (a: Value) => this.op('Neg', [a]);
  /** |a|. */
  abs = (a: Value) => this.op('Abs', [a]);
  /** e to the power of a. */
  exp = (a: Value) => this.op('Exp', [a]);
  /** Sine of a, in radians. */
  sin = (a: Value) => this.op('Sin', [a]);
  /** Cosine of a, in radians. */
  cos = (a: Value) => this.op('Cos', [a]);
  /** Square root of a. */
  sqrt = (a: Value) => this.op('Sqrt', [a]);
  /** 1 / (1 + e^-a). */
  sigmoid = (a: Value) => this.op('Sigmoid', [a]);
  /** The matrix product of the last two axes, the others broadcast. */
  matmul = (a: Value, b: Value) => this.op('MatMul', [a, b]);

  /** x times its sigmoid (Ramachandran et al. 2017), also called SiLU. */
  swish = (a: Value) => this.mul(a, this.sigmoid(a));
  /** Elements as another type. */
  cast = (a: Value, to: DType) => this.op('Cast', [a], { to: ONNX_DTYPES[to] });
  /** Axes in another order: axis i of the result is axis perm[i] of a. */
  transpose = (a: Value, perm: readonly number[]) => this.op('Transpose', [a], { perm });
  /** The same elements in another shape; one dimension may be -1 and is worked out, 0 keeps that of a. */
  reshape = (a: Value, shape: readonly number[]) => this.op('Reshape', [a, this.ints(shape)]);
  /** a broadcast to a shape. */
  expand = (a: Value, shape: readonly number[]) => this.op('Expand', [a, this.ints(shape)]);
  /** Values one after the other along an axis. */
  concat = (values: readonly Value[], axis: number) =>
    values.length === 1 ? values[0]! : this.op('Concat', values, { axis });

  /** Zeros added before and after each axis; negative counts cut instead. */
  pad = (a: Value, before: readonly number[], after: readonly number[]) =>
    [...before, ...after].every(n => n === 0) ? a : this.op('Pad', [a, this.ints([...before, ...after])]);

  /** Elements `start` (included) to `end` (excluded) along one axis, every `step`-th. */
  slice = (a: Value, axis: number, start: number, end: number, step = 1) =>
    this.op('Slice', [a, this.ints([start]), this.ints([end]), this.ints([axis]), this.ints([step])]);

  /** Elements in reverse order along some axes. */
  reverse = (a: Value, axes: readonly number[]) => {
    const all = (value: number) => this.ints(axes.map(() => value));
    return this.op('Slice', [a, all(-1), all(Number.MIN_SAFE_INTEGER), this.ints(axes), all(-1)]);
  };

  /** Parts of the given sizes along one axis. */
  split = (a: Value, axis: number, sizes: readonly number[]) =>
    this.node('Split', [a, this.ints(sizes)], { axis }, { outputs: sizes.length });

  /** The sum over axes, which stay with size 1 unless `keepdims` is false. */
  sum = (a: Value, axes: readonly number[], keepdims = true) =>
    axes.length === 0 ? a : this.op('ReduceSum', [a, this.ints(axes)], { keepdims: Number(keepdims) });

  /** The mean over axes, which stay with size 1 unless `keepdims` is false. */
  mean = (a: Value, axes: readonly number[], keepdims = true) =>
    axes.length === 0 ? a : this.op('ReduceMean', [a], { axes, keepdims: Number(keepdims) });

  /** The mean over all elements, a scalar. */
  meanAll = (a: Value) => this.op('ReduceMean', [a], { keepdims: 0 });
  /** The sum of all elements, a scalar. */
  sumAll = (a: Value) => this.op('ReduceSum', [a], { keepdims: 0 });

  /** A tensor filled with one number. */
  full = (shape: readonly number[], value: number) => this.expand(this.scalar(value), shape);
}

/** A node that gives a graph's output a value of its own. */
function copyTo(output: Value, name: string, value: Value): Node {
  return { op: 'Identity', name: `output ${name}`, inputs: [value], outputs: [output], attributes: {} };
}

/** Attributes as an ONNX file holds them: its floats are single precision. */
function inSinglePrecision(attributes: Attributes): Attributes {
  return Object.fromEntries(
    Object.entries(attributes).map(([key, value]) => {
      const isFloat = typeof value === 'object' && 'float' in value;
      return [key, isFloat ? { float: Math.fround(value.float) } : value];
    }),
  );
}
