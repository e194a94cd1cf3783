import { z } from 'zod';
import { requireWhole, SeedbedError } from '../errors.ts';
import { SAMPLERS, type SamplerKind } from './samplers.ts';

/** The most steps of a sampler, and timesteps of a schedule: what is held in memory grows with them. */
export const MOST_SAMPLER_STEPS = 10_000;
export const MOST_TIMESTEPS = 100_000;

/** Whether no value is above the one before it. */
export const falling = (values: readonly number[]) =>
  values.every((value, i) => i === 0 || value <= values[i - 1]!);

/**
 * Ways to space a sampler's levels: evenly in time, or in log(s / n).
 * @group Sampling
 * @example
 * import { GRIDS } from 'seedbed';
 * console.log(GRIDS.join(', ')); // prints linspace, logSnr
 */
export const GRIDS = ['linspace', 'logSnr'] as const;

/**
 * One of {@link GRIDS}.
 * @group Sampling
 */
export type Grid = (typeof GRIDS)[number];

/** A sampler's description, checked. */
export const samplerSchema = z.object({
  /** Deterministic ways from a seed to its picture; `ddim` adds no noise on the way (Song et al. 2021, sigma = 0). */
  kind: z.enum(SAMPLERS),
  /** T, the steps; of `ddim` also the network evaluations for a picture. */
  steps: z.int().gt(0).lte(MOST_SAMPLER_STEPS),
  /**
   * The levels visited: 'linspace' for evenly spaced ones from `start`, times t, t (T-1)/T, ..., t/T or timesteps
   * n, ..., 0; 'logSnr' from the first of these to the last in even steps of log(s / n), which keeps more of what varies most;
   * or the T times or timesteps themselves, falling.
   */
  grid: z.union([
    z.enum(GRIDS),
    z
      .array(z.number().gte(0))
      .min(1)
      .max(MOST_SAMPLER_STEPS)
      .refine(falling, 'must fall from one step to the next'),
  ]),
  /** The noise level of the seeds: a diffusion time, 1 for noise; or a timestep of the schedule, from 0. */
  start: z.union([
    z.strictObject({
      /** In (0,1]. */
      diffusionTime: z.number().gt(0).lte(1),
    }),
    z.strictObject({
      /** A whole number from 0. */
      timestep: z.int().gte(0),
    }),
  ]),
  /**
   * What the last step gives: 'x0', the clean picture that the network predicts there, or what it makes of the noise level of
   * a timestep, such as the first, 0.
   */
  final: z.union([z.literal('x0'), z.strictObject({ timestep: z.int().gte(0) })]),
  /** Each step leads from timestep n to n - stride, whatever the next one is, as diffusers' DDIM does; of `ddim` alone. To the next unless given. */
  stride: z.int().gt(0).lte(MOST_TIMESTEPS).optional(),
  /** Range to which each predicted clean picture is clipped, standardised; none unless given. */
  clipX0: z.tuple([z.number(), z.number()]).nullable().optional(),
});

/**
 * A sampler as data: its kind, its T steps, the noise levels that they visit; the last gives the clean picture.
 * @group Models
 * @useDeclaredType
 */
export type SamplerInfo = z.infer<typeof samplerSchema>;

/** The sampler of the paper: DDIM steps evenly spaced in time, ending in the last predicted x0. */
export function ddim(steps: number): SamplerInfo {
  return { kind: 'ddim', steps, grid: 'linspace', start: { diffusionTime: 1 }, final: 'x0' };
}

/**
 * The model's own sampler, or another, or of another kind; with another number of steps, or spaced in another way.
 * @throws {SeedbedError} BadArgument for a number or a way that there is not.
 */
export function chooseSampler(
  own: SamplerInfo,
  {
    sampler = own,
    samplerSteps: steps,
    samplerGrid: grid,
  }: {
    sampler?: SamplerKind | SamplerInfo | undefined;
    samplerSteps?: number | undefined;
    samplerGrid?: Grid | undefined;
  },
): SamplerInfo {
  if (steps !== undefined) requireWhole('samplerSteps', steps, 1, MOST_SAMPLER_STEPS);
  if (grid !== undefined && !GRIDS.includes(grid))
    throw new SeedbedError('BadArgument', `samplerGrid is one of ${GRIDS.join(', ')}, got ${grid}`);
  const chosen = typeof sampler === 'string' ? ofKind(own, sampler) : sampler;
  if ((steps ?? chosen.steps) === chosen.steps && (grid ?? chosen.grid) === chosen.grid) return chosen;
  const { stride: _, ...along } = chosen;
  // A list is of its own number of levels.
  const spaced = typeof chosen.grid === 'string' ? chosen.grid : 'linspace';
  return { ...along, steps: steps ?? chosen.steps, grid: grid ?? spaced };
}

/** A sampler of another kind at the same levels. */
function ofKind(own: SamplerInfo, kind: SamplerKind): SamplerInfo {
  if (kind === own.kind) return own;
  const { stride: _, ...along } = own;
  return { ...along, kind };
}
