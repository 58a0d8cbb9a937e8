"""What a visitor waits for after pressing Run, and how much a live update sends."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from benchmarks import work
from benchmarks.pairing import BrokenError, Row, at_most
from benchmarks.server import measured
from benchmarks.servers import DASHBOARD, serving
from benchmarks.visitor import Reply, Visitor

_RATE = re.compile(r"\d.*/s")


def run(folder: Path, quick: bool) -> Iterator[Row]:
    waits, sizes = [], []
    with serving(DASHBOARD, folder) as dashboard, measured(dashboard, work.address(quick)) as visitor:
        for _ in range(1 if quick else 5):
            waited_s, updates = _watch(visitor)
            waits.append(waited_s)
            sizes += updates
    yield Row("first live number after pressing Run, warm worker", tuple(waits), at_most(1), "s")
    yield Row("one live update", tuple(sizes), at_most(10), "kB")


def _watch(visitor: Visitor) -> tuple[float, list[float]]:
    """Seconds from the click to the first rate, and the size in kB of each update while the job runs."""
    pressed = visitor.press("run")
    shown_at, sizes = first_rate(pressed), []
    for reply in visitor.follow():
        shown_at = shown_at or first_rate(reply)
        if visitor.refreshing:  # the last reply is the whole page with the result
            sizes.append(reply.size_bytes / 1000)
    if shown_at is None or not sizes:
        raise BrokenError("the job ran to its end and no speed was shown meanwhile")
    return shown_at - pressed.asked_at, sizes


def first_rate(reply: Reply) -> float | None:
    """When the first speed of a running job arrived; None if there is none in this reply."""
    return next((at for at, metric in reply.elements("metric") if _RATE.search(metric.body)), None)
