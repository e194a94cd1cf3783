import { openConversion } from '../diffusion/conversion.ts';
import type { Denoiser } from '../diffusion/info.ts';
import { createSampler, evaluationsOf } from '../diffusion/sampler.ts';
import { SeedbedError } from '../errors.ts';
import { principalComponents } from '../latent/pca.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { normals } from '../tensor/random.ts';
import { type Floats, requireFinite, rows } from '../tensor/tensor.ts';
import { type Features, principalFeatures } from './features.ts';
import { frechetDistance, momentsOf } from './frechet.ts';
import { type Condition, gate, type PictureFigures, type QualityNumbers } from './gate.ts';
import { errorsByLevel, TIMES } from './levels.ts';
import { wienerPictures } from './linear.ts';
import { nearestDistance, radiiOf, shareWithin } from './neighbours.ts';
import { pixelFigures } from './samples.ts';

/**
 * What {@link measureQuality} takes.
 * @group Quality
 */
export interface QualityOptions {
  /** Random number seed of noise and seeds, a whole number from 0. */
  readonly rng: number;
  /** Features of pictures; the coordinates along the data's first 64 principal components unless given. */
  readonly features?: Features | undefined;
  /** Pictures that the model learned in all, of which those given are some; no others unless given. */
  readonly learnedInAll?: number | undefined;
  /** Told how many network evaluations are done, of how many. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/**
 * How well a model has learned.
 * @group Quality
 */
export interface Quality extends QualityNumbers {
  /** Pictures that were grown, and as many real ones. */
  readonly count: number;
  /** What features are. */
  readonly features: string;
  /** {@link gate} */
  readonly conditions: readonly Condition[];
}

const BATCH = 32;
/** The share of pictures of which the nearest are looked at, where as many copies could be found. */
const NEAREST = 0.1;

/**
 * Measures how well a denoiser has learned: its error at ten noise levels compared with the best linear denoiser's, and as many
 * pictures as are held out, grown from seeds, compared with real ones and with what the linear denoiser grows.
 * Of a model with an autoencoder, errors and the linear denoiser are of latents, pictures are compared decoded.
 * @param learned [n, ...shape] of the data that it learned from, as the network sees them: they give the linear denoiser, the
 * components, and what the others are compared with; more of them than a picture has coordinates.
 * @param kept [m, ...shape], as the network sees them, that it did not learn.
 */
export async function measureQuality(
  runtime: Runtime,
  model: Denoiser,
  learned: Floats,
  kept: Floats,
  { rng, features: given, learnedInAll = learned.shape[0]!, onProgress }: QualityOptions,
): Promise<Quality> {
  const { info } = model;
  const count = kept.shape[0]!;
  if (count < 2 || learned.shape[0]! < 2)
    throw new SeedbedError(
      'BadArgument',
      `quality compares pictures with others: it takes two or more that were learned and two or more that were not, got ${learned.shape[0]} and ${count}`,
    );
  const looks = count * TIMES.length;
  const total = looks + count * evaluationsOf(info.sampler);
  const data = principalComponents(learned);
  const levels = await errorsByLevel(runtime, model, data, kept, {
    rng,
    onProgress: done => onProgress?.(done * count, total),
  });
  const seeds = normals({ seed: rng, purpose: 'quality seeds' }, [count, ...info.shape]);
  const sampler = await createSampler(runtime, model, info.sampler, BATCH);
  const grown = await sampler
    .sample(seeds, done => onProgress?.(looks + done, total))
    .finally(() => sampler.dispose());
  requireFinite(
    grown,
    'the model grows pictures that are no numbers: it has not learned, or is described wrongly. Ask doctor',
  );

  const features = given ?? principalFeatures(data);
  const conversion = openConversion(runtime, model, BATCH);
  const compared = (x0: Floats) => ({ x0, pixels: () => conversion.unclipped(x0) });
  try {
    // Copies are of any picture that was learned from; precision and recall take as many on both sides.
    const all = await features.of(compared(learned));
    const reference = rows(all, 0, Math.min(count, learned.shape[0]!));
    const [moments, radii] = [momentsOf(reference), radiiOf(reference)];
    // Of what copies all, half of the copies that could be found here.
    const copied = Math.min(NEAREST, learned.shape[0]! / learnedInAll / 2);
    const figures = async (x0: Floats): Promise<PictureFigures> => {
      const points = await features.of(compared(x0));
      return {
        ...pixelFigures(await conversion.unclipped(x0)),
        frechet: frechetDistance(momentsOf(points), moments),
        precision: shareWithin(points, reference, radii),
        recall: shareWithin(reference, points),
        nearest: nearestDistance(points, all, copied),
      };
    };
    const numbers = {
      ...{ levels, copied },
      grown: await figures(grown),
      linear: await figures(wienerPictures(model, data, seeds)),
      real: await figures(kept),
    };
    return { ...numbers, count, features: features.name, conditions: gate(numbers) };
  } finally {
    await conversion.dispose();
  }
}
