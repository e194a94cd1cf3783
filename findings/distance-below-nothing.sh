#!/usr/bin/env bash
# Guess: a Frechet distance (FID) is that of its formula, 0 for a set and itself and never less, whichever package computes it; too few pictures make it large, not wrong.
# Happens: torcheval's, all in float32, is negative for a set held against itself as soon as there are fewer pictures than features (-.3 of 256 pictures in 512 features), and misses that of two sets by one to three hundredths of it; with more pictures than features it is right to a thousandth. Samples of 1,000 pictures in the 2,048 features of Inception are always such.
# Version: torcheval 0.0.7, torch 2.15.0; source: _calculate_frechet_distance in torcheval/metrics/image/fid.py takes torch.linalg.eigvals of the product of both covariances, whose eigenvalues that should be zero come out as rounding of either sign, and adds up the real parts of their square roots.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
python3 -m venv env
env/bin/pip install -q numpy==2.4.6 torch==2.15.0 torchvision==0.29.2 torcheval==0.0.7

cat > run.py <<'PY'
import sys
from importlib.metadata import version
import numpy as np
import torch
from torcheval.metrics import FrechetInceptionDistance

FEATURES = 512
drawn = torch.Generator().manual_seed(0)
mixing = torch.randn(FEATURES, FEATURES, generator=drawn) * (torch.arange(1, FEATURES + 1) ** -0.7)[:, None]


def features(count):
    """Non-negative, with a spectrum that falls, as a network's last layer has them."""
    return torch.relu(torch.randn(count, FEATURES, generator=drawn) @ mixing / 3 + 0.1)


class AsTheyAre(torch.nn.Module):
    def forward(self, pictures):
        return pictures.flatten(1)[:, :FEATURES]


def torchevals(a, b):
    metric = FrechetInceptionDistance(model=AsTheyAre(), feature_dim=FEATURES)
    for part, real in ((a, True), (b, False)):
        metric.update(torch.nn.functional.pad(part, (0, -FEATURES % 3)).reshape(len(part), 3, 1, -1), real)
    return float(metric.compute())


def exact(a, b):
    """In float64, with tr (A B)^(1/2) by the symmetric root of A."""
    a, b = a.double().numpy(), b.double().numpy()
    first, second = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    values, vectors = np.linalg.eigh(first)
    root = vectors * np.sqrt(np.maximum(values, 0)) @ vectors.T
    between = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ second @ root), 0)).sum()
    return ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(first) + np.trace(second) - 2 * between


print('torcheval', version('torcheval'), 'torch', torch.__version__)
seen = {}
for count in (64, 256, 2048):
    a, b = features(count), features(count)
    between, true, itself = torchevals(a, b), exact(a, b), torchevals(a, a)
    seen[count] = (between / true, itself)
    print(f'{count:5} pictures, {FEATURES} features: {between:.4f}, in float64 {true:.4f}; of a set and itself {itself:.4f}')
few = all(itself < -0.05 and abs(part - 1) > 0.005 for part, itself in (seen[64], seen[256]))
many = abs(seen[2048][0] - 1) < 2e-3 and abs(seen[2048][1]) < 2e-2
if not (few and many):
    sys.exit('CHANGED: expected a distance below nothing for fewer pictures than features, and the right one for more')
print('as known: below nothing for fewer pictures than features')
PY
env/bin/python run.py
