"""Exports a text-to-image pipeline by optimum: `python3 export_optimum.py out/optimum`.

A small one with random weights stands for yours, of which `optimum-cli export onnx --model PIPELINE --task text-to-image FOLDER`
writes the folder that `seedbed import` reads: unet/, scheduler/, vae_encoder/ and vae_decoder/. Of a few seeds it writes what the
scheduler makes of them besides: seeds.npy, pictures.npy (latents), and the encoded text that they were told.
Run with optimum-onnx 0.1.0, which asks for transformers below 4.58, with diffusers 0.35.2 and torch 2.15.0.
"""

import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from optimum.exporters.onnx import main_export
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

SIZE, STEPS, COUNT, TEXT = 8, 10, 2, 16


def tokenizer(folder: Path) -> CLIPTokenizer:
    words = ["<|startoftext|>", "<|endoftext|>", "a</w>"]
    (folder / "vocab.json").write_text(json.dumps({word: i for i, word in enumerate(words)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    return CLIPTokenizer(folder / "vocab.json", folder / "merges.txt", model_max_length=TEXT)


def pipeline(folder: Path) -> StableDiffusionPipeline:
    return StableDiffusionPipeline(
        unet=UNet2DConditionModel(
            sample_size=SIZE,
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
            block_out_channels=(8, 16),
            layers_per_block=1,
            cross_attention_dim=TEXT,
            attention_head_dim=2,
            norm_num_groups=4,
        ),
        vae=AutoencoderKL(block_out_channels=(8,), norm_num_groups=4, sample_size=SIZE),
        # Stable Diffusion's own.
        scheduler=DDIMScheduler(
            beta_start=0.00085,
            beta_end=0.012,
            beta_schedule="scaled_linear",
            clip_sample=False,
            set_alpha_to_one=False,
            steps_offset=1,
        ),
        # optimum tries it with 16 words, so that it has to take as many.
        text_encoder=CLIPTextModel(
            CLIPTextConfig(
                vocab_size=3,
                hidden_size=TEXT,
                intermediate_size=TEXT,
                num_hidden_layers=1,
                num_attention_heads=2,
                max_position_embeddings=TEXT,
                bos_token_id=0,
                eos_token_id=1,
            )
        ),
        tokenizer=tokenizer(folder),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def main(folder: Path):
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as place:
        made = pipeline(Path(place))
        made.save_pretrained(place)
        main_export(place, folder, task="text-to-image")
    text = torch.randn(COUNT, TEXT, TEXT)[:1]
    seeds = torch.randn(COUNT, 4, SIZE, SIZE)
    made.scheduler.set_timesteps(STEPS)
    x = seeds
    with torch.no_grad():
        for timestep in made.scheduler.timesteps:
            predicted = made.unet(x, timestep, text.repeat(COUNT, 1, 1)).sample
            x = made.scheduler.step(predicted, timestep, x).prev_sample
    np.save(folder / "encoder_hidden_states.npy", text[0].numpy())
    np.save(folder / "seeds.npy", seeds.numpy())
    np.save(folder / "pictures.npy", x.numpy())


main(Path(sys.argv[1]))
