"""A run's circumstances as names and values, for whoever wants to check it: page, command line, report."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from core import messages, units
from core.analysis import energy, start_up, stats, timed
from core.analysis.comparability import gpu_used
from core.i18n import Translate
from core.records import Cpu, EnergySource, Environment, RunResult

Fact = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Group:
    title: str
    facts: tuple[Fact, ...]


def fact_sheet(result: RunResult, translate: Translate) -> tuple[Group, ...]:
    """What is known, in groups; a fact that wasn't measured is left out, and energy says why it is missing."""
    _ = translate
    groups = (
        (_("Hardware and conditions"), _hardware(result, _)),
        (_("Software"), _software(result, _)),
        (_("Cold, steady and hot"), _phases(result, _)),
        (_("Averaging gradients"), _communication(result, _)),
        (_("Energy"), _energy(result, _)),
    )
    found = (Group(title, tuple(fact for fact in facts if fact[1])) for title, facts in groups)
    return tuple(group for group in found if group.facts)


def _hardware(result: RunResult, translate: Translate) -> Iterator[Fact]:
    around = result.environment
    if around is None:
        return
    if result.spec.setup.device == "cpu":
        yield from _cpu(result, around.machine.cpu, translate)
    else:
        yield from _gpu(result, around, translate)
    yield from _around(result, around, translate)


def _cpu(result: RunResult, cpu: Cpu, translate: Translate) -> Iterator[Fact]:
    _ = translate
    yield _("Processor"), cpu.model
    cores = _("{physical} physical, {logical} logical, {usable} usable by this process").format(
        physical=units.number(cpu.physical_cores),
        logical=units.number(cpu.logical_cores),
        usable=units.number(cpu.usable_cores),
    )
    yield _("Cores"), cores
    quota = _("none") if cpu.quota_cores is None else units.number(cpu.quota_cores)
    yield _("Quota (cgroup), in cores"), quota
    yield _("Threads used"), units.number(result.threads)
    if result.spec.setup.workers > 1:
        yield _("Workers, each with so many threads"), units.number(result.spec.setup.workers)
    if result.thread_trials:
        tried = (
            f"{trial.threads}: {units.duration(stats.median(trial.seconds_per_sample))}"
            for trial in result.thread_trials
        )
        yield _("Search for the best thread count, time per image"), ", ".join(tried)
    yield _("Vector extensions"), ", ".join(cpu.isa)
    yield _("Highest clock"), _clock(cpu.max_clock_hz)
    yield _("Governor"), cpu.governor or _("not readable here")
    turbo = {True: _("on"), False: _("off"), None: _("not readable here")}
    yield _("Turbo"), turbo[cpu.turbo]


def _gpu(result: RunResult, around: Environment, translate: Translate) -> Iterator[Fact]:
    _ = translate
    gpu = gpu_used(result)
    yield _("GPU"), around.device.name
    if result.spec.setup.workers > 1:
        yield _("Workers, each on a GPU of its own"), units.number(result.spec.setup.workers)
    yield _("Memory"), units.size(around.device.memory_bytes) if around.device.memory_bytes else ""
    if gpu is not None:
        yield _("Power limit"), units.watts(gpu.power_limit_w) if gpu.power_limit_w else ""
        yield _("Highest clock"), _clock(gpu.max_sm_clock_hz)
        yield _("Bus"), f"PCIe {gpu.pcie}" if gpu.pcie else ""
    yield _("Processor"), around.machine.cpu.model
    yield _("Driver"), around.machine.driver or ""


def _around(result: RunResult, around: Environment, translate: Translate) -> Iterator[Fact]:
    _ = translate
    others = timed.other_load_pct(result)
    if others is not None:
        yield _("Other programs while timed"), _("{x} of the machine").format(x=units.percent(round(others)))
    yield _("Virtual machine or container"), around.machine.virtual or _("none seen")
    variables = " ".join(f"{name}={value}" for name, value in around.machine.variables)
    yield _("Variables that change speed"), variables or _("none set")
    yield _("Measured (UTC)"), result.created_at[:16].replace("T", " ")


def _clock(hertz: float | None) -> str:
    return "" if hertz is None else f"{units.number(hertz / 1e9)} GHz"


def _software(result: RunResult, translate: Translate) -> Iterator[Fact]:
    _ = translate
    if result.environment is None:
        return
    software, machine = result.environment.software, result.environment.machine
    if result.spec.setup.device == "cpu":
        yield _("torch's kernels use"), f"{software.cpu_capability}, {software.blas}"
        yield _("torch's own thread count"), units.number(software.default_threads)
    else:
        yield "CUDA, cuDNN", ", ".join(filter(None, (software.cuda, software.cudnn)))
    versions = (
        f"Python {software.python}, torch {software.torch}, torchvision {software.torchvision or units.ABSENT}"
    )
    yield _("Versions"), versions
    yield _("System"), f"{machine.os}, {machine.kernel}"
    yield "Crossover", machine.git_revision or ""


def _phases(result: RunResult, translate: Translate) -> Iterator[Fact]:
    _ = translate
    found, cold = start_up.start_up(result), result.cold_start
    if found is None or cold is None:
        return
    started = units.duration(cold.worker_start_s) if cold.worker_start_s is not None else _("warm already")
    yield _("Start of Python and torch"), started
    yield _("Images"), units.duration(cold.data_s)
    yield _("Device and model"), units.duration(cold.build_s)
    yield _("First step"), units.duration(cold.first_step_s)
    yield _("To the first step, in all"), units.duration(found.to_first_step_s)
    steps = _("{time} for {n} steps").format(time=units.duration(cold.warm_up_s), n=cold.warm_up_steps)
    yield _("Warm-up"), steps
    if found.step_s is not None:
        yield _("Step in the steady state"), units.duration(found.step_s.value)
    if found.hot is None:
        yield _("Last minute against the first"), _("the run took less than two minutes")
    else:
        text = _("{ratio} the time per image (95 % interval {interval})")
        said = text.format(ratio=units.ratio(found.hot), interval=units.interval(found.hot))
        yield _("Last minute against the first"), said


def _communication(result: RunResult, translate: Translate) -> Iterator[Fact]:
    _, found = translate, result.communication
    if found is None:
        return
    yield _("Sent by"), {"gloo": "Gloo", "nccl": "NCCL"}[found.backend]
    yield _("Gradients of a step"), units.size(found.gradient_bytes)
    yield _("Step with gradients averaged"), units.duration(stats.median(found.averaged_s))
    yield _("Step of each worker for itself"), units.duration(stats.median(found.apart_s))
    yield _("Averaging alone"), units.duration(stats.median(found.alone_s))


def _energy(result: RunResult, translate: Translate) -> Iterator[Fact]:
    _ = translate
    spent = energy.energy(result)
    if spent is None:
        absent = energy.energy_absent(result)
        if absent is not None and result.blocks:
            yield _("In the timed blocks"), messages.sentence(absent, {}, translate)
        return
    part = _("the GPU's board") if spent.of == "gpu" else _("the processor's package")
    yield _("Of"), part
    yield _("Source"), _source(spent.source, translate)
    yield _("An epoch"), units.joules(spent.joules_per_epoch) if spent.joules_per_epoch is not None else ""
    yield _("1,000 images"), units.joules(spent.joules_per_1000_samples)
    above = spent.above_idle
    if above is None:
        absent = energy.idle_absent(result)
        yield _("Above idle"), messages.sentence(absent, {}, translate) if absent else ""
        return
    idle = _("{power} ({source})").format(
        power=units.watts(above.idle_w), source=_source(above.idle_source, translate)
    )
    yield _("At rest"), idle
    yield (
        _("An epoch, above idle"),
        units.joules(above.joules_per_epoch) if above.joules_per_epoch is not None else "",
    )
    yield _("1,000 images, above idle"), units.joules(above.joules_per_1000_samples)


def _source(source: EnergySource, translate: Translate) -> str:
    words = {
        "counter": translate("the GPU's energy counter"),
        "power": translate("power readings, integrated"),
        "rapl": translate("the processor's energy counter (RAPL)"),
    }
    return words[source]
