#!/usr/bin/env bash
# Guess: a Pad on the weights of a Conv, as gradients of strided convolutions have it, is as good as one on its picture: the checker passes it and the reference evaluator runs it.
# Happens: with graph optimisations, which are on unless turned off, the session is refused: "Node input ... is not a graph input, initializer, or output of a previous node". The fusion of Pad and Conv takes any Pad before a Conv for one on the picture, moves its counts into the Conv's pads and drops the node. Without optimisations the result is right; zeros joined on by Concat are safe with them too.
# Version: onnxruntime 1.32.0 (Python; 1.30.0 alike, Node too), onnx 1.23.2; source: core/optimizer/pad_fusion.cc.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
python3 -m venv env
env/bin/pip install -q numpy==2.4.6 onnx==1.23.2 onnxruntime==1.32.0

cat > run.py <<'PY'
import sys
import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

def model(frame, constants):
    value = lambda name, shape: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
    nodes = [*frame, helper.make_node('Conv', ['x', 'framed'], ['y'])]
    graph = helper.make_graph(nodes, 'g', [value('x', [1, 1, 4, 4]), value('w', [1, 1, 2, 3])], [value('y', [1, 1, 2, 2])],
                              [numpy_helper.from_array(array, name) for name, array in constants.items()])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)], ir_version=8)
    onnx.checker.check_model(made, full_check=True)
    return made

pad = model([helper.make_node('Pad', ['w', 'pads'], ['framed'])], {'pads': np.array([0, 0, 1, 0, 0, 0, 0, 0])})
concat = model([helper.make_node('Concat', ['zeros', 'w'], ['framed'], axis=2)], {'zeros': np.zeros((1, 1, 1, 3), np.float32)})
feeds = {'x': np.arange(16, dtype=np.float32).reshape(1, 1, 4, 4), 'w': np.array([[[[1, 0, 2], [0, 3, 0]]]], np.float32)}
truth = ReferenceEvaluator(pad).run(None, feeds)[0]

def run(made, level):
    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.graph_optimization_level = getattr(ort.GraphOptimizationLevel, level)
    try:
        session = ort.InferenceSession(made.SerializeToString(), options, providers=['CPUExecutionProvider'])
        return 'right' if np.allclose(session.run(None, feeds)[0], truth) else 'wrong numbers'
    except Exception as error:
        return f'{type(error).__name__}: {str(error).split("Invalid model. ")[-1]}'

print('onnxruntime', ort.__version__, '- reference evaluator', truth.ravel())
seen = {(name, level): run(made, level)
        for name, made in (('Pad', pad), ('Concat', concat)) for level in ('ORT_DISABLE_ALL', 'ORT_ENABLE_ALL')}
for key, what in seen.items():
    print('%-7s %-16s %s' % (*key, what))
refused = seen.pop(('Pad', 'ORT_ENABLE_ALL'))
if 'is not a graph input' not in refused or set(seen.values()) != {'right'}:
    sys.exit('CHANGED: expected a refusal of padded weights with optimisations alone')
print('as known: padded weights are refused once the graph is optimised')
PY
env/bin/python run.py
