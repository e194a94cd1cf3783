"""Exports a transformer of diffusers to ONNX: `python3 export_transformer.py dit|sd3|flux out/dit`.

Small ones with random weights stand for yours. Of a class (DiT) or a text (SD3) they are told by further inputs, which
`seedbed import` keeps as conditions. Flux sees latents packed in twos, with a place for each: that, and its division of timesteps
by 1000, is put into the module that is exported. Writes the folder that `seedbed import` reads, transformer/ and scheduler/, and of
a few seeds what the scheduler makes of them: seeds.npy, pictures.npy, and the conditions they were told.
Run with diffusers 0.42.1 and torch 2.15.0.
"""

import sys
from pathlib import Path

import numpy as np
import onnx
import torch
from diffusers import (
    DDIMScheduler,
    DiTTransformer2DModel,
    FlowMatchEulerDiscreteScheduler,
    FluxTransformer2DModel,
    SD3Transformer2DModel,
)

SIZE, STEPS, COUNT = 8, 10, 2


class DiT(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.network = DiTTransformer2DModel(
            num_attention_heads=2,
            attention_head_dim=8,
            in_channels=4,
            out_channels=4,
            num_layers=1,
            sample_size=SIZE,
            patch_size=2,
            num_embeds_ada_norm=10,
        )
        self.conditions = {"class_labels": torch.tensor([3, 3])}
        self.scheduler = DDIMScheduler(prediction_type="v_prediction", clip_sample=False)

    def forward(self, sample, timestep, class_labels):
        return self.network(sample, timestep=timestep, class_labels=class_labels, return_dict=False)[0]


class SD3(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.network = SD3Transformer2DModel(
            sample_size=SIZE,
            patch_size=2,
            in_channels=4,
            out_channels=4,
            num_layers=1,
            attention_head_dim=8,
            num_attention_heads=2,
            joint_attention_dim=8,
            caption_projection_dim=16,
            pooled_projection_dim=8,
            pos_embed_max_size=8,
        )
        text, pooled = torch.randn(1, 5, 8), torch.randn(1, 8)
        self.conditions = {
            "encoder_hidden_states": text.repeat(COUNT, 1, 1),
            "pooled_projections": pooled.repeat(COUNT, 1),
        }
        self.scheduler = FlowMatchEulerDiscreteScheduler(shift=3.0)

    def forward(self, sample, timestep, encoder_hidden_states, pooled_projections):
        return self.network(sample, encoder_hidden_states, pooled_projections, timestep, return_dict=False)[0]


class Flux(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.network = FluxTransformer2DModel(
            patch_size=1,
            in_channels=16,
            num_layers=1,
            num_single_layers=1,
            attention_head_dim=8,
            num_attention_heads=2,
            joint_attention_dim=8,
            pooled_projection_dim=8,
            axes_dims_rope=(2, 2, 4),
        )
        half = SIZE // 2
        places = torch.zeros(half, half, 3)
        places[..., 1] += torch.arange(half)[:, None]
        places[..., 2] += torch.arange(half)[None, :]
        self.register_buffer("places", places.reshape(-1, 3), persistent=False)
        self.register_buffer("words", torch.zeros(5, 3), persistent=False)
        text, pooled = torch.randn(1, 5, 8), torch.randn(1, 8)
        self.conditions = {
            "encoder_hidden_states": text.repeat(COUNT, 1, 1),
            "pooled_projections": pooled.repeat(COUNT, 1),
        }
        self.scheduler = FlowMatchEulerDiscreteScheduler()

    def forward(self, sample, timestep, encoder_hidden_states, pooled_projections):
        half = SIZE // 2
        packed = sample.reshape(-1, 4, half, 2, half, 2).permute(0, 2, 4, 1, 3, 5).reshape(-1, half * half, 16)
        velocity = self.network(
            hidden_states=packed,
            encoder_hidden_states=encoder_hidden_states,
            pooled_projections=pooled_projections,
            timestep=timestep / 1000,
            img_ids=self.places,
            txt_ids=self.words,
            return_dict=False,
        )[0]
        return velocity.reshape(-1, half, half, 4, 2, 2).permute(0, 3, 1, 4, 2, 5).reshape(-1, 4, SIZE, SIZE)


def strip(path: Path):
    """Takes out what PyTorch writes of its own source lines at every node, half of a small file."""
    model = onnx.load(path)
    for node in model.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    del model.graph.value_info[:]
    onnx.save(model, path)


def main(which: str, folder: Path):
    torch.manual_seed(0)
    module = {"dit": DiT, "sd3": SD3, "flux": Flux}[which]().eval()
    # Untrained weights that end in zero would say nothing.
    for weight in module.network.parameters():
        torch.nn.init.normal_(weight, std=0.1)
    (folder / "transformer").mkdir(parents=True, exist_ok=True)
    module.network.save_config(folder / "transformer")
    module.scheduler.save_config(folder / "scheduler")
    names = ["sample", "timestep", *module.conditions]
    whole = isinstance(module.scheduler, DDIMScheduler)
    levels = torch.tensor([1, 2]) if whole else torch.tensor([1.0, 2.0])
    torch.onnx.export(
        module,
        (torch.randn(COUNT, 4, SIZE, SIZE), levels, *module.conditions.values()),
        str(folder / "transformer/model.onnx"),
        input_names=names,
        output_names=["out_sample"],
        # The older exporter, dynamo=False, does not know Flux' root mean square norm.
        dynamic_shapes=tuple({0: torch.export.Dim("N")} for _ in names),
        dynamo=True,
        external_data=False,
        verbose=False,
    )
    strip(folder / "transformer/model.onnx")
    for name, value in module.conditions.items():
        np.save(folder / f"{name}.npy", value[0].numpy())
    seeds = torch.randn(COUNT, 4, SIZE, SIZE)
    module.scheduler.set_timesteps(STEPS)
    x = seeds
    with torch.no_grad():
        for timestep in module.scheduler.timesteps:
            predicted = module(x, timestep.repeat(COUNT), *module.conditions.values())
            x = module.scheduler.step(predicted, timestep, x, return_dict=False)[0]
    np.save(folder / "seeds.npy", seeds.numpy())
    np.save(folder / "pictures.npy", x.numpy())


main(sys.argv[1], Path(sys.argv[2]))
