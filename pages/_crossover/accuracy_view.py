"""Time to accuracy: which batch size on which setup knows enough first, though another be faster per image."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import streamlit as st

from core import offers, units
from core.analysis.crossover.time_to_accuracy import Frontier, Point, Reached, frontier, per_image_gain
from core.errors import InputError, StoreError
from core.i18n import Translate
from core.messages import sentence
from core.records import Estimate, RunResult, Setup
from core.wording import workload_words
from pages._crossover import accuracy_runs
from pages._crossover.accuracy_runs import jobs
from pages._shared import doubts, language, live, notices, resources
from pages._shared.markdown import plain

__all__ = ["jobs", "section", "show"]

SECTION = "time_to_accuracy"
MEASURE = "measure_accuracy"
_TARGET, _SIZES = "accuracy_target_pct", "accuracy_batch_sizes"
_DEFAULT_PCT, _DEFAULT_SIZES = 90, (64, 512, 4096)
_IDENTITY: dict[str | type[Any], Callable[[Any], Any]] = {
    RunResult: lambda run: (run.id, run.origin, run.status, len(run.blocks), len(run.epochs))
}


def section(model: str, dataset: str, setups: Sequence[Setup], translate: Translate) -> None:
    """The whole section with controls of its own; nothing but its headline until it is opened."""
    _ = translate
    work = accuracy_runs.workload(model, dataset)
    job = accuracy_runs.open_job(work)
    if job is not None:  # as after a reload: what is being measured isn't behind a click
        st.session_state.setdefault(SECTION, True)
    opened = st.expander(
        _("Time to accuracy: which batch size learns fast enough?"), on_change="rerun", key=SECTION
    )
    if not opened.open:
        return
    with opened:
        st.markdown(
            _(
                "A large batch may be fast per image and still be late: its model takes fewer steps and learns "
                "less from the same images. Here each batch size trains until its accuracy on test images has "
                "reached what you ask for."
            )
        )
        target, sizes = _controls(model, translate)
        st.button(
            _("Measure"),
            icon=":material/timer:",
            key=MEASURE,
            on_click=accuracy_runs.submit,
            args=(work, sizes, tuple(setups), target),
            disabled=job is not None or not sizes or not setups or resources.runner().devices is None,
        )
        text = _(
            "Plain SGD with a learning rate of {rate} as in the article, the same for every batch size; a rate "
            "of its own might help a large batch. At most {n} epochs."
        )
        most = min(accuracy_runs.MOST_EPOCHS, resources.runner().limits.epochs)
        st.caption(text.format(rate=units.number(work.learning_rate), n=most))
        if job is not None:
            st.caption(plain(workload_words(job.spec.workload, _)))
            live.panel(job.id)
        for note in accuracy_runs.failures(work):
            notices.problem(note)
        try:
            found = accuracy_runs.known(work, sizes, setups, target)
            drawn = bool(found) and show(found, target, translate)
        except StoreError as problem:
            notices.problem(problem.note)
            return
        if not drawn and not setups:
            st.markdown(_("Both were measured elsewhere: there is nothing to run here."))
        elif not drawn and job is None:
            st.markdown(
                _(
                    "Nothing has been trained far enough at these batch sizes yet. Press **Measure**: every "
                    "batch size takes half a minute at most on each setup."
                )
            )


def _controls(model: str, translate: Translate) -> tuple[float, tuple[int, ...]]:
    """The target, 0 to 1, and the batch sizes."""
    limits, state = resources.runner().limits, st.session_state
    offered = limits.batch_sizes(model, offers.batch_sizes(model))
    state.setdefault(_TARGET, _DEFAULT_PCT)
    state[_SIZES] = [size for size in state.get(_SIZES, _DEFAULT_SIZES) if size in offered]
    percent = st.slider(translate("Test accuracy to reach (%)"), 50, 99, key=_TARGET, persist_state="session")
    names = {size: f"{size:,}" for size in offered}
    sizes = st.pills(
        translate("Batch sizes to train with"),
        offered,
        selection_mode="multi",
        format_func=names.__getitem__,
        key=_SIZES,
        persist_state="session",
        help=translate("They are measured, and of what was measured before they are shown."),
    )
    return percent / 100, tuple(sorted(sizes))


def show(results: Sequence[RunResult], target: float, translate: Translate) -> bool:
    """The answer, its charts and its numbers; whether there was anything to show."""
    try:
        found = _frontier(tuple(results), target)
    except InputError as problem:  # an imported or recorded run may hold what can't have been measured
        notices.problem(problem.note)
        return False
    if not found.points:
        return False
    from core.figures.crossover.time_to_accuracy import (
        point_labels,
    )  # brings Plotly: not before there is something to draw

    labels = point_labels(found.points, translate)
    for said in _answer(found, labels, translate):
        st.markdown(plain(said))
    _charts(tuple(point.result for point in found.points), target)
    st.markdown(_tables(found, labels, translate))
    st.caption(
        translate(
            "Training time only: tests and start-up are left out, and the start-up is given apart. Energy is "
            "that of the GPU's board or the CPU's package. Intervals are 95 %; behind the epochs, in brackets, "
            "is the range that the few test images leave open. Another seed may need more or fewer epochs."
        )
    )
    _accuracys_doubts(found, labels, translate)
    doubts.show([point.result for point in found.points], [plain(label) for label in labels], (), translate)
    return True


@st.cache_resource(show_spinner=False, max_entries=32, hash_funcs=_IDENTITY)
def _frontier(results: tuple[RunResult, ...], target: float) -> Frontier:
    return frontier(results, target)


# --- the answer ----------------------------------------------------------------------------------


def _answer(found: Frontier, labels: Sequence[str], translate: Translate) -> Iterator[str]:
    _ = translate
    names = {id(point): label for point, label in zip(found.points, labels, strict=True)}
    first, quick, target = found.fastest_to_target, found.fastest_per_image, units.percent(100 * found.target)
    if first is None or quick is None or first.reached is None:
        best = max(found.points, key=lambda point: point.best_accuracy)
        text = _("None of these reached {target} test accuracy; the best was {best}, by {label}.")
        yield text.format(target=target, best=units.percent(100 * best.best_accuracy), label=names[id(best)])
        return
    text = _("To reach {target} test accuracy, {label} took {time} of training ({epochs}).")
    yield text.format(
        target=target,
        label=names[id(first)],
        time=units.duration(first.reached.after.seconds.value),
        epochs=_epochs(first.reached.epochs, translate),
    )
    gain = per_image_gain(quick, first)
    if quick is first:
        if len(found.points) > 1:
            yield _("It is also the fastest per image.")
    elif gain is not None and gain.low > 1:
        yield _instead(quick, names[id(quick)], first.reached, gain, translate)


def _instead(quick: Point, label: str, first: Reached, gain: Estimate, translate: Translate) -> str:
    """Why what is fastest per image isn't first."""
    facts = {"label": label, "ratio": units.ratio(gain), "interval": units.interval(gain)}
    if quick.reached is None:
        text = translate(
            "{label} is {ratio} as fast per image (95 % interval {interval}) but wasn't there after {epochs}: "
            "it had reached {best}."
        )
        best = units.percent(100 * quick.best_accuracy)
        return text.format(**facts, epochs=_epochs(quick.curve[-1].epoch, translate), best=best)
    text = translate(
        "{label} is {ratio} as fast per image (95 % interval {interval}) but took {time}, because it needs "
        "{epochs} instead of {fewer}."
    )
    return text.format(
        **facts,
        time=units.duration(quick.reached.after.seconds.value),
        epochs=_epochs(quick.reached.epochs, translate),
        fewer=_epochs(first.epochs, translate),
    )


def _epochs(count: int, translate: Translate) -> str:
    return translate("1 epoch") if count == 1 else translate("{n} epochs").format(n=count)


# --- the evidence --------------------------------------------------------------------------------


def _charts(results: tuple[RunResult, ...], target: float) -> None:
    for column, (key, figure, title, alt) in zip(
        st.columns(2), _drawn(results, target, language.name()), strict=True
    ):
        with column:
            st.subheader(plain(title), anchor=False)
            st.plotly_chart(figure, key=key, alt=alt, config={"displayModeBar": False})


@st.cache_resource(show_spinner=False, max_entries=32, hash_funcs=_IDENTITY)
def _drawn(
    results: tuple[RunResult, ...], target: float, language_name: str
) -> list[tuple[str, Any, str, str]]:
    from core.figures.crossover import target_times, time_to_accuracy

    _, data = language.current(), _frontier(results, target)
    return [
        (
            "time_to_accuracy_lines",
            time_to_accuracy.time_to_accuracy_figure(results, _, target),
            time_to_accuracy.time_to_accuracy_title(data, _),
            time_to_accuracy.time_to_accuracy_alt(data, _),
        ),
        (
            "time_to_accuracy_rows",
            target_times.target_times_figure(results, _, target),
            target_times.target_times_title(data, _),
            target_times.target_times_alt(data, _),
        ),
    ]


def _accuracys_doubts(found: Frontier, labels: Sequence[str], translate: Translate) -> None:
    """Each once, with whose it is: setups that do the same work know the same."""
    whose: dict[str, list[str]] = {}
    for point, label in zip(found.points, labels, strict=True):
        for note in point.reached.doubts if point.reached else ():
            whose.setdefault(sentence(note.code, note.facts, translate), []).append(label)
    for said, names in whose.items():
        st.caption(doubts.named(plain(translate(", ").join(names)), plain(said), translate))


def _tables(found: Frontier, labels: Sequence[str], translate: Translate) -> str:
    """Two, as a phone has room for four columns: what it took, and of those that were there what that costs."""
    _ = translate
    target, named = units.percent(100 * found.target), list(zip(found.points, map(plain, labels), strict=True))
    took = [
        _("Setup and batch size"),
        _("1,000 images"),
        _("Epochs to {target}").format(target=target),
        _("Time to {target}").format(target=target),
    ]
    costs = [
        _("Setup and batch size"),
        _("Hours to {target}").format(target=target),
        _("kWh to {target}").format(target=target),
        _("Start-up"),
    ]
    there = ((point.reached, label) for point, label in named if point.reached is not None)
    tables = (
        [took, *(_took(point, label, translate) for point, label in named)],
        [costs, *(_costs(reached, label) for reached, label in there)],
    )
    return "\n\n".join(map(_markdown, (table for table in tables if len(table) > 1)))


def _markdown(table: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(f":small[{cell}]" for cell in cells) + " |" for cells in table]
    return "\n".join([lines[0], "|---" * len(table[0]) + "|", *lines[1:]])


def _took(point: Point, label: str, translate: Translate) -> list[str]:
    there = point.reached
    cells = [label, units.duration(1000 * point.per_image_s.value)]
    if there is None:
        best = translate("not reached, at best {x}").format(x=units.percent(100 * point.best_accuracy))
        return [*cells, best, units.ABSENT]
    seconds = there.after.seconds
    between = f"{units.duration(seconds.low)}–{units.duration(seconds.high)}"
    return [*cells, _open_epochs(there), f"{units.duration(seconds.value)} ({between})"]


def _costs(there: Reached, label: str) -> list[str]:
    return [label, units.number(there.hours.value), units.number(there.kwh), units.duration(there.start_up_s)]


def _open_epochs(there: Reached) -> str:
    if there.earliest == there.epochs == there.surely:
        return str(there.epochs)
    return f"{there.epochs} ({there.earliest}–{there.surely or '…'})"
