#!/usr/bin/env bash
# Guess: the noise of RandomNormal and RandomUniform with seed a is independent of that with seed b, and 0, 1 and 2^24 + 1 are seeds like others.
# Happens: uniform noise of seed a + b is that of a plus that of b, modulo 1, to the last bit; 0 is 1; odd seeds beyond 2^24 are their neighbours; the first number grows with the seed; two sessions without seed draw the same.
# Version: onnxruntime 1.32.0 (Python, Linux); source: std::default_random_engine, in libstdc++ x -> 16807 x mod (2^31 - 1), seeded with the float attribute, else with one seed of the process plus the node's index (core/providers/cpu/generator/random.h).
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
python3 -m venv env
env/bin/pip install -q numpy==2.4.6 onnx==1.23.2 onnxruntime==1.32.0

cat > run.py <<'PY'
import sys
import numpy as np
import onnxruntime as ort
from onnx import TensorProto, helper

N = 10_000

def session(op, seed=None):
    attributes = {'shape': [N], 'dtype': TensorProto.FLOAT}
    if seed is not None:
        attributes['seed'] = float(seed)
    node = helper.make_node(op, [], ['y'], **attributes)
    graph = helper.make_graph([node], 'noise', [], [helper.make_tensor_value_info('y', TensorProto.FLOAT, [N])])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)], ir_version=8)
    return ort.InferenceSession(model.SerializeToString(), providers=['CPUExecutionProvider'])

def draw(op, seed=None):
    return session(op, seed).run(None, {})[0].astype(np.float64)

print('onnxruntime', ort.__version__)
a, b, both = (draw('RandomUniform', s) for s in (1234, 98765, 1234 + 98765))
away = (a + b - both + .5) % 1 - .5
print(f'noise(1234) + noise(98765) - noise(99999), modulo 1: at most {abs(away).max():.1e}')
first = [draw('RandomUniform', s)[0] for s in (1, 2, 3, 1000)]
print('first number of seeds 1, 2, 3, 1000:', *(f'{x:.3e}' for x in first))
normal = {s: draw('RandomNormal', s) for s in (0, 1, 2**24, 2**24 + 1)}
zero_is_one = np.array_equal(normal[0], normal[1])
neighbours = np.array_equal(normal[2**24], normal[2**24 + 1])
unseeded = np.array_equal(draw('RandomNormal'), draw('RandomNormal'))
print('seed 0 is seed 1:', zero_is_one, '| 2^24 is 2^24 + 1:', neighbours, '| two sessions without seed draw the same:', unseeded)
proportional = np.allclose(np.array(first) / first[0], [1, 2, 3, 1000], rtol=1e-4)
if not (abs(away).max() < 1e-6 and proportional and zero_is_one and neighbours and unseeded):
    sys.exit('CHANGED: expected seeds that add up')
print('as known: seeds add up')
PY
env/bin/python run.py
