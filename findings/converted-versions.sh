#!/usr/bin/env bash
# Guess: onnx.version_converter gives a model of another operator set that computes the same, or refuses.
# Happens: Resize (and Upsample) of set 10 and less in mode linear changes its grid on the way to 11, without a word: 0, 1, 2, 3 enlarged twice begins 0, .25 instead of 0, .5. Softmax 13 to 12 and Hardmax 11 to 13 change their axis.
# Version: onnx 1.23.2, run by onnxruntime 1.32.0; source: Resize 10 to 11 only inserts the new roi input, though the coordinate mode is half_pixel unless named from 11 on and was asymmetric before (onnx/version_converter/adapters/resize_10_11.h).
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
python3 -m venv env
env/bin/pip install -q numpy==2.4.6 onnx==1.23.2 onnxruntime==1.32.0

cat > run.py <<'PY'
import sys
import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper, version_converter

def model(node, shape, opset, weights={}):
    graph = helper.make_graph([node], 'g', [helper.make_tensor_value_info('x', TensorProto.FLOAT, shape)],
                              [helper.make_tensor_value_info('y', TensorProto.FLOAT, [f'd{i}' for i in range(len(shape))])],
                              [numpy_helper.from_array(np.array(w, np.float32), n) for n, w in weights.items()])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid('', opset)], ir_version=8)
    onnx.checker.check_model(made)
    return made

def run(made, x):
    return ort.InferenceSession(made.SerializeToString(), providers=['CPUExecutionProvider']).run(None, {'x': x})[0]

random = np.random.default_rng(0)
ramp = np.arange(4, dtype=np.float32).reshape(1, 1, 1, 4)
batch = random.standard_normal((2, 3, 4)).astype(np.float32)
node = helper.make_node
cases = {
    'Resize linear 10 -> 11': (node('Resize', ['x', 's'], ['y'], mode='linear'), ramp, 10, 11, {'s': [1, 1, 1, 2]}),
    'Resize linear 10 -> 17': (node('Resize', ['x', 's'], ['y'], mode='linear'), ramp, 10, 17, {'s': [1, 1, 1, 2]}),
    'Upsample linear 9 -> 13': (node('Upsample', ['x', 's'], ['y'], mode='linear'), ramp, 9, 13, {'s': [1, 1, 1, 2]}),
    'Resize nearest 10 -> 17': (node('Resize', ['x', 's'], ['y'], mode='nearest'), ramp, 10, 17, {'s': [1, 1, 1, 2]}),
    'Softmax axis 1, 12 -> 13': (node('Softmax', ['x'], ['y'], axis=1), batch, 12, 13, {}),
    'Softmax axis 1, 13 -> 12': (node('Softmax', ['x'], ['y'], axis=1), batch, 13, 12, {}),
    'Hardmax axis 1, 11 -> 13': (node('Hardmax', ['x'], ['y'], axis=1), batch, 11, 13, {}),
}
print('onnx', onnx.__version__)
changed = []
for name, (op, x, before, after, weights) in cases.items():
    made = model(op, list(x.shape), before, weights)
    old, new = run(made, x), run(version_converter.convert_version(made, after), x)
    away = float(np.abs(old - new).max())
    if away > 1e-5:
        changed.append(name)
    print(f'{name:26} differs by {away:.3f}', *((old.ravel(), new.ravel()) if x is ramp else ()))
expected = [n for n in cases if 'linear' in n or n in ('Softmax axis 1, 13 -> 12', 'Hardmax axis 1, 11 -> 13')]
if changed != expected:
    sys.exit(f'CHANGED: other values in {changed}, expected in {expected}')
print('as known: conversion changes values without a word')
PY
env/bin/python run.py
