# SPDX-License-Identifier: MIT
"""ResNet-18, the time-series ResNet and FCN at full width with closed-form weights."""

import numpy as np
import torch

from fcn import Fcn
from golden_file import Golden, closed_form, rounded_normal
from golden_inception_time import in_both_precisions, train
from resnet import ResNet
from resnet18 import ResNet18

# ResNet-18: Adam moves each weight by about its rate whatever the gradient's size, rounding noise included;
# at 1e-3, as large as these weights, float32 losses would part from float64 in the third digit.
# ResNet: the same in the fourth, by one activation near zero. With one input channel its first shortcut convolution would have no gradient (README.md).
NETS = {
    "resnet18": (ResNet18, {"in_channels": 1, "norm": "torch", "length": 125, "seed": 201, "lr": 1e-6}),
    "resnet": (ResNet, {"in_channels": 2, "norm": "torch", "length": 37, "seed": 202, "lr": 1e-4}),
    "fcn": (Fcn, {"in_channels": 1, "norm": "keras", "length": 37, "seed": 203, "lr": 1e-3}),
}
CLASSES = [0, 3, 1, 2]
BEND = 0.001


def fill(golden: Golden, dtype: torch.dtype) -> None:
    for prefix, (net_class, o) in NETS.items():
        rng = np.random.default_rng(o["seed"])
        net = net_class(o["in_channels"], len(CLASSES), norm=o["norm"]).double()
        closed_form(net, BEND)
        net.to(dtype)
        x = rounded_normal(rng, len(CLASSES), o["in_channels"], o["length"]).to(dtype)
        y = torch.tensor(CLASSES)
        golden.put(f"{prefix}.x", x)
        golden.put(f"{prefix}.y", y)
        # Before any step: a bias in front of a norm has no gradient but rounding noise, which Adam turns
        # into steps that only the running mean, hence only evaluation, would see.
        with torch.no_grad():
            net.train()(x)
            golden.put(f"{prefix}.logits_eval_first", net.eval()(x))
        train(golden, prefix, net, x, y, o["norm"], whole=False, lr=o["lr"])
        golden.note(f"{prefix}.parameters", [n for n, _ in net.named_parameters()])


def resnets() -> Golden:
    golden = in_both_precisions(fill, "golden_resnets.py")
    golden.note("options", {prefix: o for prefix, (_, o) in NETS.items()})
    golden.note("weights", " ".join(closed_form.__doc__.split()) + f" Here {BEND} i^2 joins the phase.")
    return golden
