#!/usr/bin/env bash
# Guess: with use_dynamic_shifting a pipeline shifts its levels by the resolution: the more tokens a picture has, the more noise its steps are spent on.
# Happens: Lumina2Pipeline takes the second dimension of its latents for the number of tokens, and it packs none: that is the number of channels, 16 at any size. The shift is 1.58 for pictures of 128, 256 and 512 pixels, where by their 64, 256 and 1,024 tokens it would be 1.60, 1.65 and 1.88; a scheduler told the tokens, as importers tell it, visits other levels.
# Versions: diffusers 0.42.1, torch 2.15.0; source: image_seq_len in __call__ of pipelines/lumina2/pipeline_lumina2.py.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
python3 -m venv env
env/bin/pip install --quiet torch==2.15.0 diffusers==0.42.1 transformers==5.5.0 accelerate==1.13.0 numpy==2.4.6

cat > run.py <<'PY'
import diffusers, math, sys, torch
from diffusers import FlowMatchEulerDiscreteScheduler, Lumina2Pipeline, Lumina2Transformer2DModel
from diffusers.pipelines.lumina2.pipeline_lumina2 import calculate_shift

print("diffusers", diffusers.__version__, "torch", torch.__version__)
shifts = []


class Told(FlowMatchEulerDiscreteScheduler):
    """Keeps the shift that a pipeline tells it."""

    def set_timesteps(self, num_inference_steps=None, device=None, sigmas=None, mu=None, timesteps=None):
        shifts.append(math.exp(mu))
        super().set_timesteps(num_inference_steps, device, sigmas, mu)


network = Lumina2Transformer2DModel(
    in_channels=16, patch_size=2, hidden_size=24, num_layers=1, num_refiner_layers=1, num_attention_heads=3,
    num_kv_heads=1, multiple_of=2, axes_dim_rope=(4, 2, 2), axes_lens=(128, 128, 128), cap_feat_dim=8,
)
pipeline = Lumina2Pipeline(
    transformer=network, scheduler=Told(use_dynamic_shifting=True), vae=None, text_encoder=None, tokenizer=None
)
pipeline.set_progress_bar_config(disable=True)
text, mask = torch.randn(1, 4, 8), torch.ones(1, 4, dtype=torch.long)
by_tokens = []
for side in (128, 256, 512):
    pipeline(
        prompt_embeds=text, prompt_attention_mask=mask, negative_prompt_embeds=text,
        negative_prompt_attention_mask=mask, height=side, width=side, num_inference_steps=2,
        output_type="latent", guidance_scale=1.0,
    )
    tokens = (side // 16) ** 2
    by_tokens.append(math.exp(calculate_shift(tokens)))
    print(f"  {side} pixels, {tokens} tokens: shift {shifts[-1]:.4f}, by the tokens {by_tokens[-1]:.4f}")
by_channels = math.exp(calculate_shift(16))
if any(abs(shift - by_channels) > 1e-9 for shift in shifts) or max(by_tokens) - min(by_tokens) < 0.2:
    sys.exit("CHANGED: expected one shift at every size, that of 16 tokens")
print("as known: the shift goes by the 16 channels")
PY
env/bin/python run.py
