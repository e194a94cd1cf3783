#!/usr/bin/env bash
# Guess: ONNX Runtime's memory patterns (enable_mem_pattern, on unless told) save memory: they plan one block for all values of a graph with known shapes.
# Happens: the first run takes its memory value by value; its plan is allocated as one block in the second run, beside all that the arena holds by then and does not give back. A process holds up to twice as much from its second run on, and stays there; without patterns the second run takes nothing more. Both are as fast.
# Versions: onnxruntime 1.32.0 (so in onnxruntime-node 1.30.0); source: SessionState::UpdateMemoryPatternGroupCache and ExecutionFrame's constructor, which reserves the peak size of the pattern from the same arena.
set -euo pipefail
[ "$(uname)" = Linux ] || { echo "needs Linux's /proc"; exit 2; }
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
python3 -m venv env
env/bin/pip install --quiet onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6

cat > run.py <<'PY'
import subprocess, sys, time

LAYERS, SHAPE = 24, [16, 32, 64, 64]


def held():
    """Megabytes that the process holds."""
    for line in open("/proc/self/status"):
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024


def measure(pattern):
    import numpy as np, onnxruntime
    from onnx import TensorProto, helper

    # As in training, what is computed on the way up is used again on the way down.
    up = [helper.make_node("Sigmoid", [f"x{i}"], [f"x{i + 1}"]) for i in range(LAYERS)]
    down = [helper.make_node("Mul", [f"y{i}", f"x{LAYERS - i}"], [f"y{i + 1}"]) for i in range(LAYERS)]
    first = helper.make_node("Neg", [f"x{LAYERS}"], ["y0"])
    last = helper.make_node("ReduceMean", [f"y{LAYERS}"], ["y"], keepdims=0)
    graph = helper.make_graph(
        [*up, first, *down, last], "chain",
        [helper.make_tensor_value_info("x0", TensorProto.FLOAT, SHAPE)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    options = onnxruntime.SessionOptions()
    options.enable_mem_pattern = pattern
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    feeds = {"x0": np.zeros(SHAPE, np.float32)}
    start, after, seconds = held(), [], []
    for _ in range(6):
        began = time.perf_counter()
        session.run(None, feeds)
        seconds.append(time.perf_counter() - began)
        after.append(held() - start)
    print(*[f"{value:.0f}" for value in after], f"{min(seconds[2:]):.4f}")


if len(sys.argv) > 1:
    measure(sys.argv[1] == "on")
    sys.exit()

import onnxruntime

print("onnxruntime", onnxruntime.__version__)
grown = {}
for pattern in ("on", "off"):
    words = subprocess.run([sys.executable, "run.py", pattern], capture_output=True, text=True, check=True).stdout.split()
    grown[pattern] = [float(word) for word in words[:-1]]
    print(f"patterns {pattern}: MiB more after each run", *words[:-1], f"; {1000 * float(words[-1]):.0f} ms a run")
on, off = grown["on"], grown["off"]
known = on[1] > 1.3 * on[0] and off[-1] < 1.1 * off[0] and on[-1] > 1.3 * off[-1]
if not known:
    sys.exit("CHANGED: expected the second run to take a third or more beyond the first with patterns, and nothing without")
print("as known: with patterns a graph's memory is held twice over in part")
PY
env/bin/python run.py
