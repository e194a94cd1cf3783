#!/usr/bin/env bash
# Guess: safetensors.numpy.save_file writes a numpy array as numpy sees it, whatever its strides, or refuses what it cannot write.
# Happens: of an array that is not contiguous (a transpose, a channels-last picture turned to channels first) it writes the memory in its own order under the array's shape, without a word: the file reads as other numbers. numpy.ascontiguousarray first.
# Version: safetensors 0.8.0, numpy 2.4.6; source: bindings/python/py_src/safetensors/numpy.py, which hands the array's bytes to the serializer.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
python3 -m venv venv && venv/bin/pip install --quiet safetensors==0.8.0 numpy==2.4.6
venv/bin/python - <<'PY'
import numpy as np, safetensors
from safetensors.numpy import load_file, save_file

picture = np.arange(12, dtype=np.float32).reshape(2, 2, 3)  # channels last
turned = picture.transpose(2, 0, 1)
save_file({"as it is": turned, "contiguous": np.ascontiguousarray(turned)}, "a.safetensors")
back = load_file("a.safetensors")
print("safetensors", safetensors.__version__, "numpy", np.__version__)
print("wanted, first channel: ", turned[0].ravel().tolist())
for name, value in back.items():
    print(f"{name:22}", value[0].ravel().tolist(), "shape", value.shape, "equal", bool(np.array_equal(value, turned)))
known = not np.array_equal(back["as it is"], turned) and np.array_equal(back["contiguous"], turned)
print("as known: strides are lost in silence" if known else "CHANGED")
raise SystemExit(not known)
PY
