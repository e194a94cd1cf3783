"""Exports a diffusers pipeline to ONNX: `python3 export_diffusers.py google/ddpm-cifar10-32 folder`.

For pipelines without a condition, over pixels (DDPM, DDIM) or over an autoencoder's latents (LDM).
Writes unet/ and scheduler/ and, of latents, vae/, vae_encoder/ and vae_decoder/. Run with diffusers 0.42.1 and PyTorch 2.15.
"""

import sys
from pathlib import Path

import torch
from diffusers import DiffusionPipeline


class Call(torch.nn.Module):
    """A network as a module that gives a tensor, where diffusers gives an object that holds one."""

    def __init__(self, network, call):
        super().__init__()
        self.network = network
        self.call = call

    def forward(self, *inputs):
        return self.call(self.network, *inputs)


def write(module, inputs, names, output, path):
    """Every input from an example of two rows or more, so that their number stays open."""
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.onnx.export(
        module.eval(),
        inputs,
        str(path),
        input_names=names,
        output_names=[output],
        dynamic_axes={name: {0: "N"} for name in (*names, output)},
        opset_version=17,
        dynamo=False,
    )


def export(pipeline, folder):
    # unet/config.json, scheduler/scheduler_config.json and vae/config.json, from which `seedbed import` reads what the model is.
    pipeline.unet.save_config(folder / "unet")
    pipeline.scheduler.save_config(folder / "scheduler")
    size = pipeline.unet.config.sample_size
    height, width = (size, size) if isinstance(size, int) else size
    latents = torch.randn(3, pipeline.unet.config.in_channels, height, width)
    unet = Call(pipeline.unet, lambda unet, x, t: unet(x, t, return_dict=False)[0])
    write(unet, (latents, torch.tensor([1, 2, 3])), ["sample", "timestep"], "out_sample", folder / "unet/model.onnx")
    vae = getattr(pipeline, "vae", None) or getattr(pipeline, "vqvae", None)
    if vae is None:
        return
    vae.save_config(folder / "vae")
    decoder = Call(vae, lambda vae, z: vae.decode(z, return_dict=False)[0])
    pictures = decoder(latents).detach()
    write(decoder, (latents,), ["latent_sample"], "sample", folder / "vae_decoder/model.onnx")
    encoder = Call(vae, lambda vae, x: latents_of(vae.encode(x)))
    write(encoder, (pictures,), ["sample"], "latent_parameters", folder / "vae_encoder/model.onnx")


def latents_of(encoded):
    """Mean and log-variance of the latents, as optimum exports them, where they are drawn; Seedbed takes the mean."""
    return encoded.latent_dist.parameters if hasattr(encoded, "latent_dist") else encoded.latents


if __name__ == "__main__":
    export(DiffusionPipeline.from_pretrained(sys.argv[1]), Path(sys.argv[2]))
