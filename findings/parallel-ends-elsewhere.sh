#!/usr/bin/env bash
# Guess: DDIMParallelScheduler.batch_step_no_noise, the step that ParaDiGMS takes at all times at once, is step() of each time.
# Happens: at all times but the last one. There step() goes to final_alpha_cumprod, which with set_alpha_to_one=False, as Stable Diffusion has it, is the first level's; the parallel step goes to 1. With Stable Diffusion's schedule, 50 steps and a denoiser that is exact for N(0, .5^2) latents differ by .4 %: the noise that step() leaves in them is missing; with set_alpha_to_one=True they do not at all.
# Version: diffusers 0.42.1, torch 2.15.0; source: batch_step_no_noise in schedulers/scheduling_ddim_parallel.py sets alpha_prod_t_prev to 1.0 where prev_t is below 0.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
python3 -m venv env
env/bin/pip install -q numpy==2.4.6 torch==2.15.0 diffusers==0.42.1

cat > run.py <<'PY'
import sys
import diffusers
import torch

STABLE_DIFFUSION = dict(beta_start=0.00085, beta_end=0.012, beta_schedule='scaled_linear', clip_sample=False, steps_offset=1)
VARIANCE = 0.25


def noise_in(scheduler, x, t):
    """What an exact denoiser of N(0, VARIANCE) takes for the noise in x."""
    signal = scheduler.alphas_cumprod[t]
    return x * (1 - signal).sqrt() / (signal * VARIANCE + 1 - signal)


def apart(to_one):
    """By how much both kinds of step differ, at the last time and at most before it, relative to the state they lead to."""
    scheduler = diffusers.DDIMParallelScheduler(set_alpha_to_one=to_one, **STABLE_DIFFUSION)
    scheduler.set_timesteps(50)
    x = torch.randn(1, 4, 64, 64, generator=torch.Generator().manual_seed(0))
    found = []
    for t in scheduler.timesteps:
        noise = noise_in(scheduler, x, int(t))
        one = scheduler.step(noise, int(t), x).prev_sample
        parallel = scheduler.batch_step_no_noise(noise, t[None], x)
        found.append(float((one - parallel).norm() / one.norm()))
        x = one
    return found[-1], max(found[:-1])


print('diffusers', diffusers.__version__, 'torch', torch.__version__)
last, before = apart(False)
print(f'set_alpha_to_one=False: the last step differs by {last:.2%}, those before by {before:.1e} at most')
same, _ = apart(True)
print(f'set_alpha_to_one=True: the last step differs by {same:.1e}')
if not (0.002 < last < 0.01 and before < 1e-5 and same < 1e-5):
    sys.exit('CHANGED: expected another last step where set_alpha_to_one is False, and there alone')
print('as known: the parallel step ends elsewhere')
PY
env/bin/python run.py
