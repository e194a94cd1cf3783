#!/usr/bin/env bash
# Guess: a graph that stores weights in 4 bits and computes in float32 (DequantizeLinear, then MatMul) computes in float32; an optimiser keeps what it computes.
# Happens: from level extended on, ONNX Runtime makes one MatMulNBits of the two, at an accuracy level that also rounds the other operand, the picture, to 8 bits, unless session.qdq_matmulnbits_accuracy_level says 0 or 1. The error is a thousand times that of float32, and what small changes of the input do to the output is lost among the steps: slopes by differences of .001 are wrong by more than their own size.
# Versions: onnxruntime 1.32.0, x86-64; source: kOrtSessionOptionsQDQMatMulNBitsAccuracyLevel in include/onnxruntime/core/session/onnxruntime_session_options_config_keys.h (its default is 4: int8).
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
python3 -m venv env
env/bin/pip install --quiet onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6

cat > run.py <<'PY'
import numpy as np, onnx, onnxruntime, sys
from onnx import TensorProto, helper, numpy_helper

print("onnx", onnx.__version__, "onnxruntime", onnxruntime.__version__)
rng = np.random.default_rng(0)
ROWS, COLUMNS, BLOCK = 64, 48, 16
quantised = rng.integers(-8, 8, (ROWS, COLUMNS))
scales = rng.uniform(0.02, 0.1, (ROWS // BLOCK, COLUMNS)).astype(np.float32)
graph = helper.make_graph(
    [
        helper.make_node("DequantizeLinear", ["q", "s"], ["w"], axis=0, block_size=BLOCK),
        helper.make_node("MatMul", ["x", "w"], ["y"]),
    ],
    "weights in 4 bits",
    [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", ROWS])],
    [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", COLUMNS])],
    [helper.make_tensor("q", TensorProto.INT4, quantised.shape, quantised.ravel()), numpy_helper.from_array(scales, "s")],
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
onnx.checker.check_model(model)
exact = quantised * np.repeat(scales, BLOCK, axis=0).astype(np.float64)

x = rng.standard_normal((2, ROWS)).astype(np.float32)
direction = rng.standard_normal((2, ROWS)).astype(np.float32)
STEP = np.float32(1e-3)


def measured(level, accuracy=None):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, f"ORT_{level}")
    options.optimized_model_filepath = "optimised.onnx"
    if accuracy is not None:
        options.add_session_config_entry("session.qdq_matmulnbits_accuracy_level", accuracy)
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    run = lambda at: session.run(None, {"x": at})[0].astype(np.float64)
    size = lambda values: float(np.sqrt(np.mean(values**2)))
    value = size(run(x) - x @ exact) / size(x @ exact)
    slope = (run(x + STEP * direction) - run(x - STEP * direction)) / (2 * STEP)
    slope = size(slope - direction @ exact) / size(direction @ exact)
    operators = "+".join(node.op_type for node in onnx.load("optimised.onnx").graph.node)
    print(f"{level:16} accuracy level {accuracy or 'unset':6} {operators:26} error {value:.1e}, of slopes {slope:.1e}")
    return operators, value, slope


fused, plain = "MatMulNBits", "DequantizeLinear+MatMul"
basic = measured("ENABLE_BASIC")
default = measured("ENABLE_ALL")
asked = {level: measured("ENABLE_ALL", level) for level in ("0", "1", "4")}
known = (
    basic[0] == plain
    and basic[1] < 1e-6
    and default[0] == fused
    and 1e-3 < default[1] < 0.05
    and default[2] > 0.3
    and asked["4"][1:] == default[1:]
    and all(asked[level][0] == fused and asked[level][1] < 1e-6 for level in ("0", "1"))
)
if not known:
    sys.exit("CHANGED: expected operands rounded to 8 bits by default, and float32 at accuracy levels 0 and 1")
print("as known: weights in 4 bits round the picture to 8")
PY
env/bin/python run.py
