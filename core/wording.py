"""Records in words: names for setups, the verdict as a sentence. For pages, figures and command line."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Literal

from core import messages, units
from core.analysis import start_up, stats, thread_gain
from core.analysis.comparability import Difference
from core.analysis.ladder import RungName
from core.analysis.machines import Machinery, told_apart
from core.analysis.quality import Badge
from core.i18n import N_, Translate
from core.messages.fields import field_words
from core.records import (
    Comparison,
    DataPath,
    Origin,
    Products,
    RunResult,
    Setup,
    Status,
    StepKind,
    Task,
    Workload,
)

Kind = Literal["cpu", "gpu"]

_MAKERS = ("NVIDIA", "GeForce", "Tesla", "AMD", "Radeon", "Intel(R)", "Apple")
_MOST_UNLIKE = 4
_LONGEST_NAME = 40  # an imported record may say what it likes
_EMPTY_WORDS = re.compile(r"\((?:R|TM)\)|@.*|\b(?:CPU|Processor|\d+-Core)\b", re.IGNORECASE)


def kind_of(result: RunResult) -> Kind:
    return "cpu" if result.spec.setup.device == "cpu" else "gpu"


def device_of(result: RunResult) -> str:
    """ "CPU", or the GPU's name without its maker's: "GPU H200"."""
    if kind_of(result) == "cpu":
        return "CPU"
    name = result.environment.device.name if result.environment else ""
    # Plotly and Markdown read some HTML in labels, and an imported record may say what it likes.
    words = name.replace("<", "").replace(">", "").split()
    short = " ".join(word for word in words if word not in _MAKERS)
    return short if short.upper().startswith("GPU") else f"GPU {short}".strip()


def processor_words(model: str, cores: float | None, translate: Translate) -> list[str]:
    """ "AMD EPYC 9454" for "AMD EPYC 9454 48-Core Processor", and "16 cores" where they are known."""
    words = _EMPTY_WORDS.sub(" ", model.replace("<", "").replace(">", "")).split()
    name = " ".join(words)[:_LONGEST_NAME] or "CPU"
    if cores is None:
        return [name]
    return [name, _cores(cores, translate)]


def labels_of(results: Sequence[RunResult], translate: Translate) -> tuple[str, ...]:
    """What sets each run apart from the others: "CPU · 1 thread", "GPU H200 · bf16 · recorded".

    Of equal devices on different machines the machine is said: "CPU · AMD EPYC 9454".
    No two are the same (equal ones are numbered): they serve as categories of an axis.
    """
    machines = told_apart(results, [device_of(result) for result in results])
    plain = [
        " · ".join(_parts(result, machine, results, translate))
        for result, machine in zip(results, machines, strict=True)
    ]
    return tuple(
        label if plain.count(label) == 1 else f"{label} ({plain[: i + 1].count(label)})"
        for i, label in enumerate(plain)
    )


def label_of(result: RunResult, results: Sequence[RunResult], translate: Translate) -> str:
    """The label of one of the runs."""
    index = next(i for i, other in enumerate(results) if other.id == result.id)
    return labels_of(results, translate)[index]


def verdict_sentence(comparison: Comparison, results: Sequence[RunResult], translate: Translate) -> str:
    """The answer in one sentence; the factor only with the digits that its interval carries."""
    baseline = label_of(comparison.baseline, results, translate)
    candidate = label_of(comparison.candidate, results, translate)
    return verdict_between(comparison, baseline, candidate, translate)


def verdict_between(comparison: Comparison, baseline: str, candidate: str, translate: Translate) -> str:
    """The same with the names that the two go by where it is said."""
    verdict, speedup = comparison.verdict, comparison.speedup
    if verdict.code == "withheld" or speedup is None:
        reason = messages.sentence(verdict.reason or "too_few_blocks", {}, translate)
        return translate("No speed-up is given for {candidate} against {baseline}: {reason}").format(
            candidate=candidate, baseline=baseline, reason=reason
        )
    if verdict.code == "no_difference":
        text = translate(
            "No reliable difference between {candidate} and {baseline} (ratio {interval}, 95 % interval)."
        )
        return text.format(candidate=candidate, baseline=baseline, interval=units.interval(speedup))
    faster, slower = (candidate, baseline) if verdict.code == "faster" else (baseline, candidate)
    factor = speedup if verdict.code == "faster" else stats.inverse(speedup)
    return _faster(comparison.candidate.spec.workload.task, translate).format(
        faster=faster, slower=slower, ratio=units.ratio(factor), interval=units.interval(factor)
    )


def unlike_title(found: Sequence[Difference], baseline: str, candidate: str, translate: Translate) -> str:
    """Over what differs between two runs: how much of it may change speed, and the first of that by name."""
    doubtful = [item for item in found if item.level != "green"]
    if not doubtful:
        text = translate("What differs between {baseline} and {candidate} (nothing that may change speed)")
        return text.format(baseline=baseline, candidate=candidate)
    # software before hardware, which was chosen
    order = sorted(doubtful, key=lambda item: (item.level != "red", item.code != "other_software"))
    fields = list(dict.fromkeys(field_words(item.field, translate) for item in order))
    told = translate(", ").join([*fields[:_MOST_UNLIKE], *(["…"] if len(fields) > _MOST_UNLIKE else [])])
    text = translate("What differs between {baseline} and {candidate} ({n} that may change speed: {fields})")
    return text.format(baseline=baseline, candidate=candidate, n=len(doubtful), fields=told)


def start_up_sentence(comparison: Comparison, results: Sequence[RunResult], translate: Translate) -> str | None:
    """What remains of the speed-up when each side's start-up is paid; None where that isn't known."""
    epochs = comparison.candidate.spec.workload.epochs
    whole = start_up.with_start_up(comparison, epochs)
    if whole is None:
        return None
    candidate = label_of(comparison.candidate, results, translate)
    text = translate("Start-up included, {candidate} does {epochs} {ratio} as fast (95 % interval {interval}).")
    said = text.format(
        candidate=candidate,
        epochs=_epochs(epochs, translate),
        ratio=units.ratio(whole),
        interval=units.interval(whole),
    )
    even = start_up.break_even_epochs(comparison)
    if even is None or even.code in ("always", "never") or even.epochs is None or even.epochs.value < 1:
        return said
    sentences = {
        "from": translate("It is done first from {n} epochs on."),
        "until": translate("It is done first up to {n} epochs."),
    }
    return f"{said} {sentences[even.code].format(n=math.ceil(even.epochs.value))}"


def thread_sentences(
    results: Sequence[RunResult], comparisons: Sequence[Comparison], translate: Translate
) -> Iterator[str]:
    """What the verdicts would be against a CPU with one thread or torch's default; else what its best gains.

    Thread counts that are setups of the job themselves are left out: they have a verdict of their own.
    """
    told = set()
    for comparison in comparisons:
        for gain, ratio in thread_gain.against_fewer_threads(comparison):
            told.add(comparison.baseline.id)
            told.add(comparison.candidate.id)
            accelerator = next(
                run for run in (comparison.baseline, comparison.candidate) if run.spec.setup.device != "cpu"
            )
            text = translate(
                "Against {count} of the CPU, {label} would be {ratio} as fast (95 % interval {interval})."
            )
            yield text.format(
                count=_count(gain, translate),
                label=label_of(accelerator, results, translate),
                ratio=units.ratio(ratio),
                interval=units.interval(ratio),
            )
    named = {run.threads for run in results if run.spec.setup.threads is not None}
    for run in results:
        gains = [gain for gain in thread_gain.thread_gains(run) if gain.threads not in named]
        for gain in gains if run.id not in told else []:
            text = translate(
                "In the search, {label} gave {ratio} the speed of {count} (95 % interval {interval})."
            )
            yield text.format(
                label=_threads(run.threads or 0, translate),
                ratio=units.ratio(gain.ratio),
                count=_count(gain, translate),
                interval=units.interval(gain.ratio),
            )


def _count(gain: thread_gain.ThreadGain, translate: Translate) -> str:
    if not gain.default:
        return _threads(gain.threads, translate)
    return translate("torch's own {threads}").format(threads=_threads(gain.threads, translate))


def _epochs(count: int, translate: Translate) -> str:
    return translate("1 epoch") if count == 1 else translate("{n} epochs").format(n=count)


def _faster(task: Task, translate: Translate) -> str:
    sentences = {
        "train": N_("{faster} trains this {ratio} faster than {slower} (95 % interval {interval})."),
        "classify": N_("{faster} classifies this {ratio} faster than {slower} (95 % interval {interval})."),
        "extract": N_("{faster} extracts features {ratio} faster than {slower} (95 % interval {interval})."),
    }
    return translate(sentences[task])


def setup_words(
    setup: Setup, device_name: str | None, translate: Translate, elsewhere: str | None = None
) -> str:
    """A setup in full: "CPU · 1 thread · fp32 · data resident". `elsewhere`: the kind of another machine."""
    parts = ["CPU" if setup.device == "cpu" else device_name or setup.device]
    if setup.workers > 1:
        parts.append(_workers(setup.workers, translate))
    if setup.workers > 1 and setup.device == "cpu":
        parts.append(_threads_each(setup.threads, translate))
    elif setup.threads is not None:
        parts.append(_threads(setup.threads, translate))
    elif setup.device == "cpu":
        parts.append(translate("best thread count"))
    parts += [setup.precision, _data(setup, translate), *_options(setup, _OPTIONS, translate)]
    if elsewhere is not None:
        parts.append(translate("on another machine: {kind}").format(kind=elsewhere))
    return " · ".join(parts)


def rung_words(name: RungName, translate: Translate) -> str:
    """A rung of the ladder by a short name: "Data resident", "CUDA graph of the step"."""
    return translate(_RUNGS[name])


def workload_words(work: Workload, translate: Translate) -> str:
    """A workload in a line: "mlp on digits, batch 64, 3 epochs"."""
    epochs = _epochs(work.epochs, translate)
    text = translate("{model} on {dataset}, batch {batch}, {epochs}")
    return text.format(model=work.model, dataset=work.dataset, batch=work.batch_size, epochs=epochs)


def _cores(cores: float, translate: Translate) -> str:
    return translate("1 core") if cores == 1 else translate("{n} cores").format(n=units.number(cores))


def _threads(threads: int, translate: Translate) -> str:
    return translate("1 thread") if threads == 1 else translate("{n} threads").format(n=threads)


def _threads_each(threads: int | None, translate: Translate) -> str:
    if threads is None:
        return translate("cores shared out")
    return translate("1 thread each") if threads == 1 else translate("{n} threads each").format(n=threads)


def _workers(workers: int, translate: Translate) -> str:
    return translate("1 worker") if workers == 1 else translate("{n} workers").format(n=workers)


def _data(setup: Setup, translate: Translate) -> str:
    return translate(_DATA[setup.data_path])


def _options(setup: Setup, named: Collection[str], translate: Translate) -> Iterator[str]:
    """What a setup does beyond the plain loop, of the fields that are `named`: "compiled, 4 steps a call"."""
    step = [translate(_STEPS[setup.step])] if "step" in named and setup.step != "eager" else []
    if "steps_per_call" in named and setup.steps_per_call > 1:
        step.append(translate("{n} steps a call").format(n=setup.steps_per_call))
    if "cpp_calls" in named and setup.cpp_calls:
        step.append(translate("called from C++"))
    if step:
        yield translate(", ").join(step)
    if "products" in named and setup.products != "default":
        yield translate(_PRODUCTS[setup.products])
    for field in _SWITCHES:
        if field in named and getattr(setup, field):
            yield translate(_SWITCHES[field])


_DATA: dict[DataPath, str] = {
    "transforms": N_("image by image"),
    "loader": N_("data loader"),
    "workers": N_("data loader with workers"),
    "resident": N_("data resident"),
}
_STEPS: dict[StepKind, str] = {
    "compiled": N_("compiled"),
    "graph": N_("CUDA graph"),
    "compiled_graph": N_("compiled CUDA graph"),
}
_PRODUCTS: dict[Products, str] = {"onednn": "oneDNN", "mkl_fast": N_("MKL's fast path")}
_SWITCHES = {
    "fused": N_("fused optimiser"),
    "channels_last": N_("channels last"),
    "flush_denormals": N_("no denormals"),
    "keep_pages": N_("memory kept"),
    "bind_threads": N_("threads bound"),
    "pinned": N_("pinned memory"),
    "synchronous": N_("waiting at each step"),
}
_OPTIONS = ("step", "steps_per_call", "cpp_calls", "products", *_SWITCHES)
_RUNGS: dict[RungName, str] = {
    "transforms": N_("Image by image"),
    "loader": N_("The article's loop"),
    "workers": N_("Loader with workers"),
    "resident": N_("Data resident"),
    "threads": N_("Best thread count"),
    "fused": N_("Fused optimiser"),
    "channels_last": N_("Channels last"),
    "onednn": N_("Products by oneDNN"),
    "keep_pages": N_("Memory kept"),
    "mkl_fast": N_("MKL's fast path"),
    "bound": N_("Threads bound to cores"),
    "tf32": "TF32",
    "bf16": "bfloat16",
    "compiled": N_("Compiled step"),
    "compiled_steps": N_("Several compiled steps"),
    "graph": N_("CUDA graph"),
    "graph_steps": N_("CUDA graph of several steps"),
}


def badge_words(badge: Badge, translate: Translate) -> str:
    """The quality badge as a person reads it."""
    words: dict[Badge, str] = {
        "good": translate("Quality: good"),
        "usable": translate("Quality: usable"),
        "doubtful": translate("Quality: doubtful"),
    }
    return words[badge]


def status_word(status: Status, translate: Translate) -> str:
    """How a run ended, in a word or three."""
    words: dict[Status, str] = {
        "finished": translate("finished"),
        "out_of_time": translate("time limit reached"),
        "cancelled": translate("cancelled"),
        "failed": translate("failed"),
        "interrupted": translate("interrupted"),
    }
    return words[status]


def origin_word(origin: Origin, translate: Translate) -> str:
    """Where a run is from, in a word."""
    words: dict[Origin, str] = {
        "measured": translate("measured"),
        "recorded": translate("recorded"),
        "imported": translate("imported"),
    }
    return words[origin]


def _machine(machine: Machinery, translate: Translate) -> Iterator[str]:
    if machine.label is not None:
        yield machine.label.replace("<", "").replace(">", "")[:_LONGEST_NAME]
    if machine.processor is not None:
        yield processor_words(machine.processor, None, translate)[0]
    if machine.cores is not None:
        yield _cores(machine.cores, translate)
    if machine.memory_bytes is not None:
        yield units.size(machine.memory_bytes)


def _parts(
    result: RunResult, machine: Machinery, results: Sequence[RunResult], translate: Translate
) -> Iterator[str]:
    setup = result.spec.setup
    yield device_of(result)
    yield from _machine(machine, translate)
    if _differs(results, lambda other: other.spec.setup.precision):
        yield setup.precision
    if _differs(results, lambda other: other.spec.setup.workers):
        yield _workers(setup.workers, translate)
    if _differs(results, lambda other: other.spec.setup.threads):
        threads = result.threads if setup.threads is None and setup.device == "cpu" else setup.threads
        if threads is not None:
            count = (_threads if setup.workers == 1 else _threads_each)(threads, translate)
            yield translate("best: {threads}").format(threads=count) if result.thread_trials else count
    if _differs(results, lambda other: other.spec.setup.data_path):
        yield _data(setup, translate)
    named = [field for field in _OPTIONS if len({getattr(other.spec.setup, field) for other in results}) > 1]
    yield from _options(setup, named, translate)
    if result.origin == "recorded":
        yield translate("recorded")
    if result.origin == "imported":
        yield translate("imported")


def _differs(results: Sequence[RunResult], of: Callable[[RunResult], object]) -> bool:
    return len({of(result) for result in results}) > 1
