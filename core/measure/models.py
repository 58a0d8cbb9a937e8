"""The networks: the article's in any width, a LeNet, and every classifier of torchvision by name."""

from __future__ import annotations

import difflib
import re
import typing
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from core.errors import InputError, MeasurementError
from core.measure.vision import torchvision

Shape = tuple[int, int, int]

# The sides tried, smallest first, when a torchvision model can't take the images at their own size.
_SIDES = (32, 64, 96, 128, 224, 299, 384, 518)


_ARTICLES_WIDTH, _WIDEST = 512, 16_384  # hidden units of an MLP
_WIDEST_SMALL = 4_096
_WIDTH = re.compile(r"mlp_(\d+)", re.ASCII)


class Mlp(nn.Module):
    """The article's network: 784-512-10 with ReLU (the first and last width follow the data set)."""

    def __init__(self, shape: Shape, classes: int, width: int = _ARTICLES_WIDTH) -> None:
        super().__init__()
        self.inputs = shape[0] * shape[1] * shape[2]
        self.fc1 = nn.Linear(self.inputs, width)
        self.fc2 = nn.Linear(width, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = x.view(-1, self.inputs)
        x = torch.relu(self.fc1(x))
        return typing.cast(Tensor, self.fc2(x))


class Cnn(nn.Module):
    """LeNet-5 (LeCun et al., 1998) with ReLU and max pooling, as it is written today."""

    def __init__(self, shape: Shape, classes: int) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(shape[0], 6, 5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(6, 16, 5),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
        )
        height, width = ((side // 2 - 4) // 2 for side in shape[1:])
        self.classifier = nn.Sequential(
            nn.Linear(16 * height * width, 120),
            nn.ReLU(),
            nn.Linear(120, 84),
            nn.ReLU(),
            nn.Linear(84, classes),
        )

    def forward(self, x: Tensor) -> Tensor:
        return typing.cast(Tensor, self.classifier(self.features(x)))


class FromBytes(nn.Module):
    """uint8 images to floats in -1..1, and to the channels and size that the model takes.

    Floats are in that range already: they come from a data path with transforms of its own.
    """

    def __init__(self, channels: int | None = None, side: int | None = None) -> None:
        super().__init__()
        self.channels, self.side = channels, side
        self.memory_format = torch.contiguous_format

    def forward(self, x: Tensor) -> Tensor:
        if x.dtype == torch.uint8:
            x = x.float().mul_(2 / 255).sub_(1)
        if self.side is not None:
            x = functional.interpolate(x, size=(self.side, self.side), mode="bilinear", align_corners=False)
        if self.channels is not None and x.shape[1] != self.channels:
            x = x[:, :1].expand(-1, self.channels, -1, -1)
        return (
            x
            if self.memory_format is torch.contiguous_format
            else x.contiguous(memory_format=self.memory_format)
        )


def use_channels_last(model: nn.Module) -> None:
    """Filters and images with the channels innermost. Raises MeasurementError where nothing is convolved."""
    if not any(isinstance(module, nn.Conv2d) for module in model.modules()):
        raise MeasurementError("no_convolutions")
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    for module in model.modules():
        if isinstance(module, FromBytes):
            module.memory_format = torch.channels_last


def build(name: str, shape: Shape, classes: int, seed: int) -> tuple[nn.Module, Shape]:
    """The model on the CPU, with the weights of `seed`, taking uint8 images of `shape`; and its input shape.

    Raises InputError for an unknown name or images too small for the model.
    """
    torch.manual_seed(seed)
    width = _width(name)
    if width is not None or name == "cnn":
        if name == "cnn" and min(shape[1:]) < 12:
            raise InputError("images_too_small", model=name, height=shape[1], width=shape[2])
        body: nn.Module = Cnn(shape, classes) if width is None else Mlp(shape, classes, width)
        front, input_shape = FromBytes(), shape
    else:
        body = _torchvision_model(name, classes)
        side = _fitting_side(name, body, shape)
        front = FromBytes(channels=3, side=side)
        input_shape = (3, side or shape[1], side or shape[2])
        _switch_off_chance(body)
    return nn.Sequential(front, body), input_shape


def is_small(name: str) -> bool:
    """Whether a model trains in seconds on any CPU."""
    width = _width(name)
    return name == "cnn" or (width is not None and width <= _WIDEST_SMALL)


def names() -> list[str]:
    """Every model that can be asked for, beside mlp_N with N hidden units."""
    models = torchvision().models
    return ["mlp", "cnn", *models.list_models(module=models)]


def _width(name: str) -> int | None:
    """The hidden units of `mlp` and mlp_N; None for another model.

    Raises InputError for an N that can't be had, and for 512: two names for one work would never be compared.
    """
    if name == "mlp":
        return _ARTICLES_WIDTH
    written = _WIDTH.fullmatch(name)
    if written is None:
        return None
    digits = written[1]
    sound = digits[0] != "0" and len(digits) <= len(str(_WIDEST)) and int(digits) <= _WIDEST
    if not sound or int(digits) == _ARTICLES_WIDTH:
        raise InputError("bad_mlp_width", model=name, most=_WIDEST)
    return int(digits)


def _torchvision_model(name: str, classes: int) -> nn.Module:
    known = names()
    if name not in known:
        near = difflib.get_close_matches(name, known, n=3) or ["mlp", "cnn", "resnet18"]
        raise InputError("unknown_model", model=name, near=", ".join(near))
    make: Callable[..., nn.Module] = torchvision().models.get_model_builder(name)
    # auxiliary heads are a training aid of their own; without them there is one loss on every device
    extra = {"aux_logits": False, "init_weights": True} if name in ("googlenet", "inception_v3") else {}
    return make(weights=None, num_classes=classes, **extra)


def _fitting_side(name: str, body: nn.Module, shape: Shape) -> int | None:
    """None if the model takes the images as they are, else the smallest side in _SIDES that it takes."""
    body.eval()  # or batch normalisation would learn from the trial
    for side in (None, *_SIDES):
        height, width = (side, side) if side else shape[1:]
        try:
            with torch.no_grad():
                body(torch.zeros(1, 3, height, width))
        except (RuntimeError, ValueError, AssertionError):  # how torch and torchvision say "too small"
            continue
        body.train()
        return side
    raise InputError("images_too_small", model=name, height=shape[1], width=shape[2])


def _switch_off_chance(model: nn.Module) -> None:
    """Dropout draws from each device's own generator: no two devices would do the same work."""
    for module in model.modules():
        if isinstance(module, nn.modules.dropout._DropoutNd) or type(module).__name__ == "StochasticDepth":
            module.p = 0.0  # type: ignore[assignment]
        if isinstance(module, nn.MultiheadAttention):
            module.dropout = 0.0


def cut_head(name: str, body: nn.Module) -> None:
    """Replace the last linear layer by the identity, so that the features before it come out.

    Raises InputError for a model without one.
    """
    last = [path for path, module in body.named_modules() if type(module) is nn.Linear]
    if not last:
        raise InputError("no_features", model=name)
    parent, _, leaf = last[-1].rpartition(".")
    setattr(body.get_submodule(parent), leaf, nn.Identity())
