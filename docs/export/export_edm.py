"""Exports a network of EDM without its preconditioning, with its description: `python3 export_edm.py out/edm`.

Karras et al. (2022) put c_skip x + c_out F(c_in x; c_noise) around a network F; Seedbed does the same, so F alone is exported. It is
told c_noise = log(sigma) / 4, which Seedbed feeds it. The sigmas that the sampler visits go into the description, from least to
greatest. A small random network stands for yours. Writes model.onnx, model.json, and of a few seeds the pictures that Euler's method
of diffusers' EDMEulerScheduler makes: seeds.npy, pictures.npy. Run with diffusers 0.42.1 and torch 2.15.0.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from diffusers import EDMEulerScheduler
from torch import nn

STEPS = 10


class Network(nn.Module):
    """F: c_in x and c_noise to a picture."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(1, 16, 3, padding=1)
        self.told = nn.Linear(1, 16)
        self.last = nn.Conv2d(16, 1, 3, padding=1)

    def forward(self, x, c_noise):
        return self.last(nn.functional.silu(self.first(x) + self.told(c_noise[:, None])[:, :, None, None]))


def sampled(network, scheduler, seeds):
    """What the scheduler makes of seeds, and the sigmas that it visits, the last one, 0, left out."""
    scheduler.set_timesteps(STEPS)
    x = seeds * scheduler.init_noise_sigma
    for t in scheduler.timesteps:
        x = scheduler.step(network(scheduler.scale_model_input(x, t), t.repeat(len(x))), t, x).prev_sample
    return x, scheduler.sigmas[:-1].tolist()


def main(folder: Path):
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    network = Network().eval()
    scheduler = EDMEulerScheduler(sigma_min=0.002, sigma_max=80.0, sigma_data=0.5, rho=7.0)
    seeds = torch.randn(3, 1, 16, 16)
    with torch.no_grad():
        pictures, sigmas = sampled(network, scheduler, seeds)
    description = {
        "name": "edm",
        "inputs": {"image": "x", "level": "c_noise"},
        "output": "f",
        "predicts": "x0",
        "level": "sigma",
        "sees": "exploding",
        "preconditioning": {"kind": "edm", "sigmaData": scheduler.config.sigma_data},
        "shape": [1, 16, 16],
        "range": {"from": [-1, 1], "mean": [0], "std": [1]},
        "schedule": {"kind": "sigmas", "values": sigmas[::-1]},
        "sampler": {"kind": "ddim", "steps": STEPS, "grid": "linspace", "start": {"diffusionTime": 1}, "final": "x0"},
    }
    (folder / "model.json").write_text(json.dumps(description, indent=2))
    # Two pictures, so that their number stays open.
    torch.onnx.export(
        network,
        (torch.randn(2, 1, 16, 16), torch.tensor([1.0, -1.0])),
        str(folder / "model.onnx"),
        input_names=["x", "c_noise"],
        output_names=["f"],
        dynamic_axes={name: {0: "N"} for name in ("x", "c_noise", "f")},
        opset_version=17,
        dynamo=False,
    )
    np.save(folder / "seeds.npy", seeds.numpy())
    np.save(folder / "pictures.npy", pictures.numpy())


main(Path(sys.argv[1]))
