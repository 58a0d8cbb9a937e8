"""torchvision, imported in one place and only when a model or data set needs it (it costs over a second)."""

from __future__ import annotations

import functools
import typing
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import torch


def _built_for_cuda() -> bool:
    spec = find_spec("torchvision")  # does not import it
    return bool(spec and spec.origin and "+cu" in Path(spec.origin).with_name("version.py").read_text())


@functools.cache
def torchvision() -> ModuleType:
    """The torchvision module.

    pip's Linux wheel of torchvision is a CUDA build. Beside a CPU-only torch its compiled operators can't
    load and the import fails on the missing schemas of two of them (vision issues 9077 and 9085). Neither
    is used here, so for exactly that pair their schemas are declared first; with working operators a
    second declaration would abort the interpreter.
    """
    if torch.version.cuda is None and torch.version.hip is None and _built_for_cuda():
        library = torch.library.Library("torchvision", "FRAGMENT")
        for name in ("nms", "qnms"):
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        _kept_alive.append(library)  # the declarations vanish with the object
    import torchvision as module

    return typing.cast(ModuleType, module)


_kept_alive: list[torch.library.Library] = []
