import { z } from 'zod';
import { meanSeed, variancesAlong } from '../../../latent/cloud.ts';
import { sensitiveDirections } from '../../../latent/sensitive.ts';
import type { Lab, SeedCloud } from '../lab.ts';

/** Directions to which the sampler is most sensitive: those that stand for the data manifold, and all that are sought. */
export const TANGENT = 8;
export const SENSITIVE = 32;
/** Rounds of the search. */
const ROUNDS = 5;

/** As it is kept: both strongest first. */
const sensitivity = z.object({ gains: z.array(z.number()), variances: z.array(z.number()) });

/**
 * How much a cloud varies along the directions in which its mean seed moves its picture most, at most half as many as a seed
 * has coordinates: the strongest first, with their gains.
 */
export function alongSensitive(lab: Lab, { name, latent, model }: SeedCloud) {
  return lab.kept(`sensitive-${name}`, sensitivity, async () => {
    const mean = meanSeed(latent);
    const { directions, gains } = await sensitiveDirections(lab.runtime, model, mean, {
      count: Math.min(SENSITIVE, Math.floor(mean.data.length / 2)),
      rounds: ROUNDS,
      rng: lab.rng,
    });
    return { gains: Array.from(gains), variances: variancesAlong(latent, directions) };
  });
}
