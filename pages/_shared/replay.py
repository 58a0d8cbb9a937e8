"""Runs of the past in the live panel, at the speed that they had. Nothing is measured and nothing is stored."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import streamlit as st

from core import units
from core.i18n import Translate
from core.records import Origin, RunResult
from core.runs import replay
from core.runs.replay import JobReplay, Moment, Replay
from core.wording import kind_of, workload_words
from pages._shared import language, live, resources
from pages._shared.markdown import plain

now = time.time
_STATE, _SPEED = "replay", "replay-speed"
_SPEEDS = (1, 4, 16)
_TOLD_S = 1.0  # a start-up as short as this isn't worth a word


def show(results: Sequence[RunResult]) -> None:
    """A button that replays these runs, of a recording the whole job; once it was pressed, their replay."""
    timed = [result for result in _with_companions(results) if result.blocks]
    if not timed:
        return
    ids = [result.id for result in timed]
    state = st.session_state.get(_STATE)
    if state is None or state["runs"] != ids:
        _offer(ids)
        return
    running = _is_running(state)
    replayed = replay.prepare(timed)
    st.fragment(_panel, run_every=live.REFRESH_S if running else None)(replayed, timed=running)


def _offer(ids: list[str]) -> None:
    _ = language.current()
    st.button(
        _("Replay it at true speed"),
        icon=":material/replay:",
        key=f"replay-{ids[0]}",
        on_click=_begin,
        args=(ids,),
        help=_("The live panel as it was when this was measured. Nothing is measured now."),
    )


def _with_companions(results: Sequence[RunResult]) -> tuple[RunResult, ...]:
    """Of a recorded run the whole job, also where a page shows less: what took turns with it fills its gaps."""
    others = tuple(result for result in results if result.origin != "recorded")
    jobs = {result.job_id for result in results if result.origin == "recorded"}
    return (*others, *(run for run in resources.recordings().runs if run.job_id in jobs))


def _panel(replayed: Replay, timed: bool) -> None:
    _ = language.current()
    state = st.session_state.get(_STATE)
    if state is None:
        st.rerun()
    assert state is not None
    then = replay.moment(replayed, _elapsed_s(state))
    if then.over:
        _hold(state, then.elapsed_s)
    if timed != _is_running(state):
        st.rerun()  # of the page: it is what sets the timer and takes it away
    with st.container(border=True):
        st.progress(then.fraction, _headline(then, state, _))
        for job, seen in zip(replayed.jobs, then.jobs, strict=True):
            st.markdown(_label(job, state["speed"], _))
            st.caption(_about(job, _))
            live.draw(seen.runs, job.results, seen.latest, _)
        _controls(state, then, _)
        if then.over:
            st.info(
                _("The replay is over. It showed what was measured then; nothing was measured now."),
                icon=":material/replay:",
            )


def _headline(then: Moment, state: dict[str, Any], translate: Translate) -> str:
    if then.over:
        return translate("Replayed to the end")
    left = units.duration(then.left_s / state["speed"])
    text = translate("Replaying, {time} left") if _is_running(state) else translate("Paused, {time} left")
    return text.format(time=left)


def _label(job: JobReplay, speed: int, translate: Translate) -> str:
    """What tells it from a measurement: on every job's part of the panel, at any moment."""
    first = job.results[0]
    kinds: dict[Origin, str] = {
        "recorded": translate("Replay of a recording · {date} · {hardware}"),
        "imported": translate("Replay of an imported run · {date} · {hardware}"),
        "measured": translate("Replay of a run · {date} · {hardware}"),
    }
    text = kinds[first.origin].format(date=first.created_at[:10], hardware=_hardware(job.results))
    if speed != 1:
        text += " · " + translate("{n} times as fast as it was").format(n=speed)
    return f"**:material/replay: {plain(text)}**"


def _hardware(results: Sequence[RunResult]) -> str:
    """The accelerators; where there was none, the processor."""
    known = [(kind_of(result), result.environment) for result in results if result.environment]
    names = [around.device.name for kind, around in known if kind == "gpu"]
    return (
        ", ".join(dict.fromkeys(names or [around.machine.cpu.model for _kind, around in known])) or units.ABSENT
    )


def _about(job: JobReplay, translate: Translate) -> str:
    parts = [plain(workload_words(job.results[0].spec.workload, translate))]
    if job.left_out_s > _TOLD_S:
        text = translate("the start-up of {time} is left out")
        parts.append(text.format(time=units.duration(job.left_out_s)))
    return " · ".join(parts)


def _controls(state: dict[str, Any], then: Moment, translate: Translate) -> None:
    _ = translate
    names = {1: _("true speed"), **{n: f"{n}×" for n in _SPEEDS[1:]}}
    st.session_state[_SPEED] = state["speed"]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if then.over:
            st.button(_("Again"), icon=":material/replay:", key="replay-again", on_click=_again)
        elif _is_running(state):
            st.button(_("Pause"), icon=":material/pause:", key="replay-pause", on_click=_pause)
        else:
            st.button(_("Go on"), icon=":material/play_arrow:", key="replay-go-on", on_click=_go_on)
        st.button(_("Stop"), icon=":material/close:", key="replay-stop", on_click=_stop)
        st.radio(
            _("Replay speed"),
            _SPEEDS,
            format_func=names.__getitem__,
            key=_SPEED,
            horizontal=True,
            width="content",
            on_change=_change_speed,
        )


# The state: which runs, how much had been replayed at `since`, and `since`, which is None while nothing moves.


def _is_running(state: dict[str, Any]) -> bool:
    return state["since"] is not None


def _elapsed_s(state: dict[str, Any]) -> float:
    if not _is_running(state):
        return float(state["elapsed_s"])
    return float(state["elapsed_s"] + (now() - state["since"]) * state["speed"])


def _hold(state: dict[str, Any], elapsed_s: float) -> None:
    state.update(elapsed_s=elapsed_s, since=None)


def _begin(ids: list[str]) -> None:
    st.session_state[_STATE] = {"runs": ids, "elapsed_s": 0.0, "since": now(), "speed": 1}


def _pause() -> None:
    state = st.session_state[_STATE]
    _hold(state, _elapsed_s(state))


def _go_on() -> None:
    st.session_state[_STATE]["since"] = now()


def _again() -> None:
    st.session_state[_STATE].update(elapsed_s=0.0, since=now())


def _stop() -> None:
    del st.session_state[_STATE]


def _change_speed() -> None:
    """From this moment on: what was replayed already stays so."""
    state = st.session_state[_STATE]
    state["elapsed_s"] = _elapsed_s(state)
    if _is_running(state):
        state["since"] = now()
    state["speed"] = st.session_state[_SPEED]
