# SPDX-License-Identifier: MIT
"""The PyTorch twin of mellow's InceptionTime: same names, same order, same arithmetic.

A file written by mellow loads here with strict=True. Input is (batch, channels, length), output is
logits (batch, classes). Topology: Ismail Fawaz et al. 2020 (one network of the ensemble), kernels
40/20/10, 1x1-conv residual after every third block.
"""

import torch
from torch import Tensor, nn

BATCH_NORM_PRESETS = {
    "torch": {"eps": 1e-5, "momentum": 0.1},
    "keras": {"eps": 1e-3, "momentum": 0.01},  # Keras says momentum 0.99 for the same rule
}


def conv(inputs: int, outputs: int, kernel: int) -> nn.Conv1d:
    # 'same' puts the extra zero of an even kernel on the right, as Keras does.
    return nn.Conv1d(inputs, outputs, kernel, padding="same", bias=False)


def batch_norm(channels: int, preset: str) -> nn.BatchNorm1d:
    return nn.BatchNorm1d(channels, **BATCH_NORM_PRESETS[preset])


class Block(nn.Module):
    def __init__(self, inputs: int, filters: int, kernel: int, norm: str):
        super().__init__()
        width = filters if inputs > 1 else 1
        self.bottleneck = conv(inputs, filters, 1) if inputs > 1 else None
        self.convs = nn.ModuleList(conv(width, filters, k) for k in (kernel, kernel // 2, kernel // 4))
        self.pool = nn.MaxPool1d(3, stride=1, padding=1)
        self.pool_conv = conv(inputs, filters, 1)
        self.norm = batch_norm(4 * filters, norm)

    def forward(self, x: Tensor) -> Tensor:
        narrow = x if self.bottleneck is None else self.bottleneck(x)
        branches = [c(narrow) for c in self.convs] + [self.pool_conv(self.pool(x))]
        return torch.relu(self.norm(torch.cat(branches, dim=1)))


class Shortcut(nn.Module):
    def __init__(self, inputs: int, outputs: int, norm: str):
        super().__init__()
        self.conv = conv(inputs, outputs, 1)
        self.norm = batch_norm(outputs, norm)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.conv(x))


class InceptionTime(nn.Module):
    def __init__(self, in_channels: int, classes: int, depth: int = 6, filters: int = 32,
                 kernel: int = 40, norm: str = "torch"):
        super().__init__()
        width = 4 * filters
        self.blocks = nn.ModuleList(
            Block(in_channels if d == 0 else width, filters, kernel, norm) for d in range(depth))
        self.shortcuts = nn.ModuleList(
            Shortcut(in_channels if i == 0 else width, width, norm) for i in range(depth // 3))
        self.head = nn.Linear(width, classes)

    def forward(self, x: Tensor) -> Tensor:
        residual = x
        for d, block in enumerate(self.blocks):
            x = block(x)
            if d % 3 == 2:
                x = torch.relu(x + self.shortcuts[d // 3](residual))
                residual = x
        return self.head(x.flatten(2).mean(dim=2))
