"""Exports a JAX denoiser to ONNX with its description: `python3 export_jax.py out/jax`.

Any function of pictures [N, H, W, C] and a level [N] will do; this one is small, random, and predicts the flow, noise - clean.
jax2onnx keeps the channels last, and `seedbed import` transposes them by itself. Writes model.onnx, model.json, and of a few seeds
the pictures of Euler's method: seeds.npy, pictures.npy. Run with jax2onnx 0.17.1 and jax 0.10.2 (operator set 23).
"""

import json
import sys
from pathlib import Path

import jax
import numpy as np
import onnx
from jax import numpy as jnp
from jax2onnx import to_onnx

SIZE, STEPS = 16, 10
random = np.random.default_rng(0)
FIRST = jnp.asarray(random.normal(0, 0.3, (3, 3, 1, 8)), jnp.float32)
TOLD = jnp.asarray(random.normal(0, 1, (8,)), jnp.float32)
LAST = jnp.asarray(random.normal(0, 0.1, (3, 3, 8, 1)), jnp.float32)


def convolve(x, kernel):
    return jax.lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))


def flow(x, sigma):
    return convolve(jax.nn.silu(convolve(x, FIRST) + sigma[:, None, None, None] * TOLD), LAST)


def main(folder: Path):
    folder.mkdir(parents=True, exist_ok=True)
    to_onnx(
        flow,
        [("N", SIZE, SIZE, 1), ("N",)],
        return_mode="file",
        output_path=str(folder / "model.onnx"),
    )
    graph = onnx.load(folder / "model.onnx").graph
    description = {
        "name": "jax",
        "inputs": {"image": graph.input[0].name, "level": graph.input[1].name},
        "output": graph.output[0].name,
        "predicts": "flow",
        "level": "noiseRate",
        "shape": [1, SIZE, SIZE],
        "range": {"from": [-1, 1], "mean": [0], "std": [1]},
        "schedule": {"kind": "flow"},
        "sampler": {"kind": "ddim", "steps": STEPS, "grid": "linspace", "start": {"diffusionTime": 1}, "final": "x0"},
    }
    (folder / "model.json").write_text(json.dumps(description, indent=2))
    seeds = random.standard_normal((3, SIZE, SIZE, 1)).astype("float32")
    x = jnp.asarray(seeds)
    for step in range(STEPS):
        x = x - flow(x, jnp.full((3,), 1 - step / STEPS, jnp.float32)) / STEPS
    for name, pictures in (("seeds", seeds), ("pictures", np.asarray(x))):
        np.save(folder / f"{name}.npy", np.ascontiguousarray(np.moveaxis(pictures, 3, 1)))


main(Path(sys.argv[1]))
