import { SeedbedError } from '../errors.ts';
import type { Dim, Graph, Node } from '../graph/ir.ts';
import { renameValues } from '../graph/nodes.ts';
import type { DenoiserInfo } from './info.ts';

/** What of a description says where a graph's channels are. */
type Described = Pick<DenoiserInfo, 'inputs' | 'output' | 'shape' | 'range'>;

/** Where a model's pictures go in and come out with their channels last, as Keras and JAX write them. */
interface ChannelsLast {
  readonly input: boolean;
  readonly output: boolean;
}

/** Whether axes after the first may be these; open ones may be any. */
function mayBe(theirs: readonly Dim[] | undefined, shape: readonly Dim[]): boolean {
  const axes = theirs?.slice(1) ?? [];
  return axes.length === shape.length && axes.every((d, i) => typeof d !== 'number' || d === shape[i]);
}

/** The ends of a graph whose channels are last, and cannot be first. An output that says nothing is as its input. */
function channelsLast(graph: Graph, { inputs, output, shape }: Described): ChannelsLast {
  const [channels, ...sides] = shape as [number, ...number[]];
  const last = [...sides, channels];
  const isLast = (dims: readonly Dim[] | undefined) =>
    shape.length === 3 && typeof dims?.at(-1) === 'number' && mayBe(dims, last) && !mayBe(dims, shape);
  const seen = graph.inputs.find(({ name }) => name === inputs.image)?.shape;
  const given = graph.outputs.find(({ name }) => name === output)?.shape;
  const input = isLast(seen);
  // Of an output with further channels only the sides tell.
  const own = given?.length === 4 && typeof given[1] === 'number' ? given : undefined;
  const first = own !== undefined && own.slice(2).join() === sides.join() && own[1] !== sides[0];
  return { input, output: isLast(given) || (input && !first) };
}

/** The graph with a transposition at each end whose channels are last, so that they are first. */
export function channelsFirst(graph: Graph, described: Described, file: string): Graph {
  requireChannelsFirst(described, file);
  const { input, output } = channelsLast(graph, described);
  const { image } = described.inputs;
  let turned = graph;
  if (input) {
    const inner = `${image}/channels last`;
    turned = {
      ...turned,
      inputs: turned.inputs.map(port =>
        port.name === image ? { ...port, shape: permuted(port.shape, [0, 3, 1, 2]) } : port,
      ),
      nodes: [
        transposition(image, inner, [0, 2, 3, 1]),
        ...turned.nodes.map(node => renameValues(node, name => (name === image ? inner : name))),
      ],
    };
  }
  if (output) {
    const inner = `${described.output}/channels last`;
    turned = {
      ...turned,
      outputs: turned.outputs.map(port =>
        port.name === described.output && port.shape.length === 4
          ? { ...port, shape: permuted(port.shape, [0, 3, 1, 2]) }
          : port,
      ),
      nodes: [
        ...turned.nodes.map(node => renameValues(node, name => (name === described.output ? inner : name))),
        transposition(inner, described.output, [0, 3, 1, 2]),
      ],
    };
  }
  return turned;
}

/** What to say of a graph that was transposed; undefined of one that was not. */
export function channelsNote(graph: Graph, described: Described): string | undefined {
  const { input, output } = channelsLast(graph, described);
  if (!input && !output) return undefined;
  const where = input && output ? 'its pictures' : input ? 'the pictures it takes' : 'the pictures it gives';
  return `the graph has the channels of ${where} last: they are transposed to [${described.shape}] where they go in and come out`;
}

/** A description that names its channels last is told so. */
function requireChannelsFirst({ shape, range }: Described, file: string): void {
  const [first, second, last] = shape;
  if (shape.length !== 3 || range.mean.length === first || range.mean.length !== last) return;
  throw new SeedbedError(
    'BadFile',
    `"shape": ${JSON.stringify(shape)} in the description has its channels last; write ${JSON.stringify([last, first, second])}. A graph whose channels are last is transposed by itself`,
    { at: file },
  );
}

function permuted(shape: readonly Dim[], order: readonly number[]): Dim[] {
  return order.map(axis => shape[axis]!);
}

function transposition(from: string, to: string, perm: readonly number[]): Node {
  return {
    op: 'Transpose',
    name: to,
    inputs: [from],
    outputs: [to],
    attributes: { perm: [...perm] },
  };
}
