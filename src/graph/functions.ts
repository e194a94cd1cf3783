import type { AttributeProto, FunctionProto, GraphProto, NodeProto } from 'onnx-buf';
import { SeedbedError } from '../errors.ts';

/** The most nodes of a graph once its functions are written out, and the deepest nesting; a damaged file may say anything. */
const MOST_NODES = 100_000;
const MOST_LEVELS = 100;

type Rename = (value: string) => string;
type Given = ReadonlyMap<string, AttributeProto>;

/**
 * A graph's nodes with the bodies of the functions that its file defines in the place of their calls; what is inside is
 * named after the call.
 * @throws {SeedbedError} BadFile when functions call each other in a circle, Unsupported when there are too many nodes.
 */
export function inlineFunctions(
  nodes: readonly NodeProto[],
  functions: readonly FunctionProto[],
  file: string,
): NodeProto[] {
  return functions.length === 0 ? [...nodes] : new Inliner(functions, file).inline(nodes, []);
}

class Inliner {
  private readonly file: string;
  private readonly functions: ReadonlyMap<string, FunctionProto>;
  private calls = 0;
  private nodes = 0;

  constructor(functions: readonly FunctionProto[], file: string) {
    this.file = file;
    this.functions = new Map(functions.map(f => [keyOf(f.domain, f.name, f.overload), f]));
  }

  /** @param open the functions in whose bodies the nodes lie. */
  inline(nodes: readonly NodeProto[], open: readonly string[]): NodeProto[] {
    return nodes.flatMap(node => {
      if (++this.nodes > MOST_NODES || open.length > MOST_LEVELS)
        throw new SeedbedError(
          'Unsupported',
          `with its functions written out it has more than ${MOST_NODES} nodes, or more than ${MOST_LEVELS} levels of them`,
          { at: this.file },
        );
      const key = keyOf(node.domain, node.opType, node.overload);
      const body = this.functions.get(key);
      if (!body) return [withGraphs(node, g => withFields(g, { node: this.inline(g.node, open) }))];
      if (open.includes(key))
        throw new SeedbedError(
          'BadFile',
          `its function '${body.name}' calls itself, directly or through others`,
          { at: this.file },
        );
      return this.inline(this.bodyOf(body, node), [...open, key]);
    });
  }

  private bodyOf(body: FunctionProto, call: NodeProto): NodeProto[] {
    const prefix = `${call.name || call.opType}/${this.calls++}/`;
    const ports = new Map<string, string>([
      ...body.input.map((name, i) => [name, call.input[i] ?? ''] as const),
      ...body.output.map((name, i) => [name, call.output[i] || `${prefix}${name}`] as const),
    ]);
    const rename = (value: string) => (value === '' ? '' : (ports.get(value) ?? prefix + value));
    const given = new Map([...body.attributeProto, ...call.attribute].map(a => [a.name, a]));
    return body.node.map(node =>
      withFields(changed(node, rename, given), { name: prefix + (node.name || node.opType) }),
    );
  }
}

function keyOf(domain: string, name: string, overload: string): string {
  return JSON.stringify([domain, name, overload]);
}

/** A node with other values, in its sub-graphs too, and with the call's attributes where it refers to them. */
function changed(node: NodeProto, rename: Rename, given: Given): NodeProto {
  const attribute = node.attribute.flatMap(own => {
    if (own.refAttrName === '') return [own];
    const value = given.get(own.refAttrName);
    return value ? [withFields(value, { name: own.name })] : [];
  });
  const renamed = withFields(node, {
    input: node.input.map(rename),
    output: node.output.map(rename),
    attribute,
  });
  return withGraphs(renamed, graph => changedGraph(graph, rename, given));
}

function changedGraph(graph: GraphProto, rename: Rename, given: Given): GraphProto {
  const named = <Named extends { name: string }>(list: readonly Named[]) =>
    list.map(one => withFields(one, { name: rename(one.name) } as Partial<Named>));
  return withFields(graph, {
    input: named(graph.input),
    output: named(graph.output),
    initializer: named(graph.initializer),
    node: graph.node.map(node => changed(node, rename, given)),
  });
}

function withGraphs(node: NodeProto, change: (graph: GraphProto) => GraphProto): NodeProto {
  if (!node.attribute.some(({ g }) => g)) return node;
  const attribute = node.attribute.map(a => (a.g ? withFields(a, { g: change(a.g) }) : a));
  return withFields(node, { attribute });
}

/** A copy of a message with some fields changed; those that it leaves out lie on its prototype. */
function withFields<M extends object>(message: M, fields: Partial<M>): M {
  return Object.assign(Object.create(Object.getPrototypeOf(message)), message, fields);
}
