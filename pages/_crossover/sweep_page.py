"""The Crossover page's first view: from which batch size on is one setup faster than another?"""

from __future__ import annotations

import streamlit as st

from core.errors import StoreError
from core.i18n import Translate
from pages._crossover import accuracy_view, crossover_views, sweep_runs
from pages._crossover import crossover_controls as controls
from pages._crossover.crossover_controls import Choice, Side
from pages._crossover.swept_lines import Cells
from pages._shared import live, notices, resources


def show(translate: Translate) -> None:
    # 1. What is asked for: by the address, then by the controls
    _, runner, devices = translate, resources.runner(), sweep_runs.devices()
    rejected = (*crossover_views.rejected(), *controls.follow_address(runner.limits))
    run = controls.followed()
    progress = resources.sweeper().state(run) if run else None
    busy = progress is not None and not progress.done
    cells = Cells(controls.read().dataset, progress)
    default = controls.default_tokens(devices, cells.accelerator(controls.read().model))
    with st.sidebar:
        choice = controls.show(devices, cells.elsewhere(), default, _)
    sides = choice.sides(default)
    failure = progress.failure if progress and controls.RUN in st.query_params else None
    controls.write_address(choice, run if busy else None)

    # 2. What the page answers, and the button
    _question(choice, sides, busy, _)
    with st.container():  # what comes and goes in it leaves everything below in its place
        notices.show(failure, rejected, gpu_elsewhere=any(one.setup.device != "cpu" for one in sides))
        live.wait_for_devices()

    # 3. What is being measured now
    with st.container():
        if run and progress is not None and busy:
            sweep_runs.follow(run, progress.measured)
        elif progress is not None and sweep_runs.is_of(progress, choice):
            sweep_runs.told(progress, _)
        if cells.problem is not None:
            notices.problem(cells.problem)

    # 4. The answer and its evidence
    try:
        _answer(choice, sides, cells, busy, _)
    except StoreError as problem:
        notices.problem(problem.note)


def _question(choice: Choice, sides: tuple[Side, Side], busy: bool, translate: Translate) -> None:
    _ = translate
    st.title(_("From which batch size on is it faster?"), anchor=False)
    st.caption(
        _(
            "The same training on two setups, at batch sizes all along a range: where the one stops being "
            "faster and the other begins, and how sure that is."
        )
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            _("Run"),
            type="primary",
            icon=":material/play_arrow:",
            on_click=sweep_runs.submit,
            disabled=busy or resources.runner().devices is None or not sweep_runs.possible(sides),
            key="sweep",
        )
        st.markdown(sweep_runs.planned_words(choice, sides, _))


def _answer(choice: Choice, sides: tuple[Side, Side], cells: Cells, busy: bool, translate: Translate) -> None:
    """Raises StoreError before anything of it is drawn."""
    found = cells.found(choice.model, sides[0]), cells.found(choice.model, sides[1])
    rows, left_out = cells.rows(choice.model, sides)
    if any(one.line is not None and one.line.measured for one in found):
        from pages._crossover import crossover_view  # brings Plotly: not before there is something to draw

        crossover_view.show(choice, sides, found, rows, left_out, translate)
    elif not busy:
        sweep_runs.nothing_yet(cells, choice, found, translate)
        here = [one.setup for one in sides if one.here]
        accuracy_view.section(choice.model, choice.dataset, here, translate)
