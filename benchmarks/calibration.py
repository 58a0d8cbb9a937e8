"""Does the verdict deserve its words? Jobs whose true speed-up is known, measured as every job is."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import torch
from torch import Tensor, nn

from benchmarks.pairing import Row, at_least, at_most
from core.analysis import caveats
from core.analysis.comparison import compare
from core.hardware import environment
from core.hardware.sampler import Sampler
from core.measure import devices, feeds, job, loops
from core.measure.trainee import Trainee
from core.records import Comparison, JobSpec, RunResult, Setup, Workload
from core.runs.queue.assemble import Assembly

_WORK = Workload(model="mlp", dataset="synthetic:1x28x28,images=20000", batch_size=64, epochs=1)
_SECONDS = 4.0
_JOBS = 40


class _ExtraWork(Trainee):
    """Does `1 + share` steps for each that it counts: a true ratio that needs no calibration.

    The extra steps are taken on the same weights with a learning rate of 0: the same arithmetic on the same
    memory, and the losses stay what they are. On a copy of the model they would also cost the cache.
    """

    share = 0.0

    def _make_loop(self, model: nn.Module, feed: feeds.Feed, optimiser: torch.optim.SGD) -> loops.Loop:
        loop = super()._make_loop(model, feed, optimiser)
        extra = super()._make_loop(model, self._feed(0), torch.optim.SGD(model.parameters(), lr=0.0))
        owed = 0.0

        def more(steps: int, kept: list[Tensor]) -> None:
            nonlocal owed
            owed += steps * self.share
            loop(steps, kept)
            extra(int(owed), [])
            owed -= int(owed)

        return more


def _measure(
    folder: Path, seed: int, threads: int, second: type[Trainee] = Trainee, setups: int = 2
) -> tuple[RunResult, ...]:
    """One job of equal setups, the second built by `second`; in this process, where it can be bent."""
    made: list[Trainee] = []

    def build(*arguments: object) -> Trainee:
        kind = second if made else Trainee
        made.append(kind(*arguments))  # type: ignore[arg-type]
        return made[-1]

    spec = JobSpec(_seeded(seed), (Setup(threads=threads),) * setups, _SECONDS)
    assembly = Assembly(f"calibration-{seed}", spec, "2026-01-01T00:00:00+00:00")
    origin = time.perf_counter()
    context = job.Context(devices.available(), torch.get_num_threads(), folder, None, origin)
    sampler = Sampler(os.getpid(), (), origin)
    with mock.patch.object(job, "Trainee", build), sampler:
        job.run(spec, context, lambda event, **fields: assembly.add({"type": event, **fields}))
    device = devices.available()[0]
    return assembly.results(
        {"cpu": device},
        {"cpu": sampler.telemetry(None)},
        environment.machine(),
        devices.software(),
        "failed",
        None,
    )


def _seeded(seed: int) -> Workload:
    return Workload(_WORK.model, _WORK.dataset, _WORK.batch_size, _WORK.epochs, seed=seed)


def _jobs(folder: Path, count: int, threads: int, second: type[Trainee] = Trainee) -> list[Comparison]:
    return [compare(*_measure(folder, seed, threads, second)) for seed in range(count)]


def same_against_itself(folder: Path, quick: bool) -> Iterator[Row]:
    """A/A: the truth is 1, so an interval without it, or a claim, is an error."""
    count = 2 if quick else _JOBS
    for threads in (1, os.cpu_count() or 1):
        found = _jobs(folder, count, threads)
        ratios = [item.speedup for item in found if item.speedup is not None]
        if len(ratios) < count:
            raise RuntimeError(f"{count - len(ratios)} of {count} speed-ups were withheld")
        print(
            f"  A/A, {threads} threads: " + " ".join(f"{r.value:.3f}[{r.low:.3f},{r.high:.3f}]" for r in ratios)
        )
        off = tuple(100 * abs(ratio.value - 1) for ratio in ratios)
        inside = sum(ratio.low <= 1 <= ratio.high for ratio in ratios)
        claims = sum(item.verdict.code in ("faster", "slower") for item in found)
        name = f"A/A, {threads} threads"
        yield Row(
            f"{name}: intervals that hold the truth", (float(inside),), at_least(count * 37 / 40), f"of {count}"
        )
        yield Row(f"{name}: false claims", (float(claims),), at_most(count * 2 / 40), f"of {count}")
        yield Row(f"{name}: |ratio - 1|", off, at_most(1.5), "%")
        yield Row(f"{name}: |ratio - 1| at worst", (max(off),), at_most(5.0), "%")


def known_ratios(folder: Path, quick: bool) -> Iterator[Row]:
    """Extra work of 5 % must be seen, and work done twice must come out as twice the time."""
    count = 2 if quick else _JOBS
    for share, wanted in ((0.05, 36 / 40), (1.0, 37 / 40)):
        second = type("_Slower", (_ExtraWork,), {"share": share})
        found = _jobs(folder, count, 1, second)
        values = tuple(1 / item.speedup.value for item in found if item.speedup is not None)
        yield Row(f"work x{1 + share:g}: time ratio found", values)
        if share == 0.05:
            hits = sum(item.verdict.code == "slower" for item in found)
            yield Row("a slow-down of 5 % is called", (float(hits),), at_least(count * wanted), f"of {count}")
        truth = 1 / (1 + share)
        inside = sum(
            item.speedup is not None and item.speedup.low <= truth <= item.speedup.high for item in found
        )
        yield Row(f"work x{1 + share:g}: intervals that hold the truth", (float(inside),), None, f"of {count}")


def disturbed(folder: Path, quick: bool) -> Iterator[Row]:
    """Another program burns the cores for half of the run: taking turns against one after the other."""
    count = 1 if quick else 6
    interleaved, sequential, told = [], [], 0
    for seed in range(count):
        (alone,) = _measure(folder, seed, 2, setups=1)
        with _burning(for_s=60):
            (burdened,) = _measure(folder, seed, 2, setups=1)
        sequential.append(100 * abs(_pace(burdened) / _pace(alone) - 1))
        with _burning(for_s=_SECONDS):  # two setups take turns for twice as long
            results = _measure(folder, seed, 2)
        told += any(caveat.code == "machine_busy" for result in results for caveat in caveats.of_run(result))
        ratio = compare(*results).speedup
        if ratio is None:
            raise RuntimeError("the speed-up was withheld")
        interleaved.append(100 * abs(ratio.value - 1))
    yield Row("disturbed: error when one follows the other", tuple(sequential), None, "%")
    yield Row("disturbed: error when they take turns", tuple(interleaved), None, "%")
    relative = statistics.median(interleaved) / max(statistics.median(sequential), 1e-9)
    yield Row("disturbed: the second over the first", (relative,), at_most(0.5))
    yield Row("disturbed: runs with the caveat that says so", (float(told),), at_least(count), f"of {count}")


def _pace(result: RunResult) -> float:
    return statistics.median(block.duration_s / block.samples for block in result.blocks)


@contextlib.contextmanager
def _burning(for_s: float) -> Iterator[None]:
    process = multiprocessing.get_context("spawn").Process(target=_burn, args=(for_s,), daemon=True)
    process.start()
    try:
        yield
    finally:
        process.kill()
        process.join()


def _burn(for_s: float) -> None:
    end = time.perf_counter() + for_s
    while time.perf_counter() < end:
        pass
