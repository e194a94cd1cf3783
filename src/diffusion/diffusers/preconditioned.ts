import { z } from 'zod';
import { SeedbedError } from '../../errors.ts';
import { checked } from './checked.ts';
import type { Config } from './fields.ts';

/** Spacings of schedulers that precondition their network: what is described is the denoiser around it. */
const PRECONDITIONED = ['edm', 'consistency'] as const;
export type Preconditioned = (typeof PRECONDITIONED)[number];

export const isPreconditioned = (spacing: string): spacing is Preconditioned =>
  (PRECONDITIONED as readonly string[]).includes(spacing);

/** What the description says of a network that a scheduler preconditions: of the denoiser around it. */
export function preconditionedFields(
  spacing: Preconditioned,
  config: Config,
  steps: number,
  where: string,
): Record<string, () => unknown> {
  const { values, preconditioning } =
    spacing === 'edm' ? edmOf(config, steps, where) : consistencyOf(config, where);
  return {
    predicts: () => 'x0',
    level: () => 'sigma',
    sees: () => 'exploding',
    schedule: () => ({ kind: 'sigmas', values }),
    preconditioning: () => preconditioning,
  };
}

const edmSchema = z.object({
  sigma_min: z.number().gt(0),
  sigma_max: z.number().gt(0),
  sigma_data: z.number().gt(0),
  sigma_schedule: z.enum(['karras', 'exponential']),
  rho: z.number().gt(0),
  prediction_type: z.string(),
});

/** EDM (Karras et al. 2022), with the T sigmas that the scheduler visits. */
function edmOf(config: Config, steps: number, where: string) {
  const edm = checked(edmSchema, config, where);
  if (!['epsilon', 'v_prediction'].includes(edm.prediction_type))
    throw new SeedbedError(
      'Unsupported',
      `prediction_type '${edm.prediction_type}' of an EDM scheduler is another preconditioning, which is not known: export the network with it`,
      { at: where },
    );
  const negated = edm.prediction_type === 'v_prediction';
  return {
    values: risingSigmas(edm, steps),
    preconditioning: { kind: 'edm', sigmaData: edm.sigma_data, ...(negated && { negated }) },
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

const consistencySchema = edmSchema.pick({ sigma_min: true, sigma_max: true, sigma_data: true });

/** A consistency model (Song et al. 2023), which goes from the greatest sigma to the picture in one step. */
function consistencyOf(config: Config, where: string) {
  const { sigma_min, sigma_max, sigma_data } = checked(consistencySchema, config, where);
  return {
    values: [sigma_min, sigma_max],
    preconditioning: { kind: 'consistency', sigmaData: sigma_data, sigmaMin: sigma_min },
  };
}
