import { z } from 'zod';
import type { Denoiser } from '../../../diffusion/info.ts';
import { meanSeed, variancesAlong } from '../../../latent/cloud.ts';
import { orthonormal, sensitiveDirections } from '../../../latent/sensitive.ts';
import { combine } from '../../../tensor/rowwise.ts';
import { type Floats, float32, rows, takeRows } from '../../../tensor/tensor.ts';
import type { Lab, SeedCloud } from '../lab.ts';
import { trajectories } from './trajectories.ts';

/** Directions to which the sampler is most sensitive: those that stand for the data manifold, and all that are sought. */
export const TANGENT = 8;
export const SENSITIVE = 32;
/** Rounds of the search. */
const ROUNDS = 5;

/** As it is kept: the strongest first, of the first {@link TANGENT} the directions themselves. */
const sensitivity = z.object({
  gains: z.array(z.number()),
  variances: z.array(z.number()),
  first: z.array(z.array(z.number())),
});

/** What {@link alongSensitive} finds. */
export interface Sensitivity {
  /** Of the sampler, and variances of the cloud, the strongest first. */
  readonly gains: readonly number[];
  readonly variances: readonly number[];
  /** The first of them, [TANGENT, ...shape], orthonormal. */
  readonly first: Floats;
}

/**
 * How much a cloud varies along the directions in which its mean seed moves its picture most, at most half as many as a seed
 * has coordinates: the strongest first, with their gains.
 */
export async function alongSensitive(
  lab: Lab,
  { name, latent, model }: Pick<SeedCloud, 'name' | 'latent' | 'model'>,
): Promise<Sensitivity> {
  const mean = meanSeed(latent);
  const { gains, variances, first } = await lab.kept(`sensitive-${name}`, sensitivity, async () => {
    const { directions, gains } = await sensitiveDirections(lab.runtime, model, mean, {
      count: Math.min(SENSITIVE, Math.floor(mean.data.length / 2)),
      rounds: ROUNDS,
      rng: lab.rng,
    });
    const strongest = rows(directions, 0, Math.min(TANGENT, directions.shape[0]!));
    return {
      gains: Array.from(gains),
      variances: variancesAlong(latent, directions),
      first: Array.from({ length: strongest.shape[0]! }, (_, i) =>
        Array.from(rows(strongest, i, i + 1).data),
      ),
    };
  });
  const shape = [first.length, ...mean.shape.slice(1)];
  return { gains, variances, first: float32(shape, Float32Array.from(first.flat())) };
}

/** How far to both sides a seed is moved along a unit direction for the difference of what it grows. */
const STEP = 0.05;

/**
 * Orthonormal directions [count, ...shape] in which what a seed [1, ...shape] grows moves most, standardised: what the sampler
 * makes of those in which the seed moves it most, by differences.
 */
export async function pictureTangents(
  lab: Lab,
  model: Denoiser,
  seed: Floats,
  count: number,
): Promise<Floats> {
  const { directions } = await sensitiveDirections(lab.runtime, model, seed, {
    ...{ count, rounds: ROUNDS, rng: lab.rng },
  });
  const at = takeRows(seed, new Uint8Array(count));
  const grown = async (step: number) =>
    (await trajectories(lab, model, combine([1, at], [step, directions]))).at(-1)!;
  return orthonormal(combine([1, await grown(STEP)], [-1, await grown(-STEP)]));
}
