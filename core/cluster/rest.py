"""Rest for the main thread of Ray's worker process, which looks for signals a hundred times a second.

That is most of what such a process does beside a measurement. Must not know Ray.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator

_LONGEST_S = 1.0  # other calls wait as long: a cancel is one of them


class Rest:
    """To be made in the main thread; elsewhere, and where there are no such signals, it does nothing."""

    def __init__(self) -> None:
        self._over = threading.Event()
        self._main = threading.main_thread().ident
        self._can_rest = hasattr(signal, "SIGUSR2") and threading.get_ident() == self._main
        if self._can_rest:
            signal.signal(signal.SIGUSR2, self._rest)

    @contextlib.contextmanager
    def taken(self) -> Iterator[None]:
        """While another thread is in here, the main thread rests. Not for two of them at once."""
        if not self._can_rest or threading.get_ident() == self._main:
            yield
            return
        assert self._main is not None
        self._over.clear()
        signal.pthread_kill(self._main, signal.SIGUSR2)
        try:
            yield
        finally:
            self._over.set()

    def _rest(self, *_: object) -> None:
        self._over.wait(_LONGEST_S)
