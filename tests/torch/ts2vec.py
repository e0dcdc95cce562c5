# SPDX-License-Identifier: MIT
"""The PyTorch twin of mellow's TS2Vec encoder, its crops and its loss (Yue et al., AAAI 2022).

Parameter names are those of the original repository, so its files load too. Series are
(batch, length, channels); missing values are NaN.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional


class SamePadConv(nn.Module):
    def __init__(self, inputs: int, outputs: int, dilation: int):
        super().__init__()
        self.conv = nn.Conv1d(inputs, outputs, 3, padding=dilation, dilation=dilation)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x)


class ConvBlock(nn.Module):
    def __init__(self, inputs: int, outputs: int, dilation: int, last: bool):
        super().__init__()
        self.conv1 = SamePadConv(inputs, outputs, dilation)
        self.conv2 = SamePadConv(outputs, outputs, dilation)
        self.projector = nn.Conv1d(inputs, outputs, 1) if last or inputs != outputs else None

    def forward(self, x: Tensor) -> Tensor:
        residual = x if self.projector is None else self.projector(x)
        return self.conv2(functional.gelu(self.conv1(functional.gelu(x)))) + residual


class DilatedConvs(nn.Module):
    def __init__(self, hidden: int, out: int, depth: int):
        super().__init__()
        widths = [hidden] * depth + [out]
        self.net = nn.Sequential(*(
            ConvBlock(hidden, width, 2**i, last=i == depth) for i, width in enumerate(widths)))

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)


class Encoder(nn.Module):
    def __init__(self, in_channels: int, hidden: int = 64, out: int = 320, depth: int = 10,
                 dropout: float = 0.1):
        super().__init__()
        self.input_fc = nn.Linear(in_channels, hidden)
        self.feature_extractor = DilatedConvs(hidden, out, depth)
        self.dropout = dropout

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """x (B, T, C), mask (B, T) bool: true keeps the step. Returns (B, T, out)."""
        present = ~x.isnan().any(dim=2)
        x = torch.where(present.unsqueeze(2), x, torch.zeros_like(x))
        keep = (mask & present).unsqueeze(2)
        x = torch.where(keep, self.input_fc(x), torch.zeros((), dtype=x.dtype))
        x = self.feature_extractor(x.transpose(1, 2)).transpose(1, 2)
        return functional.dropout(x, self.dropout, self.training)


def encode_full_series(encoder: Encoder, x: Tensor) -> Tensor:
    """One vector per series: the maximum over time with nothing masked. x (B, T, C) -> (B, out)."""
    with torch.no_grad():
        encoder.eval()
        return encoder(x, torch.ones(x.shape[:2], dtype=torch.bool)).amax(dim=1)


@dataclass
class Crop:
    """Two overlapping windows. All bounds are in steps of the series, the ends exclusive."""
    left: int
    right: int
    eleft: int
    eright: int
    offsets: np.ndarray  # one per series

    @property
    def length(self) -> int:
        return self.right - self.left


def draw_crop(rng: np.random.Generator, length: int, batch: int) -> Crop:
    crop_length = int(rng.integers(2, length + 1))
    left = int(rng.integers(0, length - crop_length + 1))
    right = left + crop_length
    eleft = int(rng.integers(0, left + 1))
    eright = int(rng.integers(right, length + 1))
    return Crop(left, right, eleft, eright, rng.integers(-eleft, length - eright + 1, batch))


def windows(x: Tensor, offsets: np.ndarray, start: int, stop: int) -> Tensor:
    return torch.stack([x[r, o + start:o + stop] for r, o in enumerate(offsets.tolist())])


def two_views(encoder: Encoder, x: Tensor, crop: Crop, mask1: Tensor,
              mask2: Tensor) -> tuple[Tensor, Tensor]:
    """Both representations of the shared window [left, right), each seen with its own context."""
    out1 = encoder(windows(x, crop.offsets, crop.eleft, crop.right), mask1)[:, -crop.length:]
    out2 = encoder(windows(x, crop.offsets, crop.left, crop.eright), mask2)[:, :crop.length]
    return out1, out2


def dual_contrast(z1: Tensor, z2: Tensor) -> Tensor:
    """InfoNCE of N pairs in each of G groups: z1, z2 (G, N, C), raw dot products, temperature 1."""
    groups, n, _ = z1.shape
    z = torch.cat([z1, z2], dim=1)
    similarity = z @ z.transpose(1, 2)
    itself = torch.eye(2 * n, dtype=torch.bool, device=z.device)
    log_p = similarity.masked_fill(itself, -torch.inf).log_softmax(dim=2)
    positive = (torch.arange(2 * n, device=z.device) + n) % (2 * n)
    return -log_p.gather(2, positive.expand(groups, -1).unsqueeze(2)).mean()


def instance_contrast(z1: Tensor, z2: Tensor) -> Tensor:
    if z1.shape[0] == 1:
        return z1.new_zeros(())
    return dual_contrast(z1.transpose(0, 1), z2.transpose(0, 1))


def temporal_contrast(z1: Tensor, z2: Tensor) -> Tensor:
    if z1.shape[1] == 1:
        return z1.new_zeros(())
    return dual_contrast(z1, z2)


def halve(z: Tensor) -> Tensor:
    return functional.max_pool1d(z.transpose(1, 2), 2).transpose(1, 2)


def hierarchical_contrast(z1: Tensor, z2: Tensor, alpha: float = 0.5) -> Tensor:
    """Mean over the time scales T, T/2, ..., 1 of both contrasts. z1, z2 (B, T, C)."""
    loss, scales = z1.new_zeros(()), 0
    while z1.shape[1] > 1:
        loss = loss + alpha * instance_contrast(z1, z2) + (1 - alpha) * temporal_contrast(z1, z2)
        scales += 1
        z1, z2 = halve(z1), halve(z2)
    loss = loss + alpha * instance_contrast(z1, z2)
    return loss / (scales + 1)


class RunningMean:
    """Equal-weight mean of a module's parameters: its initial values and those after each step."""

    def __init__(self, module: nn.Module):
        self.count = 1
        self.values = {n: p.detach().clone() for n, p in module.named_parameters()}

    def update(self, module: nn.Module) -> None:
        self.count += 1
        for name, p in module.named_parameters():
            self.values[name] += (p.detach() - self.values[name]) / self.count
