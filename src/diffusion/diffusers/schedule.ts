import { z } from 'zod';
import { SeedbedError } from '../../errors.ts';
import { ratesAt, type Schedule, timestepsOf } from '../schedule.ts';
import { checked } from './checked.ts';
import type { Config } from './fields.ts';
import { shifted } from './grids.ts';
import { isDistilled, ownMu, type Pipeline, requireToldLevels } from './pipeline.ts';

const betasSchema = z.object({
  num_train_timesteps: z.int().gt(0).lte(100_000),
  beta_start: z.number().default(1e-4),
  beta_end: z.number().default(0.02),
  beta_schedule: z.string(),
  trained_betas: z.array(z.number().gt(0).lt(1)).min(2).nullish(),
  snr_shift_scale: z.number().gt(0).default(1),
  rescale_betas_zero_snr: z.boolean().default(false),
});

type Betas = z.infer<typeof betasSchema>;

/** The common schedules by diffusers' names. */
const NAMED: Readonly<Record<string, (betas: Betas) => Schedule>> = {
  linear: ({ num_train_timesteps: timesteps, beta_start: betaStart, beta_end: betaEnd }) => ({
    kind: 'linearBeta',
    timesteps,
    betaStart,
    betaEnd,
  }),
  scaled_linear: ({ num_train_timesteps: timesteps, beta_start: betaStart, beta_end: betaEnd }) => ({
    kind: 'scaledLinearBeta',
    timesteps,
    betaStart,
    betaEnd,
  }),
  squaredcos_cap_v2: ({ num_train_timesteps: timesteps }) => ({ kind: 'cosineBeta', timesteps }),
  /** beta rises as 1 / (1 + e^-u) does for u from -6 to 6 (GeoDiff). */
  sigmoid: ({ num_train_timesteps: count, beta_start, beta_end }) =>
    listed(
      Array.from({ length: count }, (_, i) => {
        const u = -6 + (12 * i) / Math.max(1, count - 1);
        return beta_start + (beta_end - beta_start) / (1 + Math.exp(-u));
      }),
    ),
};

/** How much noise there is at each timestep. @throws {SeedbedError} Unsupported for betas that are not known. */
export function betaSchedule(config: Config, where: string): Schedule {
  const betas = checked(betasSchema, config, where);
  const named = Object.hasOwn(NAMED, betas.beta_schedule) ? NAMED[betas.beta_schedule] : undefined;
  if (!named && !betas.trained_betas)
    throw new SeedbedError(
      'Unsupported',
      `beta_schedule '${betas.beta_schedule}' is not one of ${Object.keys(NAMED).join(', ')}. Describe it with --config, as a list: {"schedule": {"kind": "alphaBar", "values": [...]}}`,
      { at: where },
    );
  const plain = betas.trained_betas ? listed(betas.trained_betas) : named!(betas);
  const { snr_shift_scale: scale, rescale_betas_zero_snr } = betas;
  if (scale === 1 && !rescale_betas_zero_snr) return plain;
  const moved = alphaBars(plain).map(value => value / (scale + (1 - scale) * value));
  const values = rescale_betas_zero_snr ? withoutSignal(moved) : moved;
  return { kind: 'alphaBar', values };
}

function listed(betas: readonly number[]): Schedule {
  let alphaBar = 1;
  return { kind: 'alphaBar', values: betas.map(beta => (alphaBar *= 1 - beta)) };
}

function alphaBars(schedule: Schedule): number[] {
  const count = timestepsOf(schedule)!;
  return Array.from({ length: count }, (_, n) => ratesAt(schedule, (n + 1) / count).signalRate ** 2);
}

/** sqrt(alpha_bar) moved and stretched so that it ends at 0 and begins as before (Lin et al. 2024, Algorithm 1). */
function withoutSignal(values: readonly number[]): number[] {
  const roots = values.map(Math.sqrt);
  const [first, last] = [roots[0]!, roots.at(-1)!];
  return roots.map(root => (((root - last) * first) / (first - last)) ** 2);
}

const flowSchema = z.object({
  num_train_timesteps: z.int().gt(0).lte(100_000),
  shift: z.number().gt(0).optional(),
  flow_shift: z.number().gt(0).default(1),
  use_dynamic_shifting: z.boolean().default(false),
  time_shift_type: z.enum(['exponential', 'linear']).default('exponential'),
  base_shift: z.number().nullish(),
  max_shift: z.number().nullish(),
  base_image_seq_len: z.number().gt(0).optional(),
  max_image_seq_len: z.number().gt(0).optional(),
});

/** What says how flow is shifted where that follows the resolution. */
interface Followed {
  readonly tokens: number;
  /** T. */
  readonly steps: number;
  /** The pipeline, where that is known. */
  readonly pipeline: Pipeline | undefined;
}

/** The schedule of flow matching, its shift by the number of tokens where it follows the resolution. */
export function flowSchedule(
  config: Config,
  followed: Followed,
  where: string,
  note: (text: string) => void,
): Extract<Schedule, { kind: 'flow' }> {
  const flow = checked(flowSchema, config, where);
  const { num_train_timesteps: timesteps, shift: fixed = flow.flow_shift } = flow;
  if (followed.pipeline) requireToldLevels(followed.pipeline, flow.use_dynamic_shifting, where);
  if (!flow.use_dynamic_shifting) return { kind: 'flow', timesteps, shift: fixed };
  const mu = muOf(flow, followed, where);
  const shift = flow.time_shift_type === 'exponential' ? Math.exp(mu) : mu;
  const why = isDistilled(followed.pipeline)
    ? `its shift is that of a distilled pipeline, ${shift.toPrecision(4)}`
    : `its shift follows the resolution: ${shift.toPrecision(4)} for ${followed.tokens} tokens`;
  note(`${why}; --config {"schedule": {"kind": "flow", "shift": ...}} says another`);
  return { kind: 'flow', timesteps, shift };
}

/** The number mu that a shift is made of. */
function muOf(
  flow: z.infer<typeof flowSchema>,
  { tokens, steps, pipeline }: Followed,
  where: string,
): number {
  const own = ownMu(pipeline, tokens, steps);
  if (own !== undefined) return own;
  const { base_shift, max_shift, base_image_seq_len, max_image_seq_len } = flow;
  if (base_shift == null || max_shift == null || !base_image_seq_len || !max_image_seq_len)
    throw new SeedbedError(
      'Unsupported',
      'use_dynamic_shifting: its shift is told by its pipeline. Say it with --config: {"schedule": {"kind": "flow", "shift": 3}}',
      { at: where },
    );
  const slope = (max_shift - base_shift) / (max_image_seq_len - base_image_seq_len);
  return base_shift + slope * (tokens - base_image_seq_len);
}

/** The diffusion time at which a flow schedule has a sigma. */
export function flowTime(sigma: number, shift: number): number {
  return shifted(sigma, 1 / shift);
}
