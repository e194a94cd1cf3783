"""Seedbed's U-Net in PyTorch, and the file that its weights come in."""

import json

import torch
from torch import nn
from torch.nn import functional as F


def read_safetensors(path):
    with open(path, "rb") as file:
        data = bytearray(file.read())
    start = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:start])
    settings = json.loads(header.pop("__metadata__")["settings"])
    tensors = {}
    for name, entry in header.items():
        dtype = {"F32": torch.float32, "U8": torch.uint8}.get(entry["dtype"])
        if dtype is None:
            continue
        begin, end = entry["data_offsets"]
        flat = torch.frombuffer(data, dtype=dtype, offset=start + begin, count=(end - begin) // dtype.itemsize)
        tensors[name] = flat.reshape(entry["shape"]).clone()
    return settings, tensors


class Block(nn.Module):
    """shortcut(x) + conv(swish(conv(norm(x))))"""

    def __init__(self, before, after):
        super().__init__()
        self.shortcut = nn.Conv2d(before, after, 1) if before != after else nn.Identity()
        self.norm = nn.BatchNorm2d(before, eps=1e-3, momentum=0.01, affine=False)
        self.conv1 = nn.Conv2d(before, after, 3, padding=1)
        self.conv2 = nn.Conv2d(after, after, 3, padding=1)

    def forward(self, x):
        return self.shortcut(x) + self.conv2(F.silu(self.conv1(self.norm(x))))


class UNet(nn.Module):
    """The U-Net of src/nn/networks.ts; without `frequencies` it takes no noise level."""

    def __init__(self, network, image_channels, frequencies=None):
        super().__init__()
        channels, self.blocks = network["channels"], network["blocks"]
        width = channels[0]
        self.inp = nn.Conv2d(image_channels, width, 1)
        self.register_buffer("frequencies", frequencies)
        if frequencies is not None:
            width += network["embedding"]
        self.down, self.mid, self.up = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        skips = []
        for wide in channels[:-1]:
            for _ in range(self.blocks):
                self.down.append(Block(width, wide))
                width = wide
                skips.append(wide)
        for _ in range(self.blocks):
            self.mid.append(Block(width, channels[-1]))
            width = channels[-1]
        for wide in reversed(channels[:-1]):
            for _ in range(self.blocks):
                self.up.append(Block(width + skips.pop(), wide))
                width = wide
        self.out = nn.Conv2d(width, image_channels, 1)

    def forward(self, x, level=None):
        x = self.inp(x)
        if self.frequencies is not None:
            angles = level.reshape(-1, 1) * self.frequencies
            embedded = torch.cat([angles.sin(), angles.cos()], 1)[:, :, None, None]
            x = torch.cat([x, embedded.expand(-1, -1, x.shape[2], x.shape[3])], 1)
        skips = []
        for i, block in enumerate(self.down):
            x = block(x)
            skips.append(x)
            if (i + 1) % self.blocks == 0:
                x = F.avg_pool2d(x, 2)
        for block in self.mid:
            x = block(x)
        for i, block in enumerate(self.up):
            if i % self.blocks == 0:
                x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
            x = block(torch.cat([x, skips.pop()], 1))
        return self.out(x)


def load_weights(net, weights):
    """Puts Seedbed's weights by their names into the network, all of them."""
    left = {k: v for k, v in weights.items() if not k.startswith("level.")}
    with torch.no_grad():
        for key, value in net.state_dict().items():
            if key != "frequencies" and not key.endswith("num_batches_tracked"):
                value.copy_(left.pop(key))
    known = [k for k in left if k.endswith((".weight", ".bias", ".running_mean", ".running_var"))]
    if known:
        raise ValueError(f"weights without a place in the network: {known}")
    return net
