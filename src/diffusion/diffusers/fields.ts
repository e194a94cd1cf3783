/** A scheduler's fields, with the defaults of its class where the file says nothing. */
export type Config = Readonly<Record<string, unknown>>;

/** The field of a description (model.json) that says the same, so that --config can say it instead. */
export type Instead = 'schedule' | 'predicts' | 'sampler';

interface Field {
  /** What Seedbed does with it. */
  readonly does: 'honoured' | 'left out' | 'refused' | 'no effect';
  /** By what it is honoured, what is left out, why it is refused or has no effect; in words. */
  readonly text: string;
  readonly instead?: Instead;
  /** Whether it asks for something that is left out or refused; of others never. */
  readonly asks?: (value: unknown, config: Config) => boolean;
}

const schedule = (text: string): Field => ({ does: 'honoured', text: `schedule: ${text}` });
const grid = (text: string): Field => ({ does: 'honoured', text: `sampler.grid: ${text}` });
const idle = (text: string): Field => ({ does: 'no effect', text });
const solver = idle('of steps of higher order, which are left out');
const yes = (value: unknown) => value === true;
const refused = (text: string, asks: Field['asks'] = yes): Field => ({
  does: 'refused',
  text,
  asks: asks!,
  instead: 'sampler',
});

/** THE table of fields: what each means, in whichever class it stands. */
export const FIELDS: Readonly<Record<string, Field>> = {
  num_train_timesteps: schedule('timesteps'),
  beta_start: schedule('betas'),
  beta_end: schedule('betas'),
  beta_schedule: {
    ...schedule('linear, scaled_linear, squaredcos_cap_v2 and sigmoid; others are refused'),
    instead: 'schedule',
  },
  trained_betas: schedule('as a list'),
  rescale_betas_zero_snr: schedule(
    'as a list that ends without signal, where Euler, DPM-Solver and UniPC leave 2^-24; a sampler that begins there is refused of a network that predicts epsilon',
  ),
  snr_shift_scale: schedule('as a list'),
  prediction_type: {
    does: 'honoured',
    text: 'predicts: epsilon, sample, v_prediction without use_flow_sigmas and flow_prediction with it; others are refused',
    instead: 'predicts',
  },
  set_alpha_to_one: {
    does: 'honoured',
    text: 'sampler.final: the clean picture, or timestep 0; LCM ends at the one and TCD at the other in any case',
  },
  final_sigmas_type: {
    does: 'honoured',
    text: 'sampler.final: the clean picture (zero), or timestep 0 (sigma_min), where Euler gives x / s; with use_flow_sigmas the clean picture',
  },
  timestep_spacing: grid('leading, trailing, linspace; fractions are rounded'),
  steps_offset: grid('of leading; lowered where it would leave the schedule'),
  original_inference_steps: grid('the timesteps that were distilled'),
  lambda_min_clipped: grid('noisier timesteps are not visited'),
  clip_sample: {
    does: 'left out',
    text: 'clips x0: a clipped step has no inverse. --clip keeps it, with the noise of the clipped picture (use_clipped_model_output), where diffusers keeps the noise predicted',
  },
  clip_denoised: { does: 'left out', text: 'clips x0, as clip_sample; --clip keeps it' },
  clip_sample_range: idle('but with --clip: the range'),
  thresholding: { does: 'left out', text: 'clips x0 at a quantile of each picture', asks: yes },
  dynamic_thresholding_ratio: idle('of thresholding'),
  sample_max_value: idle('of thresholding'),
  variance_type: idle(
    'of noise that is added; of the channels of a learned variance those of the prediction are kept',
  ),
  use_karras_sigmas: refused('visits levels between timesteps'),
  use_exponential_sigmas: refused('visits levels between timesteps'),
  use_beta_sigmas: refused('visits levels between timesteps'),
  use_lu_lambdas: refused('visits levels between timesteps'),
  interpolation_type: refused(
    'log_linear puts other levels in the place of timesteps',
    value => value !== 'linear',
  ),
  timestep_type: refused(
    'continuous, with v_prediction, tells the network log sigma / 4',
    (value, config) => value === 'continuous' && config.prediction_type === 'v_prediction',
  ),
  sigma_min: schedule('least sigma, of EDM and consistency models; no effect otherwise'),
  sigma_max: schedule('greatest sigma, of EDM and consistency models; no effect otherwise'),
  sigma_schedule: schedule('karras or exponential, of EDM'),
  rho: schedule('of karras'),
  sigma_data: {
    does: 'honoured',
    text: 'preconditioning: deviation of the data, of EDM and consistency models',
  },
  s_noise: idle('of the noise that is added before a second step'),
  use_flow_sigmas: schedule(
    'flow; the timestep is told as it is, where diffusers cuts it off to a whole one',
  ),
  flow_shift: schedule('shift, of flow'),
  shift: schedule('shift; the grid is shifted by it once more, as diffusers does'),
  use_dynamic_shifting: schedule(
    'a shift by the number of tokens, height x width over patch_size^2; of Flux2 by that of steps, too',
  ),
  time_shift_type: schedule('exponential or linear, of the shift by resolution'),
  base_shift: schedule('of the shift by resolution'),
  max_shift: schedule('of the shift by resolution'),
  base_image_seq_len: schedule('of the shift by resolution'),
  max_image_seq_len: schedule('of the shift by resolution'),
  shift_terminal: grid('stretched to end there'),
  invert_sigmas: refused('counts from noise to picture'),
  stochastic_sampling: { does: 'left out', text: 'adds noise on the way', asks: yes },
  scale_factors: refused('changes the size of pictures on the way', value => value !== null),
  upscale_mode: idle('of scale_factors'),
  timestep_scaling: idle('of the boundary of a consistency model, left out'),
  solver_order: solver,
  solver_type: solver,
  solver_p: solver,
  algorithm_type: {
    does: 'left out',
    text: 'adds noise on the way where it is sde-dpmsolver or sde-dpmsolver++; else of steps of higher order',
    asks: value => String(value).startsWith('sde-'),
  },
  noise_sampler_seed: idle('of noise that is added'),
  lower_order_final: solver,
  euler_at_final: solver,
  predict_x0: solver,
  disable_corrector: solver,
  predictor_order: solver,
  corrector_order: solver,
  tau_func: solver,
  skip_prk_steps: solver,
};
