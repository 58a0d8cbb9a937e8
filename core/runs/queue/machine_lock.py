"""One measurement at a time on this machine, whichever server or command asks for it."""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from core.errors import MeasurementError

# In the temporary folder, where every user and every checkout of this machine finds it. The operating
# system frees it when its holder dies.
LOCK = Path(tempfile.gettempdir()) / "crossover-measuring.lock"
_POLL_S = 0.3


@contextlib.contextmanager
def machine_lock(given_up: Callable[[], bool]) -> Iterator[bool]:
    """Wait for the machine, looking a few times a second; False if `given_up` says so first.

    Raises MeasurementError("lock_failed").
    """
    lock = FileLock(LOCK, mode=0o666)
    while not given_up():
        try:
            lock.acquire(blocking=False)
        except Timeout:
            time.sleep(_POLL_S)
        except OSError as problem:  # a folder that is full, or not ours to write
            raise MeasurementError("lock_failed", problem=problem.strerror or str(problem)) from problem
        else:
            try:
                yield True
            finally:
                lock.release()
            return
    yield False
