"""Reads the weights of a TensorFlow.js model, whole or stored in 8 bits, as NumPy arrays by name.

    weights = read_tfjs("model.json")
    network.load_state_dict({ours: torch.from_numpy(to_torch(weights[theirs])) for ours, theirs in names.items()})

`network` is the same network written in PyTorch, `names` says which of its weights is which of theirs; then `export` of
export_unet.py writes the ONNX file. The model anime64 of docs/models came to ONNX from such weights. A plain
PyTorch state_dict needs the last two lines only: network.load_state_dict(torch.load("model.pth", map_location="cpu")).
"""

import json
from pathlib import Path

import numpy as np


def read_tfjs(path: str) -> dict:
    """All weights of model.json and the shards beside it: value = byte * scale + min where they are quantised."""
    weights = {}
    for group in json.loads(Path(path).read_text())["weightsManifest"]:
        data = b"".join((Path(path).parent / shard).read_bytes() for shard in group["paths"])
        at = 0
        for entry in group["weights"]:
            quantised = entry.get("quantization")
            stored = np.dtype(quantised["dtype"] if quantised else entry["dtype"])
            count = int(np.prod(entry["shape"]))
            values = np.frombuffer(data, stored, count, at).reshape(entry["shape"])
            at += count * stored.itemsize
            if quantised and "scale" in quantised:
                values = values * np.float32(quantised["scale"]) + np.float32(quantised["min"])
            weights[entry["name"]] = values.astype(entry["dtype"])
    return weights


def to_torch(weight: np.ndarray) -> np.ndarray:
    """Keras keeps kernels [height, width, in, out] and [in, out]; PyTorch [out, in, height, width] and [out, in]."""
    if weight.ndim == 4:
        weight = weight.transpose(3, 2, 0, 1)
    elif weight.ndim == 2:
        weight = weight.transpose(1, 0)
    return np.ascontiguousarray(weight)
