#!/usr/bin/env bash
# Guess: a UNet distilled with guidance (time_cond_proj_dim, as latent consistency models have it) asks for that guidance, or takes its absence for no guidance.
# Happens: called without timestep_cond it says nothing and computes another network, in which the embedding is not added at all: no guidance scale gives the same, 1 (whose embedding is of 0, sines of 0 and cosines of 1) as little as others. Exporters that give a UNet picture, timestep and text alone export that network.
# Versions: diffusers 0.42.1, torch 2.15.0; source: TimestepEmbedding.forward in models/embeddings.py, get_guidance_scale_embedding in pipelines/latent_consistency_models/pipeline_latent_consistency_text2img.py.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
python3 -m venv env
env/bin/pip install --quiet torch==2.15.0 diffusers==0.42.1 transformers==5.5.0 accelerate==1.13.0 numpy==2.4.6

cat > run.py <<'PY'
import diffusers, sys, torch
from diffusers import LatentConsistencyModelPipeline, UNet2DConditionModel

print("diffusers", diffusers.__version__, "torch", torch.__version__)
torch.manual_seed(0)
network = UNet2DConditionModel(
    sample_size=8, block_out_channels=(32, 64), layers_per_block=1, cross_attention_dim=32, attention_head_dim=8, norm_num_groups=8,
    down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"), up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"), time_cond_proj_dim=256,
).eval()
x, t, text = torch.randn(1, 4, 8, 8), torch.tensor([500]), torch.randn(1, 7, 32)
off = {}
with torch.no_grad():
    bare = network(x, t, text).sample
    for scale in (1.0, 2.0, 4.0, 8.5):
        told = LatentConsistencyModelPipeline.get_guidance_scale_embedding(None, torch.tensor([scale - 1]), 256)
        guided = network(x, t, text, timestep_cond=told).sample
        off[scale] = float((guided - bare).norm() / bare.norm())
        print(f"  without timestep_cond, beside guidance {scale}: {100 * off[scale]:.1f} % of the output apart")
if not all(apart > 0.02 for apart in off.values()):
    sys.exit("CHANGED: expected a network that is told nothing to differ from all that are told a guidance")
print("as known: a guidance that is not told is none of them, and nothing says so")
PY
env/bin/python run.py
