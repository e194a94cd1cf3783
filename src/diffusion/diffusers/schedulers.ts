/**
 * THE table of diffusers' scheduler classes (0.42.1): every field of each with the value that it has where a
 * scheduler_config.json leaves it out, and how it is read. What each field does here is in fields.ts.
 */
import type { SamplerKind } from '../samplers.ts';
import type { Preconditioned } from './preconditioned.ts';

/** How timesteps are spaced (grids.ts), or sigmas. */
export type Spacing = 'own' | 'one more' | 'even' | 'distilled' | 'flow' | Preconditioned;

/** A class whose steps, but for noise that it may add, are DDIM's on a grid of its own. */
export interface Read {
  readonly spacing: Spacing;
  /** What its steps do that DDIM's do not, in words; left out. */
  readonly leavesOut?: string;
  /** It steps from timestep n to n - N // T, whatever the next one is. */
  readonly strides?: true;
  /** Where it ends, at the clean picture or at timestep 0, whatever its fields say. */
  readonly ends?: 'clean' | 'first';
  /** It has fields of clipping, and never clips. */
  readonly neverClips?: true;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** A class that is not read, and why. */
export interface Refused {
  readonly refused: string;
}

const betas = {
  num_train_timesteps: 1000,
  beta_start: 0.0001,
  beta_end: 0.02,
  beta_schedule: 'linear',
  trained_betas: null,
  prediction_type: 'epsilon',
};
const latentBetas = { ...betas, beta_start: 0.00085, beta_end: 0.012 };
const spaced = (timestep_spacing: string) => ({ timestep_spacing, steps_offset: 0 });
const clips = (clip_sample: boolean) => ({ clip_sample, clip_sample_range: 1 });
const thresholds = { thresholding: false, dynamic_thresholding_ratio: 0.995, sample_max_value: 1 };
const zeroSnr = { rescale_betas_zero_snr: false };
const sigmas = { use_karras_sigmas: false, use_exponential_sigmas: false, use_beta_sigmas: false };
const flowSigmas = { use_flow_sigmas: false, flow_shift: 1 };
const shifting = { use_dynamic_shifting: false, time_shift_type: 'exponential' };
const resolution = { base_shift: 0.5, max_shift: 1.15, base_image_seq_len: 256, max_image_seq_len: 4096 };

const ddim = {
  ...betas,
  ...clips(true),
  set_alpha_to_one: true,
  ...thresholds,
  ...spaced('leading'),
  ...zeroSnr,
};
const { thresholding: _, dynamic_thresholding_ratio: __, sample_max_value: ___, ...inverse } = ddim;
const ddpm = {
  ...betas,
  variance_type: 'fixed_small',
  ...clips(true),
  ...thresholds,
  ...spaced('leading'),
  ...zeroSnr,
};
const cogVideo = {
  ...latentBetas,
  beta_schedule: 'scaled_linear',
  ...clips(true),
  set_alpha_to_one: true,
  ...spaced('leading'),
  sample_max_value: 1,
  ...zeroSnr,
  snr_shift_scale: 3,
};
const dpm = {
  ...betas,
  solver_order: 2,
  ...thresholds,
  algorithm_type: 'dpmsolver++',
  solver_type: 'midpoint',
  lower_order_final: true,
  euler_at_final: false,
  ...sigmas,
  ...flowSigmas,
  lambda_min_clipped: Number.NEGATIVE_INFINITY,
  variance_type: null,
  ...spaced('linspace'),
};
const { euler_at_final: _euler, timestep_spacing: _spacing, steps_offset: _offset, ...singlestep } = dpm;
const distilled = {
  ...latentBetas,
  beta_schedule: 'scaled_linear',
  original_inference_steps: 50,
  ...clips(false),
  set_alpha_to_one: true,
  ...spaced('leading'),
  ...thresholds,
  timestep_scaling: 10,
  ...zeroSnr,
};
const kdpm = { ...latentBetas, ...sigmas, ...spaced('linspace') };

const edm = {
  sigma_min: 0.002,
  sigma_max: 80,
  sigma_data: 0.5,
  sigma_schedule: 'karras',
  num_train_timesteps: 1000,
  prediction_type: 'epsilon',
  rho: 7,
  final_sigmas_type: 'zero',
};

const HIGHER_ORDER = 'steps of higher order';
/** What a class leaves out that Seedbed's sampler of that name takes. */
const takenBy = (sampler: SamplerKind) => `${HIGHER_ORDER}, which \`--sampler ${sampler}\` takes`;
const NOISE = 'noise that is added on the way';

/** What a class leaves out under its fields: solvers of first order nothing, and some are of another kind than Seedbed's. */
export function leftOut({ leavesOut }: Read, config: Readonly<Record<string, unknown>>): string | undefined {
  const { solver_order, solver_type, algorithm_type, final_sigmas_type } = config;
  if (leavesOut !== takenBy('dpmpp2m')) return leavesOut;
  if (solver_order === 1) return undefined;
  const isOurs = solver_order === 2 && solver_type === 'midpoint' && algorithm_type === 'dpmsolver++';
  if (isOurs && final_sigmas_type !== 'sigma_min') return leavesOut;
  return `${HIGHER_ORDER}, which \`--sampler dpmpp2m\` comes near: it is of order 2, 'midpoint', 'dpmsolver++', and ends at the clean picture by a step of first order`;
}

export const SCHEDULERS: Readonly<Record<string, Read | Refused>> = {
  DDIMScheduler: { spacing: 'own', strides: true, fields: ddim },
  DDIMParallelScheduler: { spacing: 'own', strides: true, fields: ddim },
  DDIMInverseScheduler: { spacing: 'own', strides: true, fields: inverse },
  CogVideoXDDIMScheduler: { spacing: 'own', strides: true, neverClips: true, fields: cogVideo },
  CogVideoXDPMScheduler: {
    spacing: 'own',
    strides: true,
    leavesOut: `${NOISE}, and ${HIGHER_ORDER}`,
    neverClips: true,
    fields: cogVideo,
  },
  DDPMScheduler: { spacing: 'own', leavesOut: NOISE, fields: ddpm },
  DDPMParallelScheduler: { spacing: 'own', leavesOut: NOISE, fields: ddpm },
  PNDMScheduler: {
    spacing: 'own',
    strides: true,
    leavesOut: HIGHER_ORDER,
    fields: { ...betas, skip_prk_steps: false, set_alpha_to_one: false, ...spaced('leading') },
  },
  UnCLIPScheduler: {
    spacing: 'even',
    leavesOut: NOISE,
    fields: {
      num_train_timesteps: 1000,
      variance_type: 'fixed_small_log',
      ...clips(true),
      prediction_type: 'epsilon',
      beta_schedule: 'squaredcos_cap_v2',
    },
  },
  LCMScheduler: { spacing: 'distilled', ends: 'clean', leavesOut: NOISE, fields: distilled },
  TCDScheduler: {
    spacing: 'distilled',
    ends: 'first',
    leavesOut: NOISE,
    neverClips: true,
    fields: distilled,
  },
  EulerDiscreteScheduler: {
    spacing: 'own',
    fields: {
      ...betas,
      interpolation_type: 'linear',
      ...sigmas,
      sigma_min: null,
      sigma_max: null,
      ...spaced('linspace'),
      timestep_type: 'discrete',
      ...zeroSnr,
      final_sigmas_type: 'zero',
    },
  },
  EulerAncestralDiscreteScheduler: {
    spacing: 'own',
    leavesOut: NOISE,
    fields: { ...betas, ...spaced('linspace'), ...zeroSnr },
  },
  LMSDiscreteScheduler: {
    spacing: 'own',
    leavesOut: HIGHER_ORDER,
    fields: { ...betas, ...sigmas, ...spaced('linspace') },
  },
  HeunDiscreteScheduler: {
    spacing: 'own',
    leavesOut: takenBy('heunsigma'),
    fields: { ...kdpm, ...clips(false) },
  },
  KDPM2DiscreteScheduler: { spacing: 'own', leavesOut: HIGHER_ORDER, fields: kdpm },
  KDPM2AncestralDiscreteScheduler: { spacing: 'own', leavesOut: NOISE, fields: kdpm },
  DPMSolverMultistepScheduler: {
    spacing: 'one more',
    leavesOut: takenBy('dpmpp2m'),
    fields: { ...dpm, use_lu_lambdas: false, final_sigmas_type: 'zero', ...zeroSnr, ...shifting },
  },
  DPMSolverSinglestepScheduler: {
    spacing: 'one more',
    leavesOut: HIGHER_ORDER,
    fields: { ...singlestep, lower_order_final: false, final_sigmas_type: 'zero', ...shifting },
  },
  DPMSolverMultistepInverseScheduler: {
    refused:
      'it goes from pictures to noise, at levels of its own: take the DPMSolverMultistepScheduler that it inverts',
  },
  DPMSolverSDEScheduler: {
    spacing: 'own',
    leavesOut: NOISE,
    fields: { ...kdpm, noise_sampler_seed: null },
  },
  DEISMultistepScheduler: {
    spacing: 'one more',
    ends: 'first',
    leavesOut: HIGHER_ORDER,
    fields: {
      ...betas,
      solver_order: 2,
      ...thresholds,
      algorithm_type: 'deis',
      solver_type: 'logrho',
      lower_order_final: true,
      ...sigmas,
      ...flowSigmas,
      ...spaced('linspace'),
      ...shifting,
    },
  },
  SASolverScheduler: {
    spacing: 'one more',
    ends: 'first',
    leavesOut: NOISE,
    fields: {
      ...betas,
      predictor_order: 2,
      corrector_order: 2,
      tau_func: null,
      ...thresholds,
      algorithm_type: 'data_prediction',
      lower_order_final: true,
      ...sigmas,
      ...flowSigmas,
      lambda_min_clipped: Number.NEGATIVE_INFINITY,
      variance_type: null,
      ...spaced('linspace'),
    },
  },
  UniPCMultistepScheduler: {
    spacing: 'one more',
    leavesOut: HIGHER_ORDER,
    fields: {
      ...betas,
      solver_order: 2,
      ...thresholds,
      predict_x0: true,
      solver_type: 'bh2',
      lower_order_final: true,
      disable_corrector: [],
      solver_p: null,
      ...sigmas,
      ...flowSigmas,
      ...spaced('linspace'),
      final_sigmas_type: 'zero',
      ...zeroSnr,
      ...shifting,
      sigma_min: null,
      sigma_max: null,
      shift_terminal: null,
    },
  },
  FlowMatchEulerDiscreteScheduler: {
    spacing: 'flow',
    fields: {
      num_train_timesteps: 1000,
      shift: 1,
      ...shifting,
      ...resolution,
      invert_sigmas: false,
      shift_terminal: null,
      ...sigmas,
      stochastic_sampling: false,
    },
  },
  FlowMatchHeunDiscreteScheduler: {
    spacing: 'flow',
    leavesOut: HIGHER_ORDER,
    fields: { num_train_timesteps: 1000, shift: 1 },
  },
  FlowMatchLCMScheduler: {
    spacing: 'flow',
    leavesOut: NOISE,
    fields: {
      num_train_timesteps: 1000,
      shift: 1,
      ...shifting,
      ...resolution,
      invert_sigmas: false,
      shift_terminal: null,
      ...sigmas,
      scale_factors: null,
      upscale_mode: 'bicubic',
    },
  },
  RePaintScheduler: { refused: 'it goes back and forth between timesteps, to paint into a picture' },
  IPNDMScheduler: { refused: 'its noise levels are not those of betas' },
  CMStochasticIterativeScheduler: {
    spacing: 'consistency',
    fields: {
      num_train_timesteps: 40,
      sigma_min: 0.002,
      sigma_max: 80,
      sigma_data: 0.5,
      s_noise: 1,
      rho: 7,
      clip_denoised: true,
    },
  },
  EDMEulerScheduler: { spacing: 'edm', fields: edm },
  EDMDPMSolverMultistepScheduler: {
    spacing: 'edm',
    leavesOut: takenBy('dpmpp2m'),
    fields: {
      ...edm,
      ...thresholds,
      solver_order: 2,
      algorithm_type: 'dpmsolver++',
      solver_type: 'midpoint',
      lower_order_final: true,
      euler_at_final: false,
    },
  },
  CosineDPMSolverMultistepScheduler: {
    refused: 'it preconditions the network outside of it (EDM): export both together',
  },
  KarrasVeScheduler: {
    refused: 'it scales what the network sees and gives outside of it: export both together',
  },
  ScoreSdeVpScheduler: { refused: 'it adds noise at every step, and its network gives a score' },
  ScoreSdeVeScheduler: { refused: 'it adds noise at every step, and its network gives a score' },
  SCMScheduler: { refused: 'its prediction is trigflow' },
  FlowMapEulerDiscreteScheduler: { refused: 'its network is told two levels' },
  LTXEulerAncestralRFScheduler: { refused: 'it adds noise at every step' },
  HeliosScheduler: { refused: 'it changes the size of pictures on the way' },
  HeliosDMDScheduler: { refused: 'it changes the size of pictures on the way' },
  PiflowScheduler: { refused: 'its network gives a policy, not a prediction' },
  MiniMaxH3Scheduler: { refused: 'its timesteps count from noise to picture' },
  DDPMWuerstchenScheduler: { refused: 'its timesteps are fractions of its own cosine' },
};
