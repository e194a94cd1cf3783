#!/usr/bin/env bash
# Guess: onnx.reference.ReferenceEvaluator, the yardstick of ONNX, gives MaxPool and AveragePool the shape and values that the operator's page (and onnx's own shape inference) gives them.
# Happens: with stride 1 it reads pads as top, bottom, left, right, not top, left, bottom, right: [0,0,1,1] pads the right side twice, and nothing below; with ceil_mode it adds the padding twice (6 x 6 padded by 1 becomes 8 x 8, not 6 x 6). AveragePool with ceil_mode and a stride that leaves a rest differs in values.
# Version: onnx 1.23.2 against its own shape inference and onnxruntime 1.32.0; source: the unpacking of pads in onnx/reference/ops/_op_common_pool.py; MaxPool takes another, right path for strides above 1.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
python3 -m venv env
env/bin/pip install -q numpy==2.4.6 onnx==1.23.2 onnxruntime==1.32.0

cat > run.py <<'PY'
import sys
import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, shape_inference
from onnx.reference import ReferenceEvaluator

print('onnx', onnx.__version__, 'onnxruntime', ort.__version__)
x = np.random.default_rng(0).standard_normal((1, 1, 8, 7)).astype(np.float32)
cases = [
    ('MaxPool', dict(pads=[0, 0, 1, 1])),
    ('MaxPool', dict(pads=[1, 1, 1, 1])),
    ('MaxPool', dict(pads=[1, 1, 1, 1], ceil_mode=1)),
    ('MaxPool', dict(pads=[0, 0, 1, 1], strides=[2, 2])),
    ('AveragePool', dict(pads=[0, 0, 1, 1])),
    ('AveragePool', dict(ceil_mode=1, strides=[2, 2])),
    ('AveragePool', dict(ceil_mode=1, strides=[3, 3])),
]
agrees = []
for op, attributes in cases:
    node = helper.make_node(op, ['x'], ['y'], kernel_shape=[3, 3], **attributes)
    value = lambda n, shape: helper.make_tensor_value_info(n, TensorProto.FLOAT, shape)
    graph = helper.make_graph([node], 'g', [value('x', x.shape)], [value('y', [1, 1, 'h', 'w'])])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 22)], ir_version=10)
    onnx.checker.check_model(model, full_check=True)
    bare = helper.make_graph([node], 'g', [value('x', x.shape)], [helper.make_empty_tensor_value_info('y')])
    inferred = shape_inference.infer_shapes(helper.make_model(bare, opset_imports=[helper.make_opsetid('', 22)]))
    expected = tuple(d.dim_value for d in inferred.graph.output[0].type.tensor_type.shape.dim)[2:]
    run = ort.InferenceSession(model.SerializeToString(), providers=['CPUExecutionProvider']).run(None, {'x': x})[0]
    reference = ReferenceEvaluator(model).run(None, {'x': x})[0]
    same = reference.shape == run.shape and bool(np.allclose(reference, run, atol=1e-5))
    agrees.append(same)
    print(f'{op:11} {str(attributes):50} shape inference {expected}, runtime {run.shape[2:]}, reference {reference.shape[2:]}, values', 'agree' if same else 'DIFFER')
if agrees != [False, True, False, True, True, True, False]:
    sys.exit(f'CHANGED: agreement {agrees}')
print('as known: the reference pools otherwise than its own page')
PY
env/bin/python run.py
