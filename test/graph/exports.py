"""Writes ONNX files with the patterns that exporters of diffusion networks write, one for each name, to a folder."""

import sys

import numpy as np
import onnx
from onnx import TensorProto as T
from onnx import helper as h
from onnx import numpy_helper

random = np.random.default_rng(0)


class Export:
    """A graph under construction; every method adds a node and gives its output's name."""

    def __init__(self, opset):
        self.opset, self.nodes, self.weights, self.count = opset, [], [], 0

    def op(self, op, *inputs, outputs=1, **attributes):
        names = [f"{op}_{self.count + i}" for i in range(outputs)]
        self.count += outputs
        self.nodes.append(h.make_node(op, list(inputs), names, f"/{op}_{self.count}", **attributes))
        return names[0] if outputs == 1 else names

    def constant(self, value, dtype=np.int64):
        return self.op("Constant", value=numpy_helper.from_array(np.array(value, dtype)))

    def weight(self, *shape, scale=0.5):
        name = f"weight.{len(self.weights)}"
        values = scale * random.standard_normal(shape)
        self.weights.append(numpy_helper.from_array(values.astype(np.float32), name))
        return name

    def size(self, x, axis):
        """The size of an axis as a vector of one, as tracing writes it."""
        dim = self.op("Gather", self.op("Shape", x), self.constant(axis), axis=0)
        return self.op("Unsqueeze", dim, self.constant([0]))

    def view(self, x, *sizes):
        """Reshape to sizes of which some are computed."""
        parts = [s if isinstance(s, str) else self.constant([s]) for s in sizes]
        return self.op("Reshape", x, self.op("Concat", *parts, axis=0))

    def linear(self, x, width, out):
        return self.op("Add", self.weight(out), self.op("MatMul", x, self.weight(width, out)))

    def save(self, name, y, shape=("N", 4, 8, 8), **inputs):
        given = [h.make_tensor_value_info("sample", T.FLOAT, ["N", 4, 8, 8])]
        given += [h.make_tensor_value_info(key, dtype, ["N"]) for key, dtype in inputs.items()]
        nodes = self.nodes + [h.make_node("Identity", [y], ["out"])]
        outputs = [h.make_tensor_value_info("out", T.FLOAT, list(shape))]
        graph = h.make_graph(nodes, name, given, outputs, self.weights)
        model = h.make_model(graph, opset_imports=[h.make_opsetid("", self.opset)])
        # Installed versions may be newer or older than the operator set that is written.
        model.ir_version = 8 if self.opset < 19 else 10
        onnx.save(model, f"{sys.argv[1]}/{name}.onnx")


def silu(e, x):
    return e.op("Mul", x, e.op("Sigmoid", x))


def time_embedding(e, time, width):
    """Sinusoids of an integer time, then two dense layers."""
    moved = e.op("Unsqueeze", e.op("Cast", time, to=T.FLOAT), e.constant([1]))
    steps = e.op("Range", e.constant(0), e.constant(width // 2), e.constant(1))
    exponent = e.op("Div", e.op("Mul", e.op("Cast", steps, to=T.FLOAT), e.constant(-9.21, np.float32)), e.constant(4, np.float32))
    angles = e.op("Mul", moved, e.op("Unsqueeze", e.op("Exp", exponent), e.constant([0])))
    both = e.op("Concat", e.op("Sin", angles), e.op("Cos", angles), axis=-1)
    hidden = silu(e, e.op("Gemm", both, e.weight(width, width), e.weight(width), alpha=1.0, beta=1.0, transB=1))
    return e.op("Gemm", hidden, e.weight(4, width), e.weight(4), transB=1)


def traced_group_norm(e, x, groups):
    """As PyTorch exports GroupNorm before operator set 21."""
    flat = e.op("Reshape", x, e.constant([0, groups, -1]))
    ones, zeros = e.constant(np.ones(groups), np.float32), e.constant(np.zeros(groups), np.float32)
    normal = e.op("Reshape", e.op("InstanceNormalization", flat, ones, zeros, epsilon=1e-5), e.op("Shape", x))
    return e.op("Add", e.op("Mul", normal, e.weight(4, 1, 1)), e.weight(4, 1, 1))


def attention(e, x, heads, width):
    """Scaled dot products with shapes and scale computed from the input, as tracing writes them."""
    n, length = e.size(x, 0), e.size(x, 1)
    each = width // heads
    split = lambda v: e.op("Transpose", e.view(v, n, length, heads, each), perm=[0, 2, 1, 3])
    q, k, v = (split(e.linear(x, width, width)) for _ in range(3))
    last = e.op("Slice", e.op("Shape", q), e.constant([-1]), e.constant([2**63 - 1]))
    scale = e.op("Div", e.constant([1], np.float32), e.op("Sqrt", e.op("Cast", last, to=T.FLOAT)))
    root = e.op("Sqrt", scale)
    scores = e.op("MatMul", e.op("Mul", q, root), e.op("Mul", e.op("Transpose", k, perm=[0, 1, 3, 2]), root))
    mixed = e.op("MatMul", e.op("Softmax", scores, axis=-1), v)
    joined = e.view(e.op("Transpose", mixed, perm=[0, 2, 1, 3]), n, length, width)
    return e.linear(joined, width, width)


def unet(opset):
    e = Export(opset)
    x = e.op("Conv", "sample", e.weight(4, 4, 3, 3, scale=0.2), e.weight(4), pads=[1, 1, 1, 1], kernel_shape=[3, 3])
    time = e.op("Unsqueeze", e.op("Unsqueeze", time_embedding(e, "timestep", 8), e.constant([2])), e.constant([3]))
    h1 = e.op("Add", silu(e, traced_group_norm(e, x, 2)), time)
    down = e.op("Conv", h1, e.weight(4, 4, 3, 3, scale=0.2), pads=[0, 0, 1, 1], strides=[2, 2])
    n, c, rows, columns = (e.size(down, axis) for axis in range(4))
    tokens = e.op("Transpose", e.op("Reshape", down, e.op("Concat", n, c, e.constant([-1]), axis=0)), perm=[0, 2, 1])
    mixed = e.op("Add", attention(e, tokens, 2, 4), tokens)
    grid = e.op("Reshape", e.op("Transpose", mixed, perm=[0, 2, 1]), e.op("Concat", n, c, rows, columns, axis=0))
    # Nearest upsampling to twice the size, which is computed: half of it in float, floored.
    spatial = e.op("Slice", e.op("Shape", grid), e.constant([2]), e.constant([4]), e.constant([0]))
    twice = e.op("Cast", e.op("Floor", e.op("Mul", e.op("Cast", spatial, to=T.FLOAT), e.constant([2, 2], np.float32))), to=T.INT64)
    kept = e.op("Slice", e.op("Shape", grid), e.constant([0]), e.constant([2]), e.constant([0]))
    up = e.op("Resize", grid, "", "", e.op("Concat", kept, twice, axis=0), mode="nearest", nearest_mode="floor", coordinate_transformation_mode="asymmetric")
    joined = e.op("Concat", up, h1, axis=1)
    out = e.op("Conv", joined, e.weight(4, 8, 1, 1, scale=0.3))
    e.save(f"unet-{opset}", e.op("Dropout", out), timestep=T.INT64)


def transformer(opset):
    """A DiT: patches, adaptive layer norm, attention under a mask, unpatchify by einsum."""
    e = Export(opset)
    patches = e.op("Conv", "sample", e.weight(8, 4, 2, 2, scale=0.3), strides=[2, 2], kernel_shape=[2, 2])
    n = e.size("sample", 0)
    tokens = e.op("Transpose", e.view(patches, n, 8, -1), perm=[0, 2, 1])
    places = e.op("Mod", e.op("Range", e.constant(0), e.op("Squeeze", e.size(tokens, 1), e.constant([0])), e.constant(1)), e.constant(4))
    tokens = e.op("Add", tokens, e.op("Gather", e.weight(4, 8), places, axis=0))
    condition = silu(e, e.op("Unsqueeze", e.op("Cast", "timestep", to=T.FLOAT), e.constant([1])))
    modulation = e.op("Unsqueeze", e.linear(condition, 1, 24), e.constant([1]))
    shift, scale, gate = e.op("Split", modulation, e.constant([8, 8, 8]), outputs=3, axis=-1)
    centred = e.op("Sub", tokens, mean(e, tokens))
    variance = mean(e, e.op("Pow", centred, e.constant(2, np.float32)))
    normal = e.op("Div", centred, e.op("Sqrt", e.op("Add", variance, e.constant(1e-6, np.float32))))
    changed = e.op("Add", e.op("Mul", normal, e.op("Add", scale, e.constant(1, np.float32))), shift)
    # expand(-1, n): exporters replace -1 by way of ConstantOfShape, Equal and Where.
    wanted = e.op("Concat", n, e.constant([-1, -1]), axis=0)
    ones = e.op("ConstantOfShape", e.op("Shape", wanted), value=h.make_tensor("one", T.INT64, [1], [1]))
    test = e.op("Equal", wanted, e.op("Mul", ones, e.constant(-1)))
    gate = e.op("Expand", gate, e.op("Where", test, ones, wanted))
    tokens = e.op("Add", tokens, e.op("Mul", gate, attention(e, changed, 2, 8)))
    if opset >= 17:
        tokens = e.op("LayerNormalization", tokens, e.weight(8), e.weight(8), axis=-1, epsilon=1e-6)
    hidden = e.linear(tokens, 8, 16)
    erf = e.op("Erf", e.op("Div", hidden, e.constant(np.sqrt(2), np.float32)))
    hidden = e.op("Mul", e.op("Mul", hidden, e.op("Add", erf, e.constant(1, np.float32))), e.constant(0.5, np.float32))
    scores = e.op("MatMul", hidden, e.op("Transpose", hidden, perm=[0, 2, 1]))
    mask = e.op("Trilu", e.op("ConstantOfShape", e.constant([16, 16]), value=h.make_tensor("m", T.FLOAT, [1], [-1e9])), e.constant(1), upper=1) if opset >= 14 else e.constant(np.triu(np.full([16, 16], -1e9), 1), np.float32)
    hidden = e.op("MatMul", e.op("Softmax", e.op("Add", e.op("Mul", scores, e.op("Reciprocal", e.constant(4, np.float32))), mask), axis=-1), hidden)
    pixels = e.view(e.linear(hidden, 16, 16), n, 4, 4, 2, 2, 4)
    picture = e.op("Einsum", pixels, equation="nhwpqc->nchpwq")
    e.save(f"transformer-{opset}", e.view(picture, n, 4, 8, 8), timestep=T.FLOAT)


def mean(e, x):
    return e.op("ReduceMean", x, e.constant([-1])) if e.opset >= 18 else e.op("ReduceMean", x, axes=[-1])


def modern(opset):
    """What only newer operator sets have."""
    e = Export(opset)
    groups = 4 if opset >= 21 else 2
    x = e.op("GroupNormalization", "sample", e.weight(groups), e.weight(groups), num_groups=2, epsilon=1e-5)
    first, second = e.op("Split", x, outputs=2, axis=1, num_outputs=2)
    gelu = e.op("Gelu", second, approximate="tanh") if opset >= 20 else e.op("Mish", second)
    gated = e.op("Mul", e.op("Mish", first), gelu)
    half = e.op("Resize", gated, "", e.constant([1, 1, 0.5, 0.5], np.float32), mode="linear", coordinate_transformation_mode="half_pixel")
    swished = e.op("HardSwish", half)
    pooled = e.op("ReduceMean", swished, e.constant([2, 3]), keepdims=1)
    up = e.op("ConvTranspose", e.op("Add", swished, pooled), e.weight(2, 4, 2, 2), e.weight(4), strides=[2, 2], kernel_shape=[2, 2])
    length = e.op("ReduceL2", up, e.constant([1]), keepdims=1)
    limit = e.op("Clip", length, e.constant(1e-6, np.float32))
    e.save(f"modern-{opset}", e.op("Div", up, e.op("Expand", limit, e.op("Shape", up))))


for opset in (13, 17, 18, 22):
    unet(opset)
    transformer(opset)
for opset in (18, 21, 22):
    modern(opset)
