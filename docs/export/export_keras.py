"""Exports a Keras 3 denoiser to ONNX with its description: `python3 export_keras.py out/keras`.

The network is that of Keras' DDIM example, smaller and untrained: it is given pictures with their channels last and the noise
variance, and predicts the noise; it stands for yours. Writes model.onnx and model.json, and of a few seeds the pictures that the
example's own reverse diffusion makes: seeds.npy, pictures.npy. `seedbed import` transposes the pictures by itself.
Run with keras 3.15.1 on torch 2.15.0; other backends write channels last as well.
"""

import json
import math
import os
import sys
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "torch")
import keras  # noqa: E402
import numpy as np  # noqa: E402
import onnx  # noqa: E402
from keras import layers, ops  # noqa: E402

SIZE, CHANNELS, STEPS = 16, 1, 10
LEAST, MOST = 0.02, 0.95  # signal rates at the end and at the start of the diffusion


class Embedding(layers.Layer):
    def call(self, variance):
        angles = 2 * math.pi * ops.exp(ops.linspace(0.0, math.log(1000), 8)) * variance
        return ops.concatenate([ops.sin(angles), ops.cos(angles)], axis=3)


def network():
    noisy = keras.Input((SIZE, SIZE, CHANNELS), name="noisy")
    variance = keras.Input((1, 1, 1), name="variance")
    told = layers.UpSampling2D(SIZE)(Embedding()(variance))
    x = layers.Concatenate()([layers.Conv2D(8, 1)(noisy), told])
    x = layers.Conv2D(16, 3, padding="same", activation="swish")(x)
    low = layers.AveragePooling2D(2)(x)
    low = layers.Conv2D(16, 3, padding="same", activation="swish")(low)
    x = layers.Concatenate()([x, layers.UpSampling2D(2, interpolation="bilinear")(low)])
    return keras.Model([noisy, variance], layers.Add()([layers.Conv2D(CHANNELS, 1)(x), noisy]))


def reverse_diffusion(model, noise):
    """Of Keras' example, with one step per noise level."""

    def rates(time):
        angle = math.acos(MOST) + time * (math.acos(LEAST) - math.acos(MOST))
        return math.sin(angle), math.cos(angle)

    noisy = noise
    for step in range(STEPS):
        noise_rate, signal_rate = rates(1 - step / STEPS)
        variance = np.full((len(noise), 1, 1, 1), noise_rate**2, "float32")
        predicted = keras.ops.convert_to_numpy(model([noisy, variance], training=False))
        pictures = (noisy - noise_rate * predicted) / signal_rate
        next_noise_rate, next_signal_rate = rates(1 - (step + 1) / STEPS)
        noisy = (next_signal_rate * pictures + next_noise_rate * predicted).astype("float32")
    return pictures


def main(folder: Path):
    folder.mkdir(parents=True, exist_ok=True)
    keras.utils.set_random_seed(0)
    model = network()
    seeds = np.random.default_rng(0).standard_normal((3, SIZE, SIZE, CHANNELS)).astype("float32")
    # On torch a model is exported only after it has been called.
    pictures = reverse_diffusion(model, seeds)
    model.export(folder / "model.onnx", format="onnx", verbose=False)
    graph = onnx.load(folder / "model.onnx").graph
    weights = {weight.name for weight in graph.initializer}
    image, level = (port.name for port in graph.input if port.name not in weights)
    description = {
        "name": "keras",
        "inputs": {"image": image, "level": level},
        "output": graph.output[0].name,
        "predicts": "epsilon",
        "level": "noiseVariance",
        "shape": [CHANNELS, SIZE, SIZE],
        "range": {"from": [0, 1], "mean": [0.5], "std": [0.2]},  # of the Normalization layer: your data's
        "schedule": {"kind": "continuousCosine", "maxSignalRate": MOST, "minSignalRate": LEAST},
        "sampler": {"kind": "ddim", "steps": STEPS, "grid": "linspace", "start": {"diffusionTime": 1}, "final": "x0"},
    }
    (folder / "model.json").write_text(json.dumps(description, indent=2))
    first = lambda t: np.ascontiguousarray(np.moveaxis(t, 3, 1).astype("float32"))  # noqa: E731
    np.save(folder / "seeds.npy", first(seeds))
    np.save(folder / "pictures.npy", first(pictures))


main(Path(sys.argv[1]))
