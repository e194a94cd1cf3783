#!/usr/bin/env bash
# Guess: pictures handed to torchmetrics as floats in [0,1] (normalize=True) are scored as the PNGs that diffusers makes of the same floats.
# Happens: diffusers rounds, torchmetrics cuts off (imgs * 255).byte(): pictures that a model draws reach the scoring network half a level darker, on average, than their PNGs. Real ones do as well, but not alike: a grey level that went to [-1,1] and back through diffusers' own image processor comes out one lower for 63 of the 256, and untouched floats of ToTensor for none, so that real and drawn pictures are shifted against each other.
# Version: torchmetrics 1.9.0, diffusers 0.42.1, torch 2.15.0; source: InceptionScore.update (image/inception.py), the same line in FrechetInceptionDistance, KernelInceptionDistance and MemorizationInformedFrechetInceptionDistance where they bring their own network; pt_to_numpy and numpy_to_pil in diffusers/image_processor.py.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
python3 -m venv env
env/bin/pip install -q numpy==2.4.6 pillow==13.0.0 torch==2.15.0 torchmetrics==1.9.0 diffusers==0.42.1

cat > run.py <<'PY'
import sys
from importlib.metadata import version
import numpy as np
import torch
from PIL import Image
from diffusers.image_processor import VaeImageProcessor
from torchmetrics.image.inception import InceptionScore


class Seen(torch.nn.Module):
    """A scoring network that keeps what it is shown."""

    def forward(self, pictures):
        self.pictures = pictures
        return torch.zeros(len(pictures), 10)


def shown(floats):
    network = Seen()
    InceptionScore(feature=network, normalize=True).update(floats)
    return network.pictures.int().numpy().transpose(0, 2, 3, 1)[0]


def written(processor, latents):
    return np.asarray(processor.postprocess(latents, output_type='pil')[0]).astype(int)


print('torchmetrics', version('torchmetrics'), 'diffusers', version('diffusers'), 'torch', torch.__version__)
processor = VaeImageProcessor(do_resize=False)
levels = np.repeat(np.arange(256, dtype=np.uint8).reshape(16, 16, 1), 3, axis=2)
there_and_back = processor.preprocess(Image.fromarray(levels))
kept = written(processor, there_and_back)
scored = shown(processor.postprocess(there_and_back, output_type='pt'))
untouched = shown(torch.from_numpy(levels).permute(2, 0, 1)[None].float() / 255)
lower = int((scored[..., 0] == levels[..., 0].astype(int) - 1).sum())
print(f'256 grey levels through [-1,1]: the PNG has all of them: {bool((kept == levels).all())}; torchmetrics sees {lower} one lower')
print(f'the same as floats that went nowhere: {int((untouched != levels).sum())} lower')

drawn = 1.6 * torch.rand(1, 3, 256, 256, generator=torch.Generator().manual_seed(0)) - 0.8
shift = float((shown(processor.postprocess(drawn, output_type='pt')) - written(processor, drawn)).mean())
print(f'a drawn picture is {-shift:.3f} levels darker than its PNG')
if not ((kept == levels).all() and lower == 63 and (untouched == levels).all() and abs(shift + 0.5) < 0.02):
    sys.exit('CHANGED: expected 63 levels one lower, none of untouched floats, and half a level of drawn ones')
print('as known: half a level darker')
PY
env/bin/python run.py
