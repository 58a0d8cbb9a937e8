"""Devices that aren't here: what a step would take there, predicted, with its band; or why it isn't told."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import streamlit as st

from core import units
from core.analysis.crossover.prediction import Known, Prediction, learn, predict
from core.analysis.crossover.sweep import Line
from core.analysis.leaderboard import Hardware, hardware
from core.errors import InputError, StoreError
from core.figures.crossover import prediction as beside
from core.figures.crossover import prediction_error as dots
from core.hardware import environment
from core.i18n import Translate
from core.messages import sentence
from core.records import Note, Precision, RunResult
from core.wording import label_of, origin_word
from pages._crossover.crossover_controls import Side
from pages._crossover.swept_lines import Cells
from pages._shared import notices, resources, take_away, visitor
from pages._shared.markdown import plain

SECTION = "predictions"
_MOST_DEVICES = 6  # each with a chart
_MOST_MODELS = 24  # that are learnt from: those measured last


@dataclass(frozen=True)
class _Answer:
    """What is told of one device."""

    target: RunResult
    here: Line
    found: Prediction | Note


def section(lines: Sequence[Line], translate: Translate) -> None:
    """`lines`: all that is known of one model, from here and from elsewhere."""
    with st.expander(
        translate("Devices that I don't have"),
        icon=":material/online_prediction:",
        on_change="rerun",
        key=SECTION,
    ) as more:
        if more.open:
            _show(lines, translate)


def _show(lines: Sequence[Line], translate: Translate) -> None:
    _ = translate
    mine = [line for line in lines if _is_mine(line) and line.measured]
    if not mine:
        st.info(_("Predictions start from a line measured on this machine. Sweep the model here first."))
        return
    try:
        around = _around(lines, mine)
        known = _learnt(tuple(_ids(around)), around)
        answers = [_answer(target, mine, known) for target in _targets(around, mine)]
    except (InputError, StoreError) as problem:
        notices.problem(problem.note)
        return
    st.caption(
        _(
            "Predicted, not measured: a line measured here is carried over by both devices' measured limits "
            "(roofline and launches). The band is how far off such predictions were for devices and models "
            "that were measured, each left out in turn."
        )
    )
    if not answers:
        st.info(
            _(
                "No other device with measured limits is known here. Import a run from such a machine on the "
                "Results page; a run on the Compare page there measures them."
            )
        )
    for index, answer in enumerate(answers):
        _told(answer, index, _)
    _errors(known, _)


def _told(answer: _Answer, index: int, translate: Translate) -> None:
    _ = translate
    there, found = _name(answer.target, _), answer.found
    if isinstance(found, Note):
        reason = sentence(found.code, found.facts, _)
        st.markdown(plain(_("{device}: no prediction. {reason}").format(device=there, reason=reason)))
        return
    st.markdown(plain(_sentence(found, there, _)))
    example = found.here.example
    here = _name(example, _) if example is not None else found.here.device.name
    data = beside.prediction_data(found, here, there)
    st.subheader(plain(beside.prediction_title(data, _)), anchor=False)
    key = f"prediction-{index}"
    st.plotly_chart(
        beside.prediction_figure(data, _),
        key=key,
        alt=beside.prediction_alt(data, _),
        config=take_away.chart_config(key),
    )


def _sentence(found: Prediction, there: str, translate: Translate) -> str:
    _ = translate
    smallest, largest = (found.step_s(size) for size in found.span)
    text = _(
        "{device}, predicted: a step of {small} images in {small_s} ({small_low} to {small_high}), one of "
        "{large} in {large_s} ({large_low} to {large_high}). {tested} {crossing}"
    )
    tested = _("All {n} tested predictions of this kind were within a factor of {factor}.")
    if found.errors.worst is not None and found.errors.worst.off_by > found.factor:
        tested = _("Of {n} tested predictions of this kind, 95 % were within a factor of {factor}.")
    return text.format(
        device=there,
        small=units.number(found.span[0], 7),
        large=units.number(found.span[1], 7),
        small_s=units.duration(smallest.value),
        small_low=units.duration(smallest.low),
        small_high=units.duration(smallest.high),
        large_s=units.duration(largest.value),
        large_low=units.duration(largest.low),
        large_high=units.duration(largest.high),
        tested=tested.format(n=found.errors.distinct, factor=units.number(found.factor)),
        crossing=_crossing(found, there, _),
    )


def _crossing(found: Prediction, there: str, translate: Translate) -> str:
    _ = translate
    if isinstance(found.crossing, Note):
        sentences = {
            "there": _("It would be faster than this machine at every batch size that was measured here."),
            "here": _("This machine would be faster at every batch size that was measured here."),
        }
        if found.faster_above is not None:
            return sentences[found.faster_above]
        return sentence(found.crossing.code, found.crossing.facts, _)
    sentences = {
        "there": _("It would be faster than this machine from batches of {value} on ({low} to {high})."),
        "here": _("It would be faster than this machine up to batches of {value} ({low} to {high})."),
    }
    return sentences[found.faster_above or "there"].format(
        value=units.number(found.crossing.value),
        low=units.number(found.crossing.low),
        high=units.number(found.crossing.high),
    )


def _errors(known: Known, translate: Translate) -> None:
    data = dots.prediction_error_data(known.errors)
    st.subheader(plain(dots.prediction_error_title(data, translate)), anchor=False)
    if data.rows:
        st.plotly_chart(
            dots.prediction_error_figure(data, translate),
            key="prediction-error",
            alt=dots.prediction_error_alt(data, translate),
            config=take_away.chart_config("prediction-error"),
        )


# --- what is known -----------------------------------------------------------------------------------


def _is_mine(line: Line) -> bool:
    """Measured on this machine: a shared database may hold others' lines, too."""
    names = {device.name for device in resources.runner().devices or ()}
    return line.origin == "measured" and line.device.name in {*names, environment.machine().cpu.model}


def _around(lines: Sequence[Line], mine: Sequence[Line]) -> tuple[Line, ...]:
    """Those lines, and the models' that were measured elsewhere: others teach nothing. Raises StoreError."""
    cells, known = Cells(lines[0].dataset, None), {_key(line): line for line in lines}
    here, elsewhere = {Side(line.setup) for line in mine}, cells.elsewhere()
    models = [model for model in cells.models if model in elsewhere]
    for model in models[:_MOST_MODELS]:
        for side in (*here, *elsewhere[model]):
            found = cells.found(model, side)
            for line in (found.line, *found.others):
                if line is not None:
                    known.setdefault(_key(line), line)
    return tuple(known.values())


def _key(line: Line) -> tuple[object, ...]:
    return line.model, line.device, line.setup, line.software, line.origin


def _targets(known: Sequence[Line], mine: Sequence[Line]) -> list[RunResult]:
    """Of each device that isn't here the newest run with limits in each precision, the newest devices first."""
    here = {line.device for line in mine}
    runs = [cell.result for line in known for cell in line.cells if cell.result is not None]
    runs += [*resources.recordings().runs, *resources.guests().runs(visitor.me())]
    newest: dict[tuple[Hardware, Precision], RunResult] = {}
    for run in sorted(runs, key=lambda run: run.created_at):
        device = hardware(run)
        if run.limits is not None and device is not None and device not in here:
            newest[(device, run.spec.setup.precision)] = run
    return sorted(newest.values(), key=lambda run: run.created_at, reverse=True)[:_MOST_DEVICES]


def _answer(target: RunResult, mine: Sequence[Line], known: Known) -> _Answer:
    """From the line here that is nearest to it: a device of its kind, then its precision, then the longest."""
    on_cpu, precision = target.spec.setup.device == "cpu", target.spec.setup.precision

    def nearness(line: Line) -> tuple[bool, bool, int]:
        setup = line.setup
        return (setup.device == "cpu") == on_cpu, setup.precision == precision, len(line.measured)

    here = max(mine, key=nearness)
    return _Answer(target, here, predict(here, target, known))


def _ids(lines: Iterable[Line]) -> Iterable[str]:
    return (cell.result.id for line in lines for cell in line.cells if cell.result is not None)


@st.cache_resource(show_spinner=False, max_entries=16)
def _learnt(run_ids: tuple[str, ...], _lines: Sequence[Line]) -> Known:
    return learn(_lines)


def _name(run: RunResult, translate: Translate) -> str:
    """ "GPU H200 · recorded", a processor by its model: "AMD EPYC 9454 · recorded"."""
    if run.spec.setup.device != "cpu" or run.environment is None:
        return label_of(run, [run], translate)
    name = run.environment.machine.cpu.model
    return name if run.origin == "measured" else f"{name} · {origin_word(run.origin, translate)}"
