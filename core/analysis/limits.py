"""How near a run came to what its device was measured to do: share of the peak, floor of a step, roofline.

Pure: every number comes from RunResult.limits and the timed blocks. A limit that wasn't measured gives None.
One that can't have been, which only an imported record can hold, raises InputError("malformed_record").
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from core.analysis import stats, timed
from core.errors import InputError
from core.records import Estimate, Limits, Precision, Products, Rate, RateKind, RunResult

_WEIGHT_BYTES = 4  # weights and gradients are kept in fp32 whatever the products are computed in


@dataclass(frozen=True, slots=True)
class Peak:
    precision: Precision
    flops: float  # per second


@dataclass(frozen=True, slots=True)
class Roofline:
    """A device's limits and one workload under them (S. Williams et al., Roofline, CACM 52(4), 2009)."""

    precision: Precision  # the run's
    peaks: tuple[Peak, ...]  # of every precision that was measured
    bandwidth: float  # bytes per second, of the device's memory
    intensity: float  # FLOP per byte that must be moved at least
    attained: float  # FLOP per second

    @property
    def peak(self) -> float:
        """FLOP per second, in the run's precision."""
        return next(peak.flops for peak in self.peaks if peak.precision == self.precision)

    @property
    def ridge(self) -> float:
        """FLOP per byte from which on the device is limited by arithmetic and no longer by its memory."""
        return self.peak / self.bandwidth

    @property
    def roof(self) -> float:
        """FLOP per second that this workload could reach at most."""
        return min(self.peak, self.bandwidth * self.intensity)


def fastest(limits: Limits, kind: RateKind, precision: Precision | None = None) -> Rate | None:
    """The rate with the most work a second, of all libraries."""
    return max(_rates(limits, kind, precision), key=per_second, default=None)


def per_second(rate: Rate) -> float:
    """FLOP, bytes or launches a second: the median of the repeats."""
    return rate.work / stats.median(rate.seconds)


def peak_flops(limits: Limits, precision: Precision) -> float | None:
    """FLOP per second of the large product, by its fastest library. None: not measured."""
    found = fastest(limits, "large_product", precision)
    return per_second(found) if found else None


def bandwidth(limits: Limits) -> float | None:
    """Bytes per second, read and written, of the device's memory. None: not measured."""
    found = fastest(limits, "memory")
    return per_second(found) if found else None


def route_share(limits: Limits, kind: RateKind = "large_product") -> float | None:
    """The default library's fp32 rate over the fastest library's, at most 1. None: it wasn't measured."""
    rates = {rate.products: per_second(rate) for rate in _rates(limits, kind, "fp32")}
    return rates["default"] / max(rates.values()) if "default" in rates else None


def achieved_flops(result: RunResult) -> float | None:
    """FLOP per second of the run's median block."""
    flops = _flops_per_sample(result)
    return flops / stats.median(timed.seconds_per_sample(result)) if flops and result.blocks else None


def mfu(result: RunResult) -> Estimate | None:
    """Model FLOP utilisation, 0 to 1: achieved over the measured peak of the run's precision.

    Formula-counted FLOPs of forward and backward pass, nothing recomputed (A. Chowdhery et al., PaLM, 2022,
    appendix B), but over a measured peak and not a data sheet's. The interval is that of the run's median.
    """
    peak = peak_flops(result.limits, result.spec.setup.precision) if result.limits else None
    flops = _flops_per_sample(result)
    return _rate_over(result, flops / peak) if peak and flops else None


def floor_step_s(result: RunResult, library: Products | None = None) -> float | None:
    """Seconds of one step's products alone in the run's precision, by `library`, or the fastest of all."""
    flops = _flops_per_sample(result)
    if result.limits is None or flops is None:
        return None
    rates = _rates(result.limits, "step_products", result.spec.setup.precision)
    speeds = [per_second(rate) for rate in rates if library in (None, rate.products)]
    return flops * result.spec.workload.batch_size / max(speeds) if speeds else None


def floor_share(result: RunResult) -> Estimate | None:
    """That floor over the measured step: 1 would be a step of nothing but its products, at their fastest."""
    floor = floor_step_s(result)
    return _rate_over(result, floor / result.spec.workload.batch_size) if floor else None


def step_s(result: RunResult) -> float | None:
    """Seconds of a step: the median of the timed blocks."""
    if not result.blocks:
        return None
    return stats.median(timed.seconds_per_sample(result)) * result.spec.workload.batch_size


def update_bytes(result: RunResult) -> float | None:
    """Bytes that updating the weights moves at least in a step: weights and gradients read, weights written."""
    if result.data is None:
        return None
    return 3.0 * _WEIGHT_BYTES * result.data.parameters if result.spec.workload.task == "train" else 0.0


def step_bytes(result: RunResult) -> float | None:
    """Bytes that a step moves at least: the images as stored, the weights read; in training also the gradients
    and the new weights written. What could stay in a cache (activations, the update's reading) isn't counted.
    """
    if result.data is None:
        return None
    passes = 3 if result.spec.workload.task == "train" else 1
    images = result.spec.workload.batch_size * math.prod(result.data.shape)
    return float(passes * _WEIGHT_BYTES * result.data.parameters + images)


def roofline(result: RunResult) -> Roofline | None:
    """None where a peak of the run's precision, the bandwidth, the FLOPs or the run's speed isn't known."""
    limits, attained, moved = result.limits, achieved_flops(result), step_bytes(result)
    flops = _flops_per_sample(result)
    if limits is None or flops is None or attained is None or not moved:
        return None
    peaks = tuple(
        Peak(precision, peak)
        for precision in ("fp32", "tf32", "bf16")
        if (peak := peak_flops(limits, precision)) is not None
    )
    across, precision = bandwidth(limits), result.spec.setup.precision
    if across is None or all(peak.precision != precision for peak in peaks):
        return None
    intensity = flops * result.spec.workload.batch_size / moved
    return Roofline(precision, peaks, across, intensity, attained)


def _flops_per_sample(result: RunResult) -> float | None:
    flops = result.limits.flops_per_sample if result.limits else None
    if flops is not None and flops <= 0:
        raise _impossible("flops_per_sample", "needs to be above 0")
    return flops


def _rates(limits: Limits, kind: RateKind, precision: Precision | None) -> list[Rate]:
    for index, rate in enumerate(limits.rates):  # which only an imported record can hold
        if rate.work <= 0 or not rate.seconds or min(rate.seconds) <= 0:
            raise _impossible(f"rates[{index}]", "needs work and durations above 0")
    return [rate for rate in limits.rates if rate.kind == kind and rate.precision == precision]


def _impossible(where: str, problem: str) -> InputError:
    return InputError("malformed_record", where=f"RunResult.limits.{where}", problem=problem)


def _rate_over(result: RunResult, seconds_per_sample: float) -> Estimate | None:
    """`seconds_per_sample` over the run's own."""
    measured = stats.median_interval(timed.seconds_per_sample(result))
    return stats.scaled(stats.inverse(measured), seconds_per_sample) if measured else None
