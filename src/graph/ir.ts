import { SeedbedError } from '../errors.ts';
import { type DType, MOST_AXES, sizeOf, type Tensor } from '../tensor/tensor.ts';

/**
 * A dimension: its size, or the name of a size that is bound later, such as 'N'.
 * @group Graphs and gradients
 */
export type Dim = number | string;

/**
 * What is known of a value before the graph runs.
 * @group Graphs and gradients
 */
export interface ValueType {
  /** Type of its elements. */
  readonly dtype: DType;
  /** Its dimensions; [] for a scalar. */
  readonly shape: readonly Dim[];
}

/**
 * An input or output of a graph.
 * @group Graphs and gradients
 */
export interface ValueInfo extends ValueType {
  /** The name by which it is fed or read. */
  readonly name: string;
}

/**
 * A node's attribute as plain data: a number is an ONNX int, `{ float }` a float, arrays likewise;
 * text is a string, a tensor a tensor and a sub-graph, a branch of an If say, a graph, whose nodes also see the values around it.
 * @group Graphs and gradients
 */
export type Attribute =
  | number
  | { readonly float: number }
  | string
  | readonly number[]
  | { readonly floats: readonly number[] }
  | readonly string[]
  | Tensor
  | Graph;

/**
 * A node's attributes by name.
 * @group Graphs and gradients
 */
export type Attributes = Readonly<Record<string, Attribute>>;

/**
 * One operation of a graph.
 * @group Graphs and gradients
 */
export interface Node {
  /** The ONNX operator, such as 'Conv'. */
  readonly op: string;
  /** Whose operator it is, where it is none of ONNX's own; only the runtime makes such nodes, and none is saved. */
  readonly domain?: string;
  /** Unique within the graph; the builder makes one up where a file gives none. */
  readonly name: string;
  /** Value names; '' stands for an optional input that is left out. */
  readonly inputs: readonly string[];
  /** Value names; '' stands for an optional output that nobody uses. */
  readonly outputs: readonly string[];
  /** Its attributes by name; those left out have ONNX's defaults. */
  readonly attributes: Attributes;
}

/** What is known about a node when its outputs' types are worked out. */
export interface NodeFacts {
  readonly what: string;
  readonly attributes: Attributes;
  /** Types of the inputs; undefined for one that is left out. */
  readonly types: readonly (ValueType | undefined)[];
  /** Values of the inputs that are known constants. */
  readonly values: readonly (Tensor | undefined)[];
  readonly outputCount: number;
}

/**
 * An ONNX graph as plain data: nodes in topological order, weights as named initialisers.
 * @group Graphs and gradients
 */
export interface Graph {
  /** The graph's name, for messages. */
  readonly name: string;
  /** The operator set of its nodes: 13 to 26 when read, 17 when built. */
  readonly opset: number;
  /** What it takes when it runs. */
  readonly inputs: readonly ValueInfo[];
  /** What it gives. */
  readonly outputs: readonly ValueInfo[];
  /** Weights and other constants by value name. */
  readonly initializers: ReadonlyMap<string, Tensor>;
  /** Its operations, each after those whose outputs it uses. */
  readonly nodes: readonly Node[];
  /** Free text by key, ONNX's `metadata_props`. */
  readonly metadata: ReadonlyMap<string, string>;
}

/** The operator set of every graph that Seedbed saves. */
export const SAVED_OPSET = 17;
/** The operator sets that Seedbed reads. */
export const READ_OPSETS = { from: 13, to: 26 } as const;

/** An integer attribute, or `fallback` where the node has none. */
export function intOf(attributes: Attributes, name: string, fallback: number): number {
  const value = attributes[name];
  return typeof value === 'number' ? value : fallback;
}

/** A float attribute, or `fallback` where the node has none. */
export function floatOf(attributes: Attributes, name: string, fallback: number): number {
  const value = attributes[name];
  return typeof value === 'object' && 'float' in value ? value.float : fallback;
}

/** An attribute that lists integers; undefined where the node has none. */
export function intsOf(attributes: Attributes, name: string): readonly number[] | undefined {
  const value = attributes[name];
  return Array.isArray(value) && value.every(v => typeof v === 'number') ? value : undefined;
}

/** A text attribute, or `fallback` where the node has none. */
export function textOf(attributes: Attributes, name: string, fallback: string): string {
  const value = attributes[name];
  return typeof value === 'string' ? value : fallback;
}

export function isTensor(value: Attribute | undefined): value is Tensor {
  return typeof value === 'object' && 'dtype' in value;
}

export function isGraph(value: Attribute | undefined): value is Graph {
  return typeof value === 'object' && 'nodes' in value;
}

/** The numbers of a shape whose dimensions are all bound. @throws {SeedbedError} BadShape naming the open one. */
export function staticShape(shape: readonly Dim[], what: string): readonly number[] {
  const open = shape.find(dim => typeof dim === 'string');
  if (open !== undefined) {
    throw new SeedbedError(
      'BadShape',
      `dimension '${open}' of [${shape}] has no size yet. Bind it, for instance to 1 (--bind ${open}=1)`,
      { at: what },
    );
  }
  return shape as readonly number[];
}

/** The most elements of one value; the runtime counts them with 32 bits in places. */
const MOST_ELEMENTS = 2 ** 31 - 1;

/** @throws {SeedbedError} BadShape for sizes that are not whole numbers from 0, too many of them, or too large a product. */
export function checkShape(shape: readonly Dim[], what: string): void {
  const sizes = shape.filter(dim => typeof dim !== 'string');
  if (!sizes.every(dim => Number.isSafeInteger(dim) && dim >= 0))
    throw new SeedbedError('BadShape', `${what} would have the impossible shape [${shape}]`);
  if (shape.length > MOST_AXES)
    throw new SeedbedError('BadShape', `${what} would have ${shape.length} axes, more than ${MOST_AXES}`);
  if (sizeOf(sizes) > MOST_ELEMENTS) {
    throw new SeedbedError(
      'BadShape',
      `${what} would have the shape [${shape}], more than ${MOST_ELEMENTS} elements`,
    );
  }
}

/** "Conv 'down.0.conv1'", the way a node is named in messages. */
export function describeNode(node: Pick<Node, 'op' | 'name'>): string {
  return node.name ? `${node.op} '${node.name}'` : node.op;
}
