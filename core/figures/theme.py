"""One colour, dash and symbol for each setup, the same in every figure. Knows no figure."""

from __future__ import annotations

from collections.abc import Sequence

from core.figures import drawing
from core.i18n import N_
from core.records import RunResult, Stage
from core.wording import Kind, kind_of

# Each at least 3:1 against Streamlit's white and its dark #0E1117 (WCAG 1.4.11), which leaves the middle
# of the scale; so further setups of a kind differ by hue within the family, by dash and by symbol.
COLOURS: dict[Kind, tuple[str, ...]] = {
    "cpu": ("#3B82F6", "#0891B2", "#6366F1", "#4F7FD9"),
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


def whiskers(value: float, low: float, high: float) -> dict[str, object]:
    """An interval around a value, on either axis."""
    return {
        "array": drawing.rounded([high - value]),
        "arrayminus": drawing.rounded([value - low]),
        "color": WHISKER,
        "thickness": 2,
    }


def device_dot(result: RunResult, here: bool) -> dict[str, object]:
    """A device's mark: hollow where it wasn't measured on this machine."""
    return {
        "color": COLOURS[kind_of(result)][0],
        "size": 10,
        "symbol": "circle" if here else "circle-open",
        "line": {"width": 0 if here else 3},
    }


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


def _place(index: int, results: Sequence[RunResult]) -> int:
    """The how-manyth of its kind."""
    return sum(kind_of(result) == kind_of(results[index]) for result in results[:index])
