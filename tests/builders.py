"""Valid records with invented numbers, to override where a test cares. Nothing here was ever measured."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

from core.records import (
    STAGES,
    Anatomy,
    Block,
    ColdStart,
    Cpu,
    CpuSample,
    DataInfo,
    Device,
    Environment,
    EpochRecord,
    Gpu,
    GpuSample,
    Limits,
    Machine,
    Memory,
    Rate,
    RunResult,
    RunSpec,
    Setup,
    Software,
    StageTimes,
    Telemetry,
    Workload,
)

TEST_GPU = "Test GPU"
BATCH = 64
STEPS_PER_EPOCH = 22  # 1437 // 64, as for the digits
_SPLIT = (5, 5, 4, 4, 4)  # one epoch's steps, block by block


def make_workload(**changes: Any) -> Workload:
    return dataclasses.replace(Workload(), **changes)


def make_setup(**changes: Any) -> Setup:
    return dataclasses.replace(Setup(), **changes)


def make_spec(**changes: Any) -> RunSpec:
    """Fields of Workload and Setup mixed: make_spec(batch_size=128, device="cuda:0")."""
    work = {name: changes.pop(name) for name in list(changes) if name in Workload.__dataclass_fields__}
    return RunSpec(make_workload(**work), make_setup(**changes))


def make_blocks(
    step_s: float = 0.4,
    *,
    epochs: int = 3,
    extra: int = 1,
    start_s: float = 10.0,
    every_s: float = 3.0,
    jitter: tuple[float, ...] = (0.0, 0.01, -0.01, 0.005, -0.005),
) -> tuple[Block, ...]:
    """Five blocks an epoch and `extra` ones after the last, each `every_s` after the one before."""
    blocks: list[Block] = []
    for index in range(epochs * len(_SPLIT) + extra):
        steps = _SPLIT[index % len(_SPLIT)]
        duration = steps * step_s * (1 + jitter[index % len(jitter)])
        loss = 2.3 * 0.9**index
        epoch = index // len(_SPLIT) + 1
        blocks.append(Block(epoch, steps, steps * BATCH, start_s + index * every_s, duration, loss))
    return tuple(blocks)


def make_uniform_blocks(
    durations: list[float], samples: int = 320, every_s: float = 3.0, *, epoch: int = 1, start_s: float = 10.0
) -> tuple[Block, ...]:
    """One block of the first epoch for each duration, in seconds; epoch=4: extra blocks, of any number."""
    return tuple(
        Block(epoch, samples // BATCH, samples, start_s + i * every_s, duration, 2.3)
        for i, duration in enumerate(durations)
    )


def make_epochs(count: int = 3) -> tuple[EpochRecord, ...]:
    samples = STEPS_PER_EPOCH * BATCH
    return tuple(
        EpochRecord(epoch, STEPS_PER_EPOCH, samples, 2.0 / epoch, 0.7 + 0.05 * epoch, 360, 0.02)
        for epoch in range(1, count + 1)
    )


@functools.cache
def make_cpu_samples(
    start_s: float = 8.0, end_s: float = 62.0, interval_s: float = 0.1
) -> tuple[CpuSample, ...]:
    times = _times(start_s, end_s, interval_s)
    return tuple(CpuSample(t, 52.0, 800.0, 3.1e9, 9 * 2**30, 2 * 2**30, None) for t in times)


@functools.cache
def make_gpu_samples(
    start_s: float = 8.0, end_s: float = 62.0, interval_s: float = 0.1
) -> tuple[GpuSample, ...]:
    """300 W all the time, as the counter and the power readings both say."""
    return tuple(
        GpuSample(t, 40.0, 3 * 2**30, 299.0 + 2 * (i % 2), 55.0, 1.7e9, 2.6e9, (), 5000 + 300 * t)
        for i, t in enumerate(_times(start_s, end_s, interval_s))
    )


def make_telemetry(**changes: Any) -> Telemetry:
    return dataclasses.replace(Telemetry(0.1, cpu=make_cpu_samples()), **changes)


def make_cpu(**changes: Any) -> Cpu:
    plain = Cpu("Test CPU", 8, 16, 16, None, 3.5e9, "performance", ("avx2", "avx512f"))
    return dataclasses.replace(plain, **changes)


def make_machine(**changes: Any) -> Machine:
    gpu = Gpu(0, TEST_GPU, "GPU-test", 16 * 2**30, 350.0, "gen4 x16")
    plain = Machine(make_cpu(), 64 * 2**30, "Test Linux", "6.1", None, "600.00", (gpu,), None, "abc1234", ())
    return dataclasses.replace(plain, **changes)


def make_software(**changes: Any) -> Software:
    plain = Software("3.11.7", "2.13.0", "0.28.0", "2.4.0", "13.0", "9.9", "AVX512", "mkl", 8)
    return dataclasses.replace(plain, **changes)


def make_environment(
    machine: Machine | None = None, software: Software | None = None, device: Device | None = None
) -> Environment:
    return Environment(
        machine or make_machine(),
        software or make_software(),
        device or Device("cpu", "Test CPU", None, 64 * 2**30),
    )


def make_anatomy(milliseconds: tuple[float, ...], steps: int = 12) -> Anatomy:
    """Stage times in the order of STAGES, with a little jitter; a training step has no copy back."""
    stages = tuple(
        StageTimes(stage, tuple(value / 1000 * (1 + 0.002 * (i % 3 - 1)) for i in range(steps)))
        for stage, value in zip(STAGES, milliseconds, strict=False)
    )
    return Anatomy("host", stages)


def make_limits(
    *, gpu: bool = False, step_s: float | None = None, default_share: float = 0.9, **changes: Any
) -> Limits:
    """1 GFLOP an image. The CPU: 200 GFLOP/s in fp32, `default_share` of it by the default library.

    `step_s`: one step's products alone, in the fastest fp32: 0.32 s on the CPU, 0.008 s on the GPU.
    """
    step = step_s or (0.008 if gpu else 0.32)
    peak = 10e12 if gpu else 200e9

    def rate(kind: str, per_second: float, seconds: float = 0.02, **of: Any) -> Rate:
        work = per_second * seconds
        return Rate(kind, work, tuple(seconds * (1 + part) for part in (0, 0.02, -0.02, 0.01, -0.01)), **of)

    rates = []
    for precision, library, share in (
        [("fp32", None, 1.0), ("tf32", None, 4.0), ("bf16", None, 8.0)]
        if gpu
        else [("fp32", "default", default_share), ("fp32", "onednn", 1.0), ("bf16", "default", 2.0)]
    ):
        of = {"precision": precision, "products": library, "threads": None if gpu else 8}
        rates.append(rate("large_product", peak * share, **of))
        rates.append(rate("step_products", BATCH * 1e9 / step * share, **of))
    rates.append(rate("memory", 2e12 if gpu else 40e9, threads=None if gpu else 8))
    if gpu:
        rates += [rate("pageable_copy", 8e9), rate("pinned_copy", 25e9), rate("launch", 250e3)]
    return dataclasses.replace(Limits(1e9, tuple(rates)), **changes)


def make_result(**changes: Any) -> RunResult:
    """A finished run on the CPU: 16 blocks, 3 epochs, 0.4 s a step of 64 images."""
    plain = RunResult(
        id="run-cpu",
        job_id="job-1",
        spec=make_spec(),
        status="finished",
        created_at="2026-11-20T10:00:00+00:00",
        environment=make_environment(),
        threads=8,
        data=DataInfo(1437, 360, 10, (1, 8, 8), (1, 8, 8), 4810),
        cold_start=ColdStart(2.5, 0.3, 0.2, 0.5, 4.0, 10),
        blocks=make_blocks(),
        first_losses=tuple(2.3 * 0.98**i for i in range(66)),
        epochs=make_epochs(),
        anatomy=make_anatomy((20.0, 1.0, 150.0, 240.0, 29.0)),
        memory=Memory(300 * 2**20, None),
        telemetry=make_telemetry(),
    )
    return dataclasses.replace(plain, **changes)


def make_gpu_result(**changes: Any) -> RunResult:
    """The same work on a "Test GPU" in the same job, taking turns: 0.1 s a step, four times as fast."""
    plain = make_result(
        id="run-gpu",
        spec=make_spec(device="cuda:0"),
        environment=make_environment(
            device=Device("cuda:0", f"NVIDIA {TEST_GPU}", "GPU-test", 16 * 2**30, "9.0")
        ),
        blocks=make_blocks(0.1, start_s=12.2, jitter=(0.005, 0.0, 0.01, -0.005, -0.01)),
        first_losses=tuple(2.3 * 0.98**i * (1 + 1e-5) for i in range(66)),
        anatomy=make_anatomy((10.0, 15.0, 30.0, 45.0, 6.0)),
        memory=Memory(500 * 2**20, 812 * 2**20),
        telemetry=make_telemetry(gpu=make_gpu_samples()),
    )
    return dataclasses.replace(plain, **changes)


def _times(start_s: float, end_s: float, interval_s: float) -> list[float]:
    return [start_s + i * interval_s for i in range(round((end_s - start_s) / interval_s) + 1)]
