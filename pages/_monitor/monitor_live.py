"""The parts of the Monitor page that refresh themselves, and how often.

Less often while something is measured: looking must not cost the measurement. Paused, they have no timer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st

from pages._monitor import monitor_absences, monitor_arithmetic, monitor_cards, monitor_head, monitor_state
from pages._monitor.monitor_controls import Choice
from pages._monitor.monitor_state import Seen
from pages._shared import language, resources

_NOW_S, _LATELY_S = 1.0, 2.0
NOW_MEASURING_S, _LATELY_MEASURING_S = 5.0, 10.0  # each time costs some 30 ms of the processor
_WAIT_S = 0.5


@dataclass(frozen=True)
class State:
    """What the page is laid out for: when it changes, all of it is drawn anew."""

    jobs: tuple[str, ...]  # being measured
    uuids: frozenset[str]  # of the GPUs they use
    gpus: tuple[str, ...]
    absent: str | None  # why there are none


def state(seen: Seen) -> State:
    jobs = resources.measured_now(resources.runner())
    used = frozenset(monitor_arithmetic.by_device(jobs))
    gpus = tuple(gpu.gpu.uuid for gpu in seen.now.gpus)
    return State(tuple(job.id for job in jobs), used & frozenset(gpus), gpus, seen.now.gpus_absent)


@st.fragment(run_every=_WAIT_S)
def wait() -> None:
    """Until the first reading."""
    _ = language.current()
    if monitor_state.look() is not None:
        st.rerun()
    if resources.monitor().failure is not None:
        text = _(
            "Looking at this machine failed, by a fault of Crossover's own: the server's log tells of it. It "
            "is tried again in 10 s."
        )
        st.error(text, icon=":material/error:")
    else:
        st.caption(_("Reading the sensors …"))


def now(choice: Choice, laid_out: State) -> None:
    """How fresh it is, what happened, and the cards of the CPU and of the GPUs in full."""
    _every(NOW_MEASURING_S if laid_out.jobs else _NOW_S, _now, choice, laid_out)


def lately(choice: Choice, laid_out: State) -> None:
    """The other GPUs, why readings are missing, and the charts: what is much to send."""
    _every(_LATELY_MEASURING_S if laid_out.jobs else _LATELY_S, _lately, choice, laid_out)


def _every(seconds: float, part: Callable[[Choice, State], None], choice: Choice, laid_out: State) -> None:
    st.fragment(part, run_every=None if choice.paused else seconds)(choice, laid_out)


def _now(choice: Choice, laid_out: State) -> None:
    _ = language.current()
    seen = _seen(choice, laid_out)
    jobs = resources.measured_now(resources.runner())
    monitor_head.show(seen, resources.monitor().stale_s(), choice.paused, _)
    monitor_cards.show(seen, monitor_arithmetic.by_device(jobs), choice.uuids, _)


def _lately(choice: Choice, laid_out: State) -> None:
    _ = language.current()
    seen = _seen(choice, laid_out)
    jobs = resources.measured_now(resources.runner())
    monitor_cards.show_others(seen, monitor_arithmetic.by_device(jobs), choice.uuids, _)
    monitor_absences.show(seen, _)
    from pages._monitor import monitor_charts  # brings Plotly: not before there is something to draw

    monitor_charts.show(seen, choice, _)


def _seen(choice: Choice, laid_out: State) -> Seen:
    """What is to be shown; where the page isn't laid out for it, the page anew."""
    if choice.paused:
        seen = monitor_state.held()
        if seen is None:
            st.rerun()
    else:
        seen = monitor_state.look()
        if seen is None or state(seen) != laid_out:
            st.rerun()
    assert seen is not None
    return seen
