#!/usr/bin/env bash
# Guess: the levels that a pipeline visits are those of its scheduler: FlowMatchEulerDiscreteScheduler, read from a pipeline's folder and told the number of steps.
# Happens: alone the scheduler goes from sigma 1 to the shifted 1/1000, and shifts that once more; FluxPipeline, like those of Qwen-Image, Chroma, LTX and others, names its own, T from 1 to 1/T. Of four steps without shift the one visits 1, .667, .334 and .001, the other 1, .75, .5 and .25; nothing in the folder's scheduler says so. Whoever steps by the scheduler alone, as importers and inverters do, spends the last step on nothing.
# Versions: diffusers 0.42.1, torch 2.15.0; source: __call__ of pipelines/flux/pipeline_flux.py, set_timesteps of schedulers/scheduling_flow_match_euler_discrete.py.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
python3 -m venv env
env/bin/pip install --quiet torch==2.15.0 diffusers==0.42.1 transformers==5.5.0 accelerate==1.13.0 numpy==2.4.6

cat > run.py <<'PY'
import diffusers, sys, torch
from diffusers import FlowMatchEulerDiscreteScheduler, FluxPipeline, FluxTransformer2DModel

print("diffusers", diffusers.__version__, "torch", torch.__version__)
torch.manual_seed(0)
network = FluxTransformer2DModel(
    patch_size=1, in_channels=16, num_layers=1, num_single_layers=1, attention_head_dim=16, num_attention_heads=2,
    joint_attention_dim=32, pooled_projection_dim=32, axes_dims_rope=[4, 4, 8],
)
none = dict.fromkeys(("vae", "text_encoder", "tokenizer", "text_encoder_2", "tokenizer_2"))
rounded = lambda scheduler: [round(float(sigma), 3) for sigma in scheduler.sigmas[:-1]]


def visited(shift):
    """What the scheduler visits alone, and what it has visited in a pipeline."""
    alone = FlowMatchEulerDiscreteScheduler(shift=shift)
    alone.set_timesteps(4)
    pipeline = FluxPipeline(scheduler=FlowMatchEulerDiscreteScheduler(shift=shift), transformer=network, **none)
    pipeline.set_progress_bar_config(disable=True)
    given = dict(prompt_embeds=torch.zeros(1, 4, 32), pooled_prompt_embeds=torch.zeros(1, 32), height=32, width=32)
    pipeline(**given, num_inference_steps=4, output_type="latent")
    return rounded(alone), rounded(pipeline.scheduler)


found = {}
for shift in (1.0, 3.0):
    found[shift] = visited(shift)
    print(f"  shift {shift}: the scheduler alone {found[shift][0]}, in FluxPipeline {found[shift][1]}")
if found[1.0] != ([1.0, 0.667, 0.334, 0.001], [1.0, 0.75, 0.5, 0.25]) or found[3.0][1] != [1.0, 0.9, 0.75, 0.5]:
    sys.exit("CHANGED: expected the scheduler alone to go to 1/1000, and the pipeline to 1/4")
print("as known: the pipeline names its sigmas")
PY
env/bin/python run.py
