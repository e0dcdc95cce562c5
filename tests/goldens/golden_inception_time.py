# SPDX-License-Identifier: MIT
"""InceptionTime: small nets with everything stored, and full-size nets with closed-form weights."""

import warnings

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from golden_file import Golden, closed_form, deviation, rounded_normal
from inception_time import InceptionTime
from keras_rules import KerasAdam

warnings.filterwarnings("ignore", message="Using padding='same'")

STEPS = 3
SMALL = {
    "a": {"in_channels": 1, "classes": 3, "depth": 6, "norm": "torch", "length": 29, "batch": 5, "seed": 7},
    "b": {"in_channels": 3, "classes": 2, "depth": 3, "norm": "keras", "length": 50, "batch": 5, "seed": 1},
}


def state(net: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Parameters and running statistics, without PyTorch's batch counter."""
    return {n: t.detach().clone() for n, t in net.state_dict().items() if "num_batches" not in n}


def randomise(net: torch.nn.Module, rng: np.random.Generator) -> None:
    """Weights of the usual size, norms near (1, 0): no zero gradient hides behind an initial value."""
    for name, p in net.named_parameters():
        scale = 0.1 if p.dim() == 1 else p[0].numel() ** -0.5
        p.data = scale * rounded_normal(rng, *p.shape) + (1 if name.endswith("norm.weight") else 0)
        p.data = p.data.float().double()


def optimiser(net: torch.nn.Module, norm: str, lr: float) -> torch.optim.Optimizer:
    return KerasAdam(net.parameters(), lr) if norm == "keras" else torch.optim.Adam(net.parameters(), lr)


def put_gradients(golden: Golden, prefix: str, net: torch.nn.Module, whole: bool) -> None:
    gradients = {name: p.grad for name, p in net.named_parameters()}
    if whole:
        for name, g in gradients.items():
            golden.put(f"{prefix}.grad.{name}", g)
    else:
        golden.put(f"{prefix}.grad_norm", torch.stack([g.norm() for g in gradients.values()]))


def train(golden: Golden, prefix: str, net: torch.nn.Module, x: torch.Tensor, y: torch.Tensor,
          norm: str, whole: bool, lr: float = 1e-3) -> None:
    """Three Adam steps on one batch. `whole` stores every tensor, else norms and logits only."""
    adam, losses = optimiser(net, norm, lr), []
    for step in range(STEPS):
        net.train()
        net.zero_grad()
        logits = net(x)
        loss = cross_entropy(logits, y)
        loss.backward()
        losses.append(loss.item())
        if step == 0:
            golden.put(f"{prefix}.logits", logits)
            golden.put(f"{prefix}.loss", loss)
            put_gradients(golden, prefix, net, whole)
        adam.step()
    golden.put(f"{prefix}.losses", np.array(losses))
    if whole:
        for name, t in state(net).items():
            golden.put(f"{prefix}.final.{name}", t)
    net.eval()
    golden.put(f"{prefix}.logits_eval", net(x))
    if not whole:
        net.train()
        golden.put(f"{prefix}.logits_after_3", net(x))


def small_into(golden: Golden, dtype: torch.dtype) -> None:
    for prefix, o in SMALL.items():
        rng = np.random.default_rng(o["seed"])
        net = InceptionTime(o["in_channels"], o["classes"], o["depth"], filters=4, norm=o["norm"]).double()
        randomise(net, rng)
        x = rounded_normal(rng, o["batch"], o["in_channels"], o["length"]).to(dtype)
        y = torch.from_numpy(rng.integers(0, o["classes"], o["batch"]))
        net.to(dtype)
        golden.put(f"{prefix}.x", x)
        golden.put(f"{prefix}.y", y)
        for name, t in state(net).items():
            golden.put(f"{prefix}.init.{name}", t)
        train(golden, prefix, net, x, y, o["norm"], whole=True)


def full_into(golden: Golden, dtype: torch.dtype) -> None:
    for depth in (6, 3, 2, 1):
        rng = np.random.default_rng(100 + depth)
        net = InceptionTime(1, 4, depth).double()
        closed_form(net)
        net.to(dtype)
        x = rounded_normal(rng, 3, 1, 60).to(dtype)
        y = torch.tensor([0, 3, 1])
        prefix = f"depth{depth}"
        golden.put(f"{prefix}.x", x)
        golden.put(f"{prefix}.y", y)
        train(golden, prefix, net, x, y, "torch", whole=False)
        golden.note(f"{prefix}.parameters", [n for n, _ in net.named_parameters()])


def in_both_precisions(fill, script: str) -> Golden:
    golden, single = Golden(script), Golden(script)
    fill(golden, torch.float64)
    fill(single, torch.float32)
    golden.note("float32_deviation", deviation(golden.tensors, single.tensors))
    return golden


def inception_time() -> Golden:
    golden = in_both_precisions(small_into, "golden_inception_time.py")
    golden.note("options", SMALL)
    golden.note("training", "3 steps on (x, y), lr 1e-3: a Adam (eps 1e-8), b Keras Adam (eps-hat 1e-7)")
    return golden


def inception_time_full() -> Golden:
    golden = in_both_precisions(full_into, "golden_inception_time.py")
    golden.note("options", "filters 32, kernel 40, Cin 1, K 4, norm torch, Adam lr 1e-3 (eps 1e-8)")
    golden.note("weights", " ".join(closed_form.__doc__.split()))
    return golden
