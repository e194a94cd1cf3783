#!/usr/bin/env bash
# Guess: set_alpha_to_one, which LCM's and TCD's schedulers have with DDIM's words, says whether the last step gives the clean picture (true, the default) or leaves the noise of timestep 0 (false).
# Happens: of DDIM it does. LCM's last step gives the clean picture whatever it says, and TCD's leaves the noise of timestep 0 (.03 with Stable Diffusion's betas) whatever it says: the one returns before it is asked, and the other takes timestep 0 as where its last step leads, not -1.
# Versions: diffusers 0.42.1, torch 2.15.0; source: step of schedulers/scheduling_lcm.py and scheduling_tcd.py.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
python3 -m venv env
env/bin/pip install --quiet torch==2.15.0 diffusers==0.42.1 transformers==5.5.0 accelerate==1.13.0 numpy==2.4.6

cat > run.py <<'PY'
import diffusers, sys, torch
from diffusers import DDIMScheduler, LCMScheduler, TCDScheduler

print("diffusers", diffusers.__version__, "torch", torch.__version__)
torch.manual_seed(0)
picture = torch.rand(1, 1, 64, 64) * 2 - 1
betas = dict(beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012)


def left(kind, clean):
    """Deviation of the noise that is left where every prediction is exact."""
    scheduler = kind(set_alpha_to_one=clean, clip_sample=False, **betas)
    scheduler.set_timesteps(4)
    x = torch.randn_like(picture)
    for t in scheduler.timesteps:
        kept = scheduler.alphas_cumprod[t]
        x = scheduler.step((x - kept**0.5 * picture) / (1 - kept) ** 0.5, t, x).prev_sample
    return float((x - picture).std())


first = float((1 - DDIMScheduler(**betas).alphas_cumprod[0]) ** 0.5)
print(f"  noise of timestep 0: {first:.4f}")
found = {}
for kind in (DDIMScheduler, LCMScheduler, TCDScheduler):
    for clean in (True, False):
        found[kind.__name__, clean] = noise = left(kind, clean)
        print(f"  {kind.__name__:14} set_alpha_to_one={clean!s:5} leaves {noise:.4f}")
leaves = {key for key, noise in found.items() if abs(noise / first - 1) < 0.2}
gives = {key for key, noise in found.items() if noise < 1e-4}
known = {("DDIMScheduler", False), ("TCDScheduler", True), ("TCDScheduler", False)}
if leaves != known or gives != set(found) - known:
    sys.exit("CHANGED: expected noise of timestep 0 from DDIM by set_alpha_to_one=False, and from TCD always")
print("as known: only DDIM is asked where it ends")
PY
env/bin/python run.py
