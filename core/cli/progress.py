"""A progress line on a terminal; a line now and then where there is none."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Self

from core import units
from core.i18n import Translate
from core.runs.queue.job import Job

_WIDTH = 24
_LINE_EVERY_S = 10.0


class Progress:
    def __init__(self, translate: Translate) -> None:
        self._translate = translate
        self._terminal = sys.stderr.isatty()
        self._printed_at = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        if self._terminal:
            print("\r\033[K", end="", file=sys.stderr)

    def show(self, job: Job) -> None:
        """Redraw the line; without a terminal, at most one line every few seconds."""
        if self._terminal:
            print(f"\r\033[K{self._line(job)}", end="", file=sys.stderr, flush=True)
        elif time.monotonic() - self._printed_at > _LINE_EVERY_S:
            self._printed_at = time.monotonic()
            print(self._line(job), file=sys.stderr, flush=True)

    def _line(self, job: Job) -> str:
        translate, assembly = self._translate, job.assembly
        if job.waiting_for_machine or job.state == "queued":
            return translate("Waiting for another measurement on this machine")
        if assembly.preparing:
            stage, fraction = assembly.preparing
            text = (
                translate("Downloading the images")
                if stage == "download"
                else translate("Preparing the images")
            )
            return f"{text} {units.percent(100 * fraction) if fraction is not None else ''}"
        if assembly.looking_closer:
            return translate("Watching single steps")
        if assembly.narrowing:
            return translate("Narrowing the interval")
        done = round(_WIDTH * assembly.fraction)
        left = assembly.seconds_left
        bar = "█" * done + "░" * (_WIDTH - done)
        rest = translate("{time} left").format(time=units.duration(left)) if left is not None else ""
        return f"{bar} {units.percent(100 * assembly.fraction)} {rest}"
