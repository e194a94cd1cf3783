#!/usr/bin/env bash
# Guess: a runtime that takes an ONNX Resize does what its attributes ask, or refuses it.
# Happens: OpenVINO reads neither antialias nor exclude_outside. An antialiased Resize, as PyTorch's interpolate(antialias=True) is exported, is taken without a word and gives the values of one that is not: fine stripes that should come out even grey come out as coarse ones.
# Versions: openvino 2026.4.1, onnx 1.23.2, onnxruntime 1.32.0; source: Resize's attributes in ONNX's operator list (antialias since set 18), src/frontends/onnx/frontend/src/op/resize.cpp in OpenVINO, which asks for others alone.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
python3 -m venv env
env/bin/pip install --quiet openvino==2026.4.1 onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6

cat > run.py <<'PY'
import numpy as np, onnx, onnxruntime, openvino, sys
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

print("openvino", openvino.__version__.split("-")[0], "onnx", onnx.__version__, "onnxruntime", onnxruntime.__version__)
# Stripes one pixel wide, 32 of them, made three eighths as wide.
stripes = np.tile(np.array([0, 1], np.float32), (1, 1, 1, 16))
core = openvino.Core()


def resized(**attributes):
    """The row by OpenVINO, by ONNX Runtime, and by ONNX's reference."""
    node = helper.make_node("Resize", ["x", "", "", "sizes"], ["y"], **attributes)
    graph = helper.make_graph(
        [node],
        "resize",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 1, 1, 32])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 1, 1, 12])],
        [numpy_helper.from_array(np.array([1, 1, 1, 12]), "sizes")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)], ir_version=9)
    onnx.checker.check_model(model)
    compiled = core.compile_model(core.read_model(model.SerializeToString()), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    session = onnxruntime.InferenceSession(model.SerializeToString())
    return (
        compiled([stripes])[compiled.outputs[0]].ravel(),
        session.run(None, {"x": stripes})[0].ravel(),
        ReferenceEvaluator(model).run(None, {"x": stripes})[0].ravel(),
    )


def show(what, rows):
    for name, row in zip(("OpenVINO", "ONNX Runtime", "reference"), rows):
        print(f"  {what:28} {name:13}", " ".join(f"{value:6.3f}" for value in row[:8]))


plain = {mode: resized(mode=mode) for mode in ("linear", "cubic")}
smooth = {mode: resized(mode=mode, antialias=1) for mode in ("linear", "cubic")}
inner = resized(mode="cubic", exclude_outside=1)
for mode in plain:
    show(mode, plain[mode])
    show(f"{mode}, antialias", smooth[mode])
show("cubic, exclude_outside", inner)

same = lambda a, b: bool(np.allclose(a, b, atol=1e-5))
known = (
    all(same(rows[0], rows[1]) and same(rows[1], rows[2]) for rows in plain.values())
    and all(same(smooth[mode][0], plain[mode][0]) for mode in plain)
    and all(same(smooth[mode][1], smooth[mode][2]) and not same(smooth[mode][1], plain[mode][1]) for mode in plain)
    and same(inner[0], plain["cubic"][0])
    and same(inner[1], inner[2])
    and not same(inner[1], plain["cubic"][1])
)
contrast = [float(np.ptp(smooth["linear"][i])) for i in (0, 1)]
print(f"contrast left of stripes that are too fine: {contrast[0]:.2f} by OpenVINO, {contrast[1]:.2f} by ONNX Runtime")
if not known:
    sys.exit("CHANGED: expected OpenVINO alone to pass over antialias and exclude_outside")
print("as known: an antialiased Resize aliases in OpenVINO")
PY
env/bin/python run.py
