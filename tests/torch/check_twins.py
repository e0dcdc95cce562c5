# SPDX-License-Identifier: MIT
"""Checks the twins against figures known from elsewhere: python3 tests/torch/check_twins.py

Parameter counts of the published networks, the hand-computed TS2Vec loss, the padding side and the
equal-weight mean. Exit code 1 if a row is off.
"""

import sys
import warnings

import torch
from torch.optim.swa_utils import AveragedModel

from fcn import Fcn
from inception_time import InceptionTime, conv
from lstm_fcn import LstmFcn
from mlp import Mlp
from resnet import ResNet
from resnet18 import ResNet18
from ts2vec import Encoder, RunningMean, hierarchical_contrast, instance_contrast, temporal_contrast

warnings.filterwarnings("ignore", message="Using padding='same'")


def count(module: torch.nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def running_values(module: torch.nn.Module) -> int:
    return sum(b.numel() for n, b in module.named_buffers() if "running" in n)


def network_rows():
    for depth, total, running in [(6, 420450, 2048), (3, 163426, 1024), (2, 82914, 512), (1, 2786, 256)]:
        net = InceptionTime(1, 2, depth)
        yield f"InceptionTime depth {depth}, Cin 1, K 2", count(net), total, 0
        yield f"InceptionTime depth {depth}, running values", running_values(net), running, 0
    # Cin 3: block 1 has a bottleneck and wider 1x1 convs, the first shortcut has 3 inputs.
    for depth, shortcut in [(6, 2 * 128), (1, 0)]:
        block = (32 * 3 + 71680 + 32 * 3 + 256) - 2528
        total = {6: 420450, 1: 2786}[depth] + block + shortcut
        yield f"InceptionTime depth {depth}, Cin 3, K 2", count(InceptionTime(3, 2, depth)), total, 0
    for net, rest, per_class in [(ResNet18, 3843904, 513), (ResNet, 504000, 129), (Fcn, 264704, 129)]:
        yield f"{net.__name__}, Cin 1, K 5", count(net(1, 5)), rest + 5 * per_class, 0
    for length, n, keras in [(24, 8, 266034), (24, 64, 287874), (24, 128, 343554), (150, 8, 270066),
                             (150, 64, 320130), (150, 128, 408066), (500, 8, 281266), (500, 64, 409730),
                             (500, 128, 587266)]:  # Keras's LSTM has one bias, torch's two
        yield f"LSTM-FCN, {n} cells, L {length}, K 2", count(LstmFcn(1, 2, length, n)), keras + 4 * n, 0
    yield "MLP, 2 features, K 3", count(Mlp(1, 3, 2)), 17027, 0
    yield "TS2Vec encoder, Cin 1", count(Encoder(1)), 637248, 0
    even = conv(1, 1, 4)
    even.weight.data = torch.tensor([[[1.0, 0, 0, 0]]])  # the tap that reaches furthest left
    steps = torch.tensor([[[1.0, 2, 3, 4, 5]]])
    yield "kernel 4 at step 1 reaches back to step", even(steps)[0, 0, 1].item() - 1, 0, 0


def loss_rows():
    z1 = torch.tensor([[[1, 0], [0, 1], [1, 1], [0, 0], [1, -1]],
                       [[0, 1], [1, 0], [-1, 0], [0, -1], [1, 1]]]).double()
    z2 = torch.tensor([[[1, .5], [0, 1], [1, 0], [.5, 0], [1, -1]],
                       [[0, 1], [1, .5], [-1, .5], [0, -1], [0, 1]]]).double()
    yield "instance contrast", instance_contrast(z1, z2).item(), 0.546766, 1e-6
    yield "temporal contrast", temporal_contrast(z1, z2).item(), 1.585000, 1e-6
    yield "hierarchical contrast", hierarchical_contrast(z1, z2).item(), 0.869086, 1e-6


def mean_row():
    torch.manual_seed(1)
    net = torch.nn.Linear(3, 2).double()
    ours, theirs = RunningMean(net), AveragedModel(net)
    theirs.update_parameters(net)
    for _ in range(5):
        with torch.no_grad():
            net.weight.add_(torch.randn_like(net.weight))
        ours.update(net)
        theirs.update_parameters(net)
    gap = (ours.values["weight"] - theirs.module.weight).abs().max().item()
    yield "running mean against torch's AveragedModel", gap, 0, 1e-12


def main() -> int:
    failed = 0
    for rows in (network_rows(), loss_rows(), mean_row()):
        for name, got, want, tolerance in rows:
            ok = abs(got - want) <= tolerance
            failed += not ok
            print(f"{'ok  ' if ok else 'FAIL'} {name:45} {got:<12.8g} {want:.8g}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
