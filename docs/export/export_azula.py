"""Exports a denoiser of azula to ONNX with its description: `python3 export_azula.py out/azula`.

azula has the mean of the posterior, E[x0 | x_t], of x_t = alpha x0 + sigma epsilon by any schedule of alpha and sigma. Its
denoisers see x_t / r with r = sqrt(alpha^2 + sigma^2) and are told log(sigma / alpha), so that one graph, told the log-SNR,
serves every schedule; the levels that the sampler visits go into the description as alpha_bar = alpha^2 / r^2. Its last step leads
to time 0, where sigma is small but not 0. A small random network stands for yours. Writes model.onnx, model.json, and of a few
seeds the pictures of azula's DDIMSampler: seeds.npy, pictures.npy. Run with azula 0.11.1 and torch 2.15.0.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from azula.denoise import KarrasDenoiser
from azula.noise import VPSchedule
from azula.sample import DDIMSampler
from torch import nn

STEPS = 10


class Backbone(nn.Module):
    """A picture and log(sigma / alpha) to a picture."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(1, 16, 3, padding=1)
        self.told = nn.Linear(1, 16)
        self.last = nn.Conv2d(16, 1, 3, padding=1)

    def forward(self, x, t):
        return self.last(nn.functional.silu(self.first(x) + self.told(t.reshape(-1, 1))[:, :, None, None]))


class Mean(nn.Module):
    """The denoiser's mean, of x / r and log(alpha^2 / sigma^2)."""

    def __init__(self, denoiser):
        super().__init__()
        self.denoiser = denoiser
        self.log_snr = None
        denoiser.schedule = self.rates

    def rates(self, _):
        return torch.sigmoid(self.log_snr).sqrt(), torch.sigmoid(-self.log_snr).sqrt()

    def forward(self, x, log_snr):
        self.log_snr = log_snr
        return self.denoiser(x, log_snr).mean


def main(folder: Path):
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    schedule = VPSchedule()
    denoiser = KarrasDenoiser(Backbone(), schedule).eval()
    seeds = torch.randn(3, 1, 16, 16)
    sampler = DDIMSampler(denoiser, steps=STEPS, silent=True)
    alpha, sigma = schedule(torch.linspace(0, 1, STEPS + 1, dtype=torch.float64))
    radius = torch.sqrt(alpha**2 + sigma**2)
    with torch.no_grad():
        pictures = sampler(seeds * radius[-1].float())
    description = {
        "name": "azula",
        "inputs": {"image": "x", "level": "log_snr"},
        "output": "mean",
        "predicts": "x0",
        "level": "logSnr",
        "shape": [1, 16, 16],
        "range": {"from": [-1, 1], "mean": [0], "std": [1]},
        # Timestep k is time k / T: one more than there are steps.
        "schedule": {"kind": "alphaBar", "values": (alpha**2 / radius**2).tolist()},
        "sampler": {
            "kind": "ddim",
            "steps": STEPS,
            "grid": list(range(STEPS, 0, -1)),
            "start": {"timestep": STEPS},
            "final": {"timestep": 0},
        },
    }
    (folder / "model.json").write_text(json.dumps(description, indent=2))
    # Two pictures, so that their number stays open.
    torch.onnx.export(
        Mean(denoiser),
        (torch.randn(2, 1, 16, 16), torch.tensor([1.0, -1.0])),
        str(folder / "model.onnx"),
        input_names=["x", "log_snr"],
        output_names=["mean"],
        dynamic_axes={name: {0: "N"} for name in ("x", "log_snr", "mean")},
        opset_version=17,
        dynamo=False,
    )
    np.save(folder / "seeds.npy", seeds.numpy())
    np.save(folder / "pictures.npy", (pictures / radius[0]).float().numpy())


main(Path(sys.argv[1]))
