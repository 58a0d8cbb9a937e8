"""What is shared at once: runs without what is private in them, and what can be concluded from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.analysis.comparison import compare
from core.errors import InputError
from core.i18n import Translate
from core.records import Comparison, Note, RunResult
from core.runs.files.masking import masked
from core.wording import labels_of


@dataclass(frozen=True, slots=True)
class Bundle:
    runs: tuple[RunResult, ...]
    names: tuple[str, ...]  # of the runs, no two the same
    comparisons: tuple[Comparison, ...]  # of the first measured run with each of the others
    refused: tuple[Note, ...]  # why the others can't be compared with it

    @property
    def measured(self) -> tuple[RunResult, ...]:
        return tuple(run for run in self.runs if run.blocks)

    def against_first(self, run: RunResult) -> Comparison | None:
        return next((item for item in self.comparisons if item.candidate.id == run.id), None)


def gather(results: Sequence[RunResult], translate: Translate) -> Bundle:
    """Each run once, masked. `results`: one at least."""
    runs = tuple({result.id: masked(result) for result in results}.values())
    comparisons, refused = [], []
    baseline, *others = [run for run in runs if run.blocks] or runs
    for other in others:
        try:
            comparisons.append(compare(baseline, other))
        except InputError as problem:
            refused.append(problem.note)
    return Bundle(runs, labels_of(runs, translate), tuple(comparisons), tuple(refused))
