"""Constructed devices whose steps obey the prediction's model, or don't. Nothing here was ever measured."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from core.analysis.crossover.sweep import Line, lines
from core.records import DataInfo, Device, Limits, Rate, RunResult, Setup
from tests.builders import make_cpu, make_environment, make_machine
from tests.sweeps import TRAIN_IMAGES, make_sweep_result

SIZES = (16, 64, 256, 1024, 4096)


@dataclass(frozen=True)
class Fake:
    """A device by what it can do at most and the share of it that an image reaches."""

    name: str
    peak: float
    bandwidth: float = 1e11
    launch_s: float | None = None  # None: a CPU
    share: float = 0.5

    @property
    def setup(self) -> Setup:
        return Setup("cpu", threads=1) if self.launch_s is None else Setup("cuda:0")


@dataclass(frozen=True)
class FakeModel:
    name: str
    flops: float
    parameters: int
    launches: float  # of a step on an accelerator
    fixed_s: float  # of a step on a CPU


CPU = Fake("Home CPU", 1e11)
GPUS = (
    Fake("NVIDIA Small GPU", 5e12, 3e11, 5e-6, 0.3),
    Fake("NVIDIA Big GPU", 4e13, 2e12, 4e-6, 0.2),
)
MODELS = tuple(FakeModel(f"mlp_{2**i}", 1e6 * 2**i, 10_000 * 2**i, 40, 2e-4) for i in range(1, 7))


def step_s(device: Fake, model: FakeModel, batch_size: int) -> float:
    """By the model that predictions rest on."""
    fixed = model.fixed_s if device.launch_s is None else model.launches * device.launch_s
    update = 12 * model.parameters / device.bandwidth
    return fixed + update + batch_size * model.flops / device.peak / device.share


def make_limits_of(device: Fake, model: FakeModel) -> Limits:
    seconds = (0.02, 0.02, 0.02)
    on_cpu = device.launch_s is None
    rates = [
        Rate("large_product", 0.02 * device.peak, seconds, "fp32", "default" if on_cpu else None),
        Rate("memory", 0.02 * device.bandwidth, seconds),
    ]
    if device.launch_s is not None:
        rates.append(Rate("launch", 0.02 / device.launch_s, seconds))
    return Limits(model.flops, tuple(rates))


def make_runs(
    device: Fake,
    model: FakeModel,
    *,
    sizes: Sequence[int] = SIZES,
    off: Mapping[int, float] | float = 1.0,  # times what the model says
    **changes: object,
) -> list[RunResult]:
    """A sweep of one model on one device, the limits measured with its smallest batch."""
    environment = make_environment(device=Device(device.setup.device, device.name, memory_bytes=2**34))
    if device.launch_s is None:
        environment = dataclasses.replace(environment, machine=make_machine(cpu=make_cpu(model=device.name)))
    data = DataInfo(TRAIN_IMAGES, 360, 10, (1, 28, 28), (1, 28, 28), model.parameters)
    runs = []
    for size in sizes:
        factor = off if isinstance(off, float) else off[size]
        fields = {
            "id": f"{device.name}-{model.name}-{size}".replace(" ", "-"),
            "environment": environment,
            "data": data,
            "limits": make_limits_of(device, model) if size == sizes[0] else None,
        }
        seconds = factor * step_s(device, model, size)
        runs.append(
            make_sweep_result(
                size, seconds, device.setup, model=model.name, **{"noise": 0.001, **fields, **changes}
            )
        )
    return runs


def make_world(devices: Sequence[Fake], models: Sequence[FakeModel] = MODELS) -> list[RunResult]:
    return [run for device in devices for model in models for run in make_runs(device, model)]


def make_line(device: Fake, model: FakeModel, **changes: object) -> Line:
    return lines(make_runs(device, model, **changes))[0]
