import { SeedbedError } from '../errors.ts';
import { type Attributes, describeNode, type Graph, isGraph, type Node } from './ir.ts';

/** What a node takes: its inputs, and what its sub-graphs take from around them. */
export function valuesTaken({ inputs, attributes }: Node): string[] {
  const taken = inputs.filter(input => input !== '');
  for (const graph of Object.values(attributes).filter(isGraph)) {
    const own = new Set([...graph.initializers.keys(), ...graph.nodes.flatMap(node => node.outputs)]);
    const wanted = [...graph.nodes.flatMap(valuesTaken), ...graph.outputs.map(({ name }) => name)];
    taken.push(...wanted.filter(name => !own.has(name)));
  }
  return taken;
}

/** The node with its values called otherwise, in its sub-graphs too. */
export function renameValues(node: Node, rename: (value: string) => string): Node {
  return {
    ...node,
    inputs: node.inputs.map(rename),
    outputs: node.outputs.map(rename),
    attributes: renameInside(node.attributes, rename),
  };
}

function renameInside(attributes: Attributes, rename: (value: string) => string): Attributes {
  if (!Object.values(attributes).some(isGraph)) return attributes;
  return Object.fromEntries(
    Object.entries(attributes).map(([key, value]) => [
      key,
      isGraph(value) ? renameGraph(value, rename) : value,
    ]),
  );
}

/** The graph with its values called otherwise. */
export function renameGraph(graph: Graph, rename: (value: string) => string): Graph {
  const info = <Info extends { readonly name: string }>(i: Info): Info => ({ ...i, name: rename(i.name) });
  return {
    ...graph,
    inputs: graph.inputs.map(info),
    outputs: graph.outputs.map(info),
    initializers: new Map([...graph.initializers].map(([name, weight]) => [rename(name), weight])),
    nodes: graph.nodes.map(node => renameValues(node, rename)),
  };
}

/**
 * The nodes in an order in which each comes after those whose outputs it uses; as they are where they lie so already.
 * @throws {SeedbedError} BadFile when nodes use each other's outputs in a circle.
 */
export function inOrder(nodes: readonly Node[], what: string): readonly Node[] {
  const makers = new Map(nodes.flatMap(node => node.outputs.map(output => [output, node] as const)));
  const done = new Set<Node>();
  const begun = new Set<Node>();
  const waiting: Node[] = [...nodes].reverse();
  const sorted: Node[] = [];
  while (waiting.length > 0) {
    const node = waiting.at(-1)!;
    const before = done.has(node)
      ? []
      : valuesTaken(node)
          .flatMap(value => makers.get(value) ?? [])
          .filter(maker => !done.has(maker));
    if (before.length > 0) {
      begun.add(node);
      const circular = before.find(maker => begun.has(maker));
      if (circular)
        throw new SeedbedError(
          'BadFile',
          `${describeNode(circular)} uses its own output, directly or through others`,
          { at: what },
        );
      waiting.push(...before.reverse());
      continue;
    }
    waiting.pop();
    if (done.has(node)) continue;
    done.add(node);
    sorted.push(node);
  }
  return sorted;
}

/** Nodes that the outputs need, in order; the rest is dead. */
export function liveNodes(nodes: readonly Node[], outputs: Iterable<string>): Node[] {
  const needed = new Set(outputs);
  const live: Node[] = [];
  for (let i = nodes.length - 1; i >= 0; i--) {
    const node = nodes[i]!;
    if (!node.outputs.some(output => needed.has(output))) continue;
    live.push(node);
    for (const value of valuesTaken(node)) needed.add(value);
  }
  return live.reverse();
}

/** The graph without the inputs that no node uses. */
export function dropUnusedInputs(graph: Graph): Graph {
  const used = new Set(graph.nodes.flatMap(valuesTaken));
  return { ...graph, inputs: graph.inputs.filter(({ name }) => used.has(name)) };
}

/** The graph with only some of its outputs, and only what these need. */
export function keepOutputs(graph: Graph, wanted: (name: string) => boolean): Graph {
  const outputs = graph.outputs.filter(o => wanted(o.name));
  const nodes = liveNodes(
    graph.nodes,
    outputs.map(o => o.name),
  );
  const used = new Set(nodes.flatMap(valuesTaken));
  const initializers = new Map([...graph.initializers].filter(([name]) => used.has(name)));
  return { ...graph, outputs, nodes, initializers };
}
