"""What this visitor looks at: the newest readings, or those at which they have paused.

All visitors share one copy of each tick, and what is drawn of it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

import streamlit as st

from core.hardware.monitor import Monitor
from core.records import MachineNow, Watched
from pages._shared import resources

_PAUSED = "monitor_paused"  # the number of the tick
_MOST_KEPT = 16  # pauses of all visitors; whoever paused before goes on


@dataclass(frozen=True, eq=False)  # one for each tick, which what is drawn of it can be kept by
class Seen:
    now: MachineNow
    watched: Watched
    clock_s: float  # the Unix time at which the records' clock was 0


def look() -> Seen | None:
    """The newest readings; None before the first. Tells the monitor that somebody looks."""
    monitor = resources.monitor()
    now = monitor.look()
    return _newest().of(now, monitor) if now else None


def held() -> Seen | None:
    """What this visitor has paused at; None while everything goes on."""
    number = st.session_state.get(_PAUSED)
    return None if number is None else _kept().get(number)


def pause() -> None:
    """For a button."""
    seen = look()
    if seen is None:
        return
    kept = _kept()
    kept[seen.now.number] = seen
    for number in list(_oldest(kept)):
        kept.pop(number, None)
    st.session_state[_PAUSED] = seen.now.number


def go_on() -> None:
    """For a button."""
    st.session_state.pop(_PAUSED, None)


def _oldest(kept: dict[int, Seen]) -> Iterator[int]:
    yield from list(kept)[: max(0, len(kept) - _MOST_KEPT)]


class _Newest:
    """One copy of the newest tick for all visitors. Streamlit's caches keep a lock for each key, for good."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: Seen | None = None

    def of(self, now: MachineNow, monitor: Monitor) -> Seen:
        with self._lock:
            if self._seen is None or self._seen.now is not now:
                self._seen = Seen(now, monitor.watched(), time.time() - time.perf_counter())
            return self._seen


@st.cache_resource(show_spinner=False)
def _newest() -> _Newest:
    return _Newest()


@st.cache_resource(show_spinner=False)
def _kept() -> dict[int, Seen]:
    return {}
