"""Whether the CUDA toolkit is here: what compiles CUDA programs, which PyTorch's wheels do without."""

from __future__ import annotations

import shutil


def has_compiler() -> bool:
    """Whether `nvcc` is found. It says nothing of a driver or a GPU."""
    return shutil.which("nvcc") is not None
