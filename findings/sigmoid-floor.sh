#!/usr/bin/env bash
# Guess: float32 Sigmoid is small but positive until -88, and grows with its argument.
# Happens: at and below -18 it is exactly 0 (Log of it -infinity, where log sigmoid(-20) is -20); Sigmoid(-17) is twice the truth, and larger than Sigmoid(-16). Softplus(-x) is right: take log sigmoid(x) from it.
# Version: onnxruntime 1.32.0 (Python), x86-64 with AVX2; WebAssembly alike below -18; source: a ratio of polynomials on [-18, 18], beyond which the argument is clamped (core/mlas/lib/logistic.cpp).
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
python3 -m venv env
env/bin/pip install -q numpy==2.4.6 onnx==1.23.2 onnxruntime==1.32.0

cat > run.py <<'PY'
import sys
import numpy as np
import onnxruntime as ort
from onnx import TensorProto, helper

def run(names, x):
    nodes, last = [], 'x'
    for i, name in enumerate(names):
        nodes.append(helper.make_node(name, [last], [f'v{i}']))
        last = f'v{i}'
    value = lambda n: helper.make_tensor_value_info(n, TensorProto.FLOAT, ['N'])
    model = helper.make_model(helper.make_graph(nodes, 'g', [value('x')], [value(last)]),
                              opset_imports=[helper.make_opsetid('', 17)], ir_version=8)
    session = ort.InferenceSession(model.SerializeToString(), providers=['CPUExecutionProvider'])
    return session.run(None, {'x': x})[0].astype(np.float64)

x = np.array([-30, -20, -18, -17, -16, -15, -12, -10, -5, 0], np.float32)
truth = 1 / (1 + np.exp(-x.astype(np.float64)))
sigmoid, log, softplus = run(['Sigmoid'], x), run(['Sigmoid', 'Log'], x), -run(['Neg', 'Softplus'], x)
print('onnxruntime', ort.__version__)
print(f"{'x':>5} {'truth':>11} {'Sigmoid':>11} {'Log Sigmoid':>12} {'-Softplus(-x)':>13}")
for row in zip(x, truth, sigmoid, log, softplus):
    print('%5g %11.3e %11.3e %12.4f %13.4f' % row)
fine = np.linspace(-18, -10, 801, dtype=np.float32)
falls = int((np.diff(run(['Sigmoid'], fine)) < 0).sum())
error = np.abs(sigmoid[3:6] / truth[3:6] - 1)
print(f'it falls {falls} times on 800 steps from -18 to -10; relative errors at -17, -16, -15: {error.round(2)}')
flat = (sigmoid[:3] == 0).all() and np.isneginf(log[:3]).all()
if not (flat and falls > 0 and np.abs(softplus - np.log(truth)).max() < 1e-4):
    sys.exit('CHANGED: expected exact zeros at and below -18, and a curve that falls')
print('as known: Sigmoid ends at -18')
PY
env/bin/python run.py
