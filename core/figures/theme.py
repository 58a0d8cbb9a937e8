"""One colour, dash and short name for each setup, the same in every figure. Knows no figure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Literal

from core.i18n import N_, Translate
from core.records import RunResult, Stage

Kind = Literal["cpu", "gpu"]

# Each at least 3:1 against Streamlit's white and its dark #0E1117 (WCAG 1.4.11), which leaves the middle
# of the scale; so further setups of a kind differ by hue within the family, by dash and by symbol.
COLOURS: dict[Kind, tuple[str, ...]] = {
    "cpu": ("#3B82F6", "#6366F1", "#0891B2", "#4F7FD9"),
    "gpu": ("#16A34A", "#0D9488", "#65A30D", "#15803D"),
}
WHISKER = "#78808C"  # intervals: seen on both backgrounds
DASHES = ("solid", "dash", "dot", "dashdot")
SYMBOLS = ("circle", "diamond", "square", "x")
STAGE_COLOURS: dict[Stage, str] = {
    "load": "#B45309",
    "copy": "#DB2777",
    "forward": "#8B5CF6",
    "backward": "#EA580C",
    "optimiser": "#78716C",
    "copy_back": "#E11D48",
}
STAGE_NAMES: dict[Stage, str] = {
    "load": N_("load"),
    "copy": N_("copy"),
    "forward": N_("forward"),
    "backward": N_("backward"),
    "optimiser": N_("optimiser"),
    "copy_back": N_("copy back"),
}
_MAKERS = ("NVIDIA", "GeForce", "Tesla", "AMD", "Radeon", "Intel(R)", "Apple")


def kind_of(result: RunResult) -> Kind:
    return "cpu" if result.spec.setup.device == "cpu" else "gpu"


def device_of(result: RunResult) -> str:
    """ "CPU", or the GPU's name without its maker's: "GPU H200"."""
    if kind_of(result) == "cpu":
        return "CPU"
    name = result.environment.device.name if result.environment else ""
    # Plotly reads some HTML in labels, and an imported record may say what it likes.
    words = name.replace("<", "").replace(">", "").split()
    short = " ".join(word for word in words if word not in _MAKERS)
    return short if "GPU" in short else f"GPU {short}".strip()


def colour_of(index: int, results: Sequence[RunResult]) -> str:
    colours = COLOURS[kind_of(results[index])]
    return colours[_place(index, results) % len(colours)]


def dash_of(index: int, results: Sequence[RunResult]) -> str:
    return DASHES[_place(index, results) % len(DASHES)]


def line_of(index: int, results: Sequence[RunResult], lowest: bool) -> dict[str, object]:
    """A line's style. Equal curves lie on each other, so the lowest is broad and shows under the next."""
    return {
        "color": colour_of(index, results),
        "dash": "solid" if lowest else dash_of(index, results),
        "width": 5 if lowest else 2,
    }


def symbol_of(index: int, results: Sequence[RunResult]) -> str:
    return SYMBOLS[_place(index, results) % len(SYMBOLS)]


def label_of(result: RunResult, results: Sequence[RunResult], translate: Translate) -> str:
    """What sets this run apart from the others: "CPU · 1 thread", "GPU H200 · bf16 · recorded"."""
    index = next(i for i, other in enumerate(results) if other.id == result.id)
    return labels_of(results, translate)[index]


def labels_of(results: Sequence[RunResult], translate: Translate) -> tuple[str, ...]:
    """A label for each run, no two the same (equal ones are numbered): they serve as categories of an axis."""
    plain = [" · ".join(_parts(result, results, translate)) for result in results]
    return tuple(
        label if plain.count(label) == 1 else f"{label} ({plain[: i + 1].count(label)})"
        for i, label in enumerate(plain)
    )


def _place(index: int, results: Sequence[RunResult]) -> int:
    """The how-manyth of its kind."""
    return sum(kind_of(result) == kind_of(results[index]) for result in results[:index])


def _parts(result: RunResult, results: Sequence[RunResult], translate: Translate) -> Iterator[str]:
    setup = result.spec.setup
    yield device_of(result)
    if _differs(results, lambda other: other.spec.setup.precision):
        yield setup.precision
    if _differs(results, lambda other: other.spec.setup.threads):
        threads = result.threads if setup.threads is None and setup.device == "cpu" else setup.threads
        if threads is not None:
            yield translate("1 thread") if threads == 1 else translate("{n} threads").format(n=threads)
    if _differs(results, lambda other: other.spec.setup.data_path):
        yield translate("data resident") if setup.data_path == "resident" else translate("data loader")
    if result.origin == "recorded":
        yield translate("recorded")
    if result.origin == "imported":
        yield translate("imported")


def _differs(results: Sequence[RunResult], of: Callable[[RunResult], object]) -> bool:
    return len({of(result) for result in results}) > 1
