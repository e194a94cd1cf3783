import { standardise, unstandardise } from '../data/pixels.ts';
import { SeedbedError } from '../errors.ts';
import { GraphBuilder, type Value } from '../graph/builder.ts';
import { keepOutputs } from '../graph/nodes.ts';
import { replay } from '../graph/replay.ts';
import type { Runtime, Session } from '../runtime/runtime.ts';
import { inBatches } from '../tensor/rowwise.ts';
import { type Floats, sizeOf } from '../tensor/tensor.ts';
import type { Autoencoder, AutoencoderInfo, Denoiser } from './info.ts';

/** What each half of an autoencoder takes and gives. */
export const HALVES = {
  encode: ({ inputs, outputs, shape, latentShape }: AutoencoderInfo) => ({
    ...{ input: inputs.image, takes: shape, output: outputs.latent, gives: latentShape },
  }),
  decode: ({ inputs, outputs, shape, latentShape }: AutoencoderInfo) => ({
    ...{ input: inputs.latent, takes: latentShape, output: outputs.image, gives: shape },
  }),
};
export type Half = keyof typeof HALVES;

/**
 * A denoiser of latents together with its autoencoder: what it grows, and what is embedded into it, are then pictures.
 * @throws {SeedbedError} Mismatch for the autoencoder of another denoiser.
 * @group Models
 * @example
 * import type { ForeignAutoencoder } from 'seedbed';
 * import { gaussianDenoiser, GraphBuilder, importAutoencoder, sample, withAutoencoder } from 'seedbed';
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
 * const { pictures } = await sample(withAutoencoder(model, autoencoder), { count: 2 });
 * console.log(pictures.shape); // prints [ 2, 1, 4, 4 ]
 */
export function withAutoencoder(model: Denoiser, autoencoder: Autoencoder): Denoiser {
  const { denoiser, name } = autoencoder.info;
  if (denoiser !== model.hash)
    throw new SeedbedError(
      'Mismatch',
      `autoencoder '${name}' belongs to denoiser ${denoiser}, but this one, '${model.info.name}', is ${model.hash}. Import both together`,
    );
  return { ...model, autoencoder };
}

/** How many rows a half takes at a time, where its graph is made for one number of them. */
export function ownBatch(
  { info, graph }: Pick<Autoencoder, 'info' | 'graph'>,
  half: Half,
): number | undefined {
  const [count] = graph.inputs.find(({ name }) => name === HALVES[half](info).input)!.shape;
  return typeof count === 'number' ? count : undefined;
}

/** Puts a half into a graph. @param x [n, ...], of as many rows as the half takes. */
export function playHalf(
  b: GraphBuilder,
  { info, graph }: Pick<Autoencoder, 'info' | 'graph'>,
  half: Half,
  x: Value,
  file?: string,
): Value {
  const { input, output } = HALVES[half](info);
  return replay(
    b,
    keepOutputs(graph, name => name === output),
    { [input]: x },
    file,
  )[output]!;
}

/** A half as a graph from `x` to `y`. @param batch rows, where the half takes any number of them. */
export function halfGraph(
  autoencoder: Pick<Autoencoder, 'info' | 'graph'>,
  half: Half,
  batch: number,
  file?: string,
) {
  const b = new GraphBuilder(`${autoencoder.info.name}: ${half}`);
  const { takes } = HALVES[half](autoencoder.info);
  const x = b.input('x', 'float32', [ownBatch(autoencoder, half) ?? batch, ...takes]);
  return b.build({ y: playHalf(b, autoencoder, half, x, file) });
}

/** An autoencoder that is ready to run. */
export interface Coder {
  /** The latents [n, ...latentShape], as the denoiser sees them, of pictures [n, ...shape] with pixels in [0,1]. */
  encode(pictures: Floats): Promise<Floats>;
  /** The pictures of latents: pixels, about in [0,1], not clipped. */
  decode(latents: Floats): Promise<Floats>;
  dispose(): Promise<void>;
}

/** Numbers of pictures in work at once, about: the widest layers of an autoencoder hold some forty times as many. */
const MOST_AT_ONCE = 2 ** 20;

/** How many pictures of `batch` an autoencoder works on at once. */
export function atOnce({ info }: Autoencoder, batch: number): number {
  return Math.max(1, Math.min(batch, Math.floor(MOST_AT_ONCE / sizeOf(info.shape))));
}

/** Makes an autoencoder ready, each half when it is first asked for. */
export function openAutoencoder(runtime: Runtime, autoencoder: Autoencoder, batch: number): Coder {
  const { info } = autoencoder;
  const fitting = atOnce(autoencoder, batch);
  const sessions = new Map<Half, Promise<Session>>();
  const run = async (half: Half, rows: Floats) => {
    const session = sessions.get(half) ?? runtime.load(halfGraph(autoencoder, half, fitting));
    sessions.set(half, session);
    const { run } = await session;
    return inBatches(rows, ownBatch(autoencoder, half) ?? fitting, async x => (await run({ x })).y as Floats);
  };
  return {
    encode: pictures => run('encode', standardise(pictures, info.range)),
    decode: async latents => unstandardise(await run('decode', latents), info.range),
    async dispose() {
      await Promise.all([...sessions.values()].map(async session => (await session).dispose()));
    },
  };
}
