"""The Crossover page's answer: from which batch size on which side is faster, and all that stands behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import streamlit as st

from core import units
from core.analysis.crossover.crossing import Crossing, crossing
from core.analysis.crossover.knee import Knee, knee
from core.analysis.crossover.memory_fit import MemoryFit, memory_fit
from core.analysis.crossover.step_fit import StepFit, fit
from core.analysis.crossover.sweep import Line
from core.crossing_words import confirmation_sentence, crossing_sentence
from core.figures.charts import Chart
from core.figures.crossover import batch_memory, batch_rate, speedup_map, step_time
from core.i18n import Translate
from core.messages import sentence
from core.records import Note, RunResult
from core.wording import labels_of
from pages._crossover import (
    accuracy_view,
    fit_words,
    predictions_view,
    sweep_runs,
    sweep_take_away,
)
from pages._crossover.crossover_controls import Choice, Side, side_words
from pages._crossover.swept_lines import Found, Row
from pages._shared import doubts, language, take_away
from pages._shared.markdown import plain


def _identity(line: Line) -> str:
    """As one text: taking each field by itself would cost more than drawing."""
    cells = ((cell.batch_size, cell.state, *_run(cell.result)) for cell in line.cells)
    return repr((line.model, line.dataset, line.setup, line.device, line.software, line.origin, *cells))


def _run(result: RunResult | None) -> tuple[object, ...]:
    return (result.id, result.status, len(result.blocks)) if result is not None else ()


# what tells a line from the same one with more points
_HASHES: dict[str | type[Any], Callable[[Any], Any]] = {Line: _identity}


@dataclass(frozen=True)
class Told:
    """One line with what is asked of it in several places."""

    line: Line
    name: str  # "CPU · 1 thread", "GPU H200 · recorded"
    fit: StepFit | Note
    knee: Knee | Note
    memory: MemoryFit | Note


@dataclass(frozen=True)
class Answer:
    """Two lines of one model, or one while the other isn't measured."""

    told: tuple[Told, ...]
    crossing: Crossing | None
    charts: tuple[Chart, ...]


def show(
    choice: Choice,
    sides: tuple[Side, Side],
    found: tuple[Found, Found],
    rows: Sequence[Row],
    left_out: int,
    translate: Translate,
) -> None:
    """Everything there is to say. `rows`: of the map; `left_out`: models that it has no room for."""
    _ = translate
    lines = tuple(one.line for one in found if one.line is not None)
    answer = _answer(lines, tuple(rows), language.name())
    with st.container():  # however much it says, what is below keeps its place, and isn't drawn anew
        _headline(answer, sides, found, _)
        _left_out(found, _)
        for said in dict.fromkeys(sentence(note.code, note.facts, _) for one in found for note in one.problems):
            st.error(plain(said), icon=":material/error:")
    _cards(answer, _)
    with st.container():
        _charts(answer.charts)
        if left_out:
            text = _("The map shows the {n} models that were measured last; {more} others are stored.")
            st.caption(text.format(n=len(rows), more=left_out))
    _facts(answer, _)
    sweep_take_away.onwards(choice, answer.crossing, [one.knee for one in answer.told], _)
    _how_well(answer, _)
    accuracy_view.section(choice.model, choice.dataset, [one.setup for one in sides if one.here], _)
    predictions_view.section(lines, _)
    _method(_)
    others = [line for _model, *pair in rows for line in pair]
    sweep_take_away.show(choice, sides, lines, others, _)


@st.cache_resource(show_spinner=False, max_entries=32, hash_funcs=_HASHES)
def _answer(lines: tuple[Line, ...], rows: tuple[Row, ...], language_name: str) -> Answer:
    _ = language.current()
    names = _names(lines, _)
    pair = crossing(*lines) if len(lines) == 2 else None
    fits = pair.fits if pair else [fit([(cell.batch_size, cell.step_times) for cell in lines[0].measured])]
    told = tuple(
        Told(line, name, fitted, knee(line), memory_fit(line))
        for line, name, fitted in zip(lines, names, fits, strict=True)
    )
    return Answer(told, pair, tuple(_drawn(told, pair, rows, _)))


def _names(lines: Sequence[Line], translate: Translate) -> tuple[str, ...]:
    if len(lines) == 1:  # with nothing to be told apart from
        [line] = lines
        one = Side(line.setup, line.origin, line.device.name)
        return (side_words(one, sweep_runs.devices(), translate),)
    examples = [line.example for line in lines if line.example is not None]
    searched = [_searched(line) for line in lines]
    # a count that was the best at one batch size would be a wrong name for the whole line
    named = [replace(run, threads=None) if many else run for run, many in zip(examples, searched, strict=True)]
    text = translate("{label} · best thread count")
    return tuple(
        text.format(label=label) if many else label
        for label, many in zip(labels_of(named, translate), searched, strict=True)
    )


def _searched(line: Line) -> bool:
    """Whether the best thread count was another one at another batch size."""
    counts = {cell.result.threads for cell in line.measured if cell.result is not None}
    return line.setup.device == "cpu" and line.setup.threads is None and len(counts) > 1


def _drawn(
    told: Sequence[Told], pair: Crossing | None, rows: tuple[Row, ...], translate: Translate
) -> Iterator[Chart]:
    _ = translate
    lines, names = [one.line for one in told], [one.name for one in told]
    if pair is not None:
        of_two = (lines[0], lines[1], pair, (names[0], names[1]))
        steps = step_time.step_time_data(*of_two)
        figure = step_time.step_time_figure(*of_two, _)
        yield Chart("step_time", step_time.step_time_title(steps, _), step_time.step_time_alt(steps, _), figure)
    knees = [one.knee for one in told]
    rates = batch_rate.batch_rate_data(lines, names, knees)
    figure = batch_rate.batch_rate_figure(lines, names, knees, _)
    yield Chart(
        "batch_rate", batch_rate.batch_rate_title(rates, _), batch_rate.batch_rate_alt(rates, _), figure
    )
    if rows:
        cells = speedup_map.speedup_map_data(rows, (names[0], names[1]))
        figure = speedup_map.speedup_map_figure(cells, _)
        title, alt = speedup_map.speedup_map_title(cells, _), speedup_map.speedup_map_alt(cells, _)
        yield Chart("speedup_map", title, alt, figure)
    fits = [one.memory for one in told]
    peaks = batch_memory.batch_memory_data(lines, names, fits)
    figure = batch_memory.batch_memory_figure(lines, names, fits, _)
    title, alt = batch_memory.batch_memory_title(peaks, _), batch_memory.batch_memory_alt(peaks, _)
    yield Chart("batch_memory", title, alt, figure)


# --- the answer ------------------------------------------------------------------------------------


def _headline(
    answer: Answer, sides: tuple[Side, Side], found: tuple[Found, Found], translate: Translate
) -> None:
    _ = translate
    if answer.crossing is None:
        missing = next(one for one, side in zip(sides, found, strict=True) if side.line is None)
        st.header(plain(_("{name}: one side of two").format(name=answer.told[0].name)), anchor=False)
        text = _("{setup} isn't measured with this model yet. Press **Run** to see where the two cross.")
        if not missing.here:
            text = _("{setup} has no runs of this model. Choose another setup at the side.")
        st.markdown(text.format(setup=plain(side_words(missing, sweep_runs.devices(), _))))
        return
    names = answer.told[0].name, answer.told[1].name
    st.header(plain(crossing_sentence(answer.crossing, *names, _)), anchor=False)
    confirmation = confirmation_sentence(answer.crossing, *names, _)
    if confirmation:
        st.markdown(plain(confirmation))
    if len({one.setup.precision for one in sides}) > 1:
        text = _("The precisions differ: a lower one computes with coarser numbers, so it is other arithmetic.")
        st.markdown(f":material/info: {text}")
    said = [plain(sentence(note.code, note.facts, _)) for note in answer.crossing.doubts]
    said += _of_lines(answer, _)
    if said:
        st.markdown("\n".join(f"- {_WARNING} {line}" for line in dict.fromkeys(said)))


_WARNING = ":orange[:material/warning:]"


def _of_lines(answer: Answer, translate: Translate) -> Iterator[str]:
    """What is to be doubted of one line, under its name."""
    for told in answer.told:
        notes = [note for one in (told.fit, told.memory) if not isinstance(one, Note) for note in one.doubts]
        for note in notes:
            if answer.crossing is None or note not in answer.crossing.doubts:
                text = plain(sentence(note.code, note.facts, translate))
                yield doubts.named(plain(told.name), text, translate)


def _left_out(found: Sequence[Found], translate: Translate) -> None:
    """What of the same setups isn't in the lines, in a line of text."""
    others = [line for one in found for line in one.others]
    if not others:
        return
    text = translate("{n} points of {software} on {device}")
    said = dict.fromkeys(
        text.format(n=len(line.cells), software=line.software or units.ABSENT, device=line.device.name)
        for line in others
    )
    whole = translate(
        "Only the newest line of each setup is shown. Left out, as what unlike machines or unlike software "
        "took doesn't make one line: {others}."
    )
    st.caption(plain(whole.format(others=translate("; ").join(said))))


def _cards(answer: Answer, translate: Translate) -> None:
    """Each side's best batch, and where its memory ends."""
    for column, told in zip(st.columns(len(answer.told)), answer.told, strict=True):
        with column, st.container(border=True, height="stretch"):
            st.markdown(f"**{plain(told.name)}**")
            _best_batch(told.knee, translate)
            st.caption(plain(_memory(told, translate)))


def _best_batch(found: Knee | Note, translate: Translate) -> None:
    _ = translate
    if isinstance(found, Note):
        st.caption(plain(sentence(found.code, found.facts, _)))
        return
    st.metric(_("Best batch size"), units.number(found.batch_size, _WHOLE), width="content")
    text = _("{rate}, which is {pct} of the most that was measured; larger batches hardly gain.")
    if found.largest:
        text = _("{rate}, and still rising at the largest batch measured: a larger one may be faster.")
    pct = units.percent(float(f"{found.reaches_pct:.3g}"))
    st.caption(plain(text.format(rate=units.rate(found.rate.value, _), pct=pct)))


_WHOLE = 7  # digits: a batch size is told in full


def _memory(told: Told, translate: Translate) -> str:
    _, found = translate, told.memory
    if isinstance(found, Note):
        full = next((cell.batch_size for cell in told.line.cells if cell.state == "out_of_memory"), None)
        if full is None:
            return sentence(found.code, found.facts, _)
        return _("Memory: a batch of {batch} didn't fit, as measured.").format(batch=units.number(full, _WHOLE))
    text = _("Memory: {fixed}, and {each} for each image.")
    if found.stops_at is not None:
        text = _(
            "Memory: {fixed}, and {each} for each image; by extrapolation a batch of about {batch} no longer "
            "fits in the {capacity}."
        )
    if found.stops_at is not None and found.stops_measured:
        text = _("Memory: {fixed}, and {each} for each image; a batch of {batch} didn't fit, as measured.")
    return text.format(
        fixed=units.size(found.fixed_bytes),
        each=units.size(found.per_sample_bytes),
        batch=units.number(found.stops_at, _WHOLE if found.stops_measured else units.DIGITS),
        capacity=units.size(found.capacity_bytes),
    )


def _charts(charts: Sequence[Chart]) -> None:
    drawn = [chart for chart in charts if chart.figure.data]
    for start in range(0, len(drawn), 2):
        for column, chart in zip(st.columns(2), drawn[start : start + 2], strict=False):
            with column:
                st.subheader(plain(chart.title), anchor=False)
                config = take_away.chart_config(chart.key)
                st.plotly_chart(chart.figure, key=f"crossover-{chart.key}", alt=chart.alt, config=config)


# --- what stands behind it -------------------------------------------------------------------------


def _facts(answer: Answer, translate: Translate) -> None:
    lines = (f"- {fit_words.facts(told.name, told.fit, translate)}" for told in answer.told)
    st.markdown("\n".join(lines))


def _how_well(answer: Answer, translate: Translate) -> None:
    _ = translate
    section = st.expander(_("How well do the lines describe it"), on_change="rerun", key="crossover_fits")
    if not section.open:
        return
    with section:
        st.caption(
            _(
                "In per cent: how far off each measured point the line is, and a line that is drawn through "
                "the other points alone."
            )
        )
        for told in answer.told:
            table = fit_words.table(told.line, told.fit, _)
            if table:
                st.markdown(f"**{plain(told.name)}**")
                st.markdown(table)
                _of_points(told.line, _)


# of an epoch's time, which isn't given here, and of where the measuring of one point ended
_NOT_OF_STEPS = ("projected_epoch", "stopped_by_interval", "stopped_by_time")


def _of_points(line: Line, translate: Translate) -> None:
    runs = [cell.result for cell in line.measured if cell.result]
    text = translate("batch {n}")
    names = [text.format(n=f"{run.spec.workload.batch_size:,}") for run in runs]
    doubts.show(runs, names, (), translate, _NOT_OF_STEPS)


def _method(translate: Translate) -> None:
    _ = translate
    with st.expander(_("How the crossing is found")):
        st.markdown(
            _(
                "Each point is a training of its own, timed in blocks as on the Compare page; where both "
                "setups are on this machine, they take turns. A step of a batch of b images is described as "
                "taking a + c × b seconds: a is what every step costs, c what each image adds, in two pieces "
                "where the points ask for it. Both lines are fitted so that single outliers don't bend them. "
                "Where they meet is the crossing; its interval is the middle 95 % of what comes out when the "
                "timed blocks are drawn again and again. What was measured directly goes before the lines: "
                "where they contradict it, the crossing lies between the batch sizes that were surely won by "
                "the one and by the other. Each point is also predicted from the others alone, which shows how "
                "far a line can be trusted between its points."
            )
        )
