import { z } from 'zod';
import { SeedbedError } from '../../errors.ts';
import { checked } from './checked.ts';
import type { Config } from './fields.ts';

const edmSchema = z.object({
  sigma_min: z.number().gt(0),
  sigma_max: z.number().gt(0),
  sigma_data: z.number().gt(0),
  sigma_schedule: z.enum(['karras', 'exponential']),
  rho: z.number().gt(0),
  prediction_type: z.string(),
});

/**
 * What the description says of a network that a scheduler preconditions (EDM, Karras et al. 2022): of the denoiser around it,
 * with the T sigmas that the scheduler visits.
 */
export function edmFields(config: Config, steps: number, where: string): Record<string, () => unknown> {
  const edm = checked(edmSchema, config, where);
  if (edm.prediction_type !== 'epsilon')
    throw new SeedbedError(
      'Unsupported',
      `prediction_type '${edm.prediction_type}' of an EDM scheduler is another preconditioning, which is not known: export the network with it`,
      { at: where },
    );
  return {
    predicts: () => 'x0',
    level: () => 'sigma',
    sees: () => 'exploding',
    schedule: () => ({ kind: 'sigmas', values: risingSigmas(edm, steps) }),
    preconditioning: () => ({ kind: 'edm', sigmaData: edm.sigma_data }),
  };
}

/** From the least to the greatest, evenly in sigma^(1 / rho) (Karras et al. 2022, eq. 5) or in log sigma. */
function risingSigmas(edm: z.infer<typeof edmSchema>, steps: number): number[] {
  const { sigma_min, sigma_max, sigma_schedule, rho } = edm;
  const [to, from] =
    sigma_schedule === 'karras'
      ? [(sigma: number) => sigma ** (1 / rho), (root: number) => root ** rho]
      : [Math.log, Math.exp];
  const [first, last] = [to(sigma_min), to(sigma_max)];
  // One step begins at the greatest; a schedule has two levels at least.
  const parts = Math.max(1, steps - 1);
  return Array.from({ length: parts + 1 }, (_, i) => from(first + (i / parts) * (last - first)));
}
