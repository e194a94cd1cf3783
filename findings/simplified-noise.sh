#!/usr/bin/env bash
# Guess: tools that simplify a valid ONNX file leave what it computes as it is, so two RandomNormal nodes without a seed stay two draws.
# Happens: onnxoptimizer's default passes and onnxsim make them one node, so the two noises are the same numbers; onnxslim draws once, and writes that noise into the file as a constant: the same at every run. RandomNormalLike, too, becomes one node, in all three.
# Versions: onnxoptimizer 0.4.2, onnxsim 0.8.1, onnxslim 0.1.98; source: their elimination of common subexpressions (and folding of constants) compares operator, inputs and attributes, and an absent seed equals an absent seed.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
python3 -m venv env
env/bin/pip install -q numpy==2.4.6 onnx==1.23.2 onnxruntime==1.32.0 onnxoptimizer==0.4.2 onnxsim==0.8.1 onnxslim==0.1.98

cat > run.py <<'PY'
import copy
import sys
import numpy as np
import onnx
import onnxoptimizer
import onnxruntime as ort
import onnxsim
import onnxslim
from onnx import TensorProto, helper

N = 1000
value = lambda n: helper.make_tensor_value_info(n, TensorProto.FLOAT, [N])

def two_draws(op):
    """y = x + (one noise - another noise)."""
    if op == 'RandomNormal':
        noise = [helper.make_node(op, [], [o], shape=[N], dtype=TensorProto.FLOAT) for o in ('a', 'b')]
    else:
        noise = [helper.make_node(op, ['x'], [o]) for o in ('a', 'b')]
    nodes = noise + [helper.make_node('Sub', ['a', 'b'], ['d']), helper.make_node('Add', ['d', 'x'], ['y'])]
    model = helper.make_model(helper.make_graph(nodes, 'g', [value('x')], [value('y')]),
                              opset_imports=[helper.make_opsetid('', 17)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    return model

def run_twice(model):
    session = ort.InferenceSession(model.SerializeToString(), providers=['CPUExecutionProvider'])
    return [session.run(None, {'x': np.zeros(N, np.float32)})[0] for _ in range(2)]

tools = {
    'none': lambda m: m,
    'onnxoptimizer': onnxoptimizer.optimize,
    'onnxsim': lambda m: onnxsim.simplify(m)[0],
    'onnxslim': onnxslim.slim,
}
seen = {}
for op in ('RandomNormal', 'RandomNormalLike'):
    for name, tool in tools.items():
        model = tool(copy.deepcopy(two_draws(op)))
        first, second = run_twice(model)
        seen[op, name] = 'cancels' if not first.any() else 'frozen' if np.array_equal(first, second) else 'fresh'
        print(f'{op:17} {name:14} deviation of the difference {first.std():.3f}, then {second.std():.3f}: {seen[op, name]}; nodes', *[n.op_type for n in model.graph.node])
expected = {
    ('RandomNormal', 'none'): 'fresh', ('RandomNormal', 'onnxoptimizer'): 'cancels',
    ('RandomNormal', 'onnxsim'): 'cancels', ('RandomNormal', 'onnxslim'): 'frozen',
    ('RandomNormalLike', 'none'): 'fresh', ('RandomNormalLike', 'onnxoptimizer'): 'cancels',
    ('RandomNormalLike', 'onnxsim'): 'cancels', ('RandomNormalLike', 'onnxslim'): 'cancels',
}
if seen != expected:
    sys.exit(f'CHANGED: {[(k, v, seen[k]) for k, v in expected.items() if seen[k] != v]}')
print('as known: two noises become one, or a constant')
PY
env/bin/python run.py
