#!/usr/bin/env bash
# Guess: a scheduler that takes use_flow_sigmas and prediction_type="v_prediction" together reads the clean picture x0 from v = a noise - n x0, as it does without flow sigmas, and as it reads noise and flow with them.
# Happens: the five classes that read a clean picture take a x - n v, as where a^2 + n^2 = 1. Flow sigmas have a = 1 - n: from a network that is exact comes (a^2 + n^2) x0, half of the picture midway, without a word. What is meant is (a x - n v) / (a^2 + n^2).
# Versions: diffusers 0.42.1, torch 2.15.0; source: convert_model_output and _sigma_to_alpha_sigma_t of schedulers/scheduling_dpmsolver_multistep.py and its siblings.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
python3 -m venv env
env/bin/pip install --quiet torch==2.15.0 diffusers==0.42.1 transformers==5.5.0 accelerate==1.13.0 numpy==2.4.6

cat > run.py <<'PY'
import logging, sys
import diffusers, torch

logging.disable(logging.WARNING)
print("diffusers", diffusers.__version__, "torch", torch.__version__)
CLASSES = [
    "DPMSolverMultistepScheduler",
    "DPMSolverSinglestepScheduler",
    "DPMSolverMultistepInverseScheduler",
    "UniPCMultistepScheduler",
    "SASolverScheduler",
]
picture, noise = torch.full((1, 1, 2, 2), 0.5), torch.full((1, 1, 2, 2), -1.0)


def read(name, kind, flow):
    """What is read of the picture from an exact prediction midway, in parts of it, and the rates there."""
    scheduler = getattr(diffusers, name)(use_flow_sigmas=flow, prediction_type=kind)
    scheduler.set_timesteps(10)
    scheduler._init_step_index(scheduler.timesteps[5])
    a, n = (float(rate) for rate in scheduler._sigma_to_alpha_sigma_t(scheduler.sigmas[scheduler.step_index]))
    exact = {"epsilon": noise, "v_prediction": a * noise - n * picture, "flow_prediction": noise - picture}[kind]
    found = scheduler.convert_model_output(exact, sample=a * picture + n * noise)
    return float((found / picture).mean()), a * a + n * n


same = True
for name in CLASSES:
    for kind, flow in [("epsilon", True), ("flow_prediction", True), ("v_prediction", False), ("v_prediction", True)]:
        part, squares = read(name, kind, flow)
        expected = squares if kind == "v_prediction" and flow else 1
        print(f"  {name:34} {kind:15} use_flow_sigmas={flow!s:5} a^2 + n^2 = {squares:.3f}: {part:.3f} of the picture")
        same &= abs(part - expected) < 1e-3 and (not flow or squares < 0.51)
if not same:
    sys.exit("CHANGED: expected (a^2 + n^2) of the picture from v with flow sigmas, and all of it otherwise")
print("as known: with flow sigmas v is read as half of the picture that it means, midway")
PY
env/bin/python run.py
