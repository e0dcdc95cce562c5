# SPDX-License-Identifier: MIT
"""The PyTorch twin of mellow's MLP (Maher & Kull 2021, appendix A)."""

import torch
from torch import Tensor, nn


class Mlp(nn.Module):
    def __init__(self, in_channels: int, classes: int, length: int, units: int = 64, layers: int = 5):
        super().__init__()
        widths = [in_channels * length] + layers * [units]
        self.hidden = nn.ModuleList(nn.Linear(i, o) for i, o in zip(widths, widths[1:]))
        self.head = nn.Linear(units, classes)

    def forward(self, x: Tensor) -> Tensor:
        """x (B, C, L), taken step after step."""
        x = x.transpose(1, 2).flatten(1)
        for layer in self.hidden:
            x = torch.relu(layer(x))
        return self.head(x)
