"""The quality badge, and behind it every doubt about the numbers that are shown, each once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

import streamlit as st

from core.analysis import caveats
from core.analysis.quality import Badge, quality, worst
from core.i18n import Translate
from core.messages import sentence
from core.records import Caveat, Comparison, RunResult
from core.wording import badge_words
from pages._shared.markdown import plain

# what tells a run from an earlier part of itself, as another program's grows while it is looked at
_IDENTITY: dict[str | type[Any], Callable[[Any], Any]] = {
    RunResult: lambda run: (run.id, run.origin, run.status, len(run.blocks))
}


def show(
    results: Sequence[RunResult],
    names: Sequence[str],
    comparisons: Sequence[Comparison],
    translate: Translate,
    without: Collection[str] = (),
) -> None:
    """Caveats and notes; what holds for some of the runs only is said under their names, which are Markdown.

    `without`: codes of what is no doubt of the numbers that are shown.
    """
    badge = worst(
        _badge(item) if isinstance(item, RunResult) else quality(item).badge for item in comparisons or results
    )
    found: dict[tuple[bool, str, str], list[str]] = {}  # whether it is grave, its mark, its text: of whom
    told: set[tuple[str, str]] = set()
    for result, name in zip(results, names, strict=True):
        for caveat in (caveat for caveat in _caveats(result) if caveat.code not in without):
            told.add((caveat.code, result.id))
            found.setdefault(_line(caveat, translate), []).append(name)
        for note in (note for note in result.notes if note.code not in without):
            text = plain(sentence(note.code, note.facts, translate))
            found.setdefault((False, ":material/info:", text), []).append(name)
    missed: dict[object, list[tuple[float, str]]] = {}  # by the interval asked for: those reached, and whose
    pairs: dict[tuple[bool, str, str], list[str]] = {}  # likewise, of which candidates
    names_of = {result.id: name for result, name in zip(results, names, strict=True)}
    for comparison in comparisons:
        candidate = names_of.get(comparison.candidate.id, "")
        for caveat in comparison.caveats:
            if len(comparisons) > 1 and caveat.code == "no_interval_target":
                reached = float(caveat.facts["pct"] or 0), candidate
                missed.setdefault(caveat.facts["target_pct"], []).append(reached)
            elif "run" not in caveat.facts:
                pairs.setdefault(_line(caveat, translate), []).append(candidate)
            elif (caveat.code, str(caveat.facts["run"])) not in told:
                found.setdefault(_line(caveat, translate), [])
    for line, whose in pairs.items():
        found[line] = whose if len(whose) < len(comparisons) else []
    for target, those in missed.items():
        found[_missed(target, [pct for pct, _name in those], translate)] = [name for _pct, name in those]
    colour = {"good": "green", "usable": "orange", "doubtful": "red"}[badge]
    icon = {"good": "verified", "usable": "info", "doubtful": "report"}[badge]
    label = f":{colour}-badge[:material/{icon}: {badge_words(badge, translate)}]"
    # what makes a number doubtful is never behind a click
    with st.expander(label, expanded=badge == "doubtful"):
        lines = []
        for (_grave, mark, text), whose in sorted(found.items(), key=lambda item: not item[0][0]):
            of_all = len(whose) in (0, len(names))
            said = text if of_all else named(translate(", ").join(dict.fromkeys(whose)), text, translate)
            lines.append(f"- {mark} {said}")
        st.markdown("\n".join(lines) or translate("Nothing speaks against these numbers."))


@st.cache_resource(show_spinner=False, max_entries=256, hash_funcs=_IDENTITY)
def _caveats(result: RunResult) -> tuple[Caveat, ...]:
    return tuple(caveats.of_run(result))


@st.cache_resource(show_spinner=False, max_entries=256, hash_funcs=_IDENTITY)
def _badge(result: RunResult) -> Badge:
    return quality(result).badge


def _missed(target: object, reached: Sequence[float], translate: Translate) -> tuple[bool, str, str]:
    """The caveat `no_interval_target` of several comparisons, in one line."""
    text = translate(
        "The time was up when these speed-ups were known to between ±{least:g} % and ±{most:g} %, not to the "
        "±{target:g} % that was asked for. Give the job more time, or close other programs."
    )
    return (
        False,
        ":orange[:material/warning:]",
        text.format(least=min(reached), most=max(reached), target=target),
    )


def named(name: str, text: str, translate: Translate) -> str:
    return translate("**{name}**: {text}").format(name=name, text=text)


def _line(caveat: Caveat, translate: Translate) -> tuple[bool, str, str]:
    doubt = ":red[:material/report:]" if caveat.grave else ":orange[:material/warning:]"
    mark = ":material/info:" if caveat.informative else doubt
    return caveat.grave, mark, plain(sentence(caveat.code, caveat.facts, translate))
