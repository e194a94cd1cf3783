import { inPlace, SeedbedError } from '../errors.ts';
import { GraphBuilder } from '../graph/builder.ts';
import type { Dim, Graph, ValueType } from '../graph/ir.ts';
import { replay } from '../graph/replay.ts';
import { HALVES, type Half, halfGraph } from './autoencoder.ts';
import { closeInputs, furtherInputs, placeholderFor } from './further-inputs.ts';
import type { AutoencoderInfo, DenoiserInfo, EmbedderInfo, ModelInfo } from './info.ts';
import { playNetwork } from './network.ts';

/**
 * Whether a graph does what its description says: the values that it names are there, and rows of pictures become what they
 * should.
 * @param counts numbers of rows that it is tried with.
 * @throws {SeedbedError} BadFile or Unsupported where it does not.
 */
export function checkModel(graph: Graph, info: ModelInfo, file: string, counts: readonly number[]): void {
  if (info.kind === 'autoencoder') {
    checkHalves(graph, info, file);
    for (const count of counts) inPlace(file, () => checkAutoencoder(graph, info, count, file));
  } else {
    checkSignature(graph, info, file);
    const closed = inPlace(file, () => withPlaceholders(graph, info));
    for (const count of counts) inPlace(file, () => checkPlays(closed.graph, closed.info, file, count));
  }
}

/** Whether an autoencoder's halves are there, with the shapes that they are said to have. */
function checkHalves(graph: Graph, info: AutoencoderInfo, file: string): void {
  for (const half of Object.values(HALVES)) {
    const { input, takes, output } = half(info);
    const found = graph.inputs.find(({ name }) => name === input);
    if (!found || !graph.outputs.some(({ name }) => name === output))
      throw new SeedbedError('BadFile', `has no input '${input}', or no output '${output}'`, { at: file });
    if (found.shape.slice(1).join() !== takes.join())
      throw new SeedbedError(
        'BadFile',
        `says that '${input}' is [${takes}], but its input is [${found.shape.slice(1)}]`,
        { at: file },
      );
  }
  if (info.range.from === null) throw new SeedbedError('BadFile', 'its pictures have no range', { at: file });
  checkChannels(info, file);
}

/** Plays both halves on some rows. */
function checkAutoencoder(graph: Graph, info: AutoencoderInfo, count: number, file: string): void {
  for (const half of Object.keys(HALVES) as Half[]) {
    const { output, gives } = HALVES[half](info);
    const played = halfGraph({ graph, info }, half, count, file);
    const { shape: takes } = played.inputs[0]!;
    requireOutput(played.outputs[0]!, output, takes, [takes[0]!, ...gives]);
  }
}

function checkSignature(graph: Graph, info: DenoiserInfo | EmbedderInfo, file: string): void {
  const inputs = new Map(graph.inputs.map(i => [i.name, i.shape]));
  for (const [use, name] of Object.entries(info.inputs)) {
    if (!inputs.has(name))
      throw new SeedbedError(
        'BadFile',
        `says that its ${use} input is '${name}', but has: ${[...inputs.keys()].join(', ')}`,
        { at: file },
      );
  }
  const conditions = info.kind === 'denoiser' ? (info.conditions ?? []) : [];
  const missing = conditions.find(name => !inputs.has(name));
  if (missing !== undefined)
    throw new SeedbedError(
      'BadFile',
      `says that '${missing}' is a condition, but takes: ${[...inputs.keys()].join(', ')}`,
      { at: file },
    );
  if (!graph.outputs.some(o => o.name === info.output))
    throw new SeedbedError('BadFile', `has no output '${info.output}'`, { at: file });
  const shape = inputs.get(info.inputs.image)!.slice(1);
  if (shape.join() !== info.shape.join())
    throw new SeedbedError('BadFile', `says its pictures are [${info.shape}], but its input is [${shape}]`, {
      at: file,
    });
  checkChannels(info, file);
  if (info.shape.slice(1).some(dim => dim <= 2 * info.padding)) {
    throw new SeedbedError(
      'BadFile',
      `a padding of ${info.padding} on each side leaves nothing of pictures [${info.shape}]`,
      { at: file },
    );
  }
}

function checkChannels({ shape, range: { mean, std } }: ModelInfo, file: string): void {
  const channels = shape[0]!;
  if (mean.length !== channels || std.length !== channels)
    throw new SeedbedError(
      'BadFile',
      `${channels} channel(s), but ${mean.length} mean(s) and ${std.length} deviation(s)`,
      { at: file },
    );
}

/** The model with zeros for its conditions, so that it can be tried before it is bound. */
function withPlaceholders(
  graph: Graph,
  info: DenoiserInfo | EmbedderInfo,
): { graph: Graph; info: DenoiserInfo | EmbedderInfo } {
  if (info.kind === 'embedder' || !info.conditions) return { graph, info };
  const { conditions, ...bound } = info;
  const [count] = graph.inputs.find(({ name }) => name === info.inputs.image)!.shape;
  const open = furtherInputs(graph, info).filter(({ name }) => conditions.includes(name));
  const values = new Map(open.map(input => [input.name, placeholderFor(input, count!)]));
  return { graph: closeInputs(graph, info, values, 'condition'), info: bound };
}

/** Plays the graph on some pictures at a level that is not known, so that what does not fit is found with its file. */
export function checkPlays(
  graph: Graph,
  info: DenoiserInfo | EmbedderInfo,
  file: string,
  count: number,
): void {
  const b = new GraphBuilder(graph.name);
  const shape = [count, ...info.shape];
  const image = b.input('pictures', 'float32', shape);
  const output =
    info.kind === 'denoiser'
      ? playNetwork(b, { info, graph }, image, b.input('fed', 'float32', []), file)
      : replay(b, graph, { [info.inputs.image]: image }, file)[info.output]!;
  requireOutput(b.type(output), info.output, shape, shape);
}

function requireOutput(
  { dtype, shape }: ValueType,
  name: string,
  takes: readonly Dim[],
  gives: readonly Dim[],
): void {
  if (dtype === 'float32' && shape.join() === gives.join()) return;
  const wanted = takes === gives ? 'of that shape' : `[${gives}]`;
  throw new SeedbedError(
    'BadFile',
    `its output '${name}' for pictures [${takes}] is ${dtype} [${shape}], not float32 ${wanted}`,
  );
}
