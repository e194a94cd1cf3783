"""PyTorch's side of the benchmark: torch_peer.py FOLDER THREADS

Builds Seedbed's U-Net, reads its weights from FOLDER/reference.safetensors, and answers commands as bench/peer.ts sends
them. Before a task is measured, its results on fixed inputs must agree with Seedbed's in the same file.
"""

import gc
import json
import resource
import sys
import time

import torch
from torch import nn
from torch_learning import Learning
from torch_network import UNet, load_weights, read_safetensors

TOLERANCE = 1e-4


class Bench:
    def __init__(self, folder):
        self.settings, self.tensors = read_safetensors(folder + "/reference.safetensors")
        self.checked = set()

    def network(self, name, form):
        """A network with the shipped weights, in a form: contiguous, channels_last, or frozen (compiled, channels last)."""
        weights = {k[len(name) + 1 :]: v for k, v in self.tensors.items() if k.startswith(name + "/")}
        net = UNet(self.settings["network"], self.settings["shape"][0], weights.get("level.frequencies"))
        load_weights(net, weights)
        if form != "contiguous":
            net = net.to(memory_format=torch.channels_last)
        return net

    def frozen_denoiser(self, form, batch=None):
        net = self.network("denoiser", form).eval().requires_grad_(False)
        if form != "frozen":
            return net
        for norm in [part for part in net.modules() if isinstance(part, nn.BatchNorm2d)]:
            # The compiler's batch normalisation wants a scale and an offset.
            norm.weight = nn.Parameter(torch.ones(norm.num_features), requires_grad=False)
            norm.bias = nn.Parameter(torch.zeros(norm.num_features), requires_grad=False)
        traced = torch.jit.trace(net, (self.place(torch.zeros(batch, *self.settings["shape"]), form), torch.zeros(batch)))
        return torch.jit.optimize_for_inference(torch.jit.freeze(traced))

    @staticmethod
    def place(x, form):
        return x.contiguous() if form == "contiguous" else x.contiguous(memory_format=torch.channels_last)

    def sample(self, net, x):
        for signal, noise, next_signal, next_noise in self.settings["grid"]:
            v = net(x, torch.full((x.shape[0],), noise * noise))
            x0 = signal * x - noise * v
            epsilon = noise * x + signal * v
            x = next_signal * x0 + next_noise * epsilon
        return x

    def sampling(self, form, inputs):
        net = self.frozen_denoiser(form, len(inputs["latent"]))

        def step():
            with torch.inference_mode():
                return {"x0": self.sample(net, self.place(inputs["latent"], form))}

        return step

    def descent(self, form, inputs):
        net = self.frozen_denoiser(form)
        latent = self.place(inputs["latent"].clone(), form).requires_grad_()
        target = self.place(inputs["target"], form)
        adam = torch.optim.Adam([latent], lr=self.settings["descent"]["learningRate"])

        def step():
            adam.zero_grad(set_to_none=True)
            loss = (self.sample(net, latent) - target).square().mean((1, 2, 3)).sum()
            loss.backward()
            adam.step()
            return {"gradient": latent.grad}

        return step

    def training(self, name, form, loss_of):
        """One step of Adam and of the moving average of the weights."""
        settings = self.settings["training"][name]
        distance = {"mae": torch.abs, "mse": torch.square}[settings["loss"]]
        net = self.network(name, form).train()
        weights = list(net.parameters())
        averages = [w.detach().clone() for w in weights]
        adam = torch.optim.Adam(weights, lr=settings["learningRate"], foreach=True)
        losses = []

        def step():
            adam.zero_grad(set_to_none=True)
            loss = distance(loss_of(net)).mean()
            loss.backward()
            adam.step()
            with torch.no_grad():
                torch._foreach_mul_(averages, settings["ema"])
                torch._foreach_add_(averages, weights, alpha=1 - settings["ema"])
            losses.append(loss.item())
            return {"losses": torch.tensor(losses)}

        return step

    def denoiser(self, form, inputs):
        x0, epsilon = self.place(inputs["x0"], form), self.place(inputs["epsilon"], form)
        signal, noise = inputs["signal"], inputs["noise"]

        def difference(net):
            v = signal * epsilon - noise * x0
            return net(signal * x0 + noise * epsilon, noise.square().flatten()) - v

        return self.training("denoiser", form, difference)

    def embedder(self, form, inputs):
        frozen = self.frozen_denoiser(form)
        x = self.place(inputs["x"], form)
        return self.training("embedder", form, lambda net: self.sample(frozen, net(x)) - x)

    def prepare(self, task, batch, form):
        place = task if task in ("sampling", "descent") else "train " + task
        known = {k[len(place) + 1 :]: v for k, v in self.tensors.items() if k.startswith(place + "/")}
        if (task, form) not in self.checked:
            self.check(task, form, known)
            self.checked.add((task, form))
        gc.collect()
        torch.manual_seed(0)
        inputs = {k: torch.rand(batch, *v.shape[1:]) for k, v in known.items()}
        return getattr(self, task)(form, inputs)

    def check(self, task, form, known):
        step = getattr(self, task)(form, known)
        results = [step() for _ in range(2 if "losses" in known else 1)][-1]
        for key, got in results.items():
            want = known[key]
            error = ((got - want).norm() / want.norm()).item()
            print(f"{task}, {form}: {key} agrees to {error:.1e}", file=sys.stderr)
            if not error < TOLERANCE:
                raise ValueError(f"{key} of {task} differs from Seedbed's by {error:.1e}: not the same work")


def peak_bytes():
    """Linux's own record leaves out what the parent held before the start."""
    try:
        with open("/proc/self/status") as status:
            line = next(line for line in status if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    except (OSError, StopIteration):
        scale = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale


def main(folder, threads):
    torch.set_num_threads(int(threads))
    say = lambda **answer: print(json.dumps(answer), flush=True)
    say(name="PyTorch " + torch.__version__)
    bench = step = learner = None
    for line in sys.stdin:
        command = json.loads(line)
        try:
            if "prepare" in command:
                step = learner = None
                asked = command["prepare"]
                if asked["task"] == "learning":
                    learner = Learning(folder, asked["form"])
                    step = learner.step
                else:
                    bench = bench or Bench(folder)
                    step = bench.prepare(**asked)
                say()
            elif "run" in command:
                started = time.perf_counter()
                for _ in range(command["run"]):
                    step()
                say(seconds=time.perf_counter() - started)
            elif "heldOut" in command:
                say(heldOut=learner.held_out())
            else:
                say(bytes=peak_bytes())
        except Exception as error:  # whatever it is, the benchmark reports it as the reason
            say(error=f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    main(*sys.argv[1:])
