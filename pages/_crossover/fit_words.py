"""The fitted lines in words: what a step costs, how far off the line is, and a table of every point."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator

from core import units
from core.analysis.crossover.step_fit import Regime, StepFit
from core.analysis.crossover.sweep import Line
from core.crossing_words import images
from core.i18n import Translate
from core.messages import sentence
from core.records import Note
from pages._shared import doubts
from pages._shared.markdown import plain

_WHOLE = 7  # digits: a batch size is told in full


def facts(name: str, fit: StepFit | Note, translate: Translate) -> str:
    """A line of Markdown: overhead, cost of an image, how well that describes what was measured."""
    if isinstance(fit, Note):
        return doubts.named(plain(name), plain(sentence(fit.code, fit.facts, translate)), translate)
    said = " ".join((*_costs(fit, translate), *_quality(fit, translate)))
    return doubts.named(plain(name), plain(said), translate)


def _costs(fit: StepFit, translate: Translate) -> Iterator[str]:
    for regime in fit.regimes:
        text = translate(
            "A step takes {overhead} whatever its batch size, and {per_image} more for each image."
        )
        if len(fit.regimes) > 1 and math.isinf(regime.high):
            text = translate("Above, it is {overhead} and {per_image} for each image.")
        elif len(fit.regimes) > 1:
            text = translate(
                "Up to a batch size of {batch} a step takes {overhead}, and {per_image} more for each image."
            )
        yield text.format(batch=_size(regime), **_numbers(regime))


def _numbers(regime: Regime) -> dict[str, str]:
    return {"overhead": units.duration(regime.overhead_s), "per_image": units.duration(regime.per_sample_s)}


def _size(regime: Regime) -> str:
    return "" if math.isinf(regime.high) else images(regime.high)


def _quality(fit: StepFit, translate: Translate) -> Iterator[str]:
    if fit.misfit is not None:
        text = translate("The line is {pct} off what was measured on average.")
        yield text.format(pct=units.percent(_round(100 * fit.misfit)))
    if fit.held_out:
        off = statistics.median(abs(error) for _size, error in fit.held_out)
        text = translate("Predicted from the others, each point is typically {pct} off.")
        yield text.format(pct=units.percent(_round(100 * off)))


def _round(pct: float) -> float:
    return float(f"{pct:.2g}")


def table(line: Line, fit: StepFit | Note, translate: Translate) -> str:
    """How far off every measured point the line is; "" where there is no line."""
    if isinstance(fit, Note):
        return ""
    _ = translate
    head = [_("Batch size"), _("Step, measured"), _("by the line"), _("predicted from the others")]
    held_out = dict(fit.held_out)
    rows = [_row(head), "|--:|--:|--:|--:|"]
    for cell in line.measured:
        assert cell.step_s is not None
        measured = cell.step_s.value
        cells = [
            units.number(cell.batch_size, _WHOLE),
            units.duration(measured),
            _signed(fit.step_s(cell.batch_size) / measured - 1),
            _signed(held_out.get(cell.batch_size)),
        ]
        rows.append(_row(cells))
    return "\n".join(rows)


def _row(cells: list[str]) -> str:
    """Small, so that all columns fit on a phone: a table can't be scrolled sideways."""
    return "| " + " | ".join(f":small[{cell}]" for cell in cells) + " |"


def _signed(error: float | None) -> str:
    return (
        units.ABSENT if error is None else f"{round(100 * error, 1) + 0.0:+.1f}\N{NO-BREAK SPACE}%"
    )  # no "-0.0"
