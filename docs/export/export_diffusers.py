"""Exports the network of a diffusers pipeline to ONNX: `python3 export_diffusers.py google/ddpm-cifar10-32 folder`.

For pipelines over pixels, without an autoencoder, that have a `unet`. Where it is told a class or an encoded text, these are
further inputs of the file, which `seedbed import` keeps as conditions. Run with torch 2.15.0 and diffusers 0.42.1 on small
pipelines with random weights.
"""

import sys
from pathlib import Path

import torch
from diffusers import DiffusionPipeline


class Prediction(torch.nn.Module):
    """A diffusers network gives an object; this gives the tensor in it."""

    def __init__(self, unet, further):
        super().__init__()
        self.unet, self.further = unet, further

    def forward(self, sample, timestep, *values):
        return self.unet(sample, timestep, **dict(zip(self.further, values)), return_dict=False)[0]


name, folder = sys.argv[1], Path(sys.argv[2])
pipeline = DiffusionPipeline.from_pretrained(name)
config = pipeline.unet.config
# unet/config.json and scheduler/scheduler_config.json, from which `seedbed import` reads what the model is.
pipeline.unet.save_config(folder / "unet")
pipeline.scheduler.save_config(folder / "scheduler")
# An example of each further input, and its axes that stay open: the pictures and, of a text, its length.
further, axes = {}, {}
if config.get("num_class_embeds"):
    further["class_labels"], axes["class_labels"] = torch.tensor([0, 1, 1]), {0: "N"}
if config.get("cross_attention_dim"):
    width = config.get("encoder_hid_dim") or config.cross_attention_dim
    further["encoder_hidden_states"], axes["encoder_hidden_states"] = torch.randn(3, 77, width), {0: "N", 1: "L"}
size = config.sample_size
height, width = (size, size) if isinstance(size, int) else size
torch.onnx.export(
    Prediction(pipeline.unet, list(further)).eval(),
    (torch.randn(3, config.in_channels, height, width), torch.tensor([1, 2, 3]), *further.values()),
    str(folder / "unet" / "model.onnx"),
    input_names=["sample", "timestep", *further],
    output_names=["out_sample"],
    dynamic_axes={**{name: {0: "N"} for name in ("sample", "timestep", "out_sample")}, **axes},
    opset_version=17,
    dynamo=False,
)
