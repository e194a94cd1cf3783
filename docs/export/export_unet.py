"""Exports a denoiser written in PyTorch to ONNX for Seedbed: `python3 export_unet.py unet.onnx`.

`export` takes any module that is called as network(sample, timestep) and gives a prediction of sample's shape. The
network below is a small U-Net without training, which stands for yours. Run with torch 2.15.0.
"""

import math
import sys
from pathlib import Path

import torch
from torch import nn


WHOLE = torch.tensor([1, 2, 3])


def export(network: nn.Module, shape: tuple, path: str, timesteps: torch.Tensor = WHOLE) -> None:
    """Writes network(sample [N, *shape], timestep [N]) to an ONNX file whose N is open; give fractional timesteps for flow or EDM."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    network.eval()
    # Three pictures: should the exporter take their number for a constant, `seedbed import` will notice.
    example = (torch.randn(3, *shape), timesteps)
    torch.onnx.export(
        network,
        example,
        path,
        input_names=["sample", "timestep"],
        output_names=["epsilon"],
        dynamic_axes={name: {0: "N"} for name in ("sample", "timestep", "epsilon")},
        opset_version=17,
    )


class Block(nn.Module):
    """Normalise, activate, convolve, add what the timestep says."""

    def __init__(self, channels: int, out: int, width: int):
        super().__init__()
        self.norm = nn.GroupNorm(4, channels)
        self.conv = nn.Conv2d(channels, out, 3, padding=1)
        self.time = nn.Linear(width, out)

    def forward(self, x, time):
        return self.conv(nn.functional.silu(self.norm(x))) + self.time(time)[:, :, None, None]


class TinyUNet(nn.Module):
    """Down once, attend, up once."""

    def __init__(self, image_channels: int = 1, channels: int = 16, width: int = 32):
        super().__init__()
        half = width // 2
        self.register_buffer("frequencies", torch.exp(-math.log(10000) * torch.arange(half) / half))
        self.first = nn.Conv2d(image_channels, channels, 3, padding=1)
        self.down = Block(channels, 2 * channels, width)
        self.attention = nn.MultiheadAttention(2 * channels, 4, batch_first=True)
        self.up = Block(3 * channels, channels, width)
        self.last = nn.Conv2d(channels, image_channels, 3, padding=1)

    def forward(self, sample, timestep):
        angles = timestep[:, None].float() * self.frequencies
        time = torch.cat([angles.sin(), angles.cos()], dim=1)
        x = self.first(sample)
        low = self.down(nn.functional.avg_pool2d(x, 2), time)
        tokens = low.flatten(2).transpose(1, 2)
        low = low + self.attention(tokens, tokens, tokens)[0].transpose(1, 2).reshape(low.shape)
        wide = nn.functional.interpolate(low, scale_factor=2, mode="nearest")
        return self.last(self.up(torch.cat([wide, x], dim=1), time))


if __name__ == "__main__":
    torch.manual_seed(0)
    export(TinyUNet(), (1, 16, 16), sys.argv[1])
