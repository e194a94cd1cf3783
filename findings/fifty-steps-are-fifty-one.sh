#!/usr/bin/env bash
# Guess: ODESolver.sample(method='euler', step_size=length / n) calls the network n times.
# Happens: for a fifth of the counts up to 100, between times .001 and .999 as samplers that keep off the ends take them, it is n + 1, 50 among them: the last step is the rounding of the others, some 5e-8 long, and the network is asked once more beside the end. Between 0 and 1 it is so for 61 alone in float32, for 49 and 98 in float64. Methods that are compared by evaluations are compared wrongly by their steps, and a velocity that divides by what is left of the time divides by nearly nothing.
# Version: flow_matching 1.0.10, torchdiffeq 0.2.5, torch 2.15.0; source: _grid_constructor_from_step_size in torchdiffeq/_impl/solvers.py, ceil((end - start) / step_size + 1).
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
python3 -m venv env
env/bin/pip install -q numpy==2.4.6 torch==2.15.0 torchdiffeq==0.2.5 flow_matching==1.0.10 tqdm==4.70.1

cat > run.py <<'PY'
import sys
from importlib.metadata import version
import torch
from flow_matching.solver import ODESolver
from flow_matching.utils import ModelWrapper


class Counted(ModelWrapper):
    def __init__(self):
        super().__init__(None)
        self.times = []

    def forward(self, x, t, **more):
        self.times.append(float(t))
        return -x


def calls(start, end, steps, dtype):
    model = Counted()
    grid = torch.tensor([start, end], dtype=dtype)
    ODESolver(velocity_model=model).sample(
        x_init=torch.ones(1, dtype=dtype), step_size=(end - start) / steps, method='euler', time_grid=grid)
    return model.times


print('flow_matching', version('flow_matching'), 'torchdiffeq', version('torchdiffeq'), 'torch', torch.__version__)
found = {}
for start, end, dtype in ((0.001, 0.999, torch.float32), (0.0, 1.0, torch.float32), (0.0, 1.0, torch.float64)):
    more = [steps for steps in range(1, 101) if len(calls(start, end, steps, dtype)) == steps + 1]
    found[start, dtype] = more
    print(f'{start} to {end}, {dtype}: {len(more)} of 100 counts take one more call: {more[:12]}')
times = calls(0.001, 0.999, 50, torch.float32)
print(f'50 steps: {len(times)} calls, the last one {0.999 - times[-1]:.1e} before the end')
known = found[0.0, torch.float32] == [61] and found[0.0, torch.float64] == [49, 98]
if not (known and 50 in found[0.001, torch.float32] and len(found[0.001, torch.float32]) > 10):
    sys.exit('CHANGED: expected one call more for 50 steps between .001 and .999, and for 61, 49 and 98 between 0 and 1')
print('as known: fifty steps are fifty-one')
PY
env/bin/python run.py
