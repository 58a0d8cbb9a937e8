"""The ladder: the same work from the way tutorials write it up to the best that the device was seen to do.

Pure: what to measure is planned here and what was measured is put in order here; core.runs.optimise does it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

from core.analysis import stats, timed
from core.analysis.comparison import compare
from core.records import Comparison, Estimate, Machine, Note, Precision, RunResult, Setup, StepKind, Workload

RungName = Literal[
    "transforms",  # image by image in a DataLoader
    "loader",  # the article's loop: the baseline of every other rung
    "workers",  # a DataLoader with processes of its own, pinned memory, copies ahead
    "resident",  # all images on the device, batches by index
    "threads",  # CPU: the best thread count, denormal numbers flushed
    "fused",  # the optimiser's update as one kernel
    "channels_last",  # convolutions with the channels innermost
    "onednn",  # CPU: matrix products by oneDNN
    "keep_pages",  # CPU: an allocator that keeps its pages
    "mkl_fast",  # CPU: and MKL's fast kernels
    "bound",  # CPU: and each thread on a core of its own
    "tf32",
    "bf16",
    "compiled",  # the whole step by torch.compile's compiler
    "compiled_steps",  # several steps in a call; on the CPU, from C++
    "graph",  # the whole step as a CUDA graph
    "graph_steps",  # several steps in a replay
]
NAMES: tuple[RungName, ...] = get_args(RungName)
STEPS_PER_CALL = 4
SHORT_STEP_S = 1e-3  # below, a CPU's compiled step is worth calling with less effort: compiling that takes long


@dataclass(frozen=True, slots=True)
class Rung:
    """One way to do the work. `result` is None where it wasn't or can't be measured: `reason` then says why."""

    name: RungName
    setup: Setup
    result: RunResult | None = None
    baseline: RunResult | None = None  # the article's loop, measured in the same job
    reason: Note | None = None

    @property
    def against_loader(self) -> Comparison | None:
        """Speed-up over the article's loop, with parity and caveats; None for that loop, or without both."""
        if self.result is None or self.baseline is None or self.result.id == self.baseline.id:
            return None
        return compare(self.baseline, self.result)


@dataclass(frozen=True, slots=True)
class Ladder:
    device: str
    rungs: tuple[Rung, ...]  # in the order of NAMES, and of precisions within a name


def rung_of(setup: Setup) -> RungName:
    """The highest rung that a setup stands on."""
    if setup.step in ("graph", "compiled_graph"):
        return "graph" if setup.steps_per_call == 1 else "graph_steps"
    if setup.step == "compiled":
        return "compiled" if setup.steps_per_call == 1 else "compiled_steps"
    if setup.precision != "fp32":
        return setup.precision
    if setup.bind_threads:
        return "bound"
    if setup.products != "default":
        return setup.products
    if setup.keep_pages:
        return "keep_pages"
    if setup.channels_last:
        return "channels_last"
    if setup.fused:
        return "fused"
    if setup.flush_denormals:
        return "threads"
    return setup.data_path


def on_ladder(setup: Setup) -> bool:
    """Whether a setup is a rung at all: the sequence page's opposites are there to be understood, and several
    workers are several devices."""
    return not (setup.pinned or setup.synchronous or setup.workers > 1)


def first_plan(
    work: Workload,
    device: str,
    default_threads: int,
    convolutions: bool,
    machine: Machine,
) -> tuple[Rung, ...]:
    """The rungs that can be planned before anything is measured, each on top of the one before."""
    on_cpu = device == "cpu"
    intel = "intel" in machine.cpu.model.lower()  # where MKL is fast by itself
    elsewhere = None if on_cpu else Note("only_on_cpu")
    plain = Setup(device, threads=default_threads if on_cpu else None, data_path="loader")
    resident = replace(plain, data_path="resident")
    tuned = replace(resident, threads=None, flush_denormals=True) if on_cpu else resident
    fused = replace(tuned, fused=True)
    top = replace(fused, channels_last=convolutions)
    kept = replace(top, keep_pages=True)
    fast = replace(kept, products="mkl_fast")
    rungs = [
        Rung("transforms", replace(plain, data_path="transforms")),
        Rung("loader", plain),
        Rung("workers", replace(plain, data_path="workers")),
        Rung("resident", resident),
        Rung("threads", tuned, reason=elsewhere),
        Rung(
            "fused", fused, reason=None if work.task == "train" else Note("only_training", {"task": work.task})
        ),
        Rung("channels_last", top, reason=None if convolutions else Note("no_convolutions")),
        Rung("onednn", replace(top, products="onednn"), reason=elsewhere),
        Rung("keep_pages", kept, reason=elsewhere),
        Rung("mkl_fast", fast, reason=elsewhere or (Note("mkl_already_fast") if intel else None)),
        Rung(
            "bound",
            replace(kept if intel else fast, bind_threads=True),
            reason=elsewhere or (Note("cores_are_virtual") if machine.cpu.virtual else None),
        ),
    ]
    return tuple(rungs)


def second_plan(work: Workload, best: Setup, precisions: Iterable[Precision]) -> tuple[Rung, ...]:
    """What is built on the best of the first plan: lower precision (those there are), compilation, graphs."""
    if best.products == "onednn":  # for eager fp32 only
        best = replace(best, products="default")
    lower: tuple[Precision, ...] = ("tf32", "bf16")
    wanted = [precision for precision in lower if precision in precisions]
    training = None if work.task == "train" else Note("only_training", {"task": work.task})
    if best.data_path != "resident":  # the images don't fit, or a loader was faster
        training = training or Note("needs_resident")
    on_cuda = best.device.startswith("cuda")
    rungs = []
    for precision in lower:
        reason = None if precision in wanted else Note("precision_unavailable", {"precision": precision})
        lowered = replace(best, precision=precision)
        rungs.append(Rung(rung_of(lowered), lowered, reason=reason))
    every: tuple[Precision, ...] = ("fp32", *wanted)
    for precision in every:
        base = replace(best, precision=precision)
        for steps in _compiled_calls(base):
            compiled = replace(base, step="compiled", steps_per_call=steps)
            rungs.append(Rung(rung_of(compiled), compiled, reason=training))
        graphs: tuple[StepKind, ...] = ("graph", "compiled_graph")
        for step in graphs:
            for steps in (1, STEPS_PER_CALL):
                graph = replace(base, step=step, steps_per_call=steps)
                reason = training if on_cuda else Note("only_on_cuda")
                if step == "graph" or on_cuda:
                    rungs.append(Rung(rung_of(graph), graph, reason=reason))
    return tuple(_in_order(rungs))


def _compiled_calls(setup: Setup) -> tuple[int, ...]:
    """Steps in a call that are worth compiling at once; each takes seconds."""
    if setup.device == "cpu":
        return (1,)  # several: `third_plan`
    return (1, STEPS_PER_CALL) if setup.precision == "fp32" else (STEPS_PER_CALL,)


def third_plan(found: Ladder, precisions: Iterable[Precision]) -> tuple[Rung, ...]:
    """Calling a CPU's compiled step with less effort, where it is the best of its precision and short."""
    rungs = []
    for rung in found.rungs:
        setup = rung.setup
        if setup.device != "cpu" or rung.name != "compiled" or setup.precision not in ("fp32", *precisions):
            continue
        several = replace(setup, steps_per_call=STEPS_PER_CALL, cpp_calls=True)
        reason = rung.reason or _calls_dont_matter(rung, best(found, setup.precision))
        rungs.append(Rung(rung_of(several), several, reason=reason))
    return tuple(rungs)


def _calls_dont_matter(compiled: Rung, top: Rung | None) -> Note | None:
    if compiled.result is None or top is None or top.setup != compiled.setup:
        return Note("not_compiled")
    per_sample, batch = rate(compiled), compiled.result.spec.workload.batch_size
    step_s = batch / per_sample if per_sample else 0.0
    if step_s < SHORT_STEP_S:
        return None
    return Note("step_long_enough", {"step_ms": 1e3 * step_s, "limit_ms": 1e3 * SHORT_STEP_S})


def measured(rungs: Sequence[Rung], results: Sequence[RunResult]) -> tuple[Rung, ...]:
    """The rungs with what one job measured of them; a setup that failed keeps its failure as the reason."""
    found = {result.spec.setup: result for result in results}
    loader = next((result for result in results if rung_of(result.spec.setup) == "loader"), None)
    done = []
    for rung in rungs:
        result = found.get(rung.setup) if rung.reason is None else None
        if result is None:
            done.append(rung)
        elif not result.blocks:
            done.append(replace(rung, reason=result.failure or Note("not_reached")))
        else:
            done.append(replace(rung, result=result, baseline=loader))
    return tuple(done)


def ladder(device: str, rungs: Iterable[Rung]) -> Ladder:
    """All rungs of a device in order; of a setup that is there twice, the later one that was measured."""
    known: dict[tuple[RungName, Setup], Rung] = {}
    for rung in rungs:
        if (rung.name, rung.setup) not in known or rung.result is not None:
            known[rung.name, rung.setup] = rung
    return Ladder(device, tuple(_in_order(known.values())))


def from_results(results: Sequence[RunResult]) -> tuple[Ladder, ...]:
    """The ladders of stored or recorded runs of one workload, one for each device; each setup's newest run."""
    by_device: dict[str, list[Rung]] = {}
    results = [result for result in results if on_ladder(result.spec.setup)]
    for result in sorted(results, key=lambda run: run.created_at):
        mates = [run for run in results if run.job_id == result.job_id]
        setup = result.spec.setup
        loader = next(
            (
                run
                for run in mates
                if run.spec.setup.device == setup.device and rung_of(run.spec.setup) == "loader"
            ),
            None,
        )
        if loader is not None and result.blocks:
            by_device.setdefault(setup.device, []).append(Rung(rung_of(setup), setup, result, loader))
    return tuple(ladder(device, rungs) for device, rungs in by_device.items())


def best(ladder: Ladder, precision: Precision | None = None) -> Rung | None:
    """The rung that is surely the fastest: the highest lower end of a gain, where the work was the same.

    Of one precision, or of all.
    """
    sound = _sound(ladder, precision)
    return max(sound, key=lambda item: item[0].low)[1] if sound else None


def base(ladder: Ladder, precision: Precision) -> Rung | None:
    """What to build on: the highest of the rungs that can't be told from the fastest; it holds those below."""
    sound = _sound(ladder, precision)
    if not sound:
        return None
    likeliest, _rung = max(sound, key=lambda item: item[0].value)
    return max(
        (rung for gain, rung in sound if gain.value >= likeliest.low), key=lambda rung: NAMES.index(rung.name)
    )


def _sound(ladder: Ladder, precision: Precision | None) -> list[tuple[Estimate, Rung]]:
    """The rungs that did the article's work, with their gain over its loop."""
    one = Estimate(1.0, 1.0, 1.0)
    return [
        (gain or one, rung)
        for rung in ladder.rungs
        if rung.result is not None and (precision is None or rung.setup.precision == precision)
        for against in (rung.against_loader,)
        for gain in (against.speedup if against else None,)
        if rung.name == "loader" or gain is not None
    ]


def rate(rung: Rung) -> float | None:
    """Images per second; None where it wasn't measured."""
    return (
        1 / stats.median(timed.seconds_per_sample(rung.result)) if rung.result and rung.result.blocks else None
    )


def _in_order(rungs: Iterable[Rung]) -> list[Rung]:
    precisions = get_args(Precision)
    return sorted(rungs, key=lambda rung: (NAMES.index(rung.name), precisions.index(rung.setup.precision)))
