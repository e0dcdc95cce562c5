# SPDX-License-Identifier: MIT
"""The loss family, value and gradient per sample, in float64 by autograd.

    L = w_ce * CE(q1, p) + w_kl * KL(q2 || p_tau) - w_h * H(p),  p = softmax(z), p_tau = softmax(z / tau)

Relaxed labels take KL(r || p) instead of CE(q1, p).
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import kl_div, one_hot

from golden_file import Golden, rounded_normal

CLASSES, ROWS = (2, 3, 10, 60), 6


@dataclass
class Row:
    q1: Tensor
    w_ce: float = 1.0
    q2: Tensor | None = None
    w_kl: float = 0.0
    tau: float = 1.0
    w_h: float = 0.0
    relaxation: float = 0.0


def loss(z: Tensor, row: Row) -> Tensor:
    log_p = z.log_softmax(dim=1)
    first = relaxed(log_p, row.q1, row.relaxation) if row.relaxation else -(row.q1 * log_p).sum(dim=1)
    value = row.w_ce * first + row.w_h * (log_p.exp() * log_p).sum(dim=1)
    if row.q2 is not None:
        log_p_tau = (z / row.tau).log_softmax(dim=1)
        value = value + row.w_kl * (torch.xlogy(row.q2, row.q2) - row.q2 * log_p_tau).sum(dim=1)
    return value


def relaxed(log_p: Tensor, e: Tensor, alpha: float) -> Tensor:
    """Lienen & Huellermeier: the label is a constant; inside the credal set nothing is lost."""
    own = (e * log_p).sum(dim=1).exp()
    with torch.no_grad():
        others = log_p.masked_fill(e.bool(), -torch.inf).softmax(dim=1)
        label = torch.where(e.bool(), 1 - alpha, alpha * others)
    return torch.where(own < 1 - alpha, kl_div(log_p, label, reduction="none").sum(dim=1), 0)


def value_and_gradient(z: Tensor, row: Row) -> tuple[Tensor, Tensor]:
    z = z.clone().requires_grad_()
    value = loss(z, row)
    value.sum().backward()
    return value.detach(), z.grad


def representation_target(y: Tensor, distance: Tensor, tau: float, kappa: float) -> Tensor:
    """RSLS: kappa / mean distance for the other classes, their sum for the own, softmax at tau."""
    own = one_hot(y, distance.shape[1]).bool()
    confidence = (kappa / distance).masked_fill(own, 0)
    confidence = torch.where(own, confidence.sum(dim=1, keepdim=True), confidence)
    return (confidence / tau).softmax(dim=1)


def correct_teacher(e: Tensor, at_true: float) -> Tensor:
    """at_true on the class, the rest even."""
    return at_true * e + (1 - at_true) / (e.shape[1] - 1) * (1 - e)


def smoothed(e: Tensor, epsilon: float) -> Tensor:
    return (1 - epsilon) * e + epsilon / e.shape[1]


def instance_shape(e: Tensor, teacher: Tensor, epsilon: Tensor | float, tau: float) -> Tensor:
    """ILS2 by its formula: 1 - epsilon, and epsilon t_j / (1 - t_y)."""
    t = (teacher / tau).softmax(dim=1)
    t_y = (t * e).sum(dim=1, keepdim=True)
    return (1 - epsilon) * e + epsilon * t * (1 - e) / (1 - t_y)


def instance_epsilon(e: Tensor, teacher: Tensor, p1: float, p2: float) -> Tensor:
    t_y = (teacher.softmax(dim=1) * e).sum(dim=1, keepdim=True)
    return (p2 * (t_y - p1) ** 2).clamp(max=0.2)


def online_rows(y: Tensor, teacher: Tensor, share: float) -> Tensor:
    """OLS, the loop of its paper: sums of right predictions per class, uniform where there is none."""
    p = teacher.softmax(dim=1)
    sums, count = torch.zeros(p.shape[1], p.shape[1]).double(), torch.zeros(p.shape[1]).double()
    for row, label in zip(p, y):
        if row.argmax() == label:
            sums[label] += row
            count[label] += 1
    means = torch.where(count[:, None] > 0, sums / count.clamp(min=1)[:, None], 1 / p.shape[1])
    return share * one_hot(y, p.shape[1]) + (1 - share) * means[y]


def methods(y: Tensor, classes: int, teacher: Tensor, distance: Tensor) -> dict[str, Row]:
    """The rows of the papers at their golden parameters (alpha .1, tau 2, ... where none is named)."""
    e = one_hot(y, classes).double()
    uniform = torch.full_like(e, 1 / classes)
    return {
        "ce": Row(e),
        "ls": Row(smoothed(e, 0.1)),
        "cp": Row(e, w_h=0.1),
        "kd": Row(e, 0.1, (teacher / 4).softmax(dim=1), 0.9 * 4**2, 4),
        "rsls": Row(e, 1, representation_target(y, distance, 2, 1e-3), 0.5 * 2**2, 2),
        "rsls_kappa1": Row(e, 1, representation_target(y, distance, 2, 1), 0.5 * 2**2, 2),
        "lsr_os": Row(e, 0.9, uniform, 0.1 * 2**2, 2),
        "lsr_os_tc": Row(e, 0.9, correct_teacher(e, 0.5), 0.1 * 2, 2),
        "tfkd_reg": Row(e, 0.9, (correct_teacher(e, 0.99) / 20).softmax(dim=1), 0.1, 1),
        "bootstrap_soft": Row(e, 0.95, w_h=-0.05),
        "label_relaxation": Row(e, relaxation=0.1),
    }


def teacher_methods(y: Tensor, classes: int, teacher: Tensor) -> dict[str, Row]:
    """Labels made of a network's logits."""
    e = one_hot(y, classes).double()
    epsilon = instance_epsilon(e, teacher, 0.8, 2)
    p = teacher.softmax(dim=1)
    return {
        "tfkd_self": Row(e, 0.05, (teacher / 20).softmax(dim=1), 0.95 / classes * 20**2, 20),
        "self_distillation": Row(p),
        "ils1": Row((1 - epsilon) * e + epsilon / classes),
        "ils2": Row(instance_shape(e, teacher, 0.1, 4)),
        "ils": Row(instance_shape(e, teacher, epsilon, 4)),
        "ps_kd": Row((1 - 0.3) * e + 0.3 * p),
        "ols": Row(online_rows(y, teacher, 0.5)),
    }


def put_row(golden: Golden, name: str, z: Tensor, row: Row) -> None:
    value, gradient = value_and_gradient(z, row)
    golden.put_exact(f"{name}.weights", np.array([row.w_ce, row.w_kl, row.tau, row.w_h, row.relaxation]))
    golden.put_exact(f"{name}.q1", row.q1)
    if row.q2 is not None:
        golden.put_exact(f"{name}.q2", row.q2)
    golden.put_exact(f"{name}.value", value)
    golden.put_exact(f"{name}.gradient", gradient)


def logits(rng: np.random.Generator, classes: int) -> Tensor:
    """Ordinary rows, then rows of only +-80, one with the true class up and one with it down."""
    z = 2 * rounded_normal(rng, ROWS, classes)
    z[-2:] = torch.where(z[-2:] > 0, 80.0, -80.0)
    z[-2, 0], z[-1, 0] = 80, -80
    return z


# Worked out by hand for z = (2, 1, 0.1), y = 0: the loss each row must give.
POINT = {
    "ce": 0.417030, "ls": 0.513697, "cp": 0.332356, "kd": 0.071277, "lsr_os": 0.405126,
    "lsr_os_tc": 0.377838, "tfkd_reg": 0.402263, "rsls": 0.565987, "rsls_kappa1": 0.529366,
    "bootstrap_soft": 0.438515, "label_relaxation": 0.157832, "ils1": 0.436363, "ils2": 0.547030, "ils": 0.443030,
}


def instance_smoothing(e: Tensor) -> dict[str, Row]:
    """ILS with the teacher (.7, .2, .1): ILS1's epsilon is 2 (.7 - .8)^2 = .02, ILS2's is .1."""
    shape = torch.tensor([[0, 2 / 3, 1 / 3]]).double()
    return {
        "ils1": Row(smoothed(e, 0.02)),
        "ils2": Row(0.9 * e + 0.1 * shape),
        "ils": Row(0.98 * e + 0.02 * shape),
    }


def paper_point(golden: Golden) -> None:
    """The hand-computed point: the formula is refused if it does not reproduce the table."""
    z, y = torch.tensor([[2.0, 1.0, 0.1]]).double(), torch.tensor([0])
    teacher = torch.tensor([[1.5, 0.5, -1.0]]).double()
    distance = torch.tensor([[1.0, 4.0, 10.0]]).double()
    golden.put_exact("point.logits", z)
    golden.put("point.labels", y)
    rows = methods(y, 3, teacher, distance) | instance_smoothing(one_hot(y, 3).double())
    for name, row in rows.items():
        if abs(loss(z, row).item() - POINT[name]) > 1e-6:
            raise ValueError(f"{name} is {loss(z, row).item():.6f}, the table says {POINT[name]}")
        put_row(golden, f"point.{name}", z, row)


def losses() -> Golden:
    golden = Golden("golden_losses.py")
    rng = np.random.default_rng(700)
    for classes in CLASSES:
        z = logits(rng, classes)
        y = torch.from_numpy(rng.integers(0, classes, ROWS))
        y[-2:] = 0
        teacher = 3 * rounded_normal(rng, ROWS, classes)
        distance = torch.from_numpy(rng.uniform(0.5, 12, (ROWS, classes)))
        golden.put_exact(f"k{classes}.logits", z)
        golden.put(f"k{classes}.labels", y)
        golden.put_exact(f"k{classes}.teacher", teacher)
        golden.put_exact(f"k{classes}.distance", distance)
        rows = methods(y, classes, teacher, distance) | teacher_methods(y, classes, teacher)
        for name, row in rows.items():
            put_row(golden, f"k{classes}.{name}", z, row)
    paper_point(golden)
    golden.note("formula", " ".join(__doc__.split()))
    golden.note("weights", "w_ce, w_kl, tau, w_h, relaxation")
    golden.note("parameters", "ls .1; cp .1; kd alpha .9 tau 4; rsls alpha .5 tau 2 kappa 1e-3 or 1; lsr_os "
                "alpha .1 tau 2; lsr_os_tc and gamma .5; tfkd_reg alpha .1 T 20 multiplier K; bootstrap .95; "
                "label_relaxation .1; tfkd_self alpha .95 T 20 multiplier 1; ils p1 .8 p2 2, epsilon .1, tau 4; "
                "ps_kd weight .3; ols share .5")
    return golden
