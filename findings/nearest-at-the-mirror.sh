#!/usr/bin/env bash
# Guess: grid_sample, nearest pixel, reflected border, exports to ONNX's GridSample as it is, value for value.
# Happens: PyTorch reflects the coordinate and then rounds it, ONNX (its reference and its runtime) rounds and then reflects. Halfway between two pixels both round to the even one, which after an odd turn is the other one: of a picture [0, 1, 2, 3], the place one pixel beyond its right border is 2 in PyTorch and 3 in ONNX. Only beyond the border, and only with align_corners=False, where an enlargement by a whole factor and a shift by half a pixel give such places.
# Versions: torch 2.15.0, onnx 1.23.2, onnxruntime 1.32.0; source: grid_sampler_compute_source_index before nearbyint in aten/src/ATen/native/GridSampler.cpp, np.rint before _pixel_at_array in onnx/reference/ops/op_grid_sample.py.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
python3 -m venv env
env/bin/pip install --quiet torch==2.15.0 onnx==1.23.2 onnxruntime==1.32.0 onnxscript==0.7.2 numpy==2.4.6

cat > run.py <<'PY'
import numpy as np, onnx, onnxruntime, sys, torch
from onnx.reference import ReferenceEvaluator

print("torch", torch.__version__, "onnx", onnx.__version__, "onnxruntime", onnxruntime.__version__)
picture = torch.arange(4.0).reshape(1, 1, 1, 4)



class Sample(torch.nn.Module):
    def forward(self, x, grid):
        return torch.nn.functional.grid_sample(x, grid, mode="nearest", padding_mode="reflection", align_corners=False)


def compare(places):
    """What each gives at places in pixels, 0 the middle of the first."""
    grid = torch.tensor([[(2 * place + 1) / 4 - 1, 0.0] for place in places], dtype=torch.float32).reshape(1, 1, -1, 2)
    torch.onnx.export(Sample().eval(), (picture, grid), "sample.onnx", dynamo=True, verbose=False)
    file = onnx.load("sample.onnx")
    print("exported as", [node.op_type for node in file.graph.node])
    names = [value.name for value in file.graph.input]
    feeds = dict(zip(names, (picture.numpy(), grid.numpy())))
    session = onnxruntime.InferenceSession(file.SerializeToString())
    return (
        Sample()(picture, grid).flatten().tolist(),
        ReferenceEvaluator(file).run(None, feeds)[0].flatten().tolist(),
        session.run(None, feeds)[0].flatten().tolist(),
    )


halves = [-3.5, -2.5, -1.5, 0.5, 1.5, 2.5, 4.5, 5.5, 6.5]
others = [-3.25, -1.75, -0.25, 0.25, 1.75, 2.25, 3.75, 4.75, 5.25]
torch_at, reference_at, runtime_at = compare(halves)
print("halfway, at", halves)
print("  PyTorch      ", torch_at)
print("  onnx         ", reference_at)
print("  ONNX Runtime ", runtime_at)
elsewhere = compare(others)
print("elsewhere all three give", elsewhere[0], elsewhere[1] == elsewhere[0] == elsewhere[2])
differ = [place for place, a, b in zip(halves, torch_at, runtime_at) if a != b]
print("differ at", differ)
known = reference_at == runtime_at and differ and all(not 0 <= place <= 3 for place in differ) and elsewhere[0] == elsewhere[1] == elsewhere[2]
if not known:
    sys.exit("CHANGED: expected PyTorch to differ from onnx and its runtime halfway between pixels beyond the border, and only there")
print("as known: the two round and reflect in another order")
PY
env/bin/python run.py
