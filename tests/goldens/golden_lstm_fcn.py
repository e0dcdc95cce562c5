# SPDX-License-Identifier: MIT
"""Small LSTM-FCNs, over one step and over a sequence, and a small MLP: everything of the first pass."""

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from golden_file import Golden, rounded_normal
from golden_inception_time import in_both_precisions, put_gradients, state, train
from lstm_fcn import LstmFcn
from mlp import Mlp

# Dropout is off: PyTorch's masks are not mellow's.
LSTM = {"cells": 8, "filters": 4, "dropout": 0}
NETS = {
    "shuffle": (LstmFcn, {**LSTM, "lstm": "shuffle", "norm": "keras"}, {"length": 23, "seed": 301}),
    "sequence": (LstmFcn, {**LSTM, "lstm": "sequence", "norm": "torch"}, {"length": 17, "seed": 302}),
    "mlp": (Mlp, {"units": 5, "layers": 3}, {"length": 9, "seed": 303}),
}
CHANNELS = 3
LABELS = [0, 3, 1, 2, 1]


def randomise(net: torch.nn.Module, rng: np.random.Generator) -> None:
    for name, p in net.named_parameters():
        scale = 0.2 if p.dim() == 1 else p[0].numel() ** -0.5
        centre = 1 if name.startswith("norms") and name.endswith("weight") else 0
        p.data = (centre + scale * rounded_normal(rng, *p.shape)).float().double()


def fill(golden: Golden, dtype: torch.dtype) -> None:
    for prefix, (net_class, sizes, o) in NETS.items():
        rng = np.random.default_rng(o["seed"])
        net = net_class(CHANNELS, max(LABELS) + 1, o["length"], **sizes).double()
        randomise(net, rng)
        net.to(dtype)
        x = rounded_normal(rng, len(LABELS), CHANNELS, o["length"]).to(dtype)
        y = torch.tensor(LABELS)
        golden.put(f"{prefix}.x", x)
        golden.put(f"{prefix}.y", y)
        for name, t in state(net).items():
            golden.put(f"{prefix}.init.{name}", t)
        with torch.no_grad():  # before any step: see golden_resnets.py
            net.train()(x)
            golden.put(f"{prefix}.logits_eval_first", net.eval()(x))
        cross_entropy(net.train()(x), y).backward()
        put_gradients(golden, prefix, net, whole=True)
        train(golden, prefix, net, x, y, sizes.get("norm", "torch"), whole=False)
        golden.note(f"{prefix}.parameters", [n for n, _ in net.named_parameters()])


def lstm_fcn() -> Golden:
    golden = in_both_precisions(fill, "golden_lstm_fcn.py")
    golden.note("options", {prefix: {**sizes, **o} for prefix, (_, sizes, o) in NETS.items()})
    return golden
