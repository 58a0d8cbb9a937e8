"""What was measured of one setup, piece by piece, raw."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from core.records.codes import Backend, EnergySource, Precision, Products, Stage


@dataclass(frozen=True, slots=True)
class Block:
    """Consecutive steps timed as one, synchronised at its two ends only."""

    epoch: int  # 1-based; larger than workload.epochs: extra blocks, run only to narrow the interval
    steps: int
    samples: int
    start_s: float
    duration_s: float
    loss: float | None  # mean training loss over the block; None for tasks without one


@dataclass(frozen=True, slots=True)
class EpochRecord:
    epoch: int  # 1-based
    steps: int
    samples: int
    train_loss: float | None
    test_accuracy: float | None  # on images never trained on; None where it wasn't measured
    test_samples: int  # how many test images the accuracy rests on
    evaluation_s: float


@dataclass(frozen=True, slots=True)
class ColdStart:
    """What is paid before the steady state; kept apart from the headline."""

    worker_start_s: float | None  # interpreter and `import torch`; None: the worker was warm already
    data_s: float
    build_s: float  # device context, model, data placement
    first_step_s: float
    warm_up_s: float
    warm_up_steps: int


@dataclass(frozen=True, slots=True)
class Anatomy:
    """Per-stage times of a separate instrumented pass: never the headline."""

    clock: Literal["host", "device"]
    stages: tuple[StageTimes, ...]


@dataclass(frozen=True, slots=True)
class StageTimes:
    stage: Stage
    seconds: tuple[float, ...]  # one for each instrumented step


@dataclass(frozen=True, slots=True)
class ThreadTrial:
    """One candidate of the search for the CPU's best thread count."""

    threads: int
    seconds_per_sample: tuple[float, ...]  # one for each short block


RateKind = Literal[
    "large_product",  # FLOP: a square matrix product, large enough to keep the device busy
    "step_products",  # FLOP: all matrix products and convolutions of one step of this workload, no more
    "memory",  # bytes: copied within the device's memory, read and written
    "pageable_copy",  # bytes: host to device from ordinary memory
    "pinned_copy",  # bytes: host to device from page-locked memory
    "launch",  # launches: the smallest kernel there is, one after the other
]


@dataclass(frozen=True, slots=True)
class Rate:
    """A limit of a device, measured: an amount of work that was done several times, alone."""

    kind: RateKind
    work: float  # done in each repeat: FLOP, bytes or launches, as `kind` says
    seconds: tuple[float, ...]  # one for each repeat
    precision: Precision | None = None  # of products
    products: Products | None = None  # the library, of products on the CPU
    threads: int | None = None  # on the CPU


@dataclass(frozen=True, slots=True)
class Limits:
    """What the device that a run used can do at most, measured in the same process as the run."""

    flops_per_sample: float | None  # of one step, by torch.utils.flop_counter; None: it couldn't count
    rates: tuple[Rate, ...]


@dataclass(frozen=True, slots=True)
class Memory:
    """Peaks while this setup was built and warmed up.

    On the host it is the whole worker: torch, the images and the job's other setups are in it. On the
    device it is what this setup added. Of several workers: all their processes together, and the first device.
    """

    host_peak_bytes: int | None
    device_peak_bytes: int | None


@dataclass(frozen=True, slots=True)
class CpuSample:
    at_s: float
    load_pct: float | None  # whole machine, 100 = all logical cores busy
    worker_pct: float | None  # the measuring process, 100 = one core busy
    clock_hz: float | None
    memory_used_bytes: int | None
    worker_memory_bytes: int | None
    energy_j: float | None  # cumulative counter


@dataclass(frozen=True, slots=True)
class GpuSample:
    at_s: float
    utilisation_pct: float | None  # share of time with any kernel running; not how full the GPU is
    memory_used_bytes: int | None
    power_w: float | None
    temperature_c: float | None
    sm_clock_hz: float | None
    memory_clock_hz: float | None
    throttle_reasons: tuple[str, ...] | None  # (): none active
    energy_j: float | None  # cumulative counter


@dataclass(frozen=True, slots=True)
class Absent:
    """A reading that this machine doesn't give, and why (a message code)."""

    reading: str
    reason: str


@dataclass(frozen=True, slots=True)
class Telemetry:
    interval_s: float
    cpu: tuple[CpuSample, ...] = ()
    gpu: tuple[GpuSample, ...] = ()  # of the GPU this run used; () on the CPU
    absent: tuple[Absent, ...] = ()
    foreign_gpu_processes: int | None = None  # other programs computing on that GPU, the most seen at once


@dataclass(frozen=True, slots=True)
class Idle:
    """What the device that a run used drew while nothing was measured, by the sensor that `source` names."""

    duration_s: float
    power_w: float | None  # mean
    energy_j: float | None  # of the whole duration, by a counter
    source: EnergySource | None  # None: no sensor


@dataclass(frozen=True, slots=True)
class DataInfo:
    train_samples: int
    test_samples: int
    classes: int
    shape: tuple[int, int, int]  # channels, height, width as stored
    input_shape: tuple[int, int, int]  # as the model takes it
    parameters: int
    fingerprint: str | None = None  # of the prepared images: the same on two machines means the same data


@dataclass(frozen=True, slots=True)
class Communication:
    """What data-parallel workers pay for averaging their gradients, measured in a pass of its own.

    `averaged_s` and `apart_s` are seconds per step of short blocks in turns: with gradients averaged, and with
    each worker for itself. Their difference is what isn't hidden behind the backward pass.
    """

    backend: Backend
    gradient_bytes: int  # averaged in each step
    averaged_s: tuple[float, ...]
    apart_s: tuple[float, ...]
    alone_s: tuple[float, ...]  # the same gradients averaged with nothing else to do, one for each time
