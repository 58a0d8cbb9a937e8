"""A matrix product on a device against one that is known to be right. Judges nothing."""

from __future__ import annotations

import statistics
import time

import torch
from torch import Tensor

from core.measure import devices
from core.records import Setup

# Sums of 1024 products in fp32 are off by 1e-6 of the largest element when they are added one after the other,
# by less in any better order; with TF32's factors of 11 bits by 3e-4 (both in tests/measure/test_probe.py).
# Between the two lies what Higham and Mary hold sure enough for any order, "A new approach to probabilistic
# rounding error analysis", 2019: 6 sqrt(n) u |A||B|, here 6e-5 of the largest.
TOLERANCE = 6e-5

_SIZE = 1024
_SEED = 7
_WARM_UPS = 2
_REPEATS = 5


def product(device: str) -> tuple[float, float]:
    """Seconds of a 1024 x 1024 product in fp32, and its largest difference from the CPU's result.

    The difference is relative to the largest element. The CPU's own product is compared with one in fp64, which
    another library computes. Raises ArithmeticError for a result that isn't finite, and whatever torch raises.
    """
    generator = torch.Generator().manual_seed(_SEED)
    a, b = (torch.randn(_SIZE, _SIZE, generator=generator) for _ in range(2))
    where = torch.device(device)
    expected = _reference(a, b) if where.type == "cpu" else torch.matmul(a, b).double()
    with devices.Execution(Setup(), torch.get_num_threads()):  # fp32 as IEEE has it
        found, seconds = _timed(a.to(where), b.to(where), where)
    result = found.cpu().double()
    if not torch.isfinite(result).all():
        raise ArithmeticError("the product isn't finite")
    largest = expected.abs().max()
    return seconds, float((result - expected).abs().max() / largest)


def _reference(a: Tensor, b: Tensor) -> Tensor:
    return torch.from_numpy(a.numpy().astype("float64") @ b.numpy().astype("float64"))


def _timed(a: Tensor, b: Tensor, device: torch.device) -> tuple[Tensor, float]:
    took = []
    for _ in range(_WARM_UPS + _REPEATS):
        devices.synchronise(device)
        started = time.perf_counter()
        result = torch.matmul(a, b)
        devices.synchronise(device)
        took.append(time.perf_counter() - started)
    return result, statistics.median(took[_WARM_UPS:])
