"""The ladder's promises on an NVIDIA GPU: launches gone, the device busy, near its limit, copies hidden.

Needs what `python -m core run` needs and no more. That nothing in the loop waits for the device is a test
(tests/gpu/test_rungs_gpu.py).
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from benchmarks import jobs
from benchmarks.pairing import BrokenError, Goal, Row, at_least
from core.analysis import limits
from core.analysis.comparison import compare
from core.records import Estimate, JobSpec, Precision, RunResult, RunSpec, Setup, Workload
from core.runs.queue.worker import Worker
from core.setups import setup_text

_SECONDS = 4.0  # timed, for each setup
_TARGET_PCT = 2.0
_BUSY_S = 0.2
_ALL_COPIES_HIDDEN = 0.95
# Nobody's figure for an H200 was found; this one is Wightman's own benchmark of his resnet50, on an A100.
_PUBLISHED = "published for an A100: 2,600 images/s (huggingface/pytorch-image-models, issue 1491)"


def run(folder: Path, quick: bool) -> Iterator[Row]:
    """One row for each promise; a job that can't be done is a broken benchmark."""
    seconds, worker = 0.5 if quick else _SECONDS, Worker()
    try:
        device = next((item.id for item in worker.devices if item.id.startswith("cuda")), None)
        if device is None:
            raise BrokenError("torch sees no NVIDIA GPU here")

        def measure(work: Workload, *setups: Setup) -> Sequence[RunResult]:
            spec = JobSpec(work, setups, seconds, _TARGET_PCT, limits=True)
            return jobs.results(worker, spec, folder)

        graphs = _graphs(device)
        loader, resident = Setup(device, data_path="loader"), Setup(device)
        article, eager, *recorded = measure(Workload(batch_size=64, epochs=1), loader, resident, *graphs)
        best = fastest(recorded)
        yield from launches_gone(article, eager, best)
        for batch, floor in ((256, 0.5), (1024, 0.7)):
            yield of_floor(fastest(measure(Workload(batch_size=batch, epochs=1), *graphs)), floor)
        (large,) = measure(Workload(batch_size=16_384, epochs=1), _graphs(device, "bf16")[-1])
        yield of_floor(large, 0.6)
        work = Workload("resnet18", batch_size=256, epochs=1)
        yield copies_hidden(*measure(work, Setup(device, data_path="workers"), resident))
        if not quick:
            data = "synthetic:3x224x224,classes=1000,images=2048"
            setup = Setup(device, "bf16", channels_last=True, step="compiled")
            yield from utilisation(*measure(Workload("resnet50", data, batch_size=256, epochs=1), setup))
    finally:
        worker.kill()
    yield _busy(best.spec, folder)


def _graphs(device: str, precision: Precision = "fp32") -> tuple[Setup, ...]:
    """Whole-step graphs, compiled or not, of one step and of several."""
    plain = Setup(device, precision, fused=True, step="graph")
    several = replace(plain, steps_per_call=8)
    return plain, several, replace(several, step="compiled_graph")


def fastest(results: Sequence[RunResult]) -> RunResult:
    """Of those that were measured. Raises BrokenError where none was."""
    timed = {result.id: step for result in results if (step := limits.step_s(result)) is not None}
    if not timed:
        raise BrokenError(f"nothing was measured: {[result.failure for result in results]}")
    return min((result for result in results if result.id in timed), key=lambda result: timed[result.id])


def launches_gone(article: RunResult, eager: RunResult, graph: RunResult) -> Iterator[Row]:
    """A step that is launched as one, against the loops that launch operation by operation."""
    how = setup_text(graph.spec.setup)
    yield _gain("graph / the article's loop", article, graph, at_least(8), how)
    yield _gain("graph / the resident eager loop", eager, graph, at_least(3), how)
    if find_spec("jax") is None:
        name = f"{_where(graph)}: JAX's scan"
        yield Row(name, (1.0,), None, "not measured", "JAX for CUDA isn't installed here")
    yield of_floor(graph, 0.5)


def of_floor(result: RunResult, share: float) -> Row:
    """The step against a graph of nothing but its products, in the run's precision."""
    found = limits.floor_share(result)
    if found is None:
        raise BrokenError(f"{_where(result)}: {result.failure or 'the products alone were not measured'}")
    remark = setup_text(result.spec.setup)
    return Row(
        f"{_where(result)}: speed / that of its products alone", _three(found), at_least(share), "x", remark
    )


def copies_hidden(workers: RunResult, resident: RunResult) -> Row:
    """Copies ahead, from page-locked memory, against no copies at all."""
    return _gain("copied ahead / resident", resident, workers, at_least(_ALL_COPIES_HIDDEN))


def utilisation(result: RunResult) -> Iterator[Row]:
    """Images per second, and the share of the measured peak that this is."""
    found, step = limits.mfu(result), limits.step_s(result)
    if found is None or step is None:
        raise BrokenError(f"{_where(result)}: {result.failure or 'its peak or its FLOPs are not known'}")
    yield Row(f"{_where(result)}: arithmetic / the measured peak", _three(found))
    rate = result.spec.workload.batch_size / step
    yield Row(_where(result), (rate,), unit="images/s", remark=_PUBLISHED)


def busy_share(spans: Iterable[tuple[float, float]]) -> float:
    """Of the time from the first span's start to the last one's end, the part with any span in it."""
    ordered = sorted(spans)
    if not ordered:
        raise BrokenError("the profiler saw nothing on the device")
    covered, reached = 0.0, ordered[0][0]
    for start, end in ordered:
        covered += max(0.0, end - max(start, reached))
        reached = max(reached, end)
    return covered / (reached - ordered[0][0])


def _busy(spec: RunSpec, folder: Path) -> Row:
    """The kernels of some replays, as the profiler saw them; it slows the host, so the truth is higher."""
    import torch

    from core.measure.data import prepare
    from core.measure.trainee import LEAD_IN_S, Trainee

    work = spec.workload
    data = prepare(work.dataset, work.seed, folder, lambda *_: None)
    trainee = Trainee(spec, data, 1, time.perf_counter())
    trainee.warm_up(_SECONDS, None, 0.0)
    trainee.block(_BUSY_S, lead_in=LEAD_IN_S)
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as profiler:
        trainee.block(_BUSY_S, lead_in=0.0)
    kernels = [
        event for event in profiler.events() or () if event.device_type == torch.autograd.DeviceType.CUDA
    ]
    share = busy_share((event.time_range.start, event.time_range.end) for event in kernels)
    name = f"{work.model}, batch {work.batch_size}: time with a kernel / the window"
    return Row(name, (share,), at_least(0.95), "x", f"{len(kernels)} kernels and copies")


def _gain(name: str, baseline: RunResult, candidate: RunResult, goal: Goal, remark: str = "") -> Row:
    found = compare(baseline, candidate)
    if found.speedup is None:
        problem = candidate.failure or baseline.failure or found.verdict.reason
        raise BrokenError(f"{_where(candidate)}, {name}: {problem}")
    return Row(f"{_where(candidate)}: {name}", _three(found.speedup), goal, "x", remark)


def _where(result: RunResult) -> str:
    spec = result.spec
    return f"{spec.workload.model}, batch {spec.workload.batch_size}, {spec.setup.precision}"


def _three(found: Estimate) -> tuple[float, float, float]:
    return found.low, found.value, found.high
