"""Scaling on a terminal: what each number of workers reaches, whether the work was the same, and the doubts."""

from __future__ import annotations

from collections.abc import Iterator

from core import messages, units
from core.analysis.crossover.scaling import Scaling, ScalingPoint
from core.analysis.summary import summarise
from core.cli.table import print_rows
from core.i18n import Translate
from core.records import Estimate, Note, Parity
from core.runs.scaling import ScaleProgress
from core.scaling_words import communication_sentence, line_words, scaling_sentence, told, workers_words


def print_scale(progress: ScaleProgress, translate: Translate) -> None:
    """What was measured, and what follows from it."""
    for line in progress.scalings:
        print(f"\n{line.model} · {line.dataset} · {line.device} · {line_words(line, translate)}")
        print_rows(_rows(line, translate))
        if any(point.parity is not None for point in line.points):
            print()
            print_rows(_parity_rows(line, translate))
        print()
        print(scaling_sentence(line, translate))
        communication = communication_sentence(told(line), translate)
        if communication is not None:
            print(communication)
        for text in _remarks(line, translate):
            print(text)
    for item in progress.unmeasured:
        why = messages.sentence(item.reason.code, item.reason.facts, translate)
        print(f"✗ {item.kind}, {workers_words(item.workers, translate)}: {why}")


def _rows(line: Scaling, translate: Translate) -> list[list[str]]:
    header = [
        translate("Workers"),
        translate("Batch size"),
        translate("Speed"),
        translate("Speed-up"),
        translate("Efficiency"),
        translate("Waits for gradients"),
    ]
    return [header, *(_row(point, translate) for point in line.points)]


def _row(point: ScalingPoint, translate: Translate) -> list[str]:
    rate = point.samples_per_s
    return [
        str(point.workers),
        units.number(point.batch_size, 7),
        units.rate(rate.value if rate else None, translate),
        _gain(point),
        _share(point.efficiency if point.workers > 1 else None),
        _share(point.waiting_share),
    ]


def _gain(point: ScalingPoint) -> str:
    if point.workers == 1:
        return "1×"
    return f"{units.ratio(point.speedup)} ({units.interval(point.speedup)})" if point.speedup else units.ABSENT


def _share(part: Estimate | None) -> str:
    return f"{units.share(part)} ({units.share_interval(part)})" if part else units.ABSENT


def _parity_rows(line: Scaling, translate: Translate) -> list[list[str]]:
    """Whether the work was that of one worker with the same batch."""
    header = [
        translate("Workers"),
        translate("Largest loss difference"),
        translate("Tolerance"),
        translate("Steps compared"),
        translate("Final loss"),
        translate("Same work"),
    ]
    return [header, *(_parity_row(point, translate) for point in line.points)]


def _parity_row(point: ScalingPoint, translate: Translate) -> list[str]:
    found = point.parity
    worst = found.worst if found else None
    return [
        str(point.workers),
        units.ABSENT if worst is None else f"{worst:.1e}",
        units.ABSENT if found is None or found.tolerance is None else f"{found.tolerance:.0e}",
        str(found.steps) if found else units.ABSENT,
        units.number(summarise(point.run).final_loss, 5),
        _same(found, translate),
    ]


def _same(found: Parity | None, translate: Translate) -> str:
    if found is None:
        return units.ABSENT
    if found.code == "same":
        return translate("yes")
    return translate("no") if found.code == "parted" else translate("not checked")


def _remarks(line: Scaling, translate: Translate) -> Iterator[str]:
    """Why numbers are missing, what speaks against the others, and what each run has to say."""
    for point in line.points:
        name = workers_words(point.workers, translate)
        if point.reason is not None:
            yield f"✗ {name}: {_sentence(point.reason, translate)}"
        for doubt in point.doubts:
            yield f"! {name}: {_sentence(doubt, translate)}"
        for note in point.run.notes:
            yield f"· {name}: {_sentence(note, translate)}"


def _sentence(note: Note, translate: Translate) -> str:
    return messages.sentence(note.code, note.facts, translate)
