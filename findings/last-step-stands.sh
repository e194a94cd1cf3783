#!/usr/bin/env bash
# Guess: a scheduler with use_flow_sigmas ends at sigma 0, the clean picture, as the same classes do without it, and as flow matching does.
# Happens: of DPM-Solver and UniPC it does. DEIS and SASolver repeat their last sigma: the last step goes nowhere, and with predictions that are exact at every step noise of that sigma stays in the picture, .1 of 10 steps and .02 of 50. Neither class has final_sigmas_type to say otherwise.
# Versions: diffusers 0.42.1, torch 2.15.0; source: set_timesteps of schedulers/scheduling_deis_multistep.py and scheduling_sasolver.py, where sigmas[-1:] is appended.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
python3 -m venv env
env/bin/pip install --quiet torch==2.15.0 diffusers==0.42.1 transformers==5.5.0 accelerate==1.13.0 numpy==2.4.6

cat > run.py <<'PY'
import diffusers, sys, torch
from diffusers import DEISMultistepScheduler, DPMSolverMultistepScheduler, SASolverScheduler, UniPCMultistepScheduler

print("diffusers", diffusers.__version__, "torch", torch.__version__)
torch.manual_seed(0)
picture = torch.rand(1, 1, 64, 64) * 2 - 1


def left(kind, steps):
    """Deviation of the noise that is left where every prediction is exact, and the last three sigmas."""
    scheduler = kind(use_flow_sigmas=True, prediction_type="flow_prediction")
    scheduler.set_timesteps(steps)
    x = torch.randn_like(picture)
    for i, t in enumerate(scheduler.timesteps):
        x = scheduler.step((x - picture) / scheduler.sigmas[i], t, x).prev_sample
    return float((x - picture).std()), [round(float(sigma), 4) for sigma in scheduler.sigmas[-3:]]


found = {}
for steps in (10, 50):
    for kind in (DPMSolverMultistepScheduler, UniPCMultistepScheduler, DEISMultistepScheduler, SASolverScheduler):
        noise, last = left(kind, steps)
        found[kind.__name__, steps] = noise
        print(f"  {steps:2} steps of {kind.__name__:28} end with sigmas {last}, and leave noise of {noise:.4f}")
clean = all(found[f"{name}MultistepScheduler", steps] < 1e-4 for name in ("DPMSolver", "UniPC") for steps in (10, 50))
noisy = all(found[name, 10] > 0.08 and found[name, 50] > 0.015 for name in ("DEISMultistepScheduler", "SASolverScheduler"))
if not (clean and noisy):
    sys.exit("CHANGED: expected DEIS and SASolver alone to leave noise")
print("as known: DEIS and SASolver repeat the last of their flow sigmas")
PY
env/bin/python run.py
