#!/usr/bin/env bash
# Guess: masked attention that PyTorch exports gives what PyTorch gives, also for a query whose every key is masked off, as padded text has them in joint attention.
# Happens: PyTorch gives such a query 0. The exporter built on torch.export writes, up to opset 22, a mask of the least float32 instead of -infinity, so that the query gets the mean of all values; from opset 23 on (Attention), and by the older exporter, it gets 0. The other queries agree.
# Versions: torch 2.15.0, onnxscript 0.7.2, onnxruntime 1.32.0; source: _safe_softmax in PyTorch's native/transformers/attention.cpp, _aten_scaled_dot_product_attention_bool_mask_onnx in onnxscript/function_libs/torch_lib/ops/nn.py.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
python3 -m venv env
env/bin/pip install --quiet torch==2.15.0 numpy==2.4.6 onnx==1.23.2 onnxscript==0.7.2 onnxruntime==1.32.0

cat > run.py <<'PY'
import contextlib
import io
import logging
import sys
import warnings

import onnx
import onnxruntime
import onnxscript
import torch

warnings.filterwarnings("ignore")
logging.disable(logging.CRITICAL)
print("torch", torch.__version__, "onnxscript", onnxscript.__version__, "onnxruntime", onnxruntime.__version__)
torch.manual_seed(0)
OFF = 2


class Masked(torch.nn.Module):
    """Causal attention in which one query may look at nothing."""

    def forward(self, x):
        seen = torch.ones(5, 5, dtype=torch.bool).tril() & (torch.arange(5)[:, None] != OFF)
        return torch.nn.functional.scaled_dot_product_attention(x, x, x + 1, attn_mask=seen)


def difference(a, b):
    return float((a - b).abs().max())


x = torch.randn(1, 1, 5, 4)
expected = Masked()(x)
mean = (x + 1).mean(2)[0, 0]
rest = [row for row in range(5) if row != OFF]
zero = difference(expected[0, 0, OFF], torch.zeros(4)) == 0
print("PyTorch gives that query 0:", zero)


def exported(opset, dynamo):
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        if dynamo:
            torch.onnx.export(Masked(), (x,), "masked.onnx", dynamo=True, opset_version=opset, external_data=False)
        else:
            torch.onnx.export(Masked(), (x,), "masked.onnx", dynamo=False, opset_version=opset)
    onnx.checker.check_model("masked.onnx")
    session = onnxruntime.InferenceSession("masked.onnx", providers=["CPUExecutionProvider"])
    y = torch.tensor(session.run(None, {session.get_inputs()[0].name: x.numpy()})[0])[0, 0]
    others = difference(y[rest], expected[0, 0, rest])
    kind = "0" if difference(y[OFF], torch.zeros(4)) < 1e-6 else "the mean" if difference(y[OFF], mean) < 1e-5 else "else"
    print(f"opset {opset}, {'torch.export' if dynamo else 'older exporter'}: {kind}; the others differ by {others:.0e}")
    return kind if others < 1e-5 else "others differ"


found = [exported(*way) for way in ((18, True), (20, True), (23, True), (17, False), (20, False))]
if not zero or found != ["the mean", "the mean", "0", "0", "0"]:
    print("CHANGED: no longer a mean up to opset 22 alone, where PyTorch gives 0")
    sys.exit(1)
PY
env/bin/python run.py
