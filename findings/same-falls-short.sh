#!/usr/bin/env bash
# Guess: a ConvTranspose with auto_pad SAME gives the input's size times the strides: ONNX says so, as Keras does of padding="same".
# Happens: where the strides are longer than the window, ONNX's shape inference and the runtime fall short of it by the difference, 8 of 9 pixels; ONNX's reference alone gives 9, the missing one at the start with SAME_UPPER and at the end with SAME_LOWER.
# Versions: onnx 1.23.2, onnxruntime 1.32.0; source: auto_pad in ONNX's description of ConvTranspose (output_shape[i] = input_shape[i] * strides[i]), convTransposeShapeInference in onnx/defs/nn/defs.cc.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
python3 -m venv env
env/bin/pip install --quiet onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6

cat > run.py <<'PY'
import numpy as np, onnx, onnxruntime, sys
from onnx import TensorProto, helper, numpy_helper, shape_inference
from onnx.reference import ReferenceEvaluator

print("onnx", onnx.__version__, "onnxruntime", onnxruntime.__version__)
x = np.array([[[1, 10, 100]]], np.float32)


def enlarged(auto_pad, window, stride):
    """The inferred length, and the values by ONNX Runtime and by ONNX's reference."""
    node = helper.make_node("ConvTranspose", ["x", "w"], ["y"], auto_pad=auto_pad, strides=[stride])
    weight = np.arange(1, window + 1, dtype=np.float32).reshape(1, 1, window)
    graph = helper.make_graph(
        [node],
        "enlarge",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 1, 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 1, "pixels"])],
        [numpy_helper.from_array(weight, "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    inferred = shape_inference.infer_shapes(model).graph.output[0].type.tensor_type.shape.dim[2].dim_value
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    ran = session.run(None, {"x": x})[0].ravel().tolist()
    return inferred, ran, ReferenceEvaluator(model).run(None, {"x": x})[0].ravel().tolist()


short = {auto_pad: enlarged(auto_pad, 2, 3) for auto_pad in ("SAME_UPPER", "SAME_LOWER")}
long = {auto_pad: enlarged(auto_pad, 3, 2) for auto_pad in ("SAME_UPPER", "SAME_LOWER")}
for what, found, says in (("window 2, strides 3", short, 9), ("window 3, strides 2", long, 6)):
    for auto_pad, (inferred, ran, reference) in found.items():
        print(f"{what}, {auto_pad}: ONNX says {says} pixels, its shape inference {inferred}")
        print("  ONNX Runtime", len(ran), ran)
        print("  reference   ", len(reference), reference)

known = (
    all((inferred, len(ran), len(reference)) == (8, 8, 9) for inferred, ran, reference in short.values())
    and short["SAME_UPPER"][2] == [0, *short["SAME_UPPER"][1]]
    and short["SAME_LOWER"][2] == [*short["SAME_LOWER"][1], 0]
    and all(inferred == 6 and ran == reference and len(ran) == 6 for inferred, ran, reference in long.values())
)
if not known:
    sys.exit("CHANGED: expected 8 pixels of 9 where the strides are longer than the window")
print("as known: SAME falls short where the strides are longer than the window")
PY
env/bin/python run.py
