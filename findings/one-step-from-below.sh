#!/usr/bin/env bash
# Guess: with one step an EDM sampler goes from the largest noise to the picture, whichever of its two schedules of sigmas it takes.
# Happens: sigma_schedule='exponential' with one step begins at sigma_min, .002, while init_noise_sigma still scales the noise to 80: the network is told of next to no noise and shown nothing else. Karras' schedule begins at 80, and with two steps both do. The same in EDMDPMSolverMultistepScheduler.
# Version: diffusers 0.42.1, torch 2.15.0; source: _compute_exponential_sigmas in scheduling_edm_euler.py flips torch.linspace(log min, log max, steps), which of one step is its lower end.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
python3 -m venv env
env/bin/pip install -q numpy==2.4.6 torch==2.15.0 diffusers==0.42.1

cat > run.py <<'PY'
import sys
import diffusers

print('diffusers', diffusers.__version__)
first = {}
for name in ('EDMEulerScheduler', 'EDMDPMSolverMultistepScheduler'):
    for schedule in ('karras', 'exponential'):
        for steps in (1, 2):
            made = getattr(diffusers, name)(sigma_schedule=schedule)
            made.set_timesteps(steps)
            first[name, schedule, steps] = round(float(made.sigmas[0]), 4)
            print(f'{name:31} {schedule:12} {steps} step(s): begins at sigma {first[name, schedule, steps]:g}, noise scaled by {float(made.init_noise_sigma):.4g}')
expected = {key: 0.002 if key[1:] == ('exponential', 1) else 80.0 for key in first}
if first != expected:
    sys.exit('CHANGED: expected sigma 80 first, but .002 of the exponential schedule in one step')
print('as known: one exponential step begins at the least noise')
PY
env/bin/python run.py
