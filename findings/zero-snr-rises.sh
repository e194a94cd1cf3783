#!/usr/bin/env bash
# Guess: a schedule rescaled to zero terminal SNR holds no signal at the last timestep, and noise over signal falls from there at every step.
# Happens: Euler, DPM-Solver and UniPC put 2^-24 in place of 0 so that sigma stays finite. With linear betas that is more signal than the timestep before holds (4.2e-9): over all 1000 timesteps the first step goes up, from sigma 4096 to 15406, and Euler scales its noise by 15406 while it begins at 4096. DDIM keeps the 0. Scaled linear and cosine betas hide it.
# Version: diffusers 0.42.1, torch 2.15.0; source: rescale_zero_terminal_snr and `self.alphas_cumprod[-1] = 2**-24` in scheduling_euler_discrete.py, scheduling_dpmsolver_multistep.py, scheduling_unipc_multistep.py.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
python3 -m venv env
env/bin/pip install -q numpy==2.4.6 torch==2.15.0 diffusers==0.42.1

cat > run.py <<'PY'
import sys
import diffusers

def schedule(name, betas):
    return getattr(diffusers, name)(
        rescale_betas_zero_snr=True, beta_schedule=betas, prediction_type='v_prediction', timestep_spacing='trailing')

print('diffusers', diffusers.__version__)
rises = {}
for name in ('DDIMScheduler', 'EulerDiscreteScheduler', 'DPMSolverMultistepScheduler', 'UniPCMultistepScheduler'):
    for betas in ('linear', 'scaled_linear', 'squaredcos_cap_v2'):
        made = schedule(name, betas)
        before, last = made.alphas_cumprod[-2:].tolist()
        rises[name, betas] = last > before
        print(f'{name:28} {betas:18} alpha_bar at 998 {before:.2e}, at 999 {last:.2e}{"  RISES" if last > before else ""}')
euler = schedule('EulerDiscreteScheduler', 'linear')
euler.set_timesteps(1000)
sigmas = [round(s) for s in euler.sigmas[:3].tolist()]
print('Euler, 1000 steps: sigmas', sigmas, 'init_noise_sigma', round(float(euler.init_noise_sigma)))
expected = {key: key[1] == 'linear' and key[0] != 'DDIMScheduler' for key in rises}
if rises != expected or not (sigmas[0] == 4096 < sigmas[1] == round(float(euler.init_noise_sigma))):
    sys.exit('CHANGED: expected alpha_bar to rise at the last timestep of linear betas, in all but DDIM')
print('as known: without signal there is more of it than one timestep before')
PY
env/bin/python run.py
