"""PyTorch's training by the recipe of the paper's code, from the weights and on the pictures of FOLDER/lesson.safetensors."""

import torch
from torch.nn import functional as F
from torch_network import UNet, load_weights, read_safetensors

TOLERANCE = 1e-4


class Learning:
    def __init__(self, folder, form):
        self.settings, tensors = read_safetensors(folder + "/lesson.safetensors")
        fresh = {k[len("fresh/") :]: v for k, v in tensors.items() if k.startswith("fresh/")}
        self.net = load_weights(UNet(self.settings["network"], self.settings["shape"][0], fresh["level.frequencies"]), fresh)
        self.form = torch.contiguous_format if form == "contiguous" else torch.channels_last
        self.net = self.net.to(memory_format=self.form).train()
        self.pictures = tensors["pixels"][: self.settings["pictures"]]
        self.noisy, self.noise, self.variance = (tensors[key] for key in ("noisy", "noise", "variance"))
        self.weights = list(self.net.parameters())
        self.averages = [w.detach().clone() for w in self.weights]
        self.adam = torch.optim.Adam(self.weights, lr=self.settings["training"]["learningRate"], foreach=True)
        torch.manual_seed(0)
        began = self.held_out()
        if not abs(began / self.settings["heldOut"] - 1) < TOLERANCE:
            raise ValueError(f"begins at a held-out loss of {began}, Seedbed at {self.settings['heldOut']}: not the same work")

    def prepared(self, pixels):
        mean, std = (torch.tensor(self.settings["range"][key]).reshape(1, -1, 1, 1) for key in ("mean", "std"))
        padded = F.pad(pixels.float() / 255, [self.settings["padding"]] * 4)
        return ((padded - mean) / std).contiguous(memory_format=self.form)

    def step(self):
        settings = self.settings["training"]
        count = settings["batch"]
        x0 = self.prepared(self.pictures[torch.randint(len(self.pictures), (count,))])
        epsilon = torch.randn_like(x0)
        start, end = self.settings["angles"]
        angle = start + torch.rand(count) * (end - start)
        signal, noise = (part.reshape(-1, 1, 1, 1) for part in (angle.cos(), angle.sin()))
        self.adam.zero_grad(set_to_none=True)
        loss = (self.net(signal * x0 + noise * epsilon, noise.square().flatten()) - epsilon).abs().mean()
        loss.backward()
        self.adam.step()
        with torch.no_grad():
            torch._foreach_lerp_(self.averages, self.weights, 1 - settings["ema"])

    def held_out(self):
        """The mean absolute error of the noise seen in held-out pictures, by the averaged weights or the last, whichever see more."""
        own = [w.detach().clone() for w in self.weights]
        self.net.eval()
        with torch.no_grad():
            last = self.error()
            torch._foreach_copy_(self.weights, self.averages)
            averaged = self.error()
            torch._foreach_copy_(self.weights, own)
        self.net.train()
        return min(last, averaged)

    def error(self):
        pieces = zip(self.noisy.split(32), self.noise.split(32), self.variance.split(32))
        errors = [(self.net(x, level) - noise).abs().mean().item() for x, noise, level in pieces]
        return sum(errors) / len(errors)
