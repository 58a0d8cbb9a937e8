"""A sweep on a terminal: a table for each model, its fits, and the sentence that answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from core import messages, units
from core.analysis.crossover import sweep as swept
from core.analysis.crossover.step_fit import StepFit
from core.analysis.crossover.sweep import Cell
from core.cli.table import print_rows
from core.crossing_words import confirmation_sentence, crossing_sentence, fit_sentence
from core.i18n import Translate
from core.records import Note, Setup
from core.runs.sweeping.document import crossing_of, fit_of
from core.runs.sweeping.sweep import Progress, line_of
from core.setups import setup_text
from core.wording import labels_of


def print_sweep(progress: Progress, translate: Translate) -> None:
    """What was measured, and what follows from it."""
    if not progress.results and not progress.untried:
        return
    for model in progress.spec.models:
        print(f"\n{model}")
        names = _names(progress, model, translate)
        print_rows(_rows(progress, model, names, translate))
        for text in _reasons(progress, model, names, translate):
            print(text)
        print()
        for setup, name in names.items():
            fit = fit_of(progress, model, setup)
            print(fit_sentence(fit, name, translate))
            for text in _doubts(fit.doubts, translate) if isinstance(fit, StepFit) else ():
                print(text)
        for text in _answers(progress, model, names, translate):
            print(text)


def _names(progress: Progress, model: str, translate: Translate) -> dict[Setup, str]:
    """What each setup is called, as far as it sets it apart from the others."""
    lines = {setup: line_of(progress.results, model, setup) for setup in progress.spec.setups}
    runs = {setup: run for setup, line in lines.items() if line and (run := line.example)}
    known = dict(zip(runs, labels_of(list(runs.values()), translate), strict=True))
    return {setup: known.get(setup) or setup_text(setup) for setup in progress.spec.setups}


def _cells(progress: Progress, model: str) -> dict[tuple[int, Setup], Cell]:
    runs = (run for run in progress.results if run.spec.workload.model == model)
    return {(run.spec.workload.batch_size, run.spec.setup): swept.cell_of(run) for run in runs}


def _rows(progress: Progress, model: str, names: Mapping[Setup, str], translate: Translate) -> list[list[str]]:
    """The step's time of each setup, and how many times as fast as the baseline it is."""
    cells = _cells(progress, model)
    baseline, *others = names
    header = [translate("Batch size"), names[baseline]]
    for setup in others:
        header += [names[setup], translate("Speed-up")]
    rows = [header]
    for size in sorted({*progress.spec.batch_sizes, *(size for size, _ in cells)}):
        first = cells.get((size, baseline))
        row = [units.number(size, 7), _step(first)]
        for setup in others:
            cell = cells.get((size, setup))
            ratio = swept.ratio(first, cell)
            row += [_step(cell), f"{units.ratio(ratio)} ({units.interval(ratio)})" if ratio else units.ABSENT]
        rows.append(row)
    return rows


def _step(cell: Cell | None) -> str:
    return units.duration(cell.step_s.value) if cell and cell.step_s else units.ABSENT


def _reasons(progress: Progress, model: str, names: Mapping[Setup, str], translate: Translate) -> Iterator[str]:
    """Why cells are empty, once for all batch sizes of a setup with the same reason."""
    empty = [(item.batch_size, item.setup, item.reason) for item in progress.untried if item.model == model]
    for (size, setup), cell in _cells(progress, model).items():
        if cell.reason is not None:
            empty.append((size, setup, cell.reason))
    told: dict[tuple[Setup, str], list[int]] = {}
    for size, setup, reason in empty:
        text = messages.sentence(reason.code, reason.facts, translate)
        told.setdefault((setup, text), []).append(size)
    for (setup, text), sizes in told.items():
        yield f"✗ {names[setup]}, {', '.join(units.number(size, 7) for size in sorted(sizes))}: {text}"


def _answers(progress: Progress, model: str, names: Mapping[Setup, str], translate: Translate) -> Iterator[str]:
    """The sentence for each setup against the baseline, what confirms it, and what speaks against it."""
    baseline, *others = names
    for setup in others:
        found = crossing_of(progress, model, setup)
        if found is None:
            continue
        yield crossing_sentence(found, names[baseline], names[setup], translate)
        confirmed = confirmation_sentence(found, names[baseline], names[setup], translate)
        if confirmed is not None:
            yield confirmed
        yield from _doubts(found.doubts, translate)


def _doubts(doubts: Sequence[Note], translate: Translate) -> Iterator[str]:
    return (f"! {messages.sentence(doubt.code, doubt.facts, translate)}" for doubt in doubts)
