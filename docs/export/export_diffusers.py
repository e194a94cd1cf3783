"""Exports the network of a diffusers pipeline to ONNX: `python3 export_diffusers.py google/ddpm-cifar10-32 folder`.

Written against diffusers' documented interface (UNet2DModel, DDPMPipeline), not run here. For DDPM and DDIM
pipelines over pixels: without a text encoder, without an autoencoder.
"""

import sys
from pathlib import Path

import torch
from diffusers import DDPMPipeline


class Prediction(torch.nn.Module):
    """A diffusers network gives an object; this gives the tensor in it."""

    def __init__(self, unet):
        super().__init__()
        self.unet = unet

    def forward(self, sample, timestep):
        return self.unet(sample, timestep, return_dict=False)[0]


name, folder = sys.argv[1], Path(sys.argv[2])
pipeline = DDPMPipeline.from_pretrained(name)
# unet/config.json and scheduler/scheduler_config.json, from which `seedbed import` reads what the model is.
pipeline.unet.save_config(folder / "unet")
pipeline.scheduler.save_config(folder / "scheduler")
size = pipeline.unet.config.sample_size
height, width = (size, size) if isinstance(size, int) else size
torch.onnx.export(
    Prediction(pipeline.unet).eval(),
    (torch.randn(3, pipeline.unet.config.in_channels, height, width), torch.tensor([1, 2, 3])),
    str(folder / "unet" / "model.onnx"),
    input_names=["sample", "timestep"],
    output_names=["out_sample"],
    dynamic_axes={name: {0: "N"} for name in ("sample", "timestep", "out_sample")},
    opset_version=17,
)
