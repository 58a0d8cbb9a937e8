"""What a run's steps mostly wait for, what that leaves to a faster device, and the rung that would help.

Pure. The largest part of a step gives its name. The parts are loading and copying, by the anatomy; the
products, for as long as they take alone, by the limits; and the rest, told apart by what could fill it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Literal

from core.analysis import limits
from core.analysis.anatomy import stage_seconds
from core.analysis.comparison import compare
from core.analysis.ladder import Ladder, Rung, RungName
from core.records import Comparison, Fact, Note, RunResult, Setup

Code = Literal["data", "copies", "launches", "arithmetic", "memory", "overhead"]

# An eager step of the networks here is some 30 operations (mlp) to about 1,000 (resnet50). A rest in which more
# than that many would fit isn't spent on starting them.
MOST_OPERATIONS = 1000
# What Python and torch need on the host for one operation and its gradient: usually 3 to 10 microseconds.
HOST_OPERATION_S = 5e-6
# Updating the weights is next to no work. Where it takes more of the device's part of a step than this, time
# follows the number of kernels and not their work: the device is waiting for each.
EVEN_UPDATE = 0.05
# Where the products' part isn't known, only what takes half of a step is surely the largest.
SURE = 0.5
# A step can't be quicker than its products. Beyond noise, the machine was busy while they were timed.
DISTURBED = 1.1
# Moving the weights' bytes explains the rest of a step when it takes this share of it.
EXPLAINED = 0.5
# As far as a few short repeats can tell two libraries apart.
SLOWER_LIBRARY = 0.9
# Of a device's memory, for the images; as core.measure.feeds has it, the rest is for the model.
RESIDENT_SHARE = 0.8

_SENTENCES: dict[Code, str] = {
    "data": "bound_by_data",
    "copies": "bound_by_copies",
    "launches": "bound_by_launches",
    "arithmetic": "bound_by_arithmetic",
    "memory": "bound_by_memory",
    "overhead": "bound_by_overhead",
}


@dataclass(frozen=True, slots=True)
class Bottleneck:
    code: Code
    # of its sentence: pct (the part's share of a step), products_pct (the products', where they are known),
    # launch_us (one launch, where the device waits for them)
    facts: dict[str, Fact] = field(default_factory=dict)
    ceiling: float | None = None  # see `ceiling`
    rung: RungName | None = None  # what should help; None: nothing on the ladder


@dataclass(frozen=True, slots=True)
class _Parts:
    """Shares of a step, 0 to 1."""

    data: float
    copies: float
    update: float | None  # of the weights; None: no instrumented pass, or nothing is trained
    products: float | None  # None: not measured, or disturbed

    @property
    def on_device(self) -> float:
        return 1 - self.data - self.copies

    @property
    def rest(self) -> float:
        return max(0.0, self.on_device - (self.products or 0.0))


def bottleneck(result: RunResult) -> Bottleneck | None:
    """The largest part of the run's steps. None where anatomy and limits together don't tell."""
    parts = _parts(result)
    code = _code(result, parts) if parts else None
    if parts is None or code is None:
        return None
    return Bottleneck(code, _facts(result, code, parts), ceiling(result), _rung(result, code, parts))


def ceiling(result: RunResult) -> float | None:
    """Amdahl's ceiling (AFIPS 1967): the speed-up by an infinitely fast device, as loading and copying stay.

    None where a step neither loads nor copies, or no instrumented pass tells how long that takes.
    """
    parts = _parts(result)
    staying = parts.data + parts.copies if parts else 0.0
    return 1 / staying if staying > 0 else None


def helped(ladder: Ladder, found: Bottleneck) -> Comparison | None:
    """What the rung that should help gained when it was tried: over the same setup without it.

    Where that one wasn't measured, over the article's loop. None: the rung wasn't measured, or there is none.
    """
    tried = next((rung for rung in ladder.rungs if rung.name == found.rung and rung.result), None)
    if tried is None or tried.result is None:
        return None
    below = next((rung.result for rung in ladder.rungs if rung.setup == _without(tried) and rung.result), None)
    return compare(below, tried.result) if below else tried.against_loader


def notes(found: Bottleneck, gain: Comparison | None = None) -> tuple[Note, ...]:
    """What to tell a reader: the bottleneck, the ceiling, what should help and did (`gain`, of `helped`)."""
    said = [Note(_SENTENCES[found.code], found.facts)]
    if found.ceiling is not None:
        said.append(Note("amdahl_ceiling", {"ceiling": found.ceiling, "pct": _pct(1 / found.ceiling)}))
    if found.rung is not None:
        said.append(Note("rung_would_help", {"rung": found.rung}))
        if gain is not None and gain.speedup is not None:
            code = "rung_did_not_help" if gain.speedup.high < 1 else "rung_helped"
            said[-1] = Note(code, {"rung": found.rung, "times": gain.speedup.value})
    return tuple(said)


# --- the parts -----------------------------------------------------------------------------------


def _parts(result: RunResult) -> _Parts | None:
    stages, resident = stage_seconds(result), result.spec.setup.data_path == "resident"
    whole = sum(stages.values())
    if whole <= 0:
        # a step that runs as a whole can't be cut into stages, and has nothing to load
        known = resident and result.spec.workload.task != "extract"
        return _Parts(0.0, 0.0, None, _products(result)) if known else None
    return _Parts(
        # taking a resident batch by index is the device's own work
        data=0.0 if resident else stages.get("load", 0.0) / whole,
        copies=(stages.get("copy", 0.0) + stages.get("copy_back", 0.0)) / whole,
        update=stages["optimiser"] / whole if "optimiser" in stages else None,
        products=_products(result),
    )


def _products(result: RunResult) -> float | None:
    """In the library that the run computed with: what a faster one saves is still arithmetic here."""
    step, own = limits.step_s(result), result.spec.setup.products
    floor = limits.floor_step_s(result, own) or limits.floor_step_s(result)
    share = floor / step if step and floor else None
    return min(1.0, share) if share and share <= DISTURBED else None


def _code(result: RunResult, parts: _Parts) -> Code | None:
    if parts.products is None:
        if parts.data >= SURE:
            return "data"
        return "copies" if parts.copies >= SURE else None
    named: dict[Code, float] = {"data": parts.data, "copies": parts.copies, "arithmetic": parts.products}
    largest = max(named, key=lambda code: named[code])
    return largest if named[largest] >= parts.rest else _code_of_rest(result, parts)


def _code_of_rest(result: RunResult, parts: _Parts) -> Code | None:
    setup, step = result.spec.setup, limits.step_s(result)
    if step is None or result.limits is None:
        return None
    rest_s = parts.rest * step
    across, moved = limits.bandwidth(result.limits), limits.update_bytes(result)
    if across and moved and moved / across >= EXPLAINED * rest_s:
        return "memory"
    if setup.device == "cpu":
        return "overhead" if rest_s <= MOST_OPERATIONS * HOST_OPERATION_S else "memory"
    if "graph" in setup.step:  # nothing is launched one by one
        return "memory"
    launch_s = _launch_s(result)
    if launch_s is None:
        return None
    quick_update = parts.update is not None and parts.update < EVEN_UPDATE * parts.on_device
    return "memory" if quick_update or rest_s > MOST_OPERATIONS * launch_s else "launches"


def _launch_s(result: RunResult) -> float | None:
    launches = limits.fastest(result.limits, "launch") if result.limits else None
    return 1 / limits.per_second(launches) if launches else None


def _facts(result: RunResult, code: Code, parts: _Parts) -> dict[str, Fact]:
    share = {"data": parts.data, "copies": parts.copies, "arithmetic": parts.products or 0.0}
    facts: dict[str, Fact] = {"pct": _pct(share.get(code, parts.rest))}
    if parts.products is not None:
        facts["products_pct"] = _pct(parts.products)
    if code == "launches" and (launch_s := _launch_s(result)):
        facts["launch_us"] = launch_s * 1e6
    return facts


def _pct(share: float) -> int | float:
    pct = 100 * share
    return round(pct) if pct >= 1 else float(f"{pct:.1g}")


# --- what helps ----------------------------------------------------------------------------------


def _rung(result: RunResult, code: Code, parts: _Parts) -> RungName | None:
    if code in ("data", "copies"):
        return _nearer(result)
    if code == "arithmetic":
        return _cheaper(result)
    if code == "memory":
        return _fewer_passes(result, parts)
    return _whole_step(result)


def _nearer(result: RunResult) -> RungName | None:
    """Where the images should be."""
    path = result.spec.setup.data_path
    if path == "resident":
        return None
    room = result.environment.device.memory_bytes if result.environment else None
    needed = result.data.train_samples * math.prod(result.data.shape) if result.data else 0
    if room is None or needed <= RESIDENT_SHARE * room:
        return "resident"
    return None if path == "workers" else "workers"


def _whole_step(result: RunResult) -> RungName | None:
    setup = result.spec.setup
    if result.spec.workload.task != "train":
        return None
    if setup.device.startswith("cuda"):
        return "graph"
    if setup.step == "eager":
        return "compiled"
    return "compiled_steps" if setup.steps_per_call == 1 else None


def _cheaper(result: RunResult) -> RungName | None:
    """A faster library for the same arithmetic, else arithmetic of a lower precision."""
    setup, known = result.spec.setup, result.limits
    if known is None:
        return None
    floor, best = limits.floor_step_s(result, setup.products), limits.floor_step_s(result)
    fastest = limits.fastest(known, "step_products", setup.precision)
    if floor and best and fastest and best < SLOWER_LIBRARY * floor:
        library = fastest.products
        if library == "mkl_fast" or (library == "onednn" and setup.step == "eager"):
            return library
    peak, lower = limits.peak_flops(known, setup.precision), limits.peak_flops(known, "bf16")
    return "bf16" if peak and lower and lower > peak else None


def _fewer_passes(result: RunResult, parts: _Parts) -> RungName | None:
    """What makes fewer passes over the memory."""
    setup, train = result.spec.setup, result.spec.workload.task == "train"
    if train and not setup.fused and (parts.update or 0.0) >= EXPLAINED * parts.rest:
        return "fused"
    if result.spec.workload.has_convolutions and not setup.channels_last:
        return "channels_last"
    return "compiled" if train and setup.step == "eager" else None


def _without(rung: Rung) -> Setup:
    """The setup below a rung: all the same, but for what the rung is named after."""
    setup = rung.setup
    if rung.name in ("workers", "resident"):
        return replace(setup, data_path="loader")
    if rung.name == "fused":
        return replace(setup, fused=False)
    if rung.name == "channels_last":
        return replace(setup, channels_last=False)
    if rung.name in ("onednn", "mkl_fast"):
        return replace(setup, products="default", bind_threads=False)
    if rung.name == "keep_pages":
        return replace(setup, keep_pages=False)
    if rung.name in ("tf32", "bf16"):
        return replace(setup, precision="fp32")
    return replace(setup, step="eager", steps_per_call=1, cpp_calls=False)
