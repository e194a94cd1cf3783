"""Exports a diffusers pipeline to ONNX: `python3 export_diffusers.py google/ddpm-cifar10-32 folder`.

For pipelines over pixels (DDPM, DDIM) or over an autoencoder's latents (LDM) that have a `unet`. Where it is told a class or an
encoded text, these are further inputs of the file, which `seedbed import` keeps as conditions. Timesteps are whole numbers, but
floats for schedulers of flow matching, EDM and consistency models. Writes unet/ and scheduler/ and, of latents, vae/, vae_encoder/
and vae_decoder/; pipelines of a transformer: export_transformer.py. Run with torch 2.15.0 and diffusers 0.42.1 on small pipelines with random weights.
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


def write(module, inputs, names, output, path, axes={}):
    """Every input from an example of two rows or more, so that their number stays open; `axes` are more that do."""
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.onnx.export(
        module.eval(),
        inputs,
        str(path),
        input_names=names,
        output_names=[output],
        dynamic_axes={**{name: {0: "N"} for name in (*names, output)}, **axes},
        opset_version=17,
        dynamo=False,
    )


def export(pipeline, folder):
    # From model_index.json, unet/config.json, scheduler/scheduler_config.json and vae/config.json `seedbed import` reads what the model is.
    pipeline.save_config(folder)
    pipeline.unet.save_config(folder / "unet")
    pipeline.scheduler.save_config(folder / "scheduler")
    size = pipeline.unet.config.sample_size
    height, width = (size, size) if isinstance(size, int) else size
    latents = torch.randn(3, pipeline.unet.config.in_channels, height, width)
    further = further_inputs(pipeline.unet.config)
    unet = Call(pipeline.unet, lambda unet, x, t, *more: unet(x, t, **dict(zip(further, more)), return_dict=False)[0])
    inputs = (latents, timesteps_for(pipeline.scheduler), *further.values())
    text = {"encoder_hidden_states": {0: "N", 1: "L"}} if "encoder_hidden_states" in further else {}
    write(unet, inputs, ["sample", "timestep", *further], "out_sample", folder / "unet/model.onnx", text)
    vae = getattr(pipeline, "vae", None) or getattr(pipeline, "vqvae", None)
    if vae is None:
        return
    vae.save_config(folder / "vae")
    decoder = Call(vae, lambda vae, z: vae.decode(z, return_dict=False)[0])
    pictures = decoder(latents).detach()
    write(decoder, (latents,), ["latent_sample"], "sample", folder / "vae_decoder/model.onnx")
    encoder = Call(vae, lambda vae, x: latents_of(vae.encode(x)))
    write(encoder, (pictures,), ["sample"], "latent_parameters", folder / "vae_encoder/model.onnx")


def timesteps_for(scheduler):
    """An example of three timesteps: whole numbers, or, of flow matching, EDM and consistency models, fractions."""
    name = type(scheduler).__name__
    flows = name.startswith("FlowMatch") or scheduler.config.get("use_flow_sigmas")
    if flows or name.startswith(("EDM", "CMStochastic")):
        return torch.tensor([1.0, 2.0, 3.0])
    return torch.tensor([1, 2, 3])


def further_inputs(config):
    """An example of each further input that the network takes, of three pictures."""
    further = {}
    if config.get("time_cond_proj_dim"):
        sys.exit("time_cond_proj_dim: its guidance is a further input (timestep_cond), which this script does not export")
    if config.get("num_class_embeds"):
        further["class_labels"] = torch.tensor([0, 1, 1])
    if config.get("cross_attention_dim"):
        width = config.get("encoder_hid_dim") or config.cross_attention_dim
        further["encoder_hidden_states"] = torch.randn(3, 77, width)
    return further


def latents_of(encoded):
    """Mean and log-variance of the latents, as optimum exports them, where they are drawn; Seedbed takes the mean."""
    if hasattr(encoded, "latent_dist"):
        return encoded.latent_dist.parameters
    return encoded.latents if hasattr(encoded, "latents") else encoded.latent  # AutoencoderDC


if __name__ == "__main__":
    export(DiffusionPipeline.from_pretrained(sys.argv[1]), Path(sys.argv[2]))
