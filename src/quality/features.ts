import { SeedbedError } from '../errors.ts';
import type { Graph } from '../graph/ir.ts';
import { bind } from '../graph/replay.ts';
import { coordinates, type PrincipalComponents } from '../latent/pca.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { filledRows } from '../tensor/rowwise.ts';
import { concatRows, type Floats, float32, rows, sizeOf, toFloat32 } from '../tensor/tensor.ts';

/** Pictures [n, ...] in two forms. */
export interface Compared {
  /** As the denoiser sees them: standardised, or its autoencoder's latents. */
  readonly x0: Floats;
  /** Their pixels, not clipped. */
  pixels(): Promise<Floats>;
}

/** Turns pictures into points [n, D] whose distances mean something. */
export interface Features {
  /** What they are, for the report. */
  readonly name: string;
  of(pictures: Compared): Promise<Floats>;
  dispose(): Promise<void>;
}

/** Principal components that features keep, unless a network is named. */
const COMPONENTS = 64;
const BATCH = 32;

/** The coordinates along the data's first 64 principal components. */
export function principalFeatures(data: PrincipalComponents): Features {
  const kept = Math.min(COMPONENTS, data.variances.length);
  return {
    name: `the first ${kept} principal components of the data`,
    of: async ({ x0 }) => coordinates(x0, data, 0, kept),
    dispose: async () => {},
  };
}

/**
 * The first output of any ONNX network of one picture input [N, ...shape], pixels in [0,1], of grown pictures beyond it where these go there, flattened, such as a classifier's
 * last layer but one.
 * @throws {SeedbedError} BadArgument when it takes other inputs, or pictures of another shape.
 */
export async function networkFeatures(
  runtime: Runtime,
  graph: Graph,
  shape: readonly number[],
): Promise<Features> {
  const [input, ...more] = graph.inputs;
  const fits = input?.shape.slice(1).every((dim, i) => typeof dim === 'string' || dim === shape[i]);
  if (!input || more.length > 0 || input.shape.length !== shape.length + 1 || !fits) {
    const takes = graph.inputs.map(({ name, shape }) => `'${name}' [${shape}]`).join(', ');
    throw new SeedbedError(
      'BadArgument',
      `features: ${graph.name} takes ${takes}; a network of features takes one input, pictures [N,${shape}]`,
    );
  }
  // Pictures in work at once: as many as the network takes, where that is fixed.
  const batch = typeof input.shape[0] === 'number' ? input.shape[0] : BATCH;
  const dims = [batch, ...shape];
  const sizes = input.shape.flatMap((dim, i) => (typeof dim === 'string' ? [[dim, dims[i]!] as const] : []));
  const session = await runtime.load(bind(graph, Object.fromEntries(sizes)));
  const output = graph.outputs[0]!.name;
  return {
    name: `the output '${output}' of ${graph.name}`,
    async of(compared) {
      const pixels = await compared.pixels();
      const parts: Floats[] = [];
      const count = pixels.shape[0]!;
      for (let first = 0; first < count; first += batch) {
        const given = filledRows(pixels, first, batch);
        const found = toFloat32((await session.run({ [input.name]: given }))[output]!);
        const flat = float32([batch, sizeOf(found.shape) / batch], found.data);
        parts.push(rows(flat, 0, Math.min(batch, count - first)));
      }
      return concatRows(parts);
    },
    dispose: () => session.dispose(),
  };
}
