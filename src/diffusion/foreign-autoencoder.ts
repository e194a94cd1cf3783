import { inPlace, isSeedbedError, SeedbedError } from '../errors.ts';
import { GraphBuilder } from '../graph/builder.ts';
import type { Dim, Graph, Node, ValueInfo } from '../graph/ir.ts';
import { renameGraph } from '../graph/nodes.ts';
import { replay } from '../graph/replay.ts';
import { float32, int64, type Tensor } from '../tensor/tensor.ts';
import { unitRange } from './foreign.ts';
import type { Autoencoder, AutoencoderInfo, Denoiser } from './info.ts';
import { acceptModel } from './model.ts';

/**
 * What the numbers of a third-party autoencoder mean.
 * @group Models
 */
export interface ForeignAutoencoder {
  /** The picture that it takes and gives: (pixel - mean) / std, of pixels that go `from` least to greatest. */
  readonly range: AutoencoderInfo['range'];
  /** The denoiser sees (latent - mean) / std, for each channel of the latents. */
  readonly latents: { readonly mean: readonly number[]; readonly std: readonly number[] };
}

/**
 * A half as it was exported.
 * @group Models
 */
export interface ForeignHalf {
  /** The graph, of one input and one output. */
  readonly graph: Graph;
  /** The name that messages give it. */
  readonly file: string;
}

/**
 * Makes one autoencoder of an encoder and a decoder from elsewhere, with the scale of the latents worked into both, so that
 * its latents are what the denoiser sees. Of an encoder that gives means and log-variances the means are taken.
 * @throws {SeedbedError} BadFile or Unsupported, naming file, operator or shape, when they do not fit the denoiser.
 * @group Models
 * @example
 * import { type ForeignAutoencoder, gaussianDenoiser, GraphBuilder, importAutoencoder } from 'seedbed';
 * const model = gaussianDenoiser(1, [1, 4, 4]); // stands for a denoiser of latents
 * const times = (factor: number) => {
 *   const b = new GraphBuilder('half');
 *   const x = b.input('x', 'float32', ['N', 1, 4, 4]);
 *   return { graph: b.build({ y: b.mul(x, b.scalar(factor)) }), file: 'half.onnx' };
 * };
 * const about: ForeignAutoencoder = {
 *   range: { from: [-1, 1], mean: [0], std: [1] },
 *   latents: { mean: [0], std: [1 / 0.18215] }, // Stable Diffusion's scaling_factor
 * };
 * const autoencoder = importAutoencoder({ encoder: times(4), decoder: times(0.25) }, model, about);
 * console.log(autoencoder.info.shape, autoencoder.info.latentShape); // prints [ 1, 4, 4 ] [ 1, 4, 4 ]
 */
export function importAutoencoder(
  halves: { readonly encoder: ForeignHalf; readonly decoder: ForeignHalf },
  denoiser: Denoiser,
  about: ForeignAutoencoder,
): Autoencoder {
  const latentShape = denoiser.info.shape;
  const decoder = open(halves.decoder, latentShape, 'decoder', { output: 'decoded' });
  const shape = decoder.gives.slice(1) as number[];
  const encoder = open(halves.encoder, shape, 'encoder', { input: 'picture' });
  const [channels] = latentShape as [number];
  const given = encoder.gives[1];
  if (given !== channels && given !== 2 * channels)
    throw new SeedbedError(
      'BadFile',
      `gives ${given} channels of latents, where the denoiser sees ${channels}: neither as many, nor twice as many for mean and log-variance`,
      { at: halves.encoder.file },
    );
  if (encoder.graph.opset !== decoder.graph.opset)
    throw new SeedbedError(
      'Unsupported',
      `${halves.encoder.file} is of operator set ${encoder.graph.opset}, ${halves.decoder.file} of ${decoder.graph.opset}. Export both in one`,
    );
  const info: AutoencoderInfo = {
    ...{ seedbed: 1, kind: 'autoencoder', name: `${denoiser.info.name}-autoencoder` },
    inputs: { image: encoder.input, latent: 'latent' },
    outputs: { latent: 'encoded', image: decoder.output },
    ...{ shape, latentShape: [...latentShape] },
    range: unitRange(about.range),
    denoiser: denoiser.hash,
  };
  const scale = scaling(about.latents, encoder, decoder, given === channels ? undefined : channels);
  const value = (name: string, count: Dim, of: readonly Dim[]): ValueInfo => ({
    ...{ name, dtype: 'float32', shape: [count, ...of] },
  });
  const graph: Graph = {
    ...{ name: info.name, opset: decoder.graph.opset, metadata: new Map() },
    inputs: [value(encoder.input, encoder.count, shape), value('latent', decoder.count, latentShape)],
    outputs: [value('encoded', encoder.count, latentShape), value(decoder.output, decoder.count, shape)],
    initializers: new Map([
      ...encoder.graph.initializers,
      ...decoder.graph.initializers,
      ...Object.entries(scale.constants),
    ]),
    nodes: [...scale.before, ...encoder.graph.nodes, ...decoder.graph.nodes, ...scale.after],
  };
  return acceptModel(graph, info, info.name, [2, 3]) as Autoencoder;
}

/** A half whose names no other half has. */
interface Half {
  readonly graph: Graph;
  readonly input: string;
  readonly output: string;
  /** How many rows it takes: any number, 'N', or one. */
  readonly count: Dim;
  /** The shape of what it gives. */
  readonly gives: readonly Dim[];
}

/**
 * Finds what a half takes and gives, by playing it on rows of a shape.
 * @param called what its input and output are called from now on, where that is not to begin with the half's name.
 */
function open(
  { graph: own, file }: ForeignHalf,
  shape: readonly number[],
  name: string,
  called: { readonly input?: string; readonly output?: string },
): Half {
  const [input, ...more] = own.inputs;
  const [output] = own.outputs;
  if (!input || !output || more.length > 0 || own.outputs.length > 1)
    throw new SeedbedError(
      'BadFile',
      `takes ${namesOf(own.inputs)} and gives ${namesOf(own.outputs)}; an ${name} takes one input and gives one output`,
      { at: file },
    );
  const names = new Map([
    ['', ''],
    [input.name, called.input ?? `${name}/${input.name}`],
    [output.name, called.output ?? `${name}/${output.name}`],
  ]);
  const graph = prefixed(own, name, names);
  const half = { graph, input: names.get(input.name)!, output: names.get(output.name)! };
  const given = (count: number) => {
    const b = new GraphBuilder(name);
    const x = b.input(half.input, 'float32', [count, ...shape]);
    const gives = inPlace(file, () => b.shape(replay(b, graph, { [half.input]: x }, file)[half.output]!));
    if (gives[0] === count && gives.length === 4) return gives;
    throw new SeedbedError('BadFile', `gives [${gives}] for [${count},${shape}]`, { at: file });
  };
  try {
    return { ...half, count: 'N', gives: [2, 3].map(given)[0]! };
  } catch (error) {
    if (!isSeedbedError(error, 'BadFile') && !isSeedbedError(error, 'BadShape')) throw error;
    // Made for batches of one size, whatever it declares.
    const declared = [input.shape[0], output.shape[0], 1].find(count => typeof count === 'number')!;
    return { ...half, count: declared, gives: given(declared as number) };
  }
}

/** The graph with its values and nodes called otherwise, by `names` or with a prefix. */
function prefixed(graph: Graph, prefix: string, names: ReadonlyMap<string, string>): Graph {
  const renamed = renameGraph(graph, value => names.get(value) ?? `${prefix}/${value}`);
  return { ...renamed, nodes: renamed.nodes.map(node => ({ ...node, name: `${prefix}/${node.name}` })) };
}

const namesOf = (list: readonly ValueInfo[]) => list.map(({ name }) => `'${name}'`).join(', ') || 'nothing';

/** The nodes from the encoder's output to what the denoiser sees, and from that to the decoder's input. */
function scaling(
  { mean, std }: ForeignAutoencoder['latents'],
  encoder: Half,
  decoder: Half,
  /** Channels of the mean, where the encoder gives the log-variance after it. */
  meanChannels: number | undefined,
): { constants: Record<string, Tensor>; before: Node[]; after: Node[] } {
  const each = (values: readonly number[]) => float32([1, values.length, 1, 1], values);
  const node = (op: string, inputs: string[], output: string): Node => ({
    ...{ op, name: `latents/${op} ${output}`, inputs, outputs: [output], attributes: {} },
  });
  const bounds = {
    'latents/from': int64([0]),
    'latents/to': int64([meanChannels ?? 0]),
    'latents/axis': int64([1]),
  };
  const means = meanChannels === undefined ? encoder.output : 'latents/means';
  return {
    constants: { 'latents/mean': each(mean), 'latents/std': each(std), ...(meanChannels && bounds) },
    before: [
      node('Mul', ['latent', 'latents/std'], 'latents/scaled'),
      node('Add', ['latents/scaled', 'latents/mean'], decoder.input),
    ],
    after: [
      ...(meanChannels ? [node('Slice', [encoder.output, ...Object.keys(bounds)], means)] : []),
      node('Sub', [means, 'latents/mean'], 'latents/centred'),
      node('Div', ['latents/centred', 'latents/std'], 'encoded'),
    ],
  };
}
