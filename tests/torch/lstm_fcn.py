# SPDX-License-Identifier: MIT
"""The PyTorch twin of mellow's LSTM-FCN (Karim et al. 2018): nn.LSTM with dropout beside an FCN."""

import torch
from torch import Tensor, nn

from fcn import Fcn


class LstmFcn(Fcn):
    def __init__(self, in_channels: int, classes: int, length: int, cells: int = 128, lstm: str = "shuffle",
                 filters: int = 128, norm: str = "torch", dropout: float = 0.8):
        super().__init__(in_channels, classes, filters, norm)
        self.shuffle = lstm == "shuffle"
        self.lstm = nn.LSTM(in_channels * length if self.shuffle else in_channels, cells, batch_first=True)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(cells + filters, classes)

    def forward(self, x: Tensor) -> Tensor:
        """x (B, C, L). One step of all values, step after step, or the steps themselves."""
        steps = x.transpose(1, 2)
        if self.shuffle:
            steps = steps.flatten(1).unsqueeze(1)
        state = self.lstm(steps)[1][0][0]
        return self.head(torch.cat([self.dropout(state), self.features(x)], dim=1))
