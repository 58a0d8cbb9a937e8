"""One watcher for all visitors of a server: it begins when somebody looks, and ends when nobody does."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

from core.hardware.monitor.aside import Aside
from core.hardware.monitor.cores import Cores
from core.hardware.monitor.device import lost
from core.hardware.monitor.gpus import Gpus, Seen
from core.hardware.monitor.history import History
from core.records import CpuNow, Happening, MachineNow, Note, Watched

INTERVAL_S = 1.0  # a measurement tolerates at most two looks a second
UNWATCHED_S = 10.0  # a page that still looks does so more often
_RETRY_S = 10.0  # after an error of our own
_PATIENCE_S = 0.9  # with the GPUs: a few ms each, but many of them, under load, have taken longer
_WORTH_TELLING_S = 2.0  # a driver that is opened anew may take a second
_FAREWELL_S = 2.0
_SLEPT_S = 5.0  # by which the time of day ran away from the records' clock within one tick


class CpuSource(Protocol):
    def read(self, at_s: float) -> tuple[CpuNow, tuple[Happening, ...]]: ...


class GpuSource(Protocol):
    def read(self, at_s: float) -> Seen: ...


class Monitor:
    """Reads CPU and GPUs once a second while somebody looks, or while what was looked at is measured.

    `measuring` gives the labels of what is measured now (job ids). The GPUs are read in a thread of their
    own: a driver that hangs holds up nothing else, and there is never a second such thread. Safe from any
    thread. `clock`, `wall` and `wait` (seconds -> whether to stop) are for tests, as are the sources.
    """

    def __init__(
        self,
        measuring: Callable[[], Sequence[str]] = tuple,
        *,
        cpu: Callable[[], CpuSource] = Cores,
        gpus: Callable[[Callable[[], Sequence[str]]], GpuSource] = Gpus,
        patience_s: float = _PATIENCE_S,
        clock: Callable[[], float] = time.perf_counter,
        wall: Callable[[], float] = time.time,
        wait: Callable[[float], bool] | None = None,
    ) -> None:
        self._measuring = measuring
        self._make_cpu, self._make_gpus = cpu, gpus
        self._cpu: CpuSource | None = None  # made in the thread: looking at a page must not wait for a driver
        self._gpus: Aside[Seen] | None = None
        self._patience_s, self._clock, self._wall = patience_s, clock, wall
        self._apart_s: float | None = None  # the two clocks
        self._closing = threading.Event()
        self._wait = wait or self._closing.wait
        self._last_seen = Seen((), "gpus_not_read_yet")
        self._asked_s = 0.0  # when the GPUs' reading that is going on began
        self._blocked_s: float | None = None  # for how long it has, once it is too long
        self._number = 0
        self._lock = threading.Lock()  # over everything below
        self._thread: threading.Thread | None = None
        self._looked_s = self._failed_s = -math.inf
        self._failure: BaseException | None = None
        self._now: MachineNow | None = None
        self._history = History(INTERVAL_S)

    @property
    def now(self) -> MachineNow | None:
        """The newest reading; None before the first. Doesn't count as looking."""
        with self._lock:
            return self._now

    @property
    def running(self) -> bool:
        with self._lock:
            return self._thread is not None

    @property
    def failure(self) -> BaseException | None:
        """An error of our own that ended the watching; None once there is a reading again."""
        with self._lock:
            return self._failure

    def look(self) -> MachineNow | None:
        """The newest reading, None before the first. Counts as looking: every refresh calls it."""
        with self._lock:
            self._looked_s = self._clock()
            if (
                self._thread is None
                and not self._closing.is_set()
                and self._looked_s - self._failed_s >= _RETRY_S
            ):
                self._now = None  # it is from another time
                thread = threading.Thread(target=self._run, name="monitor", daemon=True)
                thread.start()
                self._thread = thread
            return self._now

    def watched(self) -> Watched:
        """What was seen in the last minutes. Doesn't count as looking."""
        with self._lock:
            return self._history.watched()

    def stale_s(self) -> float | None:
        """How old the newest reading is; None before the first."""
        with self._lock:
            return self._clock() - self._now.at_s if self._now else None

    def close(self) -> None:
        """Stop for good. A GPU reading that hangs is left to itself. May be called again."""
        self._closing.set()
        with self._lock:
            thread = self._thread
        if thread is not None:
            thread.join(_FAREWELL_S)

    def _run(self) -> None:
        try:
            self._watch()
        except BaseException as failure:
            with self._lock:
                self._failure, self._failed_s = failure, self._clock()
            raise  # to be seen at once, not only by whoever looks
        finally:
            with self._lock:
                if self._thread is threading.current_thread():
                    self._thread = None

    def _watch(self) -> None:
        due_s = self._clock()
        while not self._closing.is_set() and self._wanted():
            self._tick()
            # Counted from the schedule, not from now: no drift. A tick that was missed is not made up for.
            due_s += INTERVAL_S * (1 + math.floor((self._clock() - due_s) / INTERVAL_S))
            if self._wait(due_s - self._clock()):
                break

    def _wanted(self) -> bool:
        """Whether to go on. Gives up the thread in the same breath, so that no look falls between."""
        measured = bool(self._measuring())
        with self._lock:
            wanted = measured or self._clock() - self._looked_s < UNWATCHED_S
            if not wanted:
                self._thread = None
            return wanted

    def _tick(self) -> None:
        if self._cpu is None or self._gpus is None:
            self._cpu, self._gpus = (
                self._make_cpu(),
                Aside(self._make_gpus(self._measuring).read, "monitor-gpus"),
            )
        at_s, measured = self._clock(), tuple(self._measuring())
        late: Seen | None = None
        if not self._gpus.busy:
            late = self._gpus.result(0) if self._blocked_s is not None else None
            self._gpus.begin(at_s)
            self._asked_s = at_s
        cpu, of_cpu = self._cpu.read(at_s)
        seen = self._seen(self._gpus, at_s)
        self._number += 1
        now = MachineNow(self._number, at_s, cpu, seen.gpus, seen.absent)
        slept = self._slept(at_s)
        happenings = slept + of_cpu + (late.happenings if late else ()) + seen.happenings
        with self._lock:
            self._now, self._failure = now, None
            if slept:
                self._history.begin_anew()
            self._history.add(now, happenings, measured)

    def _slept(self, at_s: float) -> tuple[Happening, ...]:
        """A clock that stands still while the machine sleeps gives older samples a wrong time of day."""
        before_s, self._apart_s = self._apart_s, self._wall() - self._clock()
        if before_s is None or abs(self._apart_s - before_s) < _SLEPT_S:
            return ()
        return (Happening(at_s, Note("monitor_slept")),)

    def _seen(self, reading: Aside[Seen], at_s: float) -> Seen:
        seen = reading.result(self._patience_s)
        if seen is None:
            return self._blocked(at_s)
        if self._blocked_s is not None and self._blocked_s >= _WORTH_TELLING_S:
            note = Note("monitor_gpus_answer", {"seconds": round(self._blocked_s)})
            seen = replace(seen, happenings=(Happening(at_s, note), *seen.happenings))
        self._blocked_s, self._last_seen = None, seen
        return seen

    def _blocked(self, at_s: float) -> Seen:
        """The GPUs as they were last seen, without readings: the one that began before hasn't ended."""
        before_s, self._blocked_s = self._blocked_s or 0.0, self._clock() - self._asked_s
        told = before_s < _WORTH_TELLING_S <= self._blocked_s
        news = (Happening(at_s, Note("monitor_gpus_block")),) if told else ()
        note = Note("gpu_reading_blocks", {"seconds": math.ceil(self._blocked_s)})
        gpus = tuple(lost(seen.gpu, at_s, note) for seen in self._last_seen.gpus)
        return Seen(gpus, self._last_seen.absent, news)
