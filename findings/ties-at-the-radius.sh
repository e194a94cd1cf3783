#!/usr/bin/env bash
# Guess: precision and recall (Kynkaanniemi et al. 2019) of the same features with the same k are the same numbers, whichever package computes them.
# Happens: where distances tie, as those of black and white pictures do, not at all: one set of generated pictures has a recall of 0 in prdc, .115 in torch-fidelity, which is the definition's, and 1 in piq. prdc leaves out what lies just at a radius; piq adds what lies just at the radius of the real picture, where recall asks for that of the generated one.
# Version: prdc 0.2, piq 0.8.0, torch-fidelity 0.4.0, torch 2.15.0; source: compute_prdc in prdc/prdc.py compares by <; PR.compute_metric in piq/pr.py takes torch.isclose with real_nearest_neighbour_distances for recall, too; calculate_precision_recall_full in torch_fidelity/metric_prc.py compares by <=.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
python3 -m venv env
env/bin/pip install -q numpy==2.4.6 scipy==1.17.1 scikit-learn==1.9.1 torch==2.15.0 torchvision==0.29.2 torch-fidelity==0.4.0 piq==0.8.0 prdc==0.2

cat > run.py <<'PY'
import contextlib
import io
import sys
from importlib.metadata import version
import numpy as np
import torch
from piq import PR
from prdc import compute_prdc
from torch_fidelity.metric_prc import prc_features_to_metric

K = 5
drawn = np.random.default_rng(0)


def near(picture, count, pixels):
    """Pictures that differ from one in so many pixels."""
    all = np.repeat(picture[None], count, 0)
    for one in all:
        one[drawn.choice(picture.size, pixels, replace=False)] ^= 1
    return all


picture = drawn.integers(0, 2, 64)  # 8 x 8 in black and white
real, made = near(picture, 200, 7), near(picture, 200, 3)


def counted(real, made):
    """By the definition, in whole numbers of pixels: a point is within where its distance is the radius or less."""
    apart = lambda a, b: (a[:, None] != b[None]).sum(2)
    radius = lambda a: np.sort(apart(a, a), 1)[:, K]
    between = apart(real, made)
    return (between <= radius(real)[:, None]).any(0).mean(), (between <= radius(made)[None]).any(1).mean()


def of_prdc(real, made):
    with contextlib.redirect_stdout(io.StringIO()):
        found = compute_prdc(real_features=real, fake_features=made, nearest_k=K)
    return found['precision'], found['recall']


def of_piq(real, made):
    return tuple(map(float, PR(nearest_k=K)(torch.tensor(real), torch.tensor(made))))


def of_fidelity(real, made):
    options = {'prc_neighborhood': K, 'prc_batch_size': 10000, 'save_cpu_ram': False, 'verbose': False}
    found = prc_features_to_metric(torch.tensor(made), torch.tensor(real), **options)
    return found['precision'], found['recall']


print(*(f'{name} {version(name)}' for name in ('prdc', 'piq', 'torch-fidelity', 'torch')))
ways = {'prdc': of_prdc, 'piq': of_piq, 'torch-fidelity': of_fidelity}
floats = (real.astype(np.float32), made.astype(np.float32))
truth = counted(real, made)
print(f'by the definition: precision {truth[0]:.3f}, recall {truth[1]:.3f}')
tied = {}
for name, way in ways.items():
    tied[name] = way(*floats)
    print(f'{name:15} precision {tied[name][0]:.3f}, recall {tied[name][1]:.3f}')
# Without ties two say the same; piq's tolerance meets a few by chance.
loose = [pictures + drawn.normal(0, 0.1, pictures.shape).astype(np.float32) for pictures in floats]
untied = {name: way(*loose) for name, way in ways.items()}
print('with a little noise, so that nothing ties:', {name: round(float(recall), 3) for name, (_, recall) in untied.items()})
alike = abs(untied['torch-fidelity'][1] - untied['prdc'][1]) < 1e-6 and 0 <= untied['piq'][1] - untied['prdc'][1] < 0.05
known = tied['prdc'][1] == 0 and tied['piq'][1] > 0.9 and abs(tied['torch-fidelity'][1] - truth[1]) < 1e-6
if not (alike and known and 0.05 < truth[1] < 0.2):
    sys.exit('CHANGED: expected recalls of 0, of the definition and of 1 where distances tie, and nearly one recall where none does')
print('as known: three recalls of one set where distances tie')
PY
env/bin/python run.py
