"""The Crossover page's second view: would several devices in one job be faster, and why not twice as fast?"""

from __future__ import annotations

import streamlit as st

from core.errors import StoreError
from core.i18n import Translate
from core.runs.scaling import ScaleProgress
from pages._crossover import scaled_runs, scaling_runs
from pages._crossover import scaling_controls as controls
from pages._crossover.scaled_runs import Scaled
from pages._crossover.scaling_controls import Choice
from pages._shared import live, notices, resources


def show(translate: Translate) -> None:
    _, runner, devices = translate, resources.runner(), scaling_runs.devices()
    rejected = controls.follow_address(runner.limits)
    run = controls.followed()
    progress = resources.scaler().state(run) if run else None
    busy = progress is not None and not progress.done
    known, problem = _known(controls.read(), progress)
    with st.sidebar:
        choice = controls.show(devices, known.places(), _)
    place = choice.place(devices)
    failure = progress.failure if progress and controls.RUN in st.query_params else None
    controls.write_address(choice, run if busy else None)

    st.title(_("Would several devices be faster?"), anchor=False)
    st.caption(
        _(
            "One training shared out among several workers, each with a device or threads of its own: how many "
            "times as fast they are, what holds them up, and whether one bigger device would do better."
        )
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            _("Run"),
            type="primary",
            icon=":material/play_arrow:",
            on_click=scaling_runs.submit,
            disabled=busy or runner.devices is None or not scaling_runs.possible(choice),
            key="scale",
        )
        st.markdown(scaling_runs.planned_words(choice, _))
    with st.container():  # what comes and goes in it leaves everything below in its place
        notices.show(failure, rejected, gpu_elsewhere=place.setup.device != "cpu")
        live.wait_for_devices()
        if problem is not None:
            notices.problem(problem.note)
        if run and progress is not None and busy:
            scaling_runs.follow(run, len(progress.results))
        elif progress is not None and progress.spec == choice.spec(devices):
            scaling_runs.told(progress, _)
    _results(choice, known, busy, _)


def _known(choice: Choice, progress: ScaleProgress | None) -> tuple[Scaled, StoreError | None]:
    try:
        return scaled_runs.known(choice, progress), None
    except StoreError as problem:
        return Scaled((), (), ()), problem


def _results(choice: Choice, known: Scaled, busy: bool, translate: Translate) -> None:
    lines = known.of(choice.place(scaling_runs.devices()), choice.batch_size)
    if lines:
        from pages._crossover import scaling_view  # brings Plotly: not before there is something to draw

        scaling_view.show(choice, lines, known, translate)
    elif not busy:
        scaling_runs.nothing_yet(choice, known, translate)
