"""Calls into a driver that may never return: a thread waits for it, and whoever asked goes on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")

# Held for as long as an answer is owed, so that no more than one thread ever gets stuck
_asking = threading.Lock()


def within(limit_s: float, ask: Callable[[], T], otherwise: T) -> T:
    """What `ask` returns or raises; `otherwise` where it takes longer, or an earlier one still does."""
    if not _asking.acquire(timeout=limit_s):
        return otherwise
    answer: Future[T] = Future()

    def wait() -> None:
        try:
            answer.set_result(ask())
        except BaseException as problem:  # noqa: BLE001 - raised where it was asked
            answer.set_exception(problem)
        finally:
            _asking.release()

    threading.Thread(target=wait, name="doctor's driver", daemon=True).start()
    try:
        return answer.result(limit_s)
    except TimeoutError:
        return answer.result(0) if answer.done() else otherwise  # it came at the last moment
