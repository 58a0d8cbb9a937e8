"""Watched steps as a reader sees them: the picture, the causes, what the toggles change, the files."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import streamlit as st

from core import units
from core.analysis import bottleneck as bottlenecks
from core.analysis import limits
from core.analysis.comparison import compare
from core.analysis.ladder import Ladder
from core.errors import InputError, StoreError
from core.explaining import explained, rung_helps
from core.figures import mermaid
from core.figures import sequence as timeline
from core.figures.sequence import Sequences
from core.i18n import Translate
from core.messages import sentence
from core.records import Comparison, Moment, RunResult
from core.runs.files.chrome_trace import chrome_trace
from core.wording import labels_of, setup_words, verdict_between
from pages._optimise import ladder_runs
from pages._sequence import sequence_player
from pages._sequence.sequence_controls import Choice
from pages._sequence.sequence_runs import Found
from pages._shared import doubts, language, method
from pages._shared.markdown import plain

_OPTIMISE = "pages/optimise.py"
_IDENTITY: dict[str | type[Any], Callable[[Any], Any]] = {
    RunResult: lambda run: (run.id, run.origin, run.status, len(run.blocks), run.trace is not None)
}


def show(found: Sequence[Found], choice: Choice, translate: Translate) -> None:
    """Everything there is to say of these devices' steps."""
    runs = tuple(item.run for item in found if item.run is not None)
    drawn = _drawn(runs, choice.moment, translate)
    if drawn is None:
        return
    data, shown = drawn
    compared = _between(shown, translate)
    _cards(data, translate)
    _cut_off(data, translate)
    st.markdown(f"**{plain(timeline.sequence_title(data, translate))}**")
    if choice.moment == "cold":
        st.caption(
            translate(
                "In the very first step only a clock is read, before and after each line: a profiler would "
                "have to be loaded first, and would change what is watched."
            )
        )
    sequence_player.show(data)
    _causes(data, choice, translate)
    compared += _changes(found, translate)
    _diagrams(data, translate)
    involved = (*shown, *(other for item in found for other in item.mates if item.run in shown))
    doubts.show(involved, [plain(name) for name in labels_of(involved, translate)], compared, translate)
    method.show(shown[0].spec.workload.task)
    _take_away(shown, translate)


def _drawn(
    runs: Sequence[RunResult], moment: Moment, translate: Translate
) -> tuple[Sequences, tuple[RunResult, ...]] | None:
    """The steps to draw and their runs; one with spans that can't have been measured is refused, and said."""
    sound = []
    for run in runs:
        with _told_of_impossible(translate):
            _sequences((run,), moment, language.name())
            sound.append(run)
    data = _sequences(tuple(sound), moment, language.name())
    if not data.panels:
        return None
    return data, tuple(panel.result for panel in data.panels)


@contextlib.contextmanager
def _told_of_impossible(translate: Translate) -> Iterator[None]:
    """An imported or recorded run may hold what can't have been measured: said, and the rest goes on."""
    try:
        yield
    except InputError as problem:
        st.error(plain(sentence(problem.code, problem.facts, translate)), icon=":material/error:")


@st.cache_resource(show_spinner=False, max_entries=64, hash_funcs=_IDENTITY)
def _sequences(runs: tuple[RunResult, ...], moment: Moment, language_name: str) -> Sequences:
    return timeline.sequence_data(runs, moment, language.current())


# --- the answer ----------------------------------------------------------------------------------


def _between(runs: Sequence[RunResult], translate: Translate) -> list[Comparison]:
    """Two devices: which is faster, from their timed blocks."""
    if len(runs) < 2:
        return []
    compared: list[Comparison] = []
    with _told_of_impossible(translate):
        compared = [_compared(runs[0], runs[1])]
        names = labels_of(runs, translate)
        st.header(plain(verdict_between(compared[0], names[0], names[1], translate)), anchor=False)
    return compared


@st.cache_resource(show_spinner=False, max_entries=128, hash_funcs=_IDENTITY)
def _compared(baseline: RunResult, candidate: RunResult) -> Comparison:
    return compare(baseline, candidate)


def _cards(data: Sequences, translate: Translate) -> None:
    with st.container(horizontal=True):
        for panel in data.panels:
            run, cold = panel.result, panel.flow.moment == "cold"
            seconds = panel.flow.step_s if cold else limits.step_s(run)
            label = translate("{device}: the very first step") if cold else translate("{device}: one step")
            with st.container(border=True, width=340):
                st.metric(plain(label.format(device=panel.label)), units.duration(seconds))
                device = run.environment.device.name if run.environment else None
                words = setup_words(run.spec.setup, device, translate)
                st.caption(plain(f"{words} · {run.created_at[:10]}"))


def _cut_off(data: Sequences, translate: Translate) -> None:
    for panel in data.panels:
        if panel.flow.left_out:
            text = translate("The record of {device} holds its first spans only; {n} later ones are left out.")
            st.warning(
                plain(text.format(device=panel.label, n=panel.flow.left_out)), icon=":material/content_cut:"
            )


# --- why -----------------------------------------------------------------------------------------


def _causes(data: Sequences, choice: Choice, translate: Translate) -> None:
    st.subheader(translate("Why it takes that long"), anchor=False)
    columns = st.columns(len(data.panels)) if len(data.panels) > 1 else [st.container()]
    for column, panel in zip(columns, data.panels, strict=True):
        with column:
            if len(data.panels) > 1:
                st.markdown(f"**{plain(panel.label)}**")
            with _told_of_impossible(translate):
                said = _explained(panel.result, language.name())
                st.markdown("\n".join(f"- {plain(text)}" for text in said))
            device = panel.result.spec.setup.device
            st.page_link(
                _OPTIMISE,
                label=translate("Every rung that could make it faster, measured"),
                icon=":material/stairs:",
                query_params=_optimise(choice, device),
            )


@st.cache_resource(show_spinner=False, max_entries=64, hash_funcs=_IDENTITY)
def _explained(run: RunResult, language_name: str) -> tuple[str, ...]:
    """What holds the step up as a whole, the ceiling and the rung that helps; then what was watched."""
    translate = language.current()
    found = bottlenecks.bottleneck(run)
    said = [
        sentence(note.code, note.facts, translate)
        for note in (bottlenecks.notes(found) if found else ())
        if note.code != "rung_would_help"
    ]
    if found is not None and found.rung is not None:
        ladder = _ladder(run)
        said.append(rung_helps(found.rung, bottlenecks.helped(ladder, found) if ladder else None, translate))
    return (*said, *explained(run, translate))


def _ladder(run: RunResult) -> Ladder | None:
    """The device's ladder for this work, where it was climbed."""
    choice = Choice(run.spec.workload.model, run.spec.workload.dataset, run.spec.workload.batch_size)
    try:
        ladders = ladder_runs.known(choice.workload, None)
    except StoreError:  # told of by whoever loaded the run itself
        return None
    return next((ladder for ladder in ladders if ladder.device == run.spec.setup.device), None)


def _optimise(choice: Choice, device: str) -> dict[str, str]:
    default = Choice()
    wanted = {"model": choice.model, "dataset": choice.dataset, "batch_size": str(choice.batch_size)}
    given = {name: value for name, value in wanted.items() if value != str(getattr(default, name))}
    return given | ({"device": device} if device != "cpu" else {})


# --- what the toggles change ---------------------------------------------------------------------


def _changes(found: Sequence[Found], translate: Translate) -> list[Comparison]:
    """The shown setup against the others of its device in the same job: measured, with an interval."""
    lines, compared = [], []
    for item in found:
        for other in item.mates if item.run else ():
            assert item.run is not None
            names = labels_of((other, item.run), translate)
            with _told_of_impossible(translate):
                against = _compared(other, item.run)
                compared.append(against)
                lines.append(f"- {plain(verdict_between(against, names[0], names[1], translate))}")
    if lines:
        st.subheader(translate("What the switches change"), anchor=False)
        st.markdown("\n".join(lines))
    return compared


def _diagrams(data: Sequences, translate: Translate) -> None:
    st.subheader(translate("The same as a sequence diagram"), anchor=False)
    st.caption(translate("Its order is measured, its distances aren't: for those, see the picture above."))
    columns = st.columns(len(data.panels)) if len(data.panels) > 1 else [st.container()]
    for column, panel in zip(columns, data.panels, strict=True):
        with column:
            st.markdown(f"**{plain(panel.label)}**")
            alt = translate(
                "Sequence diagram of one step on {device}: {count} messages between {actors} actors; {code} "
                "takes longest with {time}."
            )
            said = alt.format(
                device=panel.label,
                count=len(panel.flow.messages),
                actors=len(panel.flow.actors),
                **timeline.longest_line(panel),
            )
            st.mermaid_chart(mermaid.sequence_diagram(panel, translate), alt=said)


def _take_away(runs: Sequence[RunResult], translate: Translate) -> None:
    with st.expander(translate("Take it away")):
        st.download_button(
            translate("Download the steps as a Chrome trace"),
            lambda: json.dumps(chrome_trace(runs)),
            file_name=f"crossover-{runs[0].id}.trace.json",
            mime="application/json",
            icon=":material/download:",
            on_click="ignore",
            help=translate("Opens in Perfetto (ui.perfetto.dev) or chrome://tracing, with every operation."),
        )
