"""Results on a terminal: a table, the verdict, the doubts."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from core import messages, units
from core.analysis import caveats, comparability
from core.analysis.comparability import Level
from core.analysis.quality import quality, worst
from core.analysis.summary import summarise
from core.i18n import Translate
from core.records import Caveat, Comparison, RunResult
from core.unlike_words import difference_sentence
from core.wording import (
    badge_words,
    labels_of,
    start_up_sentence,
    status_word,
    thread_sentences,
    verdict_sentence,
)

_MARKS: dict[Level, str] = {"red": "‼", "amber": "!", "green": "·"}


def print_results(
    results: Sequence[RunResult], comparisons: Sequence[Comparison], translate: Translate
) -> None:
    """Everything that a person needs to judge the job."""
    header = [
        translate("Setup"),
        translate("Speed"),
        translate("Epoch time"),
        translate("Loss"),
        translate("Test accuracy"),
        translate("Status"),
    ]
    names = labels_of(results, translate)
    rows = [header, *(_row(result, name, translate) for result, name in zip(results, names, strict=True))]
    print_rows(rows)
    for comparison in comparisons:
        print()
        print(verdict_sentence(comparison, results, translate))
        started = start_up_sentence(comparison, results, translate)
        if started:
            print(started)
    for sentence in thread_sentences(results, comparisons, translate):
        print(sentence)
    _print_doubts(results, comparisons, translate)


def print_differences(
    baseline: RunResult, others: Sequence[RunResult], results: Sequence[RunResult], translate: Translate
) -> None:
    """In what each of the others differs from the baseline, by the labels that they have among `results`."""
    names = dict(zip((result.id for result in results), labels_of(results, translate), strict=True))
    for other in others:
        text = translate("{baseline} and {candidate} differ in:")
        print(text.format(baseline=names[baseline.id], candidate=names[other.id]))
        found = comparability.differences(baseline, other)
        for item in found:
            print(f"{_MARKS[item.level]} {difference_sentence(item, translate)}")
        if not found:
            print(translate("· nothing that is recorded."))
        print()


def print_rows(rows: Sequence[Sequence[str]]) -> None:
    """Rows as columns that line up."""
    widths = [max(map(_width, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (text + " " * (width - _width(text)) for text, width in zip(row, widths, strict=True))
        print("  ".join(cells).rstrip())


def _row(result: RunResult, name: str, translate: Translate) -> list[str]:
    summary = summarise(result)
    rate = summary.samples_per_s
    accuracy = None if summary.test_accuracy is None else 100 * summary.test_accuracy
    return [
        name,
        units.rate(rate.value if rate else None, translate),
        units.duration(summary.epoch_shown_s) + (" *" if summary.projected else ""),
        units.number(summary.final_loss),
        units.percent(accuracy),
        status_word(result.status, translate),
    ]


def _print_doubts(
    results: Sequence[RunResult], comparisons: Sequence[Comparison], translate: Translate
) -> None:
    badge = worst(quality(item).badge for item in comparisons or results)
    print(badge_words(badge, translate))
    told: set[tuple[str, str]] = set()
    for result, name in zip(results, labels_of(results, translate), strict=True):
        if result.failure:
            print(f"✗ {name}: {messages.sentence(result.failure.code, result.failure.facts, translate)}")
        for note in result.notes:
            print(f"· {name}: {messages.sentence(note.code, note.facts, translate)}")
        for caveat in caveats.of_run(result):
            told.add((caveat.code, result.id))
            print(_line(caveat, f"{name}: ", translate))
    of_pairs = dict.fromkeys(
        _line(caveat, "", translate)
        for comparison in comparisons
        for caveat in comparison.caveats
        if (caveat.code, str(caveat.facts.get("run"))) not in told
    )
    for line in of_pairs:  # the same may be said of several pairs
        print(line)


def _line(caveat: Caveat, name: str, translate: Translate) -> str:
    mark = "·" if caveat.informative else "‼" if caveat.grave else "!"
    return f"{mark} {name}{messages.sentence(caveat.code, caveat.facts, translate)}"


def _width(text: str) -> int:
    """Columns on a terminal: Chinese characters take two."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)
