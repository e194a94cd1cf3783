#!/usr/bin/env bash
# Guess: ExactOptimalTransportConditionalFlowMatcher pairs each picture of a batch with one noise, and torch.manual_seed fixes which.
# Happens: the exact plan is a pairing, but as many pairs are drawn from it with replacement: of each batch a third of the pictures (1/e) is left out and others are learned twice or more. They are drawn by NumPy's own generator: with torch.manual_seed alone two runs learn from different pairs.
# Version: torchcfm 1.0.7, torch 2.15.0; source: OTPlanSampler.sample_map in torchcfm/optimal_transport.py, np.random.choice with replace=True, which ExactOptimalTransportConditionalFlowMatcher has no way to change.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
python3 -m venv env
env/bin/pip install -q numpy==2.4.6 torch==2.15.0 torchcfm==1.0.7

cat > run.py <<'PY'
import sys
from importlib.metadata import version
import numpy as np
import torch
from torchcfm.conditional_flow_matching import ExactOptimalTransportConditionalFlowMatcher

BATCH = 256
# Each picture has its own number as its pixels.
pictures = torch.arange(BATCH, dtype=torch.float32)[:, None].repeat(1, 2)
matcher = ExactOptimalTransportConditionalFlowMatcher(sigma=0.0)


def learned():
    """The numbers of the pictures that one batch is about."""
    torch.manual_seed(0)
    t, x, velocity = matcher.sample_location_and_conditional_flow(torch.randn(BATCH, 2), pictures)
    return (x + (1 - t)[:, None] * velocity)[:, 0].round().int()


print('torchcfm', version('torchcfm'), 'torch', torch.__version__, 'numpy', np.__version__)
np.random.seed(0)
first, second = learned(), learned()
np.random.seed(0)
third = learned()
shares = [len(set(batch.tolist())) / BATCH for batch in (first, second)]
print(f'of {BATCH} pictures a batch is about {shares[0]:.0%}, another about {shares[1]:.0%}; 1 - 1/e is {1 - np.exp(-1):.0%}')
print(f'the same after torch.manual_seed: {torch.equal(first, second)}; after numpy.random.seed as well: {torch.equal(first, third)}')
if not (all(0.55 < share < 0.7 for share in shares) and not torch.equal(first, second) and torch.equal(first, third)):
    sys.exit("CHANGED: expected a third of the pictures left out, and NumPy's generator to choose")
print('as known: a third is left out')
PY
env/bin/python run.py
