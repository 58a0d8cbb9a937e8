"""The networks written in plain PyTorch, for the peers built on it: layer by layer as this project's are."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class FromBytes(nn.Module):
    """uint8 images to floats in -1..1."""

    def forward(self, x: Tensor) -> Tensor:
        return x.float().mul_(2 / 255).sub_(1)


class Residual(nn.Module):
    """Two convolutions and the way around them (He et al., 2015, figure 2)."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.through = nn.Sequential(
            *_convolution(inputs, outputs, 3, stride), nn.ReLU(inplace=True), *_convolution(outputs, outputs, 3)
        )
        changes = stride > 1 or inputs != outputs
        self.around = nn.Sequential(*_convolution(inputs, outputs, 1, stride)) if changes else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu_(self.through(x) + self.around(x))


def build(model: str) -> nn.Module:
    """`mlp`, `cnn` or `resnet18`, taking uint8 images."""
    return nn.Sequential(FromBytes(), *{"mlp": _mlp, "cnn": _lenet, "resnet18": _resnet18}[model]())


def _mlp() -> list[nn.Module]:
    return [nn.Flatten(), nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 10)]


def _lenet() -> list[nn.Module]:
    features = [nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)]
    features += [nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()]
    return [*features, nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)]


def _resnet18() -> list[nn.Module]:
    stem = [*_convolution(3, 64, 7, 2), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, padding=1)]
    blocks: list[nn.Module] = []
    for inputs, outputs, stride in ((64, 64, 1), (64, 128, 2), (128, 256, 2), (256, 512, 2)):
        blocks += [Residual(inputs, outputs, stride), Residual(outputs, outputs, 1)]
    return [*stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 10)]


def _convolution(inputs: int, outputs: int, size: int, stride: int = 1) -> list[nn.Module]:
    convolution = nn.Conv2d(inputs, outputs, size, stride, padding=size // 2, bias=False)
    return [convolution, nn.BatchNorm2d(outputs)]
