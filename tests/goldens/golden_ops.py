# SPDX-License-Identifier: MIT
"""Single operations: inputs, output, a random upstream gradient and the gradients it causes."""

import warnings
from typing import Callable

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from golden_file import Golden, rounded_normal
from inception_time import BATCH_NORM_PRESETS

warnings.filterwarnings("ignore", message="Using padding='same'")

# batch, in channels, length, out channels, kernel, stride, dilation, groups, padding, bias
CONV1D = [
    (2, 1, 29, 4, 10, 1, 1, 1, "same", False),
    (2, 3, 17, 5, 4, 1, 1, 1, "same", True),
    (1, 2, 11, 3, 40, 1, 1, 1, "same", False),  # the kernel is longer than the series
    (3, 4, 15, 6, 1, 1, 1, 1, 0, True),
    (2, 3, 23, 4, 3, 1, 4, 1, 4, True),
    (2, 2, 19, 4, 6, 1, 3, 1, "same", True),
    (2, 1, 31, 8, 7, 2, 1, 1, 3, False),
    (2, 4, 20, 6, 3, 2, 2, 2, 1, True),
    (2, 6, 22, 6, 5, 3, 1, 6, 0, True),
    (2, 4, 13, 4, 8, 1, 1, 4, "same", False),
]
MAX_POOL1D = [(3, 1, 1), (2, 2, 0), (3, 2, 1), (5, 3, 2)]  # kernel, stride, padding
AVG_POOL1D = [(2, 2, 0), (3, 1, 0), (4, 3, 0)]


class Ops:
    def __init__(self, golden: Golden):
        self.golden = golden
        self.rng = np.random.default_rng(400)
        self.options: dict[str, dict] = {}

    def normal(self, *shape: int) -> Tensor:
        return rounded_normal(self.rng, *shape)

    def add(self, name: str, op: Callable[..., Tensor], options: dict | None = None,
            **inputs: Tensor) -> None:
        """Stores name.<input>, name.y, name.dy and name.d<input> of y = op(inputs)."""
        leaves = {k: t.clone().requires_grad_() for k, t in inputs.items()}
        y = op(**leaves)
        dy = self.normal(*y.shape)
        y.backward(dy)
        for key, t in leaves.items():
            self.golden.put(f"{name}.{key}", t)
            self.golden.put(f"{name}.d{key}", t.grad)
        self.golden.put(f"{name}.y", y)
        self.golden.put(f"{name}.dy", dy)
        if options:
            self.options[name] = options


def add_conv1d(ops: Ops) -> None:
    for i, (b, cin, length, cout, k, stride, dilation, groups, padding, bias) in enumerate(CONV1D):
        inputs = {"x": ops.normal(b, cin, length), "w": ops.normal(cout, cin // groups, k)}
        if bias:
            inputs["b"] = ops.normal(cout)
        total = dilation * (k - 1)
        left, right = (total // 2, total - total // 2) if padding == "same" else (padding, padding)

        def op(x: Tensor, w: Tensor, b: Tensor | None = None) -> Tensor:
            return functional.conv1d(x, w, b, stride, padding, dilation, groups)

        ops.add(f"conv1d.{i}", op, {"stride": stride, "dilation": dilation, "groups": groups,
                                    "pad_left": left, "pad_right": right}, **inputs)
        ops.golden.put(f"conv1d.{i}.options", [stride, dilation, groups, left, right])


def add_batch_norm(ops: Ops) -> None:
    for preset, numbers in BATCH_NORM_PRESETS.items():
        for mode in ("train", "eval"):
            name = f"batch_norm.{preset}_{mode}"
            mean, variance = ops.normal(3), ops.normal(3).abs() + 0.5
            variance = variance.float().double()
            ops.golden.put(f"{name}.running_mean", mean)
            ops.golden.put(f"{name}.running_var", variance)

            def op(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
                return functional.batch_norm(x, mean, variance, weight, bias, mode == "train", **numbers)

            ops.add(name, op, {**numbers, "training": mode == "train"},
                    x=2 * ops.normal(4, 3, 7) + 1, weight=ops.normal(3), bias=ops.normal(3))
            ops.golden.put(f"{name}.running_mean_after", mean)
            ops.golden.put(f"{name}.running_var_after", variance)


def add_pools(ops: Ops) -> None:
    for kind, configs, op in (("max_pool1d", MAX_POOL1D, functional.max_pool1d),
                              ("avg_pool1d", AVG_POOL1D, functional.avg_pool1d)):
        for i, (k, stride, padding) in enumerate(configs):
            ops.add(f"{kind}.{i}", lambda x: op(x, k, stride, padding),
                    {"kernel": k, "stride": stride, "padding": padding}, x=ops.normal(2, 3, 13))
            ops.golden.put(f"{kind}.{i}.options", [k, stride, padding])
    ops.add("global_avg", lambda x: x.mean(dim=2), x=ops.normal(3, 5, 11))
    ops.add("global_max", lambda x: x.amax(dim=2), x=ops.normal(3, 5, 11))


def add_pointwise_and_products(ops: Ops) -> None:
    ops.add("gelu", lambda x: functional.gelu(x), x=torch.linspace(-8, 8, 65, dtype=torch.float64))
    ops.add("linear", lambda x, w, b: functional.linear(x, w, b),
            x=ops.normal(5, 7), w=ops.normal(3, 7), b=ops.normal(3))
    ops.add("matmul", lambda a, b: a @ b, a=ops.normal(5, 9), b=ops.normal(9, 4))
    ops.add("bmm", lambda a, b: a @ b, a=ops.normal(3, 5, 7), b=ops.normal(3, 7, 2))
    extreme = torch.cat([3 * ops.normal(4, 6), torch.tensor([[80.0, -80, 0, 80, 1, 2]]).double()])
    ops.add("softmax", lambda x: x.softmax(dim=1), x=extreme)
    ops.add("log_softmax", lambda x: x.log_softmax(dim=1), x=extreme)


def add_cross_entropy(ops: Ops) -> None:
    labels = torch.tensor([0, 5, 2, 2, 1])
    target = ops.normal(5, 6).softmax(dim=1).float().double()
    ops.golden.put("cross_entropy.labels", labels)
    ops.golden.put("soft_cross_entropy.target", target)
    ops.add("cross_entropy", lambda x: functional.cross_entropy(x, labels), x=3 * ops.normal(5, 6))
    ops.add("soft_cross_entropy", lambda x: functional.cross_entropy(x, target), x=3 * ops.normal(5, 6))


def ops() -> Golden:
    golden = Golden("golden_ops.py")
    table = Ops(golden)
    for add in (add_conv1d, add_batch_norm, add_pools, add_pointwise_and_products, add_cross_entropy):
        add(table)
    golden.note("options", table.options)
    golden.note("conv1d.options", "stride, dilation, groups, pad_left, pad_right")
    golden.note("pool.options", "kernel, stride, padding (no zero is averaged: avg_pool1d has none)")
    return golden
