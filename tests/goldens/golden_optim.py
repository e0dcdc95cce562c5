# SPDX-License-Identifier: MIT
"""Trajectories of the optimisers, the weight average and the learning-rate rules."""

from typing import Callable

import numpy as np
import torch
from torch.optim.lr_scheduler import CosineAnnealingLR, MultiStepLR, StepLR

from golden_file import Golden, rounded_normal
from keras_rules import KerasAdam, plateau_lrs
from ts2vec import RunningMean

STEPS, SIZE = 20, 7
OPTIMISERS: dict[str, tuple[type, dict]] = {
    "adam": (torch.optim.Adam, {"lr": 1e-2, "betas": (0.9, 0.999), "eps": 1e-8}),
    "adam_keras": (KerasAdam, {"lr": 1e-2, "betas": (0.9, 0.999), "eps": 1e-7}),
    "adamw": (torch.optim.AdamW, {"lr": 1e-2, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0.01}),
    "sgd_momentum": (torch.optim.SGD, {"lr": 0.05, "momentum": 0.9}),
    "sgd_nesterov_decay": (torch.optim.SGD, {"lr": 0.05, "momentum": 0.9, "nesterov": True,
                                             "weight_decay": 5e-4}),
}
PLATEAU = {"lr": 1e-3, "factor": 0.5, "patience": 3, "min_lr": 1e-4, "min_delta": 1e-4}
# Improvements below min_delta, rises, a plain plateau, and a floor that is reached.
PLATEAU_LOSSES = [1.0, 0.5, 0.49993, 0.49995, 0.49992, 0.4, 0.5, 0.6, 0.39, 0.39, 0.39, 0.39, 0.39,
                  0.39, 0.39, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 0.1, 0.1]
SCHEDULES: dict[str, tuple[type, dict]] = {
    "cosine": (CosineAnnealingLR, {"T_max": 20, "eta_min": 1e-4}),
    "step": (StepLR, {"step_size": 6, "gamma": 0.2}),
    "multi_step": (MultiStepLR, {"milestones": [5, 12], "gamma": 0.1}),
}


class Vector(torch.nn.Module):
    def __init__(self, start: torch.Tensor):
        super().__init__()
        self.p = torch.nn.Parameter(start.clone())


def gradients(rng: np.random.Generator) -> torch.Tensor:
    """(STEPS, SIZE), elements of very different size; the last is 1e-7, where the eps forms part."""
    scale = torch.tensor([1, 1e-1, 1e-2, 1e-3, 10, 1, 1e-7], dtype=torch.float64)
    g = rounded_normal(rng, STEPS, SIZE) * scale
    g[:5, 5] = 0  # an element without a gradient at first
    return g.float().double()


def trajectory(make: Callable, options: dict, start: torch.Tensor,
               g: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The vector and its running mean after 0, 1, ... STEPS steps, each (STEPS + 1, SIZE)."""
    vector = Vector(start)
    optimiser, mean = make(vector.parameters(), **options), RunningMean(vector)
    path, means = [start], [start]
    for row in g:
        vector.p.grad = row.clone()
        optimiser.step()
        mean.update(vector)
        path.append(vector.p.detach().clone())
        means.append(mean.values["p"].clone())
    return torch.stack(path), torch.stack(means)


def schedule(make: Callable, options: dict, epochs: int = 20) -> list[float]:
    """The learning rate of epochs 0, 1, ... epochs - 1, starting from 0.1."""
    optimiser = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
    rule, trace = make(optimiser, **options), []
    for _ in range(epochs):
        trace.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        rule.step()
    return trace


def optim() -> Golden:
    golden = Golden("golden_optim.py")
    rng = np.random.default_rng(500)
    start, g = rounded_normal(rng, SIZE), gradients(rng)
    golden.put("start", start)
    golden.put("gradients", g)
    for name, (make, options) in OPTIMISERS.items():
        path, means = trajectory(make, options, start, g)
        golden.put(name, path)
        if name == "adamw":
            golden.put("swa_of_adamw", means)
        golden.note(name, options)
    golden.put_exact("plateau.losses", np.array(PLATEAU_LOSSES))
    golden.put_exact("plateau.lrs", np.array(plateau_lrs(PLATEAU_LOSSES, **PLATEAU)))
    golden.note("plateau", {**PLATEAU, "lrs": "after the epoch of that loss"})
    for name, (make, options) in SCHEDULES.items():
        golden.put_exact(f"schedule.{name}", np.array(schedule(make, options)))
        golden.note(f"schedule.{name}", {**options, "lr": 0.1, "values": "lr of epoch 0, 1, ..."})
    return golden
