# SPDX-License-Identifier: MIT
"""The PyTorch twin of mellow's time-series ResNet (Wang et al. 2017, as in hfawaz/dl-4-tsc)."""

import torch
from torch import Tensor, nn

from inception_time import batch_norm


class Shortcut(nn.Module):
    def __init__(self, inputs: int, outputs: int, convolved: bool, norm: str):
        super().__init__()
        self.conv = nn.Conv1d(inputs, outputs, 1) if convolved else None
        self.norm = batch_norm(outputs, norm)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(x if self.conv is None else self.conv(x))


class Block(nn.Module):
    def __init__(self, inputs: int, outputs: int, convolved: bool, norm: str):
        super().__init__()
        widths = [inputs, outputs, outputs]
        self.convs = nn.ModuleList(
            nn.Conv1d(n, outputs, k, padding="same") for n, k in zip(widths, (8, 5, 3)))
        self.norms = nn.ModuleList(batch_norm(outputs, norm) for _ in self.convs)
        self.shortcut = Shortcut(inputs, outputs, convolved, norm)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu(self.norms[0](self.convs[0](x)))
        y = torch.relu(self.norms[1](self.convs[1](y)))
        y = self.norms[2](self.convs[2](y))
        return torch.relu(y + self.shortcut(x))


class ResNet(nn.Module):
    def __init__(self, in_channels: int, classes: int, filters: int = 64, norm: str = "torch"):
        super().__init__()
        self.blocks = nn.ModuleList([Block(in_channels, filters, True, norm),
                                     Block(filters, 2 * filters, True, norm),
                                     Block(2 * filters, 2 * filters, False, norm)])
        self.head = nn.Linear(2 * filters, classes)

    def forward(self, x: Tensor) -> Tensor:
        for block in self.blocks:
            x = block(x)
        return self.head(x.flatten(2).mean(dim=2))
