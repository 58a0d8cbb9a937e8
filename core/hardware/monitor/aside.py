"""Work that may hang, in a thread of its own. Knows nothing of what the work is."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Aside(Generic[T]):
    """Does one piece of work at a time, each in a thread, and never begins one while another hangs."""

    def __init__(self, work: Callable[[float], T], name: str) -> None:
        self._work, self._name = work, name
        self._thread: threading.Thread | None = None
        self._result: T | None = None
        self._failure: BaseException | None = None

    @property
    def busy(self) -> bool:
        """Whether the last work is still going on."""
        return self._thread is not None and self._thread.is_alive()

    def begin(self, at_s: float) -> None:
        """Begin the work for `at_s`. Not while it is busy."""
        assert not self.busy
        self._result = self._failure = None  # of work that nobody asked for
        self._thread = threading.Thread(target=self._run, args=(at_s,), name=self._name, daemon=True)
        self._thread.start()

    def result(self, patience_s: float) -> T | None:
        """What the work gave, waited for no longer than this; None: it goes on. Raises what it failed of."""
        if self._thread is None:
            return None
        self._thread.join(patience_s)
        if self._thread.is_alive():
            return None
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure
        return self._result

    def _run(self, at_s: float) -> None:
        try:
            self._result = self._work(at_s)
        except BaseException as failure:
            self._failure = failure  # for whoever asks for the result; raised here too, to be seen at once
            raise
