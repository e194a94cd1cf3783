"""Exports a model of denoising-diffusion-pytorch to ONNX with its description: `python3 export_lucidrains.py out/lucidrains`.

A small Unet with random weights stands for yours; put your `GaussianDiffusion` in its place, loaded from a Trainer's checkpoint.
Its sigmoid betas become a list of alpha_bar, its `ddim_sample` a trailing grid; it always clips the picture, which "clipX0" does.
`self_condition` sees the picture of the step before, which no graph of one step can: such a model is refused here.
Writes model.onnx, model.json, and of a few seeds the pictures that `ddim_sample` makes, from -1 to 1: seeds.npy, pictures.npy.
Run with denoising-diffusion-pytorch 2.3.4 and torch 2.15.0.
"""

import json
import sys
from pathlib import Path
from unittest.mock import patch

import numpy as np
import torch
from denoising_diffusion_pytorch import GaussianDiffusion, Unet

PREDICTS = {"pred_noise": "epsilon", "pred_x0": "x0", "pred_v": "v"}


class Call(torch.nn.Module):
    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, sample, timestep):
        return self.network(sample, timestep)


def describe(diffusion):
    """What model.json says of a GaussianDiffusion."""
    if diffusion.self_condition:
        sys.exit("self_condition: the network sees the picture of the step before; train without it to embed")
    channels, (height, width) = diffusion.channels, diffusion.image_size
    steps, count = diffusion.sampling_timesteps, diffusion.num_timesteps
    # Of auto_normalize pictures go from -1 to 1.
    middle = 0.5 if diffusion.normalize(torch.zeros(1)).item() == -1 else 0.0
    times = torch.linspace(-1, count - 1, steps=steps + 1).int().tolist()[:0:-1]
    return {
        "name": "lucidrains",
        "inputs": {"image": "sample", "level": "timestep"},
        "output": "prediction",
        "predicts": PREDICTS[diffusion.objective],
        "level": "timestep",
        "shape": [channels, height, width],
        "range": {"from": [0, 1], "mean": [middle] * channels, "std": [1 - middle] * channels},
        "schedule": {"kind": "alphaBar", "values": diffusion.alphas_cumprod.double().tolist()},
        "sampler": {
            "kind": "ddim",
            "steps": steps,
            "grid": times,
            "start": {"timestep": times[0]},
            "final": "x0",
            "clipX0": [-1, 1],
        },
    }


def main(folder: Path):
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    network = Unet(dim=8, dim_mults=(1,), channels=1, attn_heads=1, attn_dim_head=8).eval()
    diffusion = GaussianDiffusion(network, image_size=16, sampling_timesteps=10, objective="pred_v").eval()
    (folder / "model.json").write_text(json.dumps(describe(diffusion), indent=2))
    # Two pictures, so that their number stays open.
    example = (torch.randn(2, 1, 16, 16), torch.tensor([1, 2]))
    torch.onnx.export(
        Call(network),
        example,
        str(folder / "model.onnx"),
        input_names=["sample", "timestep"],
        output_names=["prediction"],
        dynamic_axes={name: {0: "N"} for name in ("sample", "timestep", "prediction")},
        opset_version=17,
        dynamo=False,
    )
    seeds = torch.randn(3, 1, 16, 16)
    with patch("torch.randn", return_value=seeds), patch.object(diffusion, "unnormalize", lambda t: t):
        pictures = diffusion.ddim_sample(tuple(seeds.shape))
    np.save(folder / "seeds.npy", seeds.numpy())
    np.save(folder / "pictures.npy", pictures.numpy())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
