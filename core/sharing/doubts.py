"""Every doubt about what is shared, once, with whose it is. Knows how it is said, not where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from core.analysis import caveats
from core.analysis.quality import Badge, quality, worst
from core.i18n import Translate
from core.messages import sentence
from core.records import Caveat
from core.sharing.bundle import Bundle

Weight = Literal["grave", "doubt", "note"]


@dataclass(frozen=True, slots=True)
class Doubt:
    weight: Weight
    text: str
    names: tuple[str, ...]  # of the runs it is about; (): of all that is shown


def badge(bundle: Bundle) -> Badge:
    """The worst of what is shown: of the comparisons, or of the runs where there are none."""
    return worst(quality(item).badge for item in bundle.comparisons or bundle.runs)


def doubts(bundle: Bundle, translate: Translate) -> tuple[Doubt, ...]:
    """Failures, caveats and notes, the gravest first."""
    found: dict[tuple[Weight, str], list[str]] = {}
    told: set[tuple[str, str]] = set()
    for run, name in zip(bundle.runs, bundle.names, strict=True):
        if run.failure is not None:
            said = sentence(run.failure.code, run.failure.facts, translate)
            found.setdefault(("grave", said), []).append(name)
        for caveat in caveats.of_run(run):
            told.add((caveat.code, run.id))
            found.setdefault(_said(caveat, translate), []).append(name)
        for note in run.notes:
            found.setdefault(("note", sentence(note.code, note.facts, translate)), []).append(name)
    pairs: dict[tuple[Weight, str], list[str]] = {}  # of which candidates
    names_of = {run.id: name for run, name in zip(bundle.runs, bundle.names, strict=True)}
    for comparison in bundle.comparisons:
        for caveat in comparison.caveats:
            if "run" not in caveat.facts:
                pairs.setdefault(_said(caveat, translate), []).append(names_of[comparison.candidate.id])
            elif (caveat.code, str(caveat.facts["run"])) not in told:
                found.setdefault(_said(caveat, translate), [])
    for line, names in pairs.items():
        found[line] = names if len(names) < len(bundle.comparisons) else []
    for note in bundle.refused:
        found.setdefault(("grave", sentence(note.code, note.facts, translate)), [])
    named = {line: tuple(dict.fromkeys(names)) for line, names in found.items()}
    listed = [
        Doubt(weight, text, names if len(names) < len(bundle.names) else ())
        for (weight, text), names in named.items()
    ]
    order: tuple[Weight, ...] = ("grave", "doubt", "note")
    return tuple(sorted(listed, key=lambda doubt: order.index(doubt.weight)))


def _said(caveat: Caveat, translate: Translate) -> tuple[Weight, str]:
    weight: Weight = "grave" if caveat.grave else "note" if caveat.informative else "doubt"
    return weight, sentence(caveat.code, caveat.facts, translate)
