#!/usr/bin/env bash
# Guess: GaussianDiffusion(timesteps=T, sampling_timesteps=T, ddim_sampling_eta=0) is DDIM through all T steps: the starting noise decides the picture.
# Happens: DDIM is taken only for fewer steps than T; with all of them eta is passed over and the random DDPM sampler runs, so that no seed belongs to the picture. With a network that sees the same clean picture everywhere the states of T - 1 steps stay multiples of the starting noise, those of T do not.
# Version: denoising-diffusion-pytorch 2.3.4, torch 2.15.0; source: is_ddim_sampling = sampling_timesteps < timesteps in GaussianDiffusion.__init__, by which sample() chooses.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
python3 -m venv env
env/bin/pip install -q numpy==2.4.6 torch==2.15.0 torchvision==0.29.2 denoising-diffusion-pytorch==2.3.4

cat > run.py <<'PY'
import sys
from importlib.metadata import version
import torch
from denoising_diffusion_pytorch import GaussianDiffusion

STEPS = 50


class Grey(torch.nn.Module):
    """A network that sees the clean picture 0 in everything."""

    channels, out_dim, self_condition, random_or_learned_sinusoidal_cond = 1, 1, False, False

    def forward(self, x, t, self_cond=None):
        return torch.zeros_like(x)


def along(count):
    """How the state halfway correlates with the starting noise."""
    diffusion = GaussianDiffusion(
        Grey(), image_size=32, timesteps=STEPS, sampling_timesteps=count, ddim_sampling_eta=0.0,
        objective='pred_x0', auto_normalize=False)
    torch.manual_seed(0)
    states = diffusion.sample(batch_size=1, return_all_timesteps=True)[0].flatten(1)
    return float(torch.corrcoef(torch.stack([states[0], states[count // 2]]))[0, 1])


print('denoising-diffusion-pytorch', version('denoising-diffusion-pytorch'), 'torch', torch.__version__)
fewer, all_of_them = along(STEPS - 1), along(STEPS)
print(f'{STEPS - 1} of {STEPS} steps: halfway the state correlates with the starting noise by {fewer:.4f}')
print(f'{STEPS} of {STEPS} steps: by {all_of_them:.4f}')
if not (fewer > 0.9999 and all_of_them < 0.9):
    sys.exit('CHANGED: expected states that follow the starting noise in fewer steps than all, and do not in all')
print('as known: all steps are random steps')
PY
env/bin/python run.py
