# SPDX-License-Identifier: MIT
"""The PyTorch twin of mellow's fully convolutional network (Wang et al. 2017)."""

import torch
from torch import Tensor, nn

from inception_time import batch_norm


class Fcn(nn.Module):
    def __init__(self, in_channels: int, classes: int, filters: int = 128, norm: str = "torch"):
        super().__init__()
        widths = [in_channels, filters, 2 * filters, filters]
        self.convs = nn.ModuleList(
            nn.Conv1d(i, o, k, padding="same") for i, o, k in zip(widths, widths[1:], (8, 5, 3)))
        self.norms = nn.ModuleList(batch_norm(o, norm) for o in widths[1:])
        self.head = nn.Linear(filters, classes)

    def features(self, x: Tensor) -> Tensor:
        for conv, norm in zip(self.convs, self.norms):
            x = torch.relu(norm(conv(x)))
        return x.flatten(2).mean(dim=2)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x))
