"""Scaling on a terminal: what each number of workers reaches, whether the work was the same, and the doubts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from core import messages, units
from core.analysis import caveats
from core.analysis.crossover.scaling import Kind, Scaling, ScalingPoint
from core.cli.table import print_rows
from core.i18n import Translate
from core.records import Estimate, Note, Parity
from core.runs.scaling import ScaleProgress
from core.scaling_words import communication_sentence, line_words, scaling_sentence, told, workers_words

# of an epoch's time, which isn't given here
_NOT_OF_STEPS = ("projected_epoch",)


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
    remarks = _remarks(progress.scalings, translate)
    if remarks or progress.unmeasured:
        print()
    for (mark, said), whose in remarks.items():
        print(f"{mark} {', '.join(whose)}: {said}")
    for item in progress.unmeasured:
        counts = job_words(item.kind, (item.workers,), translate)
        print(f"✗ {counts}: {_sentence(item.reason, translate)}")


def job_words(kind: Kind, counts: Sequence[int], translate: Translate) -> str:
    """What a job measures: "one batch shared out (strong scaling): 1, 2, 4 workers in turns"."""
    text = translate("a batch for each (weak scaling): {workers}")
    if kind == "strong":
        text = translate("one batch shared out (strong scaling): {workers}")
    if len(counts) == 1:
        return text.format(workers=workers_words(counts[0], translate))
    several = translate("{counts} workers in turns").format(counts=", ".join(map(str, counts)))
    return text.format(workers=several)


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
        _same(found, translate),
    ]


def _same(found: Parity | None, translate: Translate) -> str:
    if found is None:
        return units.ABSENT
    if found.code == "same":
        return translate("yes")
    return translate("no") if found.code == "parted" else translate("not checked")


def _remarks(lines: Sequence[Scaling], translate: Translate) -> dict[tuple[str, str], list[str]]:
    """Mark and sentence of what is missing, of what speaks against the numbers and of what is to be known: each
    once, with those it holds for."""
    name = translate("{workers} (batch {batch})")
    found: dict[tuple[str, str], dict[str, None]] = {}
    for point in (point for line in lines for point in line.points):
        for mark, note in _said_of(point):
            whose = found.setdefault((mark, _sentence(note, translate)), {})
            count, batch = workers_words(point.workers, translate), units.number(point.batch_size, 7)
            whose[name.format(workers=count, batch=batch)] = None
    ordered = sorted(found.items(), key=lambda item: "✗‼!·".index(item[0][0]))
    return {said: list(whose) for said, whose in ordered}


def _said_of(point: ScalingPoint) -> Iterator[tuple[str, Note]]:
    if point.reason is not None:
        yield "✗", point.reason
    for doubt in point.doubts:
        yield "!", doubt
    told_already = {doubt.code for doubt in point.doubts}
    for caveat in caveats.of_run(point.run) if point.samples_per_s else ():
        if caveat.code not in (*_NOT_OF_STEPS, *told_already):
            mark = "·" if caveat.informative else "‼" if caveat.grave else "!"
            yield mark, Note(caveat.code, caveat.facts)
    for note in point.run.notes:
        if note.code not in told_already:
            yield "·", note


def _sentence(note: Note, translate: Translate) -> str:
    return messages.sentence(note.code, note.facts, translate)
