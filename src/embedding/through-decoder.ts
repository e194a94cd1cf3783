import { standardise } from '../data/pixels.ts';
import { atOnce, ownBatch, playHalf } from '../diffusion/autoencoder.ts';
import type { Autoencoder } from '../diffusion/info.ts';
import { GraphBuilder } from '../graph/builder.ts';
import { dropUnusedInputs } from '../graph/nodes.ts';
import type { Runtime, Session } from '../runtime/runtime.ts';
import { filledRows } from '../tensor/rowwise.ts';
import { concatRows, type Floats, rows } from '../tensor/tensor.ts';
import { leastSquares } from './inversion/least-squares.ts';
import { type DifferentiableMap, GRAPHS } from './inversion/maps.ts';

/**
 * How far off, root mean square and standardised, the decoded picture may be; how far the encoder's latents are off, about,
 * of a variance of about 1; and for how long it is tried.
 */
const FIT = { tau: 0.05, outer: 4, inner: 8 };
const SPREAD = 0.3;

/** Latents that are fitted to pictures. */
export interface LatentFitter {
  /**
   * The latents z near the encoder's z_E whose decoded picture D(z) is nearest to the one wanted: least squares of
   * |D(z) - picture|^2 / tau^2 + |z - z_E|^2 / spread^2.
   * @param pictures [n, C, H, W], pixels in [0,1]; @param encoded [n, c, h, w], as the denoiser sees them.
   */
  fit(pictures: Floats, encoded: Floats): Promise<Floats>;
  dispose(): Promise<void>;
}

export function openLatentFitter(runtime: Runtime, autoencoder: Autoencoder, batch: number): LatentFitter {
  const { range } = autoencoder.info;
  const size = ownBatch(autoencoder, 'decode') ?? atOnce(autoencoder, batch);
  const map = decoderMap(runtime, autoencoder, size);
  return {
    async fit(pictures, encoded) {
      const count = encoded.shape[0]!;
      const parts: Floats[] = [];
      for (let first = 0; first < count; first += size) {
        const part = (all: Floats) => filledRows(all, first, size);
        const { x } = await leastSquares(map, standardise(part(pictures), range), part(encoded), SPREAD, FIT);
        parts.push(rows(x, 0, Math.min(size, count - first)));
      }
      return concatRows(parts);
    },
    dispose: map.dispose,
  };
}

/** The decoder as a function from latents to standardised pictures, for batches of one size. */
function decoderMap(
  runtime: Runtime,
  autoencoder: Autoencoder,
  batch: number,
): DifferentiableMap & { dispose(): Promise<void> } {
  const { name: model, shape, latentShape } = autoencoder.info;
  const sessions = new Map<string, Promise<Session>>();
  const load = (name: keyof typeof GRAPHS) => {
    const b = new GraphBuilder(`${model} ${name}`);
    const input = (part: string) =>
      b.input(part, 'float32', [batch, ...(part === 'x' || part === 'v' ? latentShape : shape)]);
    const x = input('x');
    const value = playHalf(b, autoencoder, 'decode', x);
    return runtime.load(dropUnusedInputs(b.build(GRAPHS[name].outputs(b, { x, value, input }))));
  };
  const run = async (name: keyof typeof GRAPHS, feeds: Record<string, Floats>, output: string) => {
    const session = sessions.get(name) ?? load(name);
    sessions.set(name, session);
    return (await (await session).run(feeds))[output] as Floats;
  };
  return {
    value: x => run('value', { x }, 'value'),
    pull: (x, u) => run('pull back', { x, u }, 'pulled'),
    normal: (x, v) => run('push', { x, v }, 'pulled'),
    async dispose() {
      await Promise.all([...sessions.values()].map(async session => (await session).dispose()));
    },
  };
}
