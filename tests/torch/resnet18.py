# SPDX-License-Identifier: MIT
"""The PyTorch twin of mellow's ResNet-18: torchvision's resnet18 with one-dimensional layers, its names too."""

import torch
from torch import Tensor, nn

from inception_time import batch_norm


def conv(inputs: int, outputs: int, kernel: int, stride: int) -> nn.Conv1d:
    return nn.Conv1d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False)


class BasicBlock(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int, norm: str):
        super().__init__()
        self.conv1 = conv(inputs, outputs, 3, stride)
        self.bn1 = batch_norm(outputs, norm)
        self.conv2 = conv(outputs, outputs, 3, 1)
        self.bn2 = batch_norm(outputs, norm)
        self.downsample = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(conv(inputs, outputs, 1, stride), batch_norm(outputs, norm))

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
        return torch.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet18(nn.Module):
    def __init__(self, in_channels: int, classes: int, filters: int = 64, norm: str = "torch"):
        super().__init__()
        self.conv1 = conv(in_channels, filters, 7, 2)
        self.bn1 = batch_norm(filters, norm)
        self.maxpool = nn.MaxPool1d(3, 2, 1)
        inputs = filters
        for stage in range(4):
            outputs = filters * 2**stage
            blocks = [BasicBlock(inputs, outputs, 1 if stage == 0 else 2, norm),
                      BasicBlock(outputs, outputs, 1, norm)]
            setattr(self, f"layer{stage + 1}", nn.Sequential(*blocks))
            inputs = outputs
        self.fc = nn.Linear(inputs, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.maxpool(torch.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(x.flatten(2).mean(dim=2))
