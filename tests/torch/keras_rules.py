# SPDX-License-Identifier: MIT
"""The two Keras training rules that PyTorch does not have."""

import torch


class KerasAdam(torch.optim.Optimizer):
    """Adam in the 'epsilon hat' form: the bias corrections scale lr, then eps joins the raw sqrt(v)."""

    def __init__(self, params, lr: float = 1e-3, betas=(0.9, 0.999), eps: float = 1e-7):
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps})
        self.steps = 0

    @torch.no_grad()
    def step(self) -> None:
        self.steps += 1
        for group in self.param_groups:
            b1, b2 = group["betas"]
            lr = group["lr"] * (1 - b2**self.steps) ** 0.5 / (1 - b1**self.steps)
            for p in group["params"]:
                m = self.state[p].setdefault("m", torch.zeros_like(p))
                v = self.state[p].setdefault("v", torch.zeros_like(p))
                m.mul_(b1).add_(p.grad, alpha=1 - b1)
                v.mul_(b2).add_(p.grad**2, alpha=1 - b2)
                p.sub_(lr * m / (v.sqrt() + group["eps"]))


def plateau_lrs(losses: list[float], lr: float, factor: float, patience: int, min_lr: float,
                min_delta: float = 1e-4) -> list[float]:
    """Keras ReduceLROnPlateau: the learning rate after each epoch of the given training losses."""
    best, wait, trace = float("inf"), 0, []
    for loss in losses:
        if loss < best - min_delta:
            best, wait = loss, 0
        else:
            wait += 1
            if wait >= patience:
                lr, wait = max(lr * factor, min_lr), 0
        trace.append(lr)
    return trace
