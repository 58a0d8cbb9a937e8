"""What a visitor is told above the results: problems, a link that made no sense, no GPU."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from core.errors import InputError
from core.hardware import environment
from core.messages import sentence
from core.records import Note, RunResult
from pages._shared import doubts, language, resources
from pages._shared.markdown import plain

_DOCTOR = "pages/doctor.py"


def problem(note: Note) -> None:
    st.error(plain(sentence(note.code, note.facts, language.current())), icon=":material/error:")


def of_jobs(problems: Sequence[tuple[str | None, Note]]) -> None:
    """Why there is nothing to see of some jobs: each with the name of where it was measured, if it isn't the
    only one."""
    _ = language.current()
    for name, note in problems:
        text = plain(sentence(note.code, note.facts, _))
        st.error(text if name is None else doubts.named(plain(name), text, _), icon=":material/error:")


def kinds_missing(names: Sequence[str]) -> None:
    _ = language.current()
    text = _(
        "These kinds of device are chosen and can't be had now: {names}. Connect to the cluster that has them, "
        "under **Other machines** at the side; what else is chosen can be measured without."
    )
    st.warning(text.format(names=plain(_(", ").join(names))), icon=":material/lan:")


def show(of_job: Note | None, rejected: Sequence[str], *, gpu_elsewhere: bool = False) -> None:
    """Everything that went wrong, each with what to do next; then, calmly, what this machine lacks.

    `gpu_elsewhere`: another machine's GPU is compared, so that the lack of one here is no news.
    """
    _ = language.current()
    told(rejected)
    if resources.storage().problem is not None:
        st.warning(_("You can measure, but the results of this session are not kept."))
    runner = resources.runner()
    for note in (runner.worker_problem, runner.inheritance_problem, runner.purge_problem, of_job):
        if note is not None:
            problem(note)
    if resources.hosting().public:
        _public()
    elif not gpu_elsewhere:
        _without_gpu()


def told(rejected: Sequence[str]) -> None:
    """What went wrong with the click that led here, with the link, and with the database."""
    _ = language.current()
    if "problem" in st.session_state:  # of the click that led to this run of the page
        code, facts = st.session_state.pop("problem")
        problem(Note(code, facts))
    if rejected:
        names = ", ".join(f"`{name}`" for name in rejected)
        st.warning(
            _("Parts of the link made no sense and were left out: {names}.").format(names=names),
            icon=":material/link_off:",
        )
    storage = resources.storage()
    if storage.problem is not None:
        problem(storage.problem)


def stop_if_misconfigured() -> None:
    """Where a variable of the hosting makes no sense: it may have been meant to keep strangers out."""
    try:
        resources.hosting()
    except InputError as bad:
        problem(bad.note)
        st.stop()


def _public() -> None:
    """What a demo can't do, once."""
    _ = language.current()
    st.info(
        _(
            "This is a public demo on a small machine. Measurements here are short, use built-in data and take "
            "turns with those of other visitors; recordings show what other hardware does. To measure your own "
            "hardware, your own images or any model, start Crossover on your own machine."
        ),
        icon=":material/public:",
    )


def _without_gpu() -> None:
    _ = language.current()
    devices = resources.runner().devices
    if devices is None or len(devices) > 1:
        return
    absent = environment.machine().gpus_absent
    reason = sentence(absent, {}, _) if absent else _("There is one, but this build of torch can't use it.")
    st.info(
        _("No GPU here, so the CPU's own setups are compared. {reason}").format(reason=reason),
        icon=":material/developer_board_off:",
    )
    st.page_link(_DOCTOR, label=_("Why, and what to do about it"), icon=":material/stethoscope:")


def nothing_yet(recorded: tuple[RunResult, ...]) -> None:
    """Before the first run of these settings."""
    _ = language.current()
    if recorded:
        from pages._shared import result_view  # brings Plotly: not before there is something to draw

        result_view.show(recorded)
        return
    with st.container(border=True):
        st.markdown("#### " + _("Nothing has been measured with these settings yet"))
        st.markdown(
            _(
                "Choose a model, a batch size and the number of epochs at the side, then press **Run**. "
                "The first numbers appear within seconds; a link to the result is in the address bar."
            )
        )
